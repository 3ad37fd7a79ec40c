"""The raw codec: elements only; their shape and type are in the query string, or in a header of the response."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from poolhouse.dtypes import element_type_names
from poolhouse.errors import FieldProblem, Unprocessable
from poolhouse.tensors import Message, TensorMetadata
from poolhouse.text_values import list_hint, parse_integer, split_list
from poolhouse.wire.codec import EncodedBody
from poolhouse.wire.elements import check_shape, parse_element_type, tensor_from_bytes
from poolhouse.wire.quoting import quote_clipped

MAX_OUTPUTS: Final = 64
"""The most outputs of a response: their metadata take up to two hundred bytes each, and clients limit headers."""
_MAX_SIZES: Final = 100
"""Sizes that are parsed; shapes of far fewer are refused for their rank."""
_MISSING_MESSAGES: Final = {
    "shape": "Raw elements need their shape in the query string: add shape=8,64,112,112, with your own sizes",
    "dtype": "Raw elements need their type in the query string: "
    f"add dtype=float32, or another of {element_type_names()}",
}
"""There is no default type: bytes of another type would be read as wrong numbers, silently."""


def _refuse_missing(query: Mapping[str, str]) -> None:
    problems = [
        FieldProblem(f"?{name}", "missing", words) for name, words in _MISSING_MESSAGES.items() if name not in query
    ]
    if problems:
        detail = "; ".join(problem.message for problem in problems)
        raise Unprocessable("invalid_fields", f"{detail}.", problems=problems)


def _parse_shape(text: str) -> tuple[int, ...]:
    entries, _ = split_list(text)
    if entries == [""]:
        return ()
    sizes = [parse_integer(entry) for entry in entries[:_MAX_SIZES]]
    if None in sizes:
        message = (
            f"shape is {quote_clipped(text)}; write integers with commas between, as in 8,64,112,112{list_hint(text)}."
        )
        raise Unprocessable("invalid_fields", message, problems=(FieldProblem("?shape", "type", message),))
    return tuple(size for size in sizes if size is not None)


class RawCodec:
    """One input of raw elements; a response holds all outputs one after another."""

    name = "raw"
    media_types = ("application/octet-stream",)
    is_json = False
    holds_gil = False

    def metadata_from_query(self, query: Mapping[str, str]) -> tuple[TensorMetadata, dict[str, str]]:
        """The metadata of the input, and the remaining fields; known before the body arrives.

        Raises:
            Unprocessable: shape or type is missing or invalid.
        """
        _refuse_missing(query)
        texts = dict(query)
        shape = _parse_shape(texts.pop("shape"))
        dtype = parse_element_type(texts.pop("dtype"), "?dtype")
        check_shape(shape, dtype, "input", "/input")
        return TensorMetadata(dtype, shape), texts

    def decode(self, body: memoryview, query: Mapping[str, str], limit_bytes: int) -> Message:
        """The bytes as ``input``; the query without ``shape`` and ``dtype`` as ``text_fields``."""
        metadata, texts = self.metadata_from_query(query)
        return Message({"input": tensor_from_bytes(body, metadata.dtype, metadata.shape, "input")}, text_fields=texts)

    def decode_extra_bytes(self, body: memoryview) -> int:
        """The whole body, in case it is of booleans; :func:`~.elements.touched_bytes` tells more from the query."""
        return len(body)

    def encode(self, message: Message) -> EncodedBody:
        """The elements of every tensor; the header ``Tensor-Metadata`` gives their byte ranges."""
        return EncodedBody(
            self.media_types[0],
            tuple(tensor.buffer for tensor in message.tensors.values()),
            (
                (
                    "Tensor-Metadata",
                    tensor_metadata_header({name: tensor.metadata for name, tensor in message.tensors.items()}),
                ),
            ),
        )

    def encode_extra_bytes(self, outputs: Mapping[str, TensorMetadata], json_encoding: str) -> int:
        """0: the body is views of the tensors."""
        return 0

    def accepts_outputs(self, count: int) -> bool:
        """One after another, as many as their metadata in a header allows."""
        return count <= MAX_OUTPUTS


def tensor_metadata_header(metadata_by_name: Mapping[str, TensorMetadata]) -> str:
    """The value of ``Tensor-Metadata``: the metadata and the byte range of each tensor in the body."""
    rows: list[dict[str, object]] = []
    start = 0
    for name, metadata in metadata_by_name.items():
        end = start + metadata.nbytes
        byte_range = {"start": start, "end": end}
        rows.append({"name": name, "dtype": metadata.dtype.name, "shape": list(metadata.shape), **byte_range})
        start = end
    return json.dumps(rows, separators=(",", ":"))


RAW: Final = RawCodec()
