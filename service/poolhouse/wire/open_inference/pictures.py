"""An input that is a PNG or JPEG file: datatype BYTES, one element, as clients of Triton send files.

Source: Triton's binary tensor data extension: each element of BYTES is preceded by its length in four bytes.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from poolhouse.tensors import Tensor
from poolhouse.wire.images.codec import refuse_without_pillow
from poolhouse.wire.images.decoder import decode_picture, is_picture, read_header
from poolhouse.wire.images.header import malformed_picture_error
from poolhouse.wire.open_inference.request import InferRequest, field_error

_LENGTH_BYTES: Final = 4


class PictureRequest(NamedTuple):
    """A request whose input is a picture.

    Attributes:
        request: the same, with the element type and shape of the decoded picture.
        file: a view of the body, or of the elements that were read from it.
        limit_bytes: the limit of the decoded picture.
        decoding_bytes: what decoding allocates.
    """

    request: InferRequest
    file: memoryview
    limit_bytes: int
    decoding_bytes: int

    def decode(self) -> dict[str, Tensor]:
        """The input by name.

        Raises:
            Malformed, Unprocessable: the file cannot be decoded.
        """
        return {self.request.inputs[0].name: decode_picture(self.file, self.limit_bytes)}


def read_picture_request(request: InferRequest, elements: memoryview, limit_bytes: int) -> PictureRequest | None:
    """The picture in a request; None if its inputs are tensors.

    Args:
        request: as :func:`.request.read_request` returns it.
        elements: the bytes of its first input.
        limit_bytes: of the decoded picture.

    Raises:
        Malformed, Unprocessable, TooLarge: the file or its length is refused.
        UnsupportedMediaType: Pillow is not installed.
    """
    if not any(each.is_file for each in request.inputs):
        return None
    given = request.inputs[0]
    if len(request.inputs) > 1:
        raise field_error("/inputs", "An input of datatype BYTES must be the only one; send tensors.", "length")
    if given.binary_bytes != len(elements):
        raise field_error(
            "/inputs/0/parameters/binary_data_size",
            f"{given.name} has binary_data_size {given.binary_bytes}, and {len(elements)} bytes follow the JSON part.",
            "conflict",
        )
    refuse_without_pillow()
    file = elements[_LENGTH_BYTES:]
    if len(elements) < _LENGTH_BYTES or struct.unpack_from("<I", elements)[0] != len(file):
        raise malformed_picture_error("the four bytes before it are not its length")
    if not is_picture(file):
        raise malformed_picture_error("it is neither a PNG nor a JPEG file")
    header = read_header(file, limit_bytes)
    decoded = given._replace(dtype=header.dtype, shape=header.metadata.shape, is_file=False)
    return PictureRequest(request._replace(inputs=(decoded,)), file, limit_bytes, header.decoding_bytes(len(file)))
