"""Read the bytes of a ``ModelInferRequest``.

Its large elements are in ``raw_input_contents``. They are found here without protobuf's parser, which would copy them
twice, and used where they lie in the message. Only the rest, the head of the message, is parsed.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from google.protobuf.message import DecodeError

from poolhouse.dtypes import ElementType
from poolhouse.errors import Malformed, Unprocessable
from poolhouse.rpc.messages import CLASSES
from poolhouse.wire.elements import MAX_RANK
from poolhouse.wire.open_inference.request import (
    ELEMENT_TYPE_BY_DATATYPE,
    FILE_DATATYPE,
    MAX_TENSORS,
    InferRequest,
    element_type_of,
    field_error,
    read_request,
)
from poolhouse.wire.quoting import quote_clipped

PARSE_FACTOR: Final = 40
"""The most bytes that a parsed head takes for each byte of it: an empty parameter has two bytes in a message."""
_MAX_FIELDS: Final = 256
_MAX_PARAMETERS: Final = 64
_MODEL, _ID, _RAW = 1, 3, 7
_VARINT, _FIXED64, _DELIMITED, _FIXED32 = 0, 1, 2, 5

_CONTENTS: Final[Mapping[str, tuple[str, type[np.generic]]]] = {
    "BOOL": ("bool_contents", np.bool_),
    "INT8": ("int_contents", np.int64),
    "INT16": ("int_contents", np.int64),
    "INT32": ("int_contents", np.int64),
    "INT64": ("int64_contents", np.int64),
    "UINT8": ("uint_contents", np.int64),
    "UINT16": ("uint_contents", np.int64),
    "UINT32": ("uint_contents", np.int64),
    "UINT64": ("uint64_contents", np.uint64),
    "FP32": ("fp32_contents", np.float32),
    "FP64": ("fp64_contents", np.float64),
}
"""For each datatype the field of its typed elements, and a type that holds every value of that field."""


class RequestMessage(NamedTuple):
    """The parts of a message.

    Attributes:
        head: the message without its id and its raw contents.
        model: the name of the model, which is in the head too.
        id: of the request.
        raw: the raw contents, as views of the message.
    """

    head: bytes
    model: str
    id: str
    raw: tuple[memoryview, ...]

    @property
    def raw_bytes(self) -> int:
        """The bytes of the raw contents together."""
        return sum(map(len, self.raw))


class ParsedHead(NamedTuple):
    """The head of a message.

    Attributes:
        model: the name of the model.
        version: of the model; empty for the current one.
        request: like the JSON part of a request of HTTP.
        typed: for each input, its elements if the head has them, as bytes.
    """

    model: str
    version: str
    request: InferRequest
    typed: tuple[bytes | None, ...]


def split_message(message: memoryview) -> RequestMessage:
    """Find the parts of a message.

    Raises:
        Malformed: it is no message of protobuf, or it has more fields than any request needs.
    """
    head: list[memoryview] = []
    raw: list[memoryview] = []
    model = request_id = ""
    position = head_start = fields = 0
    end = len(message)
    while position < end:
        start = position
        fields += 1
        if fields > _MAX_FIELDS:
            raise Malformed("malformed_body", f"The request has more than {_MAX_FIELDS} tensors and parameters.")
        tag, position = _read_varint(message, position)
        kind = tag & 7
        if kind == _DELIMITED:
            length, value = _read_varint(message, position)
            position = value + length
            if position > end:
                raise malformed_message_error()
            number = tag >> 3
            if number == _MODEL:
                model = _read_text(message[value:position])
            elif number in (_ID, _RAW):
                head.append(message[head_start:start])
                head_start = position
                if number == _ID:
                    request_id = _read_text(message[value:position])
                else:
                    raw.append(message[value:position])
        elif kind == _VARINT:
            _, position = _read_varint(message, position)
        elif kind in (_FIXED64, _FIXED32):
            position += 8 if kind == _FIXED64 else 4
        else:
            raise malformed_message_error()
    # A fixed field may pass the end.
    if position > end:
        raise malformed_message_error()
    if len(raw) > MAX_TENSORS:
        raise Malformed("malformed_body", f"The request has {len(raw)} raw_input_contents, more than {MAX_TENSORS}.")
    head.append(message[head_start:])
    return RequestMessage(b"".join(head), model, request_id, tuple(raw))


def parse_head(head: bytes, raw_sizes: Sequence[int]) -> ParsedHead:
    """Parse the head of a message and check it like the JSON part of a request of HTTP.

    Args:
        head: from :func:`split_message`.
        raw_sizes: the bytes of each raw content.

    Raises:
        Malformed: it is no message.
        Unprocessable, TooLarge: it is no valid request, or the raw contents do not fit it.
    """
    try:
        parsed = CLASSES["ModelInferRequest"].FromString(head)
    except DecodeError:
        raise malformed_message_error() from None
    sizes = list(raw_sizes)
    inputs: list[dict[str, object]] = []
    typed: list[bytes | None] = []
    for index, each in enumerate(parsed.inputs[: MAX_TENSORS + 1]):
        entry, elements = _read_input(each, index, sizes if raw_sizes else None)
        inputs.append(entry)
        typed.append(elements)
    if sizes:
        raise field_error(
            "/raw_input_contents",
            f"There are {len(raw_sizes)} raw_input_contents, {len(sizes)} more than inputs without shared memory; send "
            "one for each, in the order of the inputs.",
            "conflict",
        )
    document: dict[str, object] = {
        "parameters": _read_parameters(parsed.parameters, "the request"),
        "inputs": inputs,
        "outputs": [
            {"name": each.name, "parameters": _read_parameters(each.parameters, f"the output {index}")}
            for index, each in enumerate(parsed.outputs[: MAX_TENSORS + 1])
        ],
    }
    return ParsedHead(parsed.model_name, parsed.model_version, read_request(document), tuple(typed))


def _read_input(given: Any, index: int, sizes: list[int] | None) -> tuple[dict[str, object], bytes | None]:
    """An input as the JSON part of a request has it, and its typed elements.

    Args:
        given: the message.
        index: of the input.
        sizes: the bytes of the raw contents that belong to no earlier input; None if the request has none.
    """
    label = f"The input {quote_clipped(given.name)}" if given.name else f"The input {index}"
    parameters = _read_parameters(given.parameters, label)
    # It belongs to HTTP, and KServe's client sends it here too.
    announced = parameters.pop("binary_data_size", None)
    entry: dict[str, object] = {"name": given.name, "shape": list(given.shape), "datatype": given.datatype}
    dtype = ELEMENT_TYPE_BY_DATATYPE.get(given.datatype)
    count = _element_count(given.shape)
    elements = None
    is_shared = "shared_memory_region" in parameters
    if given.HasField("contents") and (is_shared or sizes is not None):
        other = f"{label} is in shared memory" if is_shared else "the request has raw_input_contents"
        raise field_error(
            f"/inputs/{index}/contents",
            f"{label} has contents, and {other}; send the elements of all inputs in one of them.",
            "conflict",
        )
    nbytes = 0
    if not is_shared:
        if sizes is None:
            if given.datatype == FILE_DATATYPE:
                elements = _typed_file(given.contents, count, index, label)
            else:
                dtype = element_type_of(given.datatype, f"/inputs/{index}/datatype")
                elements = _typed_elements(given.contents, dtype, count, index, label)
            nbytes = len(elements)
        elif sizes:
            nbytes = sizes.pop(0)
        else:
            raise field_error(
                "/raw_input_contents",
                f"{label} has no elements: there are fewer raw_input_contents than inputs without shared memory.",
                "missing",
            )
        if dtype is not None and count is not None and nbytes != count * dtype.itemsize:
            raise field_error(
                f"/raw_input_contents/{index}",
                f"{label} of shape {list(given.shape)} and datatype {given.datatype} takes {count * dtype.itemsize} "
                f"bytes, and its raw_input_contents has {nbytes}; send exactly these bytes.",
                "conflict",
            )
        parameters["binary_data_size"] = nbytes
    if announced not in (None, nbytes):
        raise field_error(
            f"/inputs/{index}/parameters/binary_data_size",
            f"{label} has {nbytes} bytes in this message, and its binary_data_size is {announced}; leave it out.",
            "conflict",
        )
    if parameters:
        entry["parameters"] = parameters
    return entry, elements


def _element_count(shape: Sequence[int]) -> int | None:
    """The number of elements; None for a shape that is refused later."""
    return math.prod(shape) if 0 < len(shape) <= MAX_RANK and min(shape) >= 0 else None


def _typed_values(contents: Any, field: str, datatype: str, count: int | None, pointer: str, label: str) -> Any:
    """The values of the only field that the contents may have."""
    others = [each.name for each, _ in contents.ListFields() if each.name != field]
    if others:
        raise field_error(
            pointer, f"{label} of datatype {datatype} has {others[0]}; send its elements in {field}.", "conflict"
        )
    values = getattr(contents, field)
    if count is not None and len(values) != count:
        raise field_error(
            pointer,
            f"{label} has {len(values)} elements in {field}, and its shape takes {count}; send as many.",
            "conflict",
        )
    return values


def _typed_file(contents: Any, count: int | None, index: int, label: str) -> bytes:
    """The elements of datatype BYTES as raw contents have them, each after its length in four bytes."""
    values = _typed_values(contents, "bytes_contents", FILE_DATATYPE, count, f"/inputs/{index}/contents", label)
    return b"".join([struct.pack("<I", len(value)) + value for value in values])


def _typed_elements(contents: Any, dtype: ElementType, count: int | None, index: int, label: str) -> bytes:
    pointer = f"/inputs/{index}/contents"
    name = dtype.open_inference_name
    if name not in _CONTENTS:
        raise field_error(
            pointer, f"{label} of datatype {name} has no typed contents; send its bytes in raw_input_contents.", "type"
        )
    field, wide = _CONTENTS[name]
    values = _typed_values(contents, field, name, count, pointer, label)
    array = np.fromiter(values, wide, len(values))
    if dtype.storage == array.dtype:
        return array.tobytes()
    bits = 8 * dtype.itemsize
    least, most = (0, 2**bits - 1) if name.startswith("U") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    if array.size and not least <= int(array.min()) <= int(array.max()) <= most:
        raise Unprocessable(
            "invalid_data", f"{label} has elements that {name} cannot hold; it holds {least} to {most}."
        )
    return array.astype(dtype.storage).tobytes()


def _read_parameters(given: Any, label: str) -> dict[str, object]:
    if len(given) > _MAX_PARAMETERS:
        raise field_error("/parameters", f"{label} has {len(given)} parameters, more than {_MAX_PARAMETERS}.", "range")
    found: dict[str, object] = {}
    for name, value in given.items():
        choice = value.WhichOneof("choice")
        if choice is None:
            raise field_error(
                f"/parameters/{name[:60]}",
                f"The parameter {quote_clipped(name)} of {label} has no value; set one of bool_param, int64_param, "
                "string_param, double_param and uint64_param.",
                "missing",
            )
        found[name] = getattr(value, choice)
    return found


def _read_text(encoded: memoryview) -> str:
    try:
        return str(encoded, "utf-8")
    except UnicodeDecodeError:
        raise malformed_message_error() from None


def _read_varint(message: memoryview, position: int) -> tuple[int, int]:
    """A number and the position behind it."""
    value = shift = 0
    # The longest has ten bytes.
    while shift < 70:
        if position >= len(message):
            raise malformed_message_error()
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    raise malformed_message_error()


def malformed_message_error() -> Malformed:
    """The error for bytes that are no message of the protocol."""
    return Malformed(
        "malformed_body",
        "The bytes are no message of the method; send the message of the Open Inference Protocol for it.",
    )
