"""The pictures of the pages exist, are shown with a text, and can be taken again."""

from __future__ import annotations

import io
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import page_pictures
import pytest
from chromium import run_browser
from page_pictures import IMAGES, LAST_STEP_MS, PAGE_PICTURES, SCALE, STEP_MS, PagePicture, encode, playground_link
from PIL import Image
from playwright.sync_api import Browser

from tests.docs.pages import ROOT, links, pages
from tests.rest.browser import needs_chromium

MOST_BYTES = {"gif": 300_000, "png": 150_000}
"""They must load quickly over a mobile connection."""

HEIGHT_TOLERANCE = 0.1
"""Lines of other fonts have other heights."""


def solid(colour: str, size: tuple[int, int] = (4, 3)) -> bytes:
    """A PNG file of one colour."""
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()


def frames_of(image: Image.Image) -> int:
    """The number of pictures that are shown one after the other."""
    return int(getattr(image, "n_frames", 1))


@pytest.mark.parametrize("picture", PAGE_PICTURES, ids=lambda picture: picture.name)
class TestFiles:
    def test_the_file_is_a_picture_that_fits_the_viewport(self, picture: PagePicture) -> None:
        """A file that something else wrote would not be replaced by the same."""
        with Image.open(IMAGES / picture.name) as image:
            image.load()

            assert image.format == picture.name.rpartition(".")[2].upper()
            assert 0.5 < image.width / (picture.viewport["width"] * SCALE) <= 1

    def test_the_file_is_small(self, picture: PagePicture) -> None:
        """Readers on the move pay for each byte."""
        assert (IMAGES / picture.name).stat().st_size < MOST_BYTES[picture.name.rpartition(".")[2]]

    def test_its_document_shows_it_with_a_text_that_says_what_is_seen(self, picture: PagePicture) -> None:
        """A picture without one is nothing to a reader who cannot see it."""
        document = ROOT / picture.document
        target = (IMAGES / picture.name).relative_to(document.parent).as_posix()

        before, _, _ = document.read_text(encoding="utf-8").partition(f"]({target})")
        text = before.rpartition("![")[2]

        assert 40 < len(text) < 400
        assert "\n" not in text


def test_every_picture_of_the_documents_exists_and_every_file_is_shown() -> None:
    """A renamed picture leaves a gap in a page, or a file that nobody sees."""
    shown = {
        (page.parent / link).resolve()
        for page in pages()
        for link in links(page.read_text(encoding="utf-8"))
        if link.endswith((".png", ".gif", ".svg")) and "://" not in link
    }

    assert shown >= set(IMAGES.iterdir())
    assert all(path.is_file() for path in shown)


def test_a_link_has_the_state_of_the_page() -> None:
    """A picture of another state would be taken, without an error."""
    link = playground_link("http://a", "max_pool2d", {"kernel_size": 3}, kind="matrix", x="1 2\n3 4")

    entries = parse_qs(urlsplit(link).fragment)

    assert entries == {"op": ["max_pool2d"], "f.kernel_size": ["3"], "in": ["matrix"], "x": ["1 2\n3 4"]}


class TestEncoding:
    def test_a_frame_becomes_a_png_of_the_same_colours(self) -> None:
        """A palette may not change what a drawing says with colours."""
        image = Image.open(io.BytesIO(encode([solid("#00754c")], 16)))

        assert image.format == "PNG"
        assert image.convert("RGB").getpixel((0, 0)) == (0, 0x75, 0x4C)

    def test_frames_become_a_gif_that_repeats_and_waits_at_the_end(self) -> None:
        """A reader needs time to read each step."""
        image = Image.open(io.BytesIO(encode([solid("red"), solid("blue"), solid("red")], 16)))
        durations = []
        for frame in range(frames_of(image)):
            image.seek(frame)
            durations.append(image.info["duration"])

        assert image.format == "GIF"
        assert image.info["loop"] == 0
        assert durations == [STEP_MS, STEP_MS, LAST_STEP_MS]

    def test_frames_of_different_sizes_are_refused(self) -> None:
        """The picture would jump."""
        with pytest.raises(AssertionError, match="differ in size"):
            encode([solid("red"), solid("red", (5, 3))], 16)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A service whose pages are taken."""
    with page_pictures.run_service() as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for all pictures."""
    with run_browser() as browser:
        yield browser


TAKEN = [
    pytest.param(picture, marks=() if picture.name == "page.png" else pytest.mark.slow, id=picture.name)
    for picture in PAGE_PICTURES
]


@pytest.mark.browser
@needs_chromium
@pytest.mark.parametrize("picture", TAKEN)
def test_a_picture_can_be_taken_again(browser: Browser, url: str, picture: PagePicture) -> None:
    """The page changes, and its pictures with it: those of the documents have the size that they would have now."""
    taken = Image.open(io.BytesIO(page_pictures.take(browser, url, picture)))

    with Image.open(IMAGES / picture.name) as shown:
        assert (taken.width, frames_of(taken)) == (shown.width, frames_of(shown)), "run scripts/pictures"
        assert taken.height == pytest.approx(shown.height, rel=HEIGHT_TOLERANCE), "run scripts/pictures"
