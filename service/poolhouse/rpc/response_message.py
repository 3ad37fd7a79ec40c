"""Write the bytes of a ``ModelInferResponse``: its head by protobuf, its elements as they are in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from poolhouse.errors import InternalError
from poolhouse.rpc.messages import CLASSES
from poolhouse.tensors import Tensor, TensorMetadata
from poolhouse.wire.open_inference.classification import classify
from poolhouse.wire.open_inference.response import OutputForm

HEAD_BYTES: Final = 8192
"""An upper bound for the bytes of a response without its elements, its id and its parameters."""

# The tags of delimited fields: the field's number, shifted by three, and 2.
_ID: Final = b"\x1a"
_RAW: Final = b"\x32"
_STREAM_ERROR: Final = b"\x0a"
_STREAM_RESPONSE: Final = b"\x12"

Chunk = bytes | memoryview


def head_of(
    model: str,
    version: str,
    parameters: Mapping[str, object],
    outputs: Sequence[tuple[str, str, Sequence[int]]],
) -> bytes:
    """The bytes of a response without its id and its elements.

    Args:
        model: its name.
        version: of the model.
        parameters: of the response.
        outputs: the name, the datatype and the shape of each.
    """
    message = CLASSES["ModelInferResponse"](model_name=model, model_version=version)
    for name, value in parameters.items():
        _set_parameter(message.parameters[name], value)
    for output_name, datatype, shape in outputs:
        message.outputs.add(name=output_name, datatype=datatype, shape=shape)
    return message.SerializeToString()  # type: ignore[no-any-return]


def output_entries(
    forms: Sequence[OutputForm], outputs: Mapping[str, TensorMetadata]
) -> list[tuple[str, str, Sequence[int]]]:
    """The name, the datatype and the shape of each output that is not classified."""
    return [(form.name, outputs[form.name].dtype.open_inference_name, outputs[form.name].shape) for form in forms]


def id_field(request_id: str) -> bytes:
    """The bytes of the field ``id``; none for an empty one."""
    encoded = request_id.encode()
    return _ID + varint(len(encoded)) + encoded if encoded else b""


def raw_chunks(elements: Sequence[Chunk]) -> list[Chunk]:
    """The field ``raw_output_contents`` for the elements of all outputs, in order."""
    chunks: list[Chunk] = []
    for each in elements:
        chunks += (_RAW + varint(len(each)), each)
    return chunks


def classified_outputs(
    forms: Sequence[OutputForm], tensors: Mapping[str, Tensor]
) -> tuple[list[tuple[str, str, Sequence[int]]], list[Chunk]]:
    """The entry and the elements of each output; the elements of one in shared memory are empty."""
    entries: list[tuple[str, str, Sequence[int]]] = []
    elements: list[Chunk] = []
    for form in forms:
        tensor = tensors[form.name]
        if form.classes:
            shape, encoded = classify(tensor, form.classes, as_binary=True)
            entries.append((form.name, "BYTES", shape))
            elements.append(encoded)
        else:
            entries.append((form.name, tensor.dtype.open_inference_name, tensor.shape))
            elements.append(b"" if form.is_written else tensor.buffer)
    return entries, elements


def stream_chunks(response: Sequence[Chunk]) -> list[Chunk]:
    """A ``ModelStreamInferResponse`` with this response."""
    return [_STREAM_RESPONSE + varint(sum(map(len, response))), *response]


def stream_error(text: str, request_id: str) -> bytes:
    """A ``ModelStreamInferResponse`` with an error; the response in it has the id alone."""
    encoded, response = text.encode(), id_field(request_id)
    return b"".join((_STREAM_ERROR, varint(len(encoded)), encoded, _STREAM_RESPONSE, varint(len(response)), response))


def varint(value: int) -> bytes:
    """A number as protobuf writes it."""
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def _set_parameter(parameter: object, value: object) -> None:
    match value:
        case bool():
            field = "bool_param"
        case int():
            field = "int64_param" if value < 2**63 else "uint64_param"
        case float():
            field = "double_param"
        case str():
            field = "string_param"
        case _:
            raise InternalError("internal", "a response has a parameter that gRPC cannot send")
    setattr(parameter, field, value)
