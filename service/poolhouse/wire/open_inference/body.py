"""Split a request body into its JSON part and its binary tensors, and convert the inputs to tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import numpy as np

from poolhouse.errors import Malformed
from poolhouse.tensors import Tensor
from poolhouse.wire.elements import tensor_from_bytes
from poolhouse.wire.json import compiled_reader, python_reader, scanner
from poolhouse.wire.json.refusals import ElementChecker
from poolhouse.wire.json.tensors import NumberList, TensorEntry, tensor_from_array
from poolhouse.wire.open_inference.request import InferInput, InferRequest, RegionRange, field_error, read_request

HEADER_LENGTH: str = "Inference-Header-Content-Length"
"""Header with the number of bytes of the JSON part, before compression, if binary tensors may follow it."""

ReadRegion = Callable[[InferInput, RegionRange], Tensor]
"""Reads the elements of an input from a shared memory region."""


_SMALL_BYTES: Final = 64 * 1024
"""Up to this size an unaligned input is copied by the shortest way."""


class ParsedText(NamedTuple):
    """The JSON part of a body, with the lists of its inputs read on their own.

    Attributes:
        key: determines the request without the elements of its lists; None if it is not known without parsing.
        lists: the unconverted lists ``data``, by the number of their input.
        parse: parses the request; raises Malformed, Unprocessable and TooLarge.
    """

    key: bytes | None
    lists: Mapping[int, NumberList]
    parse: Callable[[], InferRequest]


def read_text(text: memoryview) -> ParsedText:
    """Read the lists of the JSON part of a body.

    Raises:
        Malformed: it is no JSON.
        Unprocessable, TooLarge: it is no valid request.
    """
    if compiled_reader.is_ready():
        scanned = compiled_reader.scan(text, scanner.LISTED)
        return ParsedText(bytes(scanned.remainder), scanned.lists, lambda: read_request(scanned.parse()))
    document, lists = python_reader.read_listed(text)
    return ParsedText(None, lists, lambda: read_request(document))


def split_body(body: memoryview, header_length: int | None) -> tuple[memoryview, memoryview]:
    """The JSON part and the binary part of a body; without a header length all of it is JSON.

    Raises:
        Malformed: the JSON part would be longer than the body, or empty.
    """
    length = len(body) if header_length is None else header_length
    if length > len(body):
        raise Malformed(
            "malformed_body",
            f"{HEADER_LENGTH} is {length}, and the body has {len(body)} bytes; give the length of the JSON part, "
            "before compression.",
        )
    if not length:
        raise Malformed(
            "malformed_body",
            "The request has no JSON part; send an object with inputs, and its length in "
            f"{HEADER_LENGTH} if binary tensors follow it.",
        )
    return body[:length], body[length:]


def check_binary_length(request: InferRequest, nbytes: int) -> None:
    """Check that the binary tensors take exactly the bytes behind the JSON part.

    Raises:
        Malformed: they do not.
    """
    announced = sum(each.binary_bytes or 0 for each in request.inputs)
    if announced != nbytes:
        raise Malformed(
            "malformed_body",
            f"The values of binary_data_size add up to {announced}, and {nbytes} bytes follow the JSON part; "
            f"send exactly these bytes, and check {HEADER_LENGTH}.",
        )


def read_tensors(
    request: InferRequest, lists: Mapping[int, NumberList], binary: memoryview, read_region: ReadRegion
) -> Mapping[str, Tensor]:
    """Convert the inputs to tensors.

    Args:
        request: the JSON part.
        lists: the unconverted lists of the JSON part.
        binary: the bytes behind it, whose number was checked.
        read_region: reads inputs in shared memory.

    Raises:
        Unprocessable: an element is invalid for its datatype, or a list contradicts its shape.
    """
    tensors: dict[str, Tensor] = {}
    start = 0
    for index, each in enumerate(request.inputs):
        if each.binary_bytes is not None:
            stop = start + each.binary_bytes
            tensors[each.name] = _binary_tensor(each, binary[start:stop])
            start = stop
        elif each.region is not None:
            tensors[each.name] = read_region(each, each.region)
        else:
            assert each.list_number is not None, "read_request has checked it"
            found = lists.get(each.list_number)
            if found is None:
                raise field_error(
                    "/inputs",
                    f"There are {len(request.inputs)} inputs; no operator takes more than {scanner.MAX_TENSORS}.",
                    "length",
                )
            entry = TensorEntry(each.name, f"/inputs/{index}/data", each.dtype, each.shape, found)
            elements = found.read_elements(ElementChecker(each.name, each.dtype, entry.pointer))
            tensors[each.name] = tensor_from_array(elements, entry)
    return tensors


def _binary_tensor(given: InferInput, elements: memoryview) -> Tensor:
    # The shape and the number of bytes are checked already, so most inputs need no more than a view.
    if elements and given.dtype.kind != "boolean":
        array = np.ndarray(given.shape, given.dtype.storage, elements)
        if not array.flags.aligned and len(elements) <= _SMALL_BYTES:
            array = np.ndarray(given.shape, given.dtype.storage, bytearray(elements))
        if array.flags.aligned:
            return Tensor(given.dtype, array)
    return tensor_from_bytes(elements, given.dtype, given.shape, given.name)
