"""Raw elements: shape and type stand in the query string, or in a header of the answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from poolhouse.dtypes import names
from poolhouse.errors import FieldProblem, Unprocessable
from poolhouse.tensors import Message, TensorMetadata
from poolhouse.text_values import hint, read_integer, split_list
from poolhouse.wire.codec import EncodedBody
from poolhouse.wire.elements import check_shape, parse_element_type, tensor_from_bytes
from poolhouse.wire.quoting import quote_clipped

_MAX_SIZES: Final = 100
"""More are not looked at one by one; far fewer are refused for their number."""
_MISSING_MESSAGES: Final = {
    "shape": "Raw elements need their shape in the query string: add shape=8,64,112,112, with their own sizes",
    "dtype": f"Raw elements need their type in the query string: add dtype=float32, or what they are of {names()}",
}
"""There is no default: bytes of one type read as another are wrong numbers, and nothing tells it."""


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
    sizes = [read_integer(entry) for entry in entries[:_MAX_SIZES]]
    if None in sizes:
        message = f"shape is {quote_clipped(text)}; write whole numbers with commas between, "
        f"such as 8,64,112,112{hint(text)}."
        raise Unprocessable("invalid_fields", message, problems=(FieldProblem("?shape", "type", message),))
    return tuple(size for size in sizes if size is not None)


class RawCodec:
    """One input of raw elements; answers hold all outputs one after another."""

    name = "raw"
    media_types = ("application/octet-stream",)
    is_json = False
    holds_gil = False

    def metadata_from_query(self, query: Mapping[str, str]) -> tuple[TensorMetadata, dict[str, str]]:
        """The input that the query announces, and what else is in it; known before the body is here.

        Raises:
            Unprocessable: no body can be what it says.
        """
        _refuse_missing(query)
        texts = dict(query)
        shape = _parse_shape(texts.pop("shape"))
        dtype = parse_element_type(texts.pop("dtype"), "?dtype")
        check_shape(shape, dtype, "input", "/input")
        return TensorMetadata(dtype, shape), texts

    def decode(self, body: memoryview, query: Mapping[str, str], limit_bytes: int) -> Message:
        """The bytes as ``input``; ``shape`` and ``dtype`` are taken out of the query."""
        metadata, texts = self.metadata_from_query(query)
        return Message({"input": tensor_from_bytes(body, metadata.dtype, metadata.shape, "input")}, text_fields=texts)

    def decode_extra_bytes(self, body: memoryview) -> int:
        """All of it, should it be of booleans; the query tells more: see :func:`~.elements.touched_bytes`."""
        return len(body)

    def encode(self, message: Message) -> EncodedBody:
        """The elements of every tensor, and where each lies in the header ``Tensor-Metadata``."""
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
        """None."""
        return 0

    def accepts_outputs(self, count: int) -> bool:
        """Any number, one after another."""
        return True


def tensor_metadata_header(metadata_by_name: Mapping[str, TensorMetadata]) -> str:
    """The value of ``Tensor-Metadata``: where each of these tensors lies, one after another."""
    rows: list[dict[str, object]] = []
    start = 0
    for name, metadata in metadata_by_name.items():
        end = start + metadata.nbytes
        placed = {"start": start, "end": end}
        rows.append({"name": name, "dtype": metadata.dtype.name, "shape": list(metadata.shape), **placed})
        start = end
    return json.dumps(rows, separators=(",", ":"))


RAW: Final = RawCodec()
