"""A picture as input and output of a call: a PNG or JPEG file is sent, and a PNG file comes back."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from poolhouse.client.errors import UnexpectedAnswer
from poolhouse.client.exchange import Headers, Response
from poolhouse.client.transports.response_body import too_large_error
from poolhouse.errors import Unprocessable
from poolhouse.wire.images.decoder import decode_picture
from poolhouse.wire.images.png_file import SIGNATURE

PNG_TYPE: Final = "image/png"
_JPEG_TYPE: Final = "image/jpeg"
_MAX_BYTES: Final = 2**40


@runtime_checkable
class _PillowImage(Protocol):
    def save(self, fp: io.BytesIO, format: str) -> None: ...  # noqa: A002, Pillow's name for it


class Picture:
    """A PNG or JPEG file, for ``client.max_pool2d(Picture("cat.jpg"), 2)``, whose output is a picture too, a PNG file.

    The service decodes the file, so no library for images is needed here. What is no picture, such as averages in
    floating point or indices, is refused; for them, send the array: ``numpy.asarray(picture)``, which needs Pillow.

    Args:
        source: the path of a file, its bytes, or an image of Pillow.

    Attributes:
        content: the bytes of the file.

    Raises:
        Unprocessable: the file is neither PNG nor JPEG.
        OSError: it cannot be read.
    """

    def __init__(self, source: str | os.PathLike[str] | bytes | bytearray | memoryview | _PillowImage) -> None:
        if isinstance(source, str | os.PathLike):
            self.content = Path(source).read_bytes()
        elif isinstance(source, bytes | bytearray | memoryview):
            self.content = bytes(source)
        else:
            file = io.BytesIO()
            source.save(file, "png")
            self.content = file.getvalue()
        if not self.content.startswith((SIGNATURE, b"\xff\xd8\xff")):
            raise Unprocessable(
                "invalid_data", "the file is neither PNG nor JPEG; convert it, or send the picture as an array."
            )

    @property
    def media_type(self) -> str:
        """``image/png`` or ``image/jpeg``."""
        return PNG_TYPE if self.content.startswith(SIGNATURE) else _JPEG_TYPE

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the file."""
        Path(path).write_bytes(self.content)

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[np.generic]:
        """The picture as the service reads it, of shape ``(1, C, H, W)``; needs Pillow.

        Raises:
            ValueError: ``copy`` is false, and decoding takes memory of its own.
        """
        if copy is False:
            raise ValueError("a picture is decoded to a new array; leave copy out.")
        array = decode_picture(memoryview(self.content), _MAX_BYTES).array
        return array if dtype is None else array.astype(dtype, copy=False)

    def _repr_png_(self) -> bytes | None:
        """Shown by notebooks."""
        return self.content if self.media_type == PNG_TYPE else None

    def _repr_jpeg_(self) -> bytes | None:
        return None if self.media_type == PNG_TYPE else self.content

    def __repr__(self) -> str:
        return f"Picture({self.media_type}, {len(self.content)} bytes)"


def allocate_picture(status: int, headers: Headers, max_response_bytes: int) -> Sequence[memoryview] | None:
    """Allocate the buffer of a response that is a picture; see :data:`.exchange.BodyAllocator`."""
    length = headers.get("content-length", "")
    if status != 200 or not (length.isascii() and length.isdecimal() and len(length) < 20):
        return None
    if int(length) > max_response_bytes:
        raise too_large_error(status, f"{length} bytes", max_response_bytes)
    return [memoryview(bytearray(int(length)))]


def read_picture(response: Response) -> Picture:
    """The picture in a response.

    Raises:
        UnexpectedAnswer: it is no PNG file.
    """
    content = b"".join(response.body)
    if not content.startswith(SIGNATURE):
        raise UnexpectedAnswer(
            response.status, "The response is not a PNG file; check that base_url is a poolhouse server."
        )
    return Picture(content)
