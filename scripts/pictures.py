"""Make the pictures of the documents: a photograph, pooled by poolhouse itself, and pictures of its pages.

The photograph is ``astronaut`` from the wheel of scikit-image: Eileen Collins, by NASA, public domain. Reduced to
256×256, it is also ``examples/photo.npy``, which the examples send, and a PNG file, which the page at ``/`` pools.
``page_pictures`` takes the pictures of the pages in a browser.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import numpy.typing as npt
from chromium import CHROMIUM
from fastapi import FastAPI
from page_pictures import write_page_pictures
from PIL import Image, ImageDraw, ImageFont
from skimage import data

from poolhouse.rest.app import create_app
from poolhouse.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
PHOTO = ROOT / "examples" / "photo.npy"
PAGE_PHOTO = ROOT / "service" / "poolhouse" / "rest" / "assets" / "page" / "photo.png"
PICTURE = ROOT / "docs" / "images" / "pooled.png"

PANEL_SIDE = 256
COLUMNS = 4
GAP = 8
CAPTION_HEIGHT = 24

Array = npt.NDArray[np.generic]
Planes = npt.NDArray[np.uint8]
"""A picture as in a request: ``(1, 3, H, W)``."""


@dataclass(frozen=True)
class Panel:
    """One picture of the sheet and its caption."""

    caption: str
    planes: Planes


# The specs to show; their fields are the captions.
PANEL_SPECS: tuple[tuple[str, Mapping[str, str]], ...] = (
    ("max_pool2d", {"kernel_size": "8"}),
    ("avg_pool2d", {"kernel_size": "8"}),
    ("max_pool2d", {"kernel_size": "9", "stride": "1", "padding": "4"}),
    ("adaptive_avg_pool2d", {"output_size": "7"}),
    ("fractional_max_pool2d", {"kernel_size": "6", "output_ratio": "0.17", "seed": "1"}),
    ("global_avg_pool2d", {}),
)


class InProcessService:
    """The service without a socket; requests pass through the whole application, as over HTTP."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def pool(self, operator: str, fields: Mapping[str, str], **arrays: Array) -> dict[str, Array]:
        """The outputs of one operator, by name."""
        body = io.BytesIO()
        np.savez(body, allow_pickle=False, **arrays)
        with np.load(io.BytesIO(asyncio.run(self._post(operator, fields, body.getvalue())))) as outputs:
            return dict(outputs)

    async def _post(self, operator: str, fields: Mapping[str, str], body: bytes) -> bytes:
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://poolhouse") as client:
            headers = {"Content-Type": "application/x-npz"}
            response = await client.post(f"/v1/pool/{operator}", params=fields, headers=headers, content=body)
        assert response.status_code == 200, response.text
        return response.content


def load_photograph(service: InProcessService) -> Planes:
    """The photograph, averaged to half its size."""
    colours: Planes = data.astronaut()  # type: ignore[no-untyped-call]  # scikit-image has no types
    whole = np.ascontiguousarray(colours.transpose(2, 0, 1)[np.newaxis])
    return _output_planes(service.pool("avg_pool2d", {"kernel_size": "2"}, input=whole))


def panels(service: InProcessService) -> list[Panel]:
    """The panels in order: the photograph, each spec, and max pooling with max unpooling."""
    photo = load_photograph(service)
    found = [Panel("the photograph, 256 by 256", photo)]
    for operator, fields in PANEL_SPECS:
        text = ", ".join(f"{name} {value}" for name, value in fields.items() if name != "seed")
        caption = text.replace("kernel_size", "kernel").replace("output_", "")
        found.append(Panel(f"{operator}  {caption}", _output_planes(service.pool(operator, fields, input=photo))))
    pooled = service.pool("max_pool2d", {"kernel_size": "2", "return_indices": "true"}, input=photo)
    unpooled = service.pool("max_unpool2d", {"kernel_size": "2"}, input=pooled["output"], indices=pooled["indices"])
    found.append(Panel("max_pool2d  kernel 2, max_unpool2d", _output_planes(unpooled)))
    return found


def panel_position(number: int) -> tuple[int, int]:
    """The left and top coordinates of a panel on the sheet."""
    row, column = divmod(number, COLUMNS)
    return GAP + column * (PANEL_SIDE + GAP), GAP + row * (PANEL_SIDE + CAPTION_HEIGHT + GAP)


def enlarge(planes: Planes) -> Planes:
    """Scale a picture to ``(PANEL_SIDE, PANEL_SIDE, 3)``; each element becomes a block of one colour."""
    height, width = planes.shape[-2:]
    rows, columns = np.arange(PANEL_SIDE) * height // PANEL_SIDE, np.arange(PANEL_SIDE) * width // PANEL_SIDE
    return np.ascontiguousarray(planes[0].transpose(1, 2, 0)[rows][:, columns])


def draw_sheet(sheet_panels: list[Panel]) -> Image.Image:
    """Draw all panels with their captions on white."""
    right, bottom = panel_position(len(sheet_panels) - 1)
    sheet = Image.new("RGB", (right + PANEL_SIDE + GAP, bottom + PANEL_SIDE + CAPTION_HEIGHT), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for number, panel in enumerate(sheet_panels):
        left, top = panel_position(number)
        sheet.paste(Image.fromarray(enlarge(panel.planes)), (left, top))
        draw.text((left, top + PANEL_SIDE + 4), panel.caption, fill="black", font=font)
    return sheet


def _output_planes(outputs: Mapping[str, Array]) -> Planes:
    output = outputs["output"]
    assert output.dtype == np.uint8
    return output.view(np.uint8)


def main() -> None:
    """Write the photograph, the sheet and the pictures of the pages."""
    sheet_panels = panels(InProcessService(create_app(Settings())))
    for path in (PHOTO, PICTURE):
        path.parent.mkdir(parents=True, exist_ok=True)
    np.save(PHOTO, sheet_panels[0].planes, allow_pickle=False)
    Image.fromarray(enlarge(sheet_panels[0].planes)).save(PAGE_PHOTO, optimize=True)
    draw_sheet(sheet_panels).save(PICTURE, optimize=True)
    pages = write_page_pictures() if CHROMIUM.exists() else []
    for path in (PHOTO, PAGE_PHOTO, PICTURE, *pages):
        print(f"wrote {path.relative_to(ROOT)}, {path.stat().st_size} bytes")
    if not pages:
        print(f"there is no {CHROMIUM}, so the pictures of the pages are left as they are")


if __name__ == "__main__":
    main()
