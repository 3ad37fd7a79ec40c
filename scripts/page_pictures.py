"""Take the pictures of the pages at ``/`` and ``/status``: a real service in a real browser.

Each picture shows a state that is fixed: a fragment, a viewport, a theme, and no motion. Fonts are those of the
machine, so heights may differ a little elsewhere.
"""

from __future__ import annotations

import io
import math
import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlencode

import httpx
from chromium import run_browser
from PIL import Image
from playwright.sync_api import Browser, FloatRect, Locator, Page, Route, ViewportSize

from poolhouse.rest.app import create_app
from poolhouse.rest.server import Server, make_server
from poolhouse.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"

WAIT_MS: Final = 20_000
SCALE: Final = 1.5
"""Pixels of a picture for each pixel of CSS."""
COLOURS: Final = 128
"""Of a PNG; the pages have few, and photographs among them lose little."""
STEP_MS: Final = 1800
LAST_STEP_MS: Final = 3600

STEPS_MATRIX: Final = "1 5 2 8 3 0\n4 7 6 1 9 2\n0 3 8 5 4 7\n6 2 1 6 0 3\n5 9 4 2 6 1\n3 0 7 4 5 8"
"""The input of the stepped picture: the windows have different winners, and 6 leaves one position over."""
HOLES_MATRIX: Final = "3 -1 4 1 -5 9\n2 -6 5 3 -5 8\n-9 7 -3 2 3 8\n4 -6 2 6 4 -3\n3 1 -3 8 -2 7\n-8 5 0 2 -8 4"

BESIDE_STEPS: Final = ".words > :not(.explanation, .legend), .sizes"
"""What the stepped picture leaves out: it shows the grids, the player, the arithmetic and the legend."""


@dataclass(frozen=True)
class PagePicture:
    """A picture of a page.

    Attributes:
        name: of its file in ``docs/images``.
        document: in which it is shown.
        viewport: in pixels of CSS.
        scheme: the colours that the browser asks for.
        take: shows a state on a page of the service at a URL, and returns the frames: PNG files, one for a still.
        colours: of its palette.
    """

    name: str
    document: str
    viewport: ViewportSize
    scheme: Literal["light", "dark"]
    take: Callable[[Page, str], Sequence[bytes]]
    colours: int = COLOURS


def playground_link(url: str, operator: str, fields: Mapping[str, object], **state: str) -> str:
    """The address of a state of the page; ``kind`` is that of the input, which the fragment calls ``in``."""
    entries = {f"f.{name}": value for name, value in fields.items()}
    others = {"in" if name == "kind" else name: text for name, text in state.items()}
    return f"{url}/#{urlencode({'op': operator, **entries, **others})}"


def take_steps(page: Page, url: str) -> list[bytes]:
    """Each window of a max pooling whose last windows hang over the edge."""
    fields = {"kernel_size": 3, "stride": 2, "ceil_mode": "true", "return_indices": "true"}
    page.goto(playground_link(url, "max_pool2d", fields, kind="matrix", x=STEPS_MATRIX))
    view = _shown_windows(page)
    # A style sheet would be against the page's content security policy.
    view.locator(BESIDE_STEPS).evaluate_all("(parts) => { for (const part of parts) part.style.display = 'none'; }")
    explanation = view.locator(".explanation")
    steps = view.locator(".of-output .cell").count()
    # All frames must have one size, so the explanation gets that of the longest.
    heights = [explanation.evaluate("(element) => element.offsetHeight")]
    for _ in range(steps - 1):
        _press(view, "forward")
        heights.append(explanation.evaluate("(element) => element.offsetHeight"))
    explanation.evaluate("(element, height) => { element.style.minHeight = `${height}px`; }", max(heights))
    _press(view, "first")
    card = _card(page, "windows")
    frames = [card.screenshot()]
    for _ in range(steps - 1):
        _press(view, "forward")
        frames.append(card.screenshot())
    return frames


def take_playground(page: Page, url: str) -> list[bytes]:
    """The upper part of the page."""
    fields = {"kernel_size": 3, "stride": 2, "ceil_mode": "true"}
    page.goto(playground_link(url, "max_pool2d", fields, kind="matrix", x=STEPS_MATRIX))
    _press(_shown_windows(page), "forward")
    return [page.screenshot()]


def take_holes(page: Page, url: str) -> list[bytes]:
    """A window with padding and the holes of dilation, and why the output has its size."""
    fields = {"kernel_size": 3, "stride": 1, "padding": 1, "dilation": 2, "return_indices": "true"}
    page.goto(playground_link(url, "max_pool2d", fields, kind="matrix", x=HOLES_MATRIX))
    _shown_windows(page)
    return [_card(page, "windows").screenshot()]


def take_comparison(page: Page, url: str) -> list[bytes]:
    """The photograph beside what operators make of it, and the difference of two of them."""
    page.goto(playground_link(url, "max_pool2d", {"kernel_size": 8}, kind="photo"))
    page.locator(".pictures-view[aria-busy=false] figure canvas").first.wait_for()
    return [_card(page, "pictures").screenshot()]


def take_status(page: Page, url: str) -> list[bytes]:
    """The status page after two minutes of its own clock, with some requests between its readings."""
    began = datetime.now(UTC)
    readings = 0

    def answer(route: Route) -> None:
        # The page tells the service's uptime by its Date, which must be as fast as the page's clock.
        date = format_datetime(began + timedelta(seconds=2 * readings), usegmt=True)
        response = route.fetch()
        route.fulfill(response=response, headers={**response.headers, "date": date})

    page.clock.install(time=began)
    page.clock.pause_at(began + timedelta(seconds=1))
    page.route("**/metrics", answer)
    page.goto(f"{url}/status")
    with httpx.Client(base_url=url, timeout=20, trust_env=False) as client, ThreadPoolExecutor(4) as threads:
        for count in _request_counts(random.Random(18)):
            page.locator(f'body[data-attempts="{readings + 1}"]').wait_for(state="attached")
            list(threads.map(lambda number: _send_request(client, number), range(count)))
            readings += 1
            page.clock.run_for(2000)
    page.locator(f'body[data-attempts="{readings + 1}"]').wait_for(state="attached")
    page.clock.run_for(100)
    devices = page.locator("section[aria-labelledby=batching-title]")
    bottom = devices.evaluate("(element) => Math.ceil(element.getBoundingClientRect().bottom + scrollY)")
    clip: FloatRect = {"x": 0, "y": 0, "width": page.evaluate("() => innerWidth"), "height": bottom + 24}
    return [page.screenshot(full_page=True, clip=clip)]


PAGE_PICTURES: Final = (
    PagePicture("windows.gif", "README.md", {"width": 1920, "height": 900}, "light", take_steps),
    PagePicture("page.png", "docs/page.md", {"width": 1280, "height": 1000}, "light", take_playground),
    PagePicture("page-windows.png", "docs/page.md", {"width": 1280, "height": 900}, "light", take_holes),
    PagePicture(
        "page-pictures.png", "docs/page.md", {"width": 1500, "height": 900}, "light", take_comparison, colours=256
    ),
    PagePicture("status.png", "docs/operating.md", {"width": 1280, "height": 1000}, "dark", take_status),
)


def _shown_windows(page: Page) -> Locator:
    page.locator("#result[aria-busy=false]").wait_for()
    view = page.locator("#windows-view .windows-view")
    view.locator(".of-output .cell").first.wait_for()
    return view


def _card(page: Page, name: str) -> Locator:
    return page.locator(f"section[aria-labelledby={name}-heading]")


def _press(view: Locator, button: str) -> None:
    # Without a pointer and without focus, which would be seen.
    view.locator(f".go.{button}").dispatch_event("click")


def _request_counts(chance: random.Random) -> Iterator[int]:
    for reading in range(60):
        yield round(60 + 25 * math.sin(reading / 7) + chance.uniform(0, 20))


_REQUESTS: Final[Sequence[tuple[str, Mapping[str, object], int]]] = (
    ("max_pool2d", {"kernel_size": 2}, 24),
    ("avg_pool2d", {"kernel_size": 3}, 24),
    ("max_pool2d", {"kernel_size": 2, "return_indices": True}, 64),
    ("adaptive_avg_pool2d", {"output_size": 7}, 64),
    ("global_avg_pool2d", {}, 48),
    ("lp_pool2d", {"norm_type": 2, "kernel_size": 2}, 24),
)


def _send_request(client: httpx.Client, number: int) -> None:
    if number % 40 == 39:
        client.post("/v1/pool/max_pool2d", json={"input": [[[1.0]]], "kernel_size": 9})
        return
    operator, fields, side = _REQUESTS[number % len(_REQUESTS)]
    rows = [[float(row * side + column) for column in range(side)] for row in range(side)]
    client.post(f"/v1/pool/{operator}", json={"input": [[rows]], **fields}).raise_for_status()


@contextmanager
def run_service() -> Iterator[str]:
    """Run a service on a free port, in a thread, while the block runs; the value is its URL."""
    started = threading.Event()
    urls: list[str] = []

    def on_started(server: Server) -> None:
        urls.append(server.url)
        started.set()

    settings = Settings.model_validate({"port": 0, "device": ("cpu",)})
    server = make_server(settings, create_app(settings), on_started)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        assert started.wait(60), "the service did not start"
        yield urls[0]
    finally:
        server.should_exit = True
        thread.join(20)


def take(browser: Browser, url: str, picture: PagePicture) -> bytes:
    """Take a picture: the file's content."""
    context = browser.new_context(
        viewport=picture.viewport,
        device_scale_factor=SCALE,
        color_scheme=picture.scheme,
        reduced_motion="reduce",
        locale="en-US",
        timezone_id="UTC",
    )
    context.set_default_timeout(WAIT_MS)
    try:
        frames = picture.take(context.new_page(), url)
    finally:
        context.close()
    return encode(frames, picture.colours)


def encode(frames: Sequence[bytes], colours: int) -> bytes:
    """A PNG file of one frame, or a GIF file that repeats several, with a palette that they share."""
    images = [Image.open(io.BytesIO(frame)).convert("RGB") for frame in frames]
    assert len({image.size for image in images}) == 1, "the frames differ in size"
    width, height = images[0].size
    strip = Image.new("RGB", (width, height * len(images)))
    for number, image in enumerate(images):
        strip.paste(image, (0, number * height))
    # Of Pillow's methods this one keeps the few colours of a drawing best; MEDIANCUT makes the green ring blue.
    palette = strip.quantize(colours, Image.Quantize.MAXCOVERAGE, kmeans=2, dither=Image.Dither.NONE)
    first, *others = (image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images)
    file = io.BytesIO()
    if others:
        durations_ms = [*(STEP_MS for _ in others), LAST_STEP_MS]
        first.save(file, "GIF", save_all=True, append_images=others, duration=durations_ms, loop=0, optimize=True)
    else:
        first.save(file, "PNG", optimize=True)
    return file.getvalue()


def write_page_pictures(folder: Path = IMAGES, pictures: Sequence[PagePicture] = PAGE_PICTURES) -> list[Path]:
    """Take pictures, and write them into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with run_service() as url, run_browser() as browser:
        for picture in pictures:
            (folder / picture.name).write_bytes(take(browser, url, picture))
    return [folder / picture.name for picture in pictures]
