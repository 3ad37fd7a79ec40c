"""The pictures of the documents: a real photograph, pooled by poolhouse itself.

The photograph is ``astronaut`` of scikit-image, which ships it in its wheel: Eileen Collins, by NASA, public domain.
Halved to 256×256 it is also ``examples/photo.npy``, the body that the examples send.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont
from skimage import data

from poolhouse.dtypes import BY_NUMPY
from poolhouse.pooling import Pooling
from poolhouse.settings import Settings
from poolhouse.tensors import Message, Tensor

ROOT = Path(__file__).resolve().parent.parent
PHOTO = ROOT / "examples" / "photo.npy"
PICTURE = ROOT / "docs" / "images" / "pooled.png"

SIDE = 256
COLUMNS = 4
GAP = 8
CAPTION = 24

Planes = npt.NDArray[np.uint8]
"""A picture as it is sent: ``(1, 3, H, W)``."""


@dataclass(frozen=True)
class Panel:
    """One picture of the sheet, and what stands under it."""

    caption: str
    planes: Planes


# The specs that are shown. Their captions are their own words.
SHOWN: tuple[tuple[str, Mapping[str, object]], ...] = (
    ("max_pool2d", {"kernel_size": 8}),
    ("avg_pool2d", {"kernel_size": 8}),
    ("max_pool2d", {"kernel_size": 9, "stride": 1, "padding": 4}),
    ("adaptive_avg_pool2d", {"output_size": 7}),
    ("fractional_max_pool2d", {"kernel_size": 6, "output_ratio": 0.17, "seed": 1}),
    ("global_avg_pool2d", {}),
)


def pool(pooling: Pooling, operator: str, values: Mapping[str, object], **arrays: npt.NDArray[np.generic]) -> Message:
    """The outputs of one operator, through the same door as a request's."""
    tensors = {name: Tensor(BY_NUMPY[array.dtype.name], array) for name, array in arrays.items()}
    answer = asyncio.run(pooling.pool(pooling.prepare(operator, Message(tensors, values))))
    return Message(answer.tensors)


def photograph(pooling: Pooling) -> Planes:
    """The photograph, averaged to half its size."""
    colours: npt.NDArray[np.uint8] = data.astronaut()  # type: ignore[no-untyped-call]  # scikit-image has no types
    planes = np.ascontiguousarray(colours.transpose(2, 0, 1)[np.newaxis])
    return _picture(pool(pooling, "avg_pool2d", {"kernel_size": 2}, input=planes))


def panels(pooling: Pooling) -> list[Panel]:
    """What the sheet shows, in order: the photograph, each spec, and max pooling undone."""
    photo = photograph(pooling)
    shown = [Panel("the photograph, 256 by 256", photo)]
    for operator, values in SHOWN:
        words = ", ".join(f"{name} {value}" for name, value in values.items() if name != "seed")
        short = words.replace("kernel_size", "kernel").replace("output_", "")
        shown.append(Panel(f"{operator}  {short}", _picture(pool(pooling, operator, values, input=photo))))
    pooled = pool(pooling, "max_pool2d", {"kernel_size": 2, "return_indices": True}, input=photo).tensors
    undone = pool(
        pooling, "max_unpool2d", {"kernel_size": 2}, input=pooled["output"].array, indices=pooled["indices"].array
    )
    shown.append(Panel("max_pool2d  kernel 2, max_unpool2d", _picture(undone)))
    return shown


def place(number: int) -> tuple[int, int]:
    """Where the panel of that number stands on the sheet: left and top."""
    row, column = divmod(number, COLUMNS)
    return GAP + column * (SIDE + GAP), GAP + row * (SIDE + CAPTION + GAP)


def enlarged(planes: Planes) -> Planes:
    """A panel as ``(SIDE, SIDE, 3)``, each pooled element a block of one colour."""
    height, width = planes.shape[-2:]
    rows, columns = np.arange(SIDE) * height // SIDE, np.arange(SIDE) * width // SIDE
    return np.ascontiguousarray(planes[0].transpose(1, 2, 0)[rows][:, columns])


def sheet(shown: list[Panel]) -> Image.Image:
    """All panels on white, with their captions."""
    right, bottom = place(len(shown) - 1)
    page = Image.new("RGB", (right + SIDE + GAP, bottom + SIDE + CAPTION), "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(13)
    for number, panel in enumerate(shown):
        left, top = place(number)
        page.paste(Image.fromarray(enlarged(panel.planes)), (left, top))
        pen.text((left, top + SIDE + 4), panel.caption, fill="black", font=font)
    return page


def _picture(message: Message) -> Planes:
    array = message.tensors["output"].array
    assert array.dtype == np.uint8
    return array.view(np.uint8)


def main() -> None:
    """Write the photograph and the sheet."""
    shown = panels(Pooling.from_settings(Settings()))
    for path in (PHOTO, PICTURE):
        path.parent.mkdir(parents=True, exist_ok=True)
    np.save(PHOTO, shown[0].planes, allow_pickle=False)
    sheet(shown).save(PICTURE, optimize=True)
    for path in (PHOTO, PICTURE):
        print(f"wrote {path.relative_to(ROOT)}, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
