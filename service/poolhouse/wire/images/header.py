"""What the header of a picture tells before anything is decoded, and the limits that it must keep."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from poolhouse.dtypes import ELEMENT_TYPES, ElementType
from poolhouse.errors import Malformed, TooLarge, Unprocessable
from poolhouse.tensors import TensorMetadata

PictureFormat = Literal["png", "jpeg"]

MAX_PIXELS: Final = 2**26
"""The most pixels of a picture, 8192 × 8192: below the number at which Pillow warns of a decompression bomb."""
STRIP_BYTES: Final = 2**20
"""Pixels are converted in strips of rows of about this size."""
_DECODER_BYTES: Final = 512 * 1024
"""What the decoders themselves allocate, and the copies of small headers."""


class PictureHeader(NamedTuple):
    """The header of a picture.

    Attributes:
        format: of the file.
        width, height: in pixels, as the file stores them.
        channels: 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha; of the decoded picture.
        dtype: uint8 or uint16.
        orientation: of EXIF, 1 to 8; 1 is upright.
        decoder_pixel_bytes: the bytes that decoding keeps for each pixel beside the tensor.
    """

    format: PictureFormat
    width: int
    height: int
    channels: int
    dtype: ElementType
    orientation: int
    decoder_pixel_bytes: int

    @property
    def metadata(self) -> TensorMetadata:
        """The element type and the shape ``(1, C, H, W)`` of the upright picture."""
        # Orientations from 5 on swap the axes.
        sizes = (self.width, self.height) if self.orientation >= 5 else (self.height, self.width)
        return TensorMetadata(self.dtype, (1, self.channels, *sizes))

    def decoding_bytes(self, file_bytes: int) -> int:
        """Bytes that decoding allocates at most: the file without its metadata, the decoder's pixels, the tensor, and
        one strip of rows; or the tensor twice, while it is turned upright.

        Args:
            file_bytes: the length of the file.
        """
        # JPEG keeps whole blocks of pixels, at most 32 wide and high.
        pixels = (self.width + 32) * (self.height + 32)
        strip = min(4 * pixels, max(STRIP_BYTES, 4 * (self.width + 32)))
        tensor_bytes = self.metadata.nbytes
        beside = max(self.decoder_pixel_bytes * pixels, tensor_bytes if self.orientation != 1 else 0)
        return file_bytes + beside + tensor_bytes + 4 * strip + _DECODER_BYTES


def malformed_picture_error(why: str) -> Malformed:
    """The error for bytes that are no picture of the announced format."""
    return Malformed("malformed_body", f"The picture cannot be read: {why}. Send a whole PNG or JPEG file.")


def unsupported_picture_error(what: str, advice: str) -> Unprocessable:
    """The error for a valid picture of a kind that is not decoded."""
    return Unprocessable("invalid_data", f"The picture is {what}, which is not supported; {advice}.")


def check_size(width: int, height: int, nbytes: int, limit_bytes: int) -> None:
    """Refuse a picture by the size that its header announces.

    Args:
        width, height: in pixels.
        nbytes: of the decoded picture.
        limit_bytes: the limit of a body after inflation.

    Raises:
        Malformed: it has no pixel.
        TooLarge: it has more than ``MAX_PIXELS`` pixels, or takes more than ``limit_bytes``.
    """
    if not width or not height:
        raise malformed_picture_error(f"its size is {width} × {height}")
    # guard: picture-has-pixel-limit
    if width * height > MAX_PIXELS:
        raise TooLarge(
            "body_too_large",
            f"The picture has {width} × {height} pixels; the limit is {MAX_PIXELS}. Send it in tiles, or decode it "
            "and send the array as application/x-npy.",
            limit_bytes=limit_bytes,
        )
    if nbytes > limit_bytes:
        raise TooLarge(
            "body_too_large",
            f"The picture takes {nbytes} bytes when decoded; the limit is {limit_bytes} bytes. Send it in tiles.",
            limit_bytes=limit_bytes,
        )


UINT8: Final = ELEMENT_TYPES["uint8"]
UINT16: Final = ELEMENT_TYPES["uint16"]
