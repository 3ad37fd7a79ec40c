"""JSON: tensors as nested or flat numbers or as base64, spec fields beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from poolhouse.errors import FieldProblem, Unprocessable
from poolhouse.tensors import Message, Outline
from poolhouse.wire.codec import Encoded
from poolhouse.wire.json import compiled, plain
from poolhouse.wire.json.answer import encode_json
from poolhouse.wire.json.size import max_text_bytes
from poolhouse.wire.json.tensors import DEFAULT_DTYPES, read_metadata, read_tensor
from poolhouse.wire.query import refuse_in_both
from poolhouse.wire.quoting import describe_value

_ENCODINGS: Final = ("list", "base64")
_FEW_BYTES: Final = 0
"""To call a loop takes longer than to read so few bytes without."""
_SWELLS: Final = 10
_SWELLS_PLAINLY: Final = 40


def swells() -> int:
    """A body of JSON takes at most so many times its bytes while it is read: itself, a float64 for each two characters,
    and the elements made of these; or, without compiled loops, an object for each number. The strangest take most;
    ``tests/wire/test_decoding_bytes.py`` measures them."""
    return _SWELLS if compiled.is_ready() else _SWELLS_PLAINLY


def _read(body: memoryview, query: Mapping[str, str]) -> tuple[dict[str, object], dict[str, Any]]:
    """Fields and tensors by name, the tensors still as they were written."""
    few = len(body) <= _FEW_BYTES
    fields = plain.read(body) if few or not compiled.is_ready() else compiled.read(body)
    if query:
        refuse_in_both(query, fields, "the body")
    return fields, {name: fields.pop(name) for name in DEFAULT_DTYPES if name in fields}


class JsonCodec:
    """An object of tensors and spec fields."""

    name = "json"
    media_types = ("application/json",)
    is_json = True

    @property
    def holds_interpreter(self) -> bool:
        """Unless compiled loops do the work."""
        return not compiled.is_ready()

    def decode(self, body: memoryview, query: Mapping[str, str], limit_bytes: int) -> Message:
        """``input`` and ``indices`` as tensors, ``encoding``, everything else as values."""
        fields, entries = _read(body, query)
        encoding = fields.pop("encoding", "list")
        if not isinstance(encoding, str) or encoding not in _ENCODINGS:
            message = f"encoding is {describe_value(encoding)}; it is one of {', '.join(_ENCODINGS)}."
            problem = FieldProblem("/encoding", "range", message)
            raise Unprocessable("invalid_fields", message, problems=(problem,))
        tensors = {name: read_tensor(name, entry) for name, entry in entries.items()}
        return Message(tensors, fields, dict(query), encoding)

    def decoding_bytes(self, body: memoryview) -> int:
        """What its numbers are until they lie in arrays."""
        return (swells() - 1) * len(body)

    def encode(self, message: Message) -> Encoded:
        """One entry a tensor, as lists or as base64."""
        return Encoded(self.media_types[0], (encode_json(message),), owns_memory=True)

    def encoding_bytes(self, outputs: Mapping[str, Outline], json_encoding: str) -> int:
        """The text, by its longest digits."""
        return 2 + sum(max_text_bytes(outline, json_encoding) for outline in outputs.values())

    def accepts_outputs(self, count: int) -> bool:
        """Any number, by name."""
        return True


def decode_plan(
    body: memoryview, query: Mapping[str, str], limit_bytes: int
) -> tuple[dict[str, Outline], dict[str, object], dict[str, str]]:
    """The outlines, values and texts of a request to plan: shape and element type, no elements.

    Raises:
        Malformed: the body is not JSON.
        Unprocessable: a tensor with elements, without a shape, or that cannot be pooled.
    """
    fields, entries = _read(body, query)
    return {name: read_metadata(name, entry) for name, entry in entries.items()}, fields, dict(query)


JSON: Final = JsonCodec()
