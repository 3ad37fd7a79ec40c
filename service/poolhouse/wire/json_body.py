"""JSON: tensors as nested or flat numbers or as base64, spec fields beside them.

Numbers go from the parser into the array at full speed; nobody looks at them one by one. What the fast way
would let through silently (true as 1, null as NaN, "1" as 1, a key given twice) is caught by counting in
the raw bytes: quotes, colons, true and false, against what the parsed document accounts for; and by counting
what is not finite, against the strings that spell it. A count of the raw bytes is never too low.
Only when two counts disagree is a tensor walked, slowly and exactly.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import orjson

from poolhouse.errors import FieldProblem, Malformed, TooLarge, Unprocessable
from poolhouse.suggestions import field_hint
from poolhouse.tensors import Message, Outline, Tensor
from poolhouse.wire import json_pieces
from poolhouse.wire.codec import Encoded
from poolhouse.wire.json_answer import encode_json
from poolhouse.wire.json_document import Parsed, TooLongToRead, loads
from poolhouse.wire.json_long import LongBase64, LongList
from poolhouse.wire.json_numbers import NONFINITE, bad_data
from poolhouse.wire.json_size import text_bytes
from poolhouse.wire.json_tensors import (
    DEFAULTS,
    choose,
    count_nonfinite,
    read_exactly,
    read_fast,
    read_given,
    read_outline,
)
from poolhouse.wire.query import duplicate_field, refuse_in_both
from poolhouse.wire.quoting import shown

_ENCODINGS: Final = ("list", "base64")
_MAX_KEYS: Final = 1024
_MAX_NODES: Final = 4096
_MAX_DEPTH: Final = 8
_GLANCE: Final = 256
_FEW_LISTS: Final = 4096
SWELLS: Final = 18
"""A body of JSON takes at most so many times its bytes while it is read: itself, what the parser makes of it, and for
each number an object and its place in a list. The strangest take most; ``tests/wire/test_json_memory.py`` measures
them."""
_SPELLED: Final = tuple(f'"{name}"'.encode() for name in NONFINITE)


def _unreadable(why: str) -> Malformed:
    return Malformed("malformed_body", f"The body is not JSON: {why}")


def _too_long() -> TooLarge:
    return TooLarge(
        "body_too_large",
        "The body is no plain object of numbers, or is damaged where it can only be told from all of it at once, and "
        f"such a body is read up to {json_pieces.WHOLE_BYTES} bytes. Check it with any JSON validator; write a tensor "
        "as nested lists of numbers or as base64, or send it as binary, such as application/x-npy.",
        limit_bytes=json_pieces.WHOLE_BYTES,
    )


def _too_deep() -> Malformed:
    return _unreadable("it is nested too deep. A tensor takes at most 32 levels.")


def _too_much(name: str) -> Unprocessable:
    message = f"{shown(name)} is nested too deep or holds too much for a field; " + (
        field_hint(name, (), tuple(DEFAULTS)) or "send its plain value."
    )
    return Unprocessable("invalid_fields", message, problems=(FieldProblem("/" + name[:60], "type", message),))


def _parse(text: bytes | bytearray) -> Parsed:
    try:
        return loads(text, choose)
    except orjson.JSONDecodeError as error:
        at, complaint = error.pos, error.msg
    except TooLongToRead:
        at, complaint = 0, ""
    if not text[:_GLANCE].strip() and not text.strip():
        raise _unreadable('it is empty. Send an object such as {"input": [[[1, 2], [3, 4]]], "kernel_size": 2}.')
    if text.startswith(b"\xef\xbb\xbf"):
        raise _unreadable("it begins with a byte order mark. Save it without one.")
    if text.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _unreadable("it is UTF-16. Send UTF-8.")
    if not complaint:
        raise _too_long()
    if "depth" in complaint:
        raise _too_deep()
    if "infinity" in complaint:
        raise bad_data(
            f"The number at character {at} is too large: numbers are read as float64. "
            'Write the string "Infinity" where infinity is meant.',
            "",
        )
    if "UTF-8" in complaint or "surrogate" in complaint:
        raise _unreadable("a string in it is not Unicode. Send UTF-8.")
    # The parser counts characters, these are bytes; they agree wherever all before is ASCII.
    if text[at : at + 9].lstrip(b"-").startswith((b"NaN", b"nan", b"Inf", b"inf")):
        raise _unreadable(
            f"NaN or infinity stands bare at character {at}, and JSON has neither. "
            'Write the strings "NaN", "Infinity" and "-Infinity".'
        )
    raise _unreadable(f"{complaint} at character {at}. Check it with any JSON validator.")


def _refuse_hoards(text: bytes | bytearray, limit_bytes: int) -> None:
    """Refuse by counting, before the parser runs, what would unfold to many times its size."""
    if json_pieces.count(text, b":") > _MAX_KEYS:
        raise Unprocessable(
            "invalid_data",
            f"The body holds more than {_MAX_KEYS} fields; send the tensors and the spec only.",
        )
    if json_pieces.count(text, b"{") > _MAX_KEYS:
        raise Unprocessable(
            "invalid_data",
            f"The body holds more than {_MAX_KEYS} objects; send the tensors and the spec only, and numbers as such.",
        )
    lists = json_pieces.count(text, b"[")
    allowed = max(_FEW_LISTS, limit_bytes // 64)
    if lists > allowed and text.count(b"]") > allowed:
        raise Unprocessable(
            "invalid_data",
            f"The body holds {lists} lists, more than the {allowed} that are read; send data flat with its "
            "shape beside it, or a binary type such as application/x-npy.",
        )
    if lists > allowed:
        # More opened than can ever be closed: no need to ask the parser how far it gets.
        raise _unreadable("its lists are not all closed. Send all of it.")


@dataclass(slots=True)
class _Account:
    """What the parsed document explains of the raw counts."""

    keys: int = 0
    texts: int = 0
    spelled: int = 0
    flags: int = 0
    nodes: int = 0

    def add_text(self, text: str) -> None:
        """Count a string that is a field's value."""
        self.texts += 1
        self.spelled += text in NONFINITE

    def add_key(self, key: str) -> None:
        """Count a name, and with it a colon."""
        self.keys += 1
        self.spelled += key in NONFINITE

    def add(self, value: object, name: str, depth: int = 0) -> None:
        """Count the value of a spec field, which may be small lists and objects of such."""
        if type(value) is int or type(value) is float:
            return
        if isinstance(value, str):
            self.add_text(value)
        elif value is True or value is False:
            self.flags += 1
        elif isinstance(value, LongBase64):
            self.texts += 1
        elif isinstance(value, LongList):
            raise _too_much(name)
        elif isinstance(value, list | dict):
            self.nodes += 1 + len(value)
            if depth == _MAX_DEPTH or self.nodes > _MAX_NODES:
                raise _too_much(name)
            if isinstance(value, dict):
                for key in value:
                    self.add_key(key)
            for item in value.values() if isinstance(value, dict) else value:
                self.add(item, name, depth + 1)


@dataclass(frozen=True, slots=True)
class _Document:
    """A body, parsed and sorted, its tensors still as they were written."""

    text: bytes | bytearray
    entries: dict[str, object] = field(default_factory=dict)
    values: dict[str, object] = field(default_factory=dict)
    account: _Account = field(default_factory=_Account)


def _refuse_duplicates(text: bytes | bytearray) -> None:
    """Read the text again with a parser that shows each pair, for the key that stands twice."""

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found: dict[str, object] = {}
        for key, value in pairs:
            if key in found:
                raise duplicate_field(key, "/" + key[:60], "twice in one object")
            found[key] = value
        return found

    try:
        # Only keys are looked at; the length of a number stands for it.
        json.loads(text, object_pairs_hook=once, parse_int=len, parse_float=len)
    except RecursionError:
        raise _too_deep() from None


def _read(body: memoryview, query: Mapping[str, str], limit_bytes: int) -> _Document:
    whole = body.obj
    text = whole if isinstance(whole, bytes | bytearray) and len(whole) == len(body) else json_pieces.copy(body)
    _refuse_hoards(text, limit_bytes)
    read = _parse(text)
    parsed = read.document
    if not isinstance(parsed, dict):
        raise bad_data(f'The body is {shown(parsed)}; send an object such as {{"input": ..., "kernel_size": 2}}.', "")
    document = _Document(text)
    account = document.account
    for name, value in parsed.items():
        account.add_key(name)
        if name not in DEFAULTS:
            account.add(value, name)
            document.values[name] = value
            continue
        document.entries[name] = value
        if isinstance(value, dict):
            for key, item in value.items():
                account.add_key(key)
                # data is for the tensor to account for; a shape holds integers, or is refused.
                if key not in ("data", "shape"):
                    account.add(item, name)
    if json_pieces.count(text, b":") != account.keys:
        _refuse_duplicates(read.skeleton)
    if query:
        refuse_in_both(query, parsed, "the body")
    return document


def _tensors(document: _Document) -> dict[str, Tensor]:
    """The tensors, read fast; and once more exactly, if the counts of the text say so."""
    text, account = document.text, document.account
    givens = [read_given(name, value) for name, value in document.entries.items()]
    if json_pieces.count(text, b"\\"):
        # An escape may hide a quote from the counts.
        return {
            given.name: read_fast(given, True) if given.base64 is not None else read_exactly(given) for given in givens
        }
    strings = json_pieces.count(text, b'"') // 2 - account.keys - account.texts
    tensors: dict[str, Tensor] = {}
    nonfinite = 0
    for given in givens:
        tensor = tensors[given.name] = read_fast(given, strings > 0)
        if given.base64 is None:
            nonfinite += count_nonfinite(tensor)
            if tensor.dtype.kind == "boolean":
                account.flags += tensor.array.size
    # null needs no count: among floats it becomes a NaN that no string accounts for.
    spelled = sum(json_pieces.count(text, each) for each in _SPELLED) - account.spelled if strings else 0
    flags = json_pieces.count(text, b"true") + json_pieces.count(text, b"false")
    if strings == spelled == nonfinite and flags == account.flags:
        return tensors
    return {given.name: read_exactly(given) if given.base64 is None else tensors[given.name] for given in givens}


class JsonCodec:
    """An object of tensors and spec fields."""

    name = "json"
    media_types = ("application/json",)
    is_json = True

    def decode(self, body: memoryview, query: Mapping[str, str], limit_bytes: int) -> Message:
        """``input`` and ``indices`` as tensors, ``encoding``, everything else as values."""
        document = _read(body, query, limit_bytes)
        encoding = document.values.pop("encoding", "list")
        if not isinstance(encoding, str) or encoding not in _ENCODINGS:
            message = f"encoding is {shown(encoding)}; it is one of {', '.join(_ENCODINGS)}."
            problem = FieldProblem("/encoding", "range", message)
            raise Unprocessable("invalid_fields", message, problems=(problem,))
        return Message(_tensors(document), document.values, dict(query), encoding)

    def decoding_bytes(self, body: memoryview) -> int:
        """What its numbers are until they lie in arrays."""
        return (SWELLS - 1) * len(body)

    def encode(self, message: Message) -> Encoded:
        """One entry a tensor, as lists or as base64."""
        return Encoded(self.media_types[0], (encode_json(message),), owns_memory=True)

    def encoding_bytes(self, outputs: Mapping[str, Outline], encoding: str) -> int:
        """The text, by its longest digits."""
        return 2 + sum(text_bytes(outline, encoding) for outline in outputs.values())

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
    document = _read(body, query, limit_bytes)
    outlines = {name: read_outline(name, entry) for name, entry in document.entries.items()}
    return outlines, document.values, dict(query)


JSON: Final = JsonCodec()
