"""The pictures of the documents: a real photograph, pooled by poolhouse itself.

The photograph is ``astronaut`` of scikit-image, which ships it in its wheel: Eileen Collins, by NASA, public domain.
Halved to 256×256 it is also ``examples/photo.npy``, the body that the examples send.
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
from fastapi import FastAPI
from PIL import Image, ImageDraw, ImageFont
from skimage import data

from poolhouse.rest.app import create_app
from poolhouse.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
PHOTO = ROOT / "examples" / "photo.npy"
PICTURE = ROOT / "docs" / "images" / "pooled.png"

PANEL_SIDE = 256
COLUMNS = 4
GAP = 8
CAPTION_HEIGHT = 24

Array = npt.NDArray[np.generic]
Planes = npt.NDArray[np.uint8]
"""A picture as it is sent: ``(1, 3, H, W)``."""


@dataclass(frozen=True)
class Panel:
    """One picture of the sheet, and what stands under it."""

    caption: str
    planes: Planes


# The specs that are shown. Their captions are their own words.
PANEL_SPECS: tuple[tuple[str, Mapping[str, str]], ...] = (
    ("max_pool2d", {"kernel_size": "8"}),
    ("avg_pool2d", {"kernel_size": "8"}),
    ("max_pool2d", {"kernel_size": "9", "stride": "1", "padding": "4"}),
    ("adaptive_avg_pool2d", {"output_size": "7"}),
    ("fractional_max_pool2d", {"kernel_size": "6", "output_ratio": "0.17", "seed": "1"}),
    ("global_avg_pool2d", {}),
)


class InProcessService:
    """The service without a socket: what is asked here takes the same way as over HTTP."""

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
            answer = await client.post(f"/v1/pool/{operator}", params=fields, headers=headers, content=body)
        assert answer.status_code == 200, answer.text
        return answer.content


def load_photograph(service: InProcessService) -> Planes:
    """The photograph, averaged to half its size."""
    colours: Planes = data.astronaut()  # type: ignore[no-untyped-call]  # scikit-image has no types
    whole = np.ascontiguousarray(colours.transpose(2, 0, 1)[np.newaxis])
    return _output_planes(service.pool("avg_pool2d", {"kernel_size": "2"}, input=whole))


def panels(service: InProcessService) -> list[Panel]:
    """What the sheet shows, in order: the photograph, each spec, and max pooling undone."""
    photo = load_photograph(service)
    shown = [Panel("the photograph, 256 by 256", photo)]
    for operator, fields in PANEL_SPECS:
        words = ", ".join(f"{name} {value}" for name, value in fields.items() if name != "seed")
        short = words.replace("kernel_size", "kernel").replace("output_", "")
        shown.append(Panel(f"{operator}  {short}", _output_planes(service.pool(operator, fields, input=photo))))
    pooled = service.pool("max_pool2d", {"kernel_size": "2", "return_indices": "true"}, input=photo)
    undone = service.pool("max_unpool2d", {"kernel_size": "2"}, input=pooled["output"], indices=pooled["indices"])
    shown.append(Panel("max_pool2d  kernel 2, max_unpool2d", _output_planes(undone)))
    return shown


def panel_position(number: int) -> tuple[int, int]:
    """Where the panel of that number stands on the sheet: left and top."""
    row, column = divmod(number, COLUMNS)
    return GAP + column * (PANEL_SIDE + GAP), GAP + row * (PANEL_SIDE + CAPTION_HEIGHT + GAP)


def enlarge(planes: Planes) -> Planes:
    """A panel as ``(SIDE, SIDE, 3)``, each pooled element a block of one colour."""
    height, width = planes.shape[-2:]
    rows, columns = np.arange(PANEL_SIDE) * height // PANEL_SIDE, np.arange(PANEL_SIDE) * width // PANEL_SIDE
    return np.ascontiguousarray(planes[0].transpose(1, 2, 0)[rows][:, columns])


def draw_sheet(shown: list[Panel]) -> Image.Image:
    """All panels on white, with their captions."""
    right, bottom = panel_position(len(shown) - 1)
    page = Image.new("RGB", (right + PANEL_SIDE + GAP, bottom + PANEL_SIDE + CAPTION_HEIGHT), "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(13)
    for number, panel in enumerate(shown):
        left, top = panel_position(number)
        page.paste(Image.fromarray(enlarge(panel.planes)), (left, top))
        pen.text((left, top + PANEL_SIDE + 4), panel.caption, fill="black", font=font)
    return page


def _output_planes(outputs: Mapping[str, Array]) -> Planes:
    output = outputs["output"]
    assert output.dtype == np.uint8
    return output.view(np.uint8)


def main() -> None:
    """Write the photograph and the sheet."""
    shown = panels(InProcessService(create_app(Settings())))
    for path in (PHOTO, PICTURE):
        path.parent.mkdir(parents=True, exist_ok=True)
    np.save(PHOTO, shown[0].planes, allow_pickle=False)
    draw_sheet(shown).save(PICTURE, optimize=True)
    for path in (PHOTO, PICTURE):
        print(f"wrote {path.relative_to(ROOT)}, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
