"""The codecs of pictures: PNG in requests and responses, JPEG in requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from poolhouse.errors import UnsupportedMediaType
from poolhouse.tensors import Message, TensorMetadata
from poolhouse.wire.codec import EncodedBody
from poolhouse.wire.images.decoder import decode_picture, is_picture, is_pillow_installed, read_header
from poolhouse.wire.images.header import MAX_PIXELS, malformed_picture_error
from poolhouse.wire.images.png_writer import encode_png, encode_png_bytes

_LARGEST_PICTURE_BYTES: Final = MAX_PIXELS * 8


def refuse_without_pillow() -> None:
    """Refuse pictures where they cannot be decoded.

    Raises:
        UnsupportedMediaType: Pillow is not installed.
    """
    if not is_pillow_installed():
        raise UnsupportedMediaType(
            "unsupported_media_type",
            "This service cannot decode pictures: Pillow is not installed beside it. Its operator can add it with pip "
            "install 'poolhouse[server,images]'; or decode the picture and send the array as application/x-npy.",
        )


class PictureCodec:
    """One picture; in a request it is ``input`` of shape ``(1, C, H, W)``.

    Either codec reads both formats, since the first bytes tell them apart and many clients guess the type.
    """

    is_json = False
    holds_gil = False

    def __init__(self, name: str, media_types: tuple[str, ...]) -> None:
        self.name = name
        self.media_types = media_types

    def decode(self, body: memoryview, query: Mapping[str, str], limit_bytes: int) -> Message:
        """The picture as ``input``, the query as ``text_fields``."""
        if not is_picture(body):
            raise malformed_picture_error("it is neither a PNG nor a JPEG file")
        return Message({"input": decode_picture(body, limit_bytes)}, text_fields=dict(query))

    def decode_extra_bytes(self, body: memoryview) -> int:
        """What decoding allocates, by the header of the file."""
        if not is_picture(body):
            raise malformed_picture_error("it is neither a PNG nor a JPEG file")
        return read_header(body, _LARGEST_PICTURE_BYTES).decoding_bytes(len(body))

    def encode(self, message: Message) -> EncodedBody:
        """The only tensor as a PNG file."""
        (tensor,) = message.tensors.values()
        return EncodedBody(PNG.media_types[0], (encode_png(tensor),), owns_memory=True)

    def encode_extra_bytes(self, outputs: Mapping[str, TensorMetadata], json_encoding: str) -> int:
        """The compressed file, and what compressing it takes."""
        return sum(map(encode_png_bytes, outputs.values()))

    def accepts_outputs(self, count: int) -> bool:
        """A PNG file holds one picture, and no response is a JPEG file, which would change the pixels."""
        return self is PNG and count == 1


PNG: Final = PictureCodec("png", ("image/png",))
JPEG: Final = PictureCodec("jpeg", ("image/jpeg", "image/jpg"))
