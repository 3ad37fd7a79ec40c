"""The JSON codec: tensors as nested or flat lists of numbers or as base64, and the spec's fields beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from poolhouse.errors import FieldProblem, Unprocessable
from poolhouse.tensor_names import TENSOR_NAMES
from poolhouse.tensors import Message, TensorMetadata
from poolhouse.wire.codec import EncodedBody
from poolhouse.wire.json import compiled_reader, python_reader
from poolhouse.wire.json.encoded_size import max_text_bytes
from poolhouse.wire.json.encoder import encode_json
from poolhouse.wire.json.tensors import read_metadata, read_tensor
from poolhouse.wire.query import refuse_repeated_fields
from poolhouse.wire.quoting import describe_value

_ENCODINGS: Final = ("list", "base64")
_PYTHON_READER_MAX_BYTES: Final = 1024
"""Bodies up to this size are read without compiled loops, where the call of a loop would take longer."""
_COMPILED_MEMORY_FACTOR: Final = 10
_PYTHON_MEMORY_FACTOR: Final = 40


def peak_memory_factor() -> int:
    """The peak memory of decoding a JSON body, as a multiple of its size: the body, a float64 for each two characters,
    and the elements; without compiled loops, an object for each number. ``tests/wire/test_decoding_bytes.py`` measures
    the worst cases."""
    return _COMPILED_MEMORY_FACTOR if compiled_reader.is_ready() else _PYTHON_MEMORY_FACTOR


def read_text(body: memoryview) -> dict[str, Any]:
    """The members of a body by name, with the lists and base64 strings of its tensors unconverted."""
    few = len(body) <= _PYTHON_READER_MAX_BYTES
    if few or not compiled_reader.is_ready():
        return python_reader.read(body)
    return compiled_reader.scan(body).parse_named()


def read_document(body: memoryview, query: Mapping[str, str]) -> tuple[dict[str, object], dict[str, Any]]:
    """The fields and the unconverted tensors of a body, each by name."""
    return split_members(read_text(body), query)


def split_members(members: dict[str, Any], query: Mapping[str, str]) -> tuple[dict[str, object], dict[str, Any]]:
    """Split the members of a body into its fields and its unconverted tensors.

    Raises:
        Unprocessable: a field is in the query string, too.
    """
    if query:
        refuse_repeated_fields(query, members, "the body")
    return members, {name: members.pop(name) for name in TENSOR_NAMES if name in members}


def pop_encoding(fields: dict[str, object]) -> str:
    """Remove ``encoding`` from the fields: how the response represents elements.

    Raises:
        Unprocessable: it is neither ``list`` nor ``base64``.
    """
    encoding = fields.pop("encoding", "list")
    if not isinstance(encoding, str) or encoding not in _ENCODINGS:
        message = f"encoding is {describe_value(encoding)}; send one of {', '.join(_ENCODINGS)}."
        problem = FieldProblem("/encoding", "range", message)
        raise Unprocessable("invalid_fields", message, problems=(problem,))
    return encoding


class JsonCodec:
    """An object of tensors and spec fields."""

    name = "json"
    media_types = ("application/json",)
    is_json = True

    @property
    def holds_gil(self) -> bool:
        """False where compiled loops do the work."""
        return not compiled_reader.is_ready()

    def decode(self, body: memoryview, query: Mapping[str, str], limit_bytes: int) -> Message:
        """The keys of ``TENSOR_NAMES`` as tensors, ``encoding``, and all else as ``json_fields``."""
        fields, entries = read_document(body, query)
        encoding = pop_encoding(fields)
        tensors = {name: read_tensor(name, entry) for name, entry in entries.items()}
        return Message(tensors, fields, dict(query), encoding)

    def decode_extra_bytes(self, body: memoryview) -> int:
        """The peak memory of decoding, without the body itself."""
        return (peak_memory_factor() - 1) * len(body)

    def encode(self, message: Message) -> EncodedBody:
        """One entry for each tensor, as lists or as base64."""
        return EncodedBody(self.media_types[0], (encode_json(message),), owns_memory=True)

    def encode_extra_bytes(self, outputs: Mapping[str, TensorMetadata], json_encoding: str) -> int:
        """The maximum length of the text."""
        return 2 + sum(len(name) + max_text_bytes(metadata, json_encoding) for name, metadata in outputs.items())

    def accepts_outputs(self, count: int) -> bool:
        """Any number, by name."""
        return True


def decode_plan(
    body: memoryview, query: Mapping[str, str], limit_bytes: int
) -> tuple[dict[str, TensorMetadata], dict[str, object], dict[str, str]]:
    """Decode a request for a plan, whose tensors have a shape and an element type, but no elements.

    Returns:
        The metadata of the tensors by name, the JSON fields and the text fields.

    Raises:
        Malformed: the body is not JSON.
        Unprocessable: a tensor has elements, has no shape, or cannot be pooled.
    """
    fields, entries = read_document(body, query)
    return {name: read_metadata(name, entry) for name, entry in entries.items()}, fields, dict(query)


JSON: Final = JsonCodec()
