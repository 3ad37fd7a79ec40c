"""Reads a body with the compiled scanner: its numbers never become objects, and the interpreter is free meanwhile."""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson

from poolhouse.buffers import empty
from poolhouse.errors import PoolhouseError
from poolhouse.wire.json import lists, numbers, scanner
from poolhouse.wire.json.base64 import ScannedBase64
from poolhouse.wire.json.fields import count_keys, refuse_duplicates
from poolhouse.wire.json.narrowing import Array, narrow_floats, narrow_integers
from poolhouse.wire.json.nearest import SCRATCH_SIZE
from poolhouse.wire.json.refusals import (
    TENSOR_NAMES,
    WHOLE_BYTES,
    ElementChecker,
    bad_data,
    strict_loads,
    nested_too_deep,
    no_json,
    no_object,
    too_long,
    too_many_fields,
    too_much,
)
from poolhouse.wire.quoting import describe_value

_ANY: Final = 127
_ALLOWED: Final = {
    "float": numbers.INTEGER | numbers.FLOAT | numbers.NONFINITE_TEXT | numbers.INEXACT,
    "integer": numbers.INTEGER | numbers.FLOAT | numbers.INEXACT,
    "boolean": numbers.BOOLEAN,
}
"""The kinds that elements of a type may be."""
_NOT_EXACT: Final = numbers.FLOAT | numbers.INEXACT | numbers.NOT_INT64
_COMPLAINTS: Final = {
    numbers.OVERFLOW: "number is infinity when parsed as double",
    numbers.NO_DIGIT: "no digit after sign",
    numbers.LEADING_ZERO: "number with leading zero is not allowed",
    numbers.NO_FRACTION: "no digit after decimal point",
    numbers.NO_EXPONENT: "no digit after exponent sign",
    lists.NO_VALUE: "unexpected character, expected a JSON value",
    lists.NO_COMMA: "unexpected character, expected ',' or ']'",
    lists.COMMA_AT_END: "trailing comma is not allowed",
    lists.NO_LITERAL: "invalid literal",
    lists.CUT_OFF: "unexpected end of data",
}
_SPACE: Final = b" \t\r\n"
_MOST_EMPTY: Final = 512 * 1024
_LAST_BYTES: Final = 64
_SHORT_BYTES: Final = 16 * 1024
_SHOWN_BYTES: Final = 1024


def is_ready() -> bool:
    """Whether the loops of this package can be called; they are loaded together, before the service is ready."""
    return scanner.scan_body.entry is not None


class BodyScan:
    """A body and what the scanner found in it.

    Args:
        text: the body.
        end: behind its last ``}``.
    """

    def __init__(self, text: memoryview, end: int) -> None:
        self.text = text
        self._end = end
        # Read-only in any case: loops are compiled for one type of array.
        self._bytes: npt.NDArray[np.uint8] = np.frombuffer(text, np.uint8)
        # An element takes two bytes of text at least; mostly more, and then they are counted.
        most = end // 2 + 1 if end <= _SHORT_BYTES else scanner.max_element_count(self._bytes, end)
        self._bits = empty((SCRATCH_SIZE + most,), np.uint64)
        self._read_for = (_ANY, 0)
        self.status = self._scan()
        # As they were found at first: what is read as integers is not told to be wide any more.
        self._kinds = [self.list_record(tensor)[lists.KINDS] for tensor in range(len(TENSOR_NAMES))]

    def _scan(self) -> int:
        found = np.zeros(scanner.RESULT_SIZE, np.int64)
        status: int = scanner.scan_body(self._bytes, self._end, *self._read_for, self._bits, found)
        # Of some hundred numbers a few are looked at.
        self.found: memoryview[int] = found.data
        return status

    def list_record(self, tensor: int) -> memoryview[int]:
        """What the list of a tensor is."""
        start = scanner.LIST_RECORDS + tensor * lists.RECORD_SIZE
        return self.found[start : start + lists.RECORD_SIZE]

    def read_elements(self, tensor: int, checker: ElementChecker) -> Array:
        """The elements of a tensor that is a list, in its shape.

        Raises:
            Unprocessable: it is ragged, or holds something else.
        """
        kind = checker.dtype.kind
        record, allowed = self.list_record(tensor), _ALLOWED[kind]
        kinds = self._kinds[tensor]
        as_integers = int(kind == "integer" and kinds & _NOT_EXACT != 0)
        if self._read_for != (_ANY, 0) or record[lists.FAULT] or kinds & ~allowed or as_integers:
            # Once more, for this tensor; whatever was read for another one has been taken.
            self._read_for = (allowed, as_integers)
            self._scan()
            record = self.list_record(tensor)
            if record[lists.FAULT]:
                self._refuse(record, checker)
        shape = tuple(record[lists.SIZES + 1 : lists.SIZES + 1 + record[lists.RANK]])
        if not record[lists.ELEMENT_COUNT] and math.prod(size for size in shape if size) > _MOST_EMPTY:
            raise bad_data(
                f"{checker.name} holds more than {_MOST_EMPTY} lists and no element; send its elements, or its shape.",
                checker.pointer,
            )
        first = record[lists.FIRST_ELEMENT]
        bits = self._bits[first : first + record[lists.ELEMENT_COUNT]]
        if as_integers:
            flat = narrow_integers(bits.view(np.int64), checker, shape)
        elif kind == "integer":
            flat = narrow_integers(bits.view(np.float64), checker, shape)
        elif kind == "boolean":
            flat = bits.astype(np.bool_)
        else:
            flat = narrow_floats(bits.view(np.float64), record[lists.MAX_MAGNITUDE], checker, shape)
        return flat.reshape(shape)

    def _refuse(self, record: memoryview[int], checker: ElementChecker) -> None:
        fault, level = record[lists.FAULT], record[lists.FAULT_LEVEL]
        size = record[lists.SIZES + level]
        if fault == lists.UNEQUAL_LENGTH:
            raise checker.ragged_error(level, size, f"a list of {record[lists.FAULT_COUNT]}")
        value = [] if fault == lists.A_LIST else self._value(record[lists.FAULT_BEGIN], record[lists.FAULT_END])
        if fault == lists.NOT_A_LIST:
            raise checker.ragged_error(level, size, describe_value(value))
        checker.check(value, record[lists.INDEX : lists.INDEX + level].tolist())
        raise AssertionError("it is no element")

    def _value(self, begin: int, end: int) -> object:
        """What stands there, to be shown."""
        if self.text[begin] == ord("{"):
            return {}
        if end - begin > _SHOWN_BYTES and self.text[begin] == ord('"'):
            return bytes(self.text[begin + 1 : begin + _SHOWN_BYTES]).decode(errors="replace")
        return strict_loads(self.text[begin:end])


class ScannedList(NamedTuple):
    """A tensor's list of a body, its numbers read."""

    scan: BodyScan
    tensor: int

    def read_elements(self, checker: ElementChecker) -> Array:
        """As of the scan."""
        return self.scan.read_elements(self.tensor, checker)


def read(text: memoryview) -> dict[str, Any]:
    """A body as the strict parser reads it, but for the lists and the base64 of tensors.

    Raises:
        Malformed: it is no JSON.
        Unprocessable: it is no object, holds more than a request can, or a name twice.
        TooLarge: it holds too much beside its tensors' numbers.
    """
    end = _end(text)
    if not end or text[end - 1] != ord("}"):
        raise _refusal_of_whole(text, end)
    scan = BodyScan(text, end)
    if scan.status:
        raise _refusal(scan)
    found, cuts, tensors = scan.found, [], dict[int, ScannedList | ScannedBase64]()
    for tensor in range(len(TENSOR_NAMES)):
        begin, stop = scan.list_record(tensor)[lists.BEGIN : lists.END + 1]
        if stop:
            # guard: list-leaves-empty-list
            cuts.append((begin, stop, b"[]"))
            tensors[tensor] = ScannedList(scan, tensor)
        begin, stop = found[scanner.BASE64_SPANS + 2 * tensor : scanner.BASE64_SPANS + 2 * tensor + 2]
        if begin:
            cuts.append((begin - 1, stop + 1, b'""'))
            tensors[tensor] = ScannedBase64(text, begin, stop)
    cuts.sort()
    rest = _without(text, cuts)
    document = _loads(text, rest, cuts)
    if not isinstance(document, dict):
        raise no_object(document)
    if count_keys(document) != found[scanner.KEY_COUNT]:
        refuse_duplicates(rest)
    for tensor, value in tensors.items():
        entry = document[TENSOR_NAMES[tensor]]
        if isinstance(entry, dict):
            entry["data" if isinstance(value, ScannedList) else "base64"] = value
        else:
            document[TENSOR_NAMES[tensor]] = value
    return document


def _end(text: memoryview) -> int:
    """Behind the last character that is no space."""
    last = bytes(text[-_LAST_BYTES:])
    kept = last.rstrip(_SPACE)
    return len(text) - len(last) + len(kept) if kept else len(bytes(text).rstrip(_SPACE))


def _without(text: memoryview, cuts: list[tuple[int, int, bytes]]) -> memoryview | bytes:
    """The text with something short in place of each cut."""
    if not cuts:
        return text
    kept, at = list[bytes | memoryview](), 0
    for begin, stop, instead in cuts:
        kept += text[at:begin], instead
        at = stop
    return b"".join((*kept, text[at:]))


def _loads(text: memoryview, rest: memoryview | bytes, cuts: list[tuple[int, int, bytes]]) -> Any:
    """What the strict parser reads of what is left; error_lines name the place in the whole text."""
    # guard: long-json-text-is-refused
    if len(rest) > WHOLE_BYTES:
        raise too_long()
    try:
        return orjson.loads(rest)
    except orjson.JSONDecodeError as error:
        at = error.pos
        for begin, stop, instead in cuts:
            if begin < at:
                at += stop - begin - len(instead)
        raise no_json(text, error.msg, at) from None


def _refusal_of_whole(text: memoryview, end: int) -> PoolhouseError:
    """Of a text that is no object from its first to its last character."""
    if len(text) > WHOLE_BYTES and bytes(text[:_LAST_BYTES]).lstrip(_SPACE)[:1] == b"{":
        return no_json(text, "unexpected end of data", end)
    if len(text) > WHOLE_BYTES:
        # For what can be told by the beginning alone.
        refusal = no_json(text, "", 0)
        return too_long() if "at character" in refusal.detail else refusal
    try:
        return no_object(strict_loads(text))
    except PoolhouseError as refusal:
        return refusal


def _refusal(scan: BodyScan) -> PoolhouseError:
    text, found, status = scan.text, scan.found, scan.status
    if status == scanner.MANY_KEYS:
        return too_many_fields()
    name = "input"
    if found[scanner.KEY_END]:
        named = strict_loads(text[found[scanner.KEY_BEGIN] : found[scanner.KEY_END]])
        assert isinstance(named, str)
        name = named
    # guard: many-json-values-are-refused
    if status == scanner.MANY_NODES:
        return too_much(name)
    if status == lists.TOO_DEEP:
        return nested_too_deep(name, f"/{name}")
    if status < 0:
        return no_json(text, _COMPLAINTS[status], found[scanner.WRONG_AT])
    return _refusal_of_whole(text, len(text))
