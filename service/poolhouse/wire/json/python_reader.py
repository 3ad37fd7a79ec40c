"""Parse a JSON body without compiled loops, where numba is not installed.

All numbers become Python objects first: this is slower, takes more memory and holds the GIL. The results are the same.
"""

from __future__ import annotations

import binascii
import json
import re
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import orjson

from poolhouse.dtypes import UINT64
from poolhouse.tensor_names import TENSOR_TYPES
from poolhouse.wire.elements import MAX_RANK
from poolhouse.wire.json.base64 import (
    MAX_PREFIX_CHARS,
    data_url_prefix_length,
    inner_padding_error,
    invalid_character_error,
    invalid_length_error,
)
from poolhouse.wire.json.key_checks import count_keys, refuse_duplicate_keys
from poolhouse.wire.json.narrowing import Array, index_at, narrow_floats, narrow_integers
from poolhouse.wire.json.refusals import (
    MAX_BODY_FIELDS,
    ElementChecker,
    invalid_data_error,
    json_syntax_error,
    nested_too_deep_error,
    not_an_object_error,
    strict_loads,
    too_many_fields_error,
)
from poolhouse.wire.json.scanner import MAX_TENSORS
from poolhouse.wire.quoting import describe_value

_INVALID_CHARACTER: Final = re.compile(r"[^A-Za-z0-9+/_= \t\r\n-]")
_MINUS_ZERO: Final = re.compile(rb"-0[,\] \t\r\n]")
_STRING_OR_NONFINITE: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?|(?<![\w.+-])(NaN|-?Infinity)(?![\w.+-])', re.DOTALL)
_TO_STANDARD: Final = str.maketrans("-_", "+/", " \t\r\n")
_MAX_LISTS: Final = 512 * 1024
"""The maximum number of lists: each takes thirty times the memory of its brackets."""
_EXACT_TYPES: Final[dict[str, frozenset[type]]] = {
    "float": frozenset({float, int}),
    "integer": frozenset({int}),
    "boolean": frozenset({bool}),
}
"""The Python types that are valid for each kind without a check of every element; integers have a range, too."""


@dataclass(frozen=True, slots=True)
class ParsedList:
    """The parsed list of a tensor."""

    data: list[Any]

    @property
    def holds_booleans(self) -> bool:
        """Whether the list has elements, and all are true or false."""
        found, open_lists = False, [self.data]
        while open_lists:
            for value in open_lists.pop():
                if isinstance(value, list):
                    open_lists.append(value)
                elif type(value) is not bool:
                    return False
                else:
                    found = True
        return found

    def read_elements(self, checker: ElementChecker) -> Array:
        """Check and convert the elements.

        Raises:
            Unprocessable: the list is ragged or an element is invalid; names the first fault and its index.
        """
        shape = _infer_shape(self.data, checker)
        flat = _flatten(self.data, shape, checker)
        if not set(map(type, flat)) <= _EXACT_TYPES[checker.dtype.kind]:
            flat = [checker.check(value, index_at(place, shape)) for place, value in enumerate(flat)]
        if checker.dtype.kind == "boolean":
            return np.array(flat, np.bool_).reshape(shape)
        if checker.dtype.kind == "integer":
            wide = np.uint64 if checker.dtype is UINT64 else np.int64
            least, most = int(np.iinfo(wide).min), int(np.iinfo(wide).max)
            for place, value in enumerate(flat):
                if not least <= value <= most:
                    checker.check(value, index_at(place, shape))
            return narrow_integers(np.array(flat, wide), checker, shape).reshape(shape)
        reals = np.array(flat, np.float64)
        greatest = int(np.abs(reals).view(np.int64).max(initial=0))
        return narrow_floats(reals, greatest, checker, shape).reshape(shape)


def _infer_shape(data: object, checker: ElementChecker) -> tuple[int, ...]:
    """The shape according to the first entry of each level."""
    shape: list[int] = []
    while isinstance(data, list):
        if len(shape) == MAX_RANK:
            raise nested_too_deep_error(checker.name, checker.pointer)
        shape.append(len(data))
        if not data:
            break
        data = data[0]
    return tuple(shape)


def _flatten(data: object, shape: tuple[int, ...], checker: ElementChecker) -> list[Any]:
    """The elements in C order; checks that every list has the length of the shape."""
    level = [data]
    for depth, size in enumerate(shape):
        below: list[object] = []
        for entry in level:
            if not isinstance(entry, list) or len(entry) != size:
                raise checker.ragged_error(depth + 1, size, describe_value(entry))
            below += entry
        level = below
    return level


@dataclass(frozen=True, slots=True)
class ParsedBase64:
    """The base64 string of a tensor."""

    text: str

    def decode(self) -> memoryview:
        """The decoded bytes.

        Raises:
            NotBase64: the string is no base64.
        """
        begin = data_url_prefix_length(self.text[:MAX_PREFIX_CHARS])
        found = _INVALID_CHARACTER.search(self.text, begin)
        if found is not None:
            raise invalid_character_error(found[0], found.start())
        kept = self.text[begin:].translate(_TO_STANDARD)
        digits = kept.rstrip("=")
        if "=" in digits:
            raise inner_padding_error(self.text.index("=", begin))
        last = len(digits) % 4
        if last == 1 or len(kept) - len(digits) > (4 - last if last else 0):
            raise invalid_length_error()
        return memoryview(binascii.a2b_base64(digits + "=" * (-last % 4)))


def read(text: memoryview) -> dict[str, Any]:
    """Parse a body strictly; the lists and base64 strings of tensors stay unconverted.

    Raises:
        Malformed: the body is no JSON.
        Unprocessable: it is no object, holds too many values, or a name twice.
    """
    whole = bytes(text)
    _check_token_counts(whole)
    document = strict_loads(whole)
    if not isinstance(document, dict):
        raise not_an_object_error(document)
    with_signed_zeros = json.loads(whole, parse_int=_parse_signed_zero) if _MINUS_ZERO.search(whole) else document
    data: list[tuple[dict[str, Any], str, ParsedList | ParsedBase64]] = []
    for name, entry in document.items():
        if name not in TENSOR_TYPES:
            continue
        if isinstance(entry, list):
            data.append((document, name, ParsedList(with_signed_zeros[name])))
        elif isinstance(entry, dict):
            if isinstance(entry.get("data"), list):
                data.append((entry, "data", ParsedList(with_signed_zeros[name]["data"])))
            if isinstance(entry.get("base64"), str):
                data.append((entry, "base64", ParsedBase64(entry["base64"])))
    for parent, key, value in data:
        parent[key] = value
    if whole.count(b":") != count_keys(document):
        refuse_duplicate_keys(whole)
    return document


def read_listed(text: memoryview) -> tuple[dict[str, Any], dict[int, ParsedList]]:
    """Parse a body whose key ``inputs`` holds a list of objects; see :func:`.compiled_reader.scan`.

    Returns:
        the document, and the lists ``data`` by the number of their object.

    Raises:
        Malformed: the body is no JSON.
        Unprocessable: it is no object, holds too many values, or a name twice.
    """
    whole = bytes(text)
    _check_token_counts(whole)
    try:
        document, bare = orjson.loads(whole), list[int]()
    except orjson.JSONDecodeError as error:
        bare = [found.start(1) for found in _STRING_OR_NONFINITE.finditer(whole) if found[1]]
        if not bare:
            raise json_syntax_error(text, error.msg, error.pos) from None
        document = strict_loads(_STRING_OR_NONFINITE.sub(_as_number, whole))
    if not isinstance(document, dict):
        raise not_an_object_error(document)
    exact = _parse_exactly(whole) if bare or _MINUS_ZERO.search(whole) else document
    lists: dict[int, ParsedList] = {}
    for number, (entry, exact_entry) in enumerate(zip(_objects(document), _objects(exact), strict=True)):
        if number < MAX_TENSORS and isinstance(entry.get("data"), list):
            lists[number], entry["data"] = ParsedList(exact_entry["data"]), []
    if bare and len(bare) != sum(_count_bare(each.data) for each in lists.values()):
        # The position is that of one of them, perhaps of one in a list.
        raise json_syntax_error(text, "", bare[-1])
    if whole.count(b":") != count_keys(document):
        refuse_duplicate_keys(whole)
    return document, lists


class _Bare(float):
    """NaN or an infinity that a text holds without quotes."""

    __slots__ = ()


def _as_number(found: re.Match[bytes]) -> bytes:
    """The string itself, or for NaN and infinities a number of the same length."""
    return b"1.0000000"[: len(found[1])] if found[1] else found[0]


def _parse_exactly(whole: bytes) -> dict[str, Any]:
    """Parse a text that the strict parser accepts, apart from NaN and infinities, with these and with -0 as floats."""
    try:
        document: dict[str, Any] = json.loads(whole, parse_int=_parse_signed_zero, parse_constant=_Bare)
    except (ValueError, RecursionError):
        # This parser nests less deep than the strict one.
        raise json_syntax_error(memoryview(whole), "depth", 0) from None
    return document


def _objects(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The objects of the list ``inputs``."""
    entries = document.get("inputs")
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _count_bare(data: list[Any]) -> int:
    """The number of NaN and infinities without quotes in nested lists."""
    count, level = 0, [data]
    while level:
        count += sum(type(each) is _Bare for entries in level for each in entries)
        level = [each for entries in level for each in entries if isinstance(each, list)]
    return count


def _parse_signed_zero(digits: str) -> int | float:
    """An integer as the strict parser returns it, but minus zero as a float with its sign."""
    if digits == "-0":
        return -0.0
    # Longer integers are floats in any case, and Python refuses to parse very long ones.
    number = int(digits) if len(digits) <= 20 else 2**64
    return number if -(2**63) <= number < 2**64 else float(digits)


def _check_token_counts(text: bytes) -> None:
    """Refuse bodies whose parsed objects would take many times their size, by counting characters before parsing."""
    if text.count(b":") > MAX_BODY_FIELDS or text.count(b"{") > MAX_BODY_FIELDS:
        raise too_many_fields_error()
    if text.count(b"[") > _MAX_LISTS:
        raise invalid_data_error(
            f"The body holds more than {_MAX_LISTS} lists; send data as one flat list with a shape, or a binary body "
            "such as application/x-npy.",
            "",
        )
