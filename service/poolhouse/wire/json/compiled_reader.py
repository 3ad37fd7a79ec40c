"""Parse a JSON body with the compiled scanner, which makes no Python objects of numbers and releases the GIL."""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson

from poolhouse.buffers import empty
from poolhouse.dtypes import UINT64
from poolhouse.errors import PoolhouseError
from poolhouse.tensor_names import TENSOR_NAMES
from poolhouse.wire.json import list_scanner, number_scanner, scanner
from poolhouse.wire.json.base64 import ScannedBase64
from poolhouse.wire.json.decimal_to_float import SCRATCH_SIZE
from poolhouse.wire.json.key_checks import count_keys, refuse_duplicate_keys
from poolhouse.wire.json.narrowing import Array, narrow_floats, narrow_integers
from poolhouse.wire.json.refusals import (
    MAX_NON_TENSOR_BYTES,
    NONFINITE,
    ElementChecker,
    body_too_long_error,
    field_too_large_error,
    invalid_data_error,
    json_syntax_error,
    nested_too_deep_error,
    not_an_object_error,
    strict_loads,
    too_many_fields_error,
)
from poolhouse.wire.quoting import describe_value

_ANY_KIND: Final = 127
_ALLOWED_KINDS: Final = {
    "float": number_scanner.INTEGER | number_scanner.FLOAT | number_scanner.NONFINITE_TEXT | number_scanner.INEXACT,
    "integer": number_scanner.INTEGER | number_scanner.FLOAT | number_scanner.INEXACT,
    "boolean": number_scanner.BOOLEAN,
}
"""The allowed kinds of JSON values for the elements of each kind of type."""
_NEEDS_INTEGER_SCAN: Final = number_scanner.FLOAT | number_scanner.INEXACT | number_scanner.NOT_INTEGER
_WIDE_TYPES: Final[dict[int, np.dtype[Any]]] = {
    number_scanner.AS_FLOAT64: np.dtype(np.float64),
    number_scanner.AS_INT64: np.dtype(np.int64),
    number_scanner.AS_UINT64: np.dtype(np.uint64),
}
"""How the scanner stores elements."""
_WIDE_BYTES: Final = 8
_PARSER_MESSAGES: Final = {
    number_scanner.OVERFLOW: "number is infinity when parsed as double",
    number_scanner.MISSING_DIGIT: "no digit after sign",
    number_scanner.LEADING_ZERO: "number with leading zero is not allowed",
    number_scanner.MISSING_FRACTION: "no digit after decimal point",
    number_scanner.MISSING_EXPONENT: "no digit after exponent sign",
    list_scanner.EXPECTED_VALUE: "unexpected character, expected a JSON value",
    list_scanner.EXPECTED_COMMA: "unexpected character, expected ',' or ']'",
    list_scanner.TRAILING_COMMA: "trailing comma is not allowed",
    list_scanner.INVALID_LITERAL: "invalid literal",
    list_scanner.UNEXPECTED_END: "unexpected end of data",
}
_LISTED_ADVICE: Final = "write the elements of an input as its data, and everything else as simple values."
_WHITESPACE: Final = b" \t\r\n"
_CLOSING_BRACE: Final = ord("}")
_MAX_EMPTY_LISTS: Final = 512 * 1024
_TAIL_BYTES: Final = 64
_UNCOUNTED_MAX_BYTES: Final = 16 * 1024
_MAX_QUOTED_BYTES: Final = 1024


def is_ready() -> bool:
    """Whether the compiled loops are loaded; all are loaded together, before the service is ready."""
    return scanner.scan_body.entry is not None


class BodyScan:
    """A body and the tensors that the scanner found in it.

    Args:
        text: the body.
        end: the end of its last ``}``.
        form: of the body; see :mod:`.scanner`.
    """

    def __init__(self, text: memoryview, end: int, form: int = scanner.NAMED) -> None:
        self.text = text
        self.form = form
        self._content_end = end
        # Always read-only: the loops are compiled for one type of array.
        self._bytes: npt.NDArray[np.uint8] = np.frombuffer(text, np.uint8)
        # An element takes at least two bytes of text. In longer texts elements are counted, as most take more.
        max_elements = end // 2 + 1 if end <= _UNCOUNTED_MAX_BYTES else scanner.max_element_count(self._bytes, end)
        self._bits = empty((SCRATCH_SIZE + max_elements,), np.uint64)
        self._bare = number_scanner.BARE_NONFINITE if form == scanner.LISTED else 0
        self._result = np.empty(scanner.RESULT_SIZE, np.int64)
        self.status: int = scanner.scan_body(self._bytes, end, form, _ANY_KIND | self._bare, self._bits, self._result)
        # A memoryview, because indexing one is faster than indexing an array.
        self.found: memoryview[int] = self._result.data
        # Of the lists that were read, the kinds of the first scan: a scan as integers does not report INEXACT.
        self._first_kinds: dict[int, int] = {}

    def list_span(self, tensor: int) -> tuple[int, int]:
        """The offsets of a tensor's list; 0 if there is none."""
        start = scanner.LIST_RECORDS + tensor * list_scanner.RECORD_SIZE
        return self.found[start + list_scanner.BEGIN], self.found[start + list_scanner.END]

    def base64_span(self, tensor: int) -> tuple[int, int]:
        """The offsets of a tensor's base64, without the quotes; 0 if there is none."""
        start = scanner.BASE64_SPANS + 2 * tensor
        return self.found[start], self.found[start + 1]

    def sizes(self, tensor: int) -> memoryview[int]:
        """The lengths of a tensor's nested lists, outermost first."""
        start = scanner.LIST_RECORDS + tensor * list_scanner.RECORD_SIZE
        first = start + list_scanner.SIZES + 1
        return self.found[first : first + self.found[start + list_scanner.RANK]]

    def holds_booleans(self, tensor: int) -> bool:
        """Whether a tensor's list has elements, and all are true or false."""
        kinds = self.found[scanner.LIST_RECORDS + tensor * list_scanner.RECORD_SIZE + list_scanner.KINDS]
        return self._first_kinds.get(tensor, kinds) == number_scanner.BOOLEAN

    def read_elements(self, tensor: int, checker: ElementChecker) -> Array:
        """The elements of a tensor's list, in its shape.

        Raises:
            Unprocessable: the list is ragged, or an element is invalid for the type.
        """
        kind = checker.dtype.kind
        start = scanner.LIST_RECORDS + tensor * list_scanner.RECORD_SIZE
        record, allowed = self.found[start : start + list_scanner.RECORD_SIZE], _ALLOWED_KINDS[kind]
        was_read = tensor in self._first_kinds
        kinds = self._first_kinds.setdefault(tensor, record[list_scanner.KINDS])
        as_integers = number_scanner.AS_FLOAT64
        if kind == "integer" and kinds & _NEEDS_INTEGER_SCAN:
            as_integers = number_scanner.AS_UINT64 if checker.dtype is UINT64 else number_scanner.AS_INT64
        if was_read or record[list_scanner.FAULT] or kinds & ~allowed or as_integers:
            # Only this list, so that no text is scanned a third time, however many tensors there are.
            begin = record[list_scanner.BEGIN]
            allowed |= self._bare
            scanner.scan_list(
                self._bytes, self._content_end, begin, allowed, as_integers, self._bits, self._result, start
            )
            if record[list_scanner.FAULT]:
                self._raise_fault(record, checker)
        shape = tuple(self.sizes(tensor))
        if not record[list_scanner.ELEMENT_COUNT] and math.prod(size for size in shape if size) > _MAX_EMPTY_LISTS:
            raise invalid_data_error(
                f"{checker.name} holds more than {_MAX_EMPTY_LISTS} lists and no element; "
                "send its elements, or its shape.",
                checker.pointer,
            )
        wide: npt.NDArray[Any] = np.ndarray(
            (record[list_scanner.ELEMENT_COUNT],),
            _WIDE_TYPES[as_integers],
            self._bits,
            _WIDE_BYTES * record[list_scanner.FIRST_ELEMENT],
        )
        if kind == "float":
            flat = narrow_floats(wide, record[list_scanner.MAX_MAGNITUDE], checker, shape)
        elif kind == "integer":
            flat = narrow_integers(wide, checker, shape)
        else:
            flat = wide.astype(np.bool_)
        return flat.reshape(shape)

    def _raise_fault(self, record: memoryview[int], checker: ElementChecker) -> None:
        fault, level = record[list_scanner.FAULT], record[list_scanner.FAULT_LEVEL]
        size = record[list_scanner.SIZES + level]
        if fault == list_scanner.UNEQUAL_LENGTH:
            raise checker.ragged_error(level, size, f"a list of {record[list_scanner.FAULT_COUNT]}")
        value = (
            []
            if fault == list_scanner.UNEXPECTED_LIST
            else self._faulty_value(record[list_scanner.FAULT_BEGIN], record[list_scanner.FAULT_END])
        )
        if fault == list_scanner.NOT_A_LIST:
            raise checker.ragged_error(level, size, describe_value(value))
        checker.check(value, record[list_scanner.INDEX : list_scanner.INDEX + level].tolist())
        raise AssertionError("it is no element")

    def _faulty_value(self, begin: int, end: int) -> object:
        """The invalid value, for an error message."""
        if self.text[begin] == ord("{"):
            return {}
        if end - begin > _MAX_QUOTED_BYTES and self.text[begin] == ord('"'):
            return bytes(self.text[begin + 1 : begin + _MAX_QUOTED_BYTES]).decode(errors="replace")
        bare = NONFINITE.get(bytes(self.text[begin : min(end, begin + _MAX_QUOTED_BYTES)]).decode("latin-1"))
        return strict_loads(self.text[begin:end]) if bare is None else bare


class ScannedList(NamedTuple):
    """A tensor's list in a scanned body."""

    scan: BodyScan
    tensor: int

    @property
    def sizes(self) -> memoryview[int]:
        """See :meth:`BodyScan.sizes`."""
        return self.scan.sizes(self.tensor)

    @property
    def holds_booleans(self) -> bool:
        """See :meth:`BodyScan.holds_booleans`."""
        return self.scan.holds_booleans(self.tensor)

    def read_elements(self, checker: ElementChecker) -> Array:
        """See :meth:`BodyScan.read_elements`."""
        return self.scan.read_elements(self.tensor, checker)


_Spans = list[tuple[int, int, bytes]]


class ScannedText(NamedTuple):
    """A scanned body: its text without the data of its tensors, and these data, unconverted.

    Attributes:
        text: the whole text.
        remainder: the text, with an empty list or string in place of the data of each tensor.
        spans: the offsets of these data in the whole text, and what replaces them.
        key_count: the number of keys of all objects.
        lists: the lists by the number of the tensor, which is its place in ``TENSOR_NAMES`` or, in the form LISTED,
            that of its object in ``inputs``.
        base64: likewise the strings of base64, in the form NAMED.
    """

    text: memoryview
    remainder: memoryview | bytes
    spans: _Spans
    key_count: int
    lists: dict[int, ScannedList]
    base64: dict[int, ScannedBase64]

    def parse(self) -> dict[str, Any]:
        """Parse the remainder strictly.

        Raises:
            Malformed: it is no JSON.
            Unprocessable: it is no object, holds too many values, or a name twice.
            TooLarge: it is too long.
        """
        document = _parse_remainder(self.text, self.remainder, self.spans)
        if not isinstance(document, dict):
            raise not_an_object_error(document)
        if count_keys(document) != self.key_count:
            refuse_duplicate_keys(self.remainder)
        return document

    def parse_named(self) -> dict[str, Any]:
        """As :meth:`parse`, of a body in the form NAMED, with the unconverted data in their places."""
        document = self.parse()
        for tensor, data in self.lists.items():
            entry = document[TENSOR_NAMES[tensor]]
            if isinstance(entry, dict):
                entry["data"] = data
            else:
                document[TENSOR_NAMES[tensor]] = data
        for tensor, encoded in self.base64.items():
            document[TENSOR_NAMES[tensor]]["base64"] = encoded
        return document


def scan(text: memoryview, form: int = scanner.NAMED) -> ScannedText:
    """Scan a body for the data of its tensors; in the form LISTED, of the first ``MAX_TENSORS`` objects of ``inputs``.

    Raises:
        Malformed, Unprocessable: the body, or a number in a list, is no JSON.
    """
    end = _content_end(text)
    if not end or text[end - 1] != _CLOSING_BRACE:
        raise _whole_text_error(text, end)
    found = BodyScan(text, end, form)
    if found.status:
        raise _scan_error(found)
    # Not dict[int, ScannedList](): calling such an alias takes a microsecond.
    spans: _Spans = []
    lists: dict[int, ScannedList] = {}
    base64: dict[int, ScannedBase64] = {}
    for tensor in range(found.found[scanner.TENSOR_END]):
        begin, stop = found.list_span(tensor)
        if stop:
            # guard: list-leaves-empty-list
            spans.append((begin, stop, b"[]"))
            lists[tensor] = ScannedList(found, tensor)
        begin, stop = found.base64_span(tensor)
        if begin:
            spans.append((begin - 1, stop + 1, b'""'))
            base64[tensor] = ScannedBase64(text, begin, stop)
    spans.sort()
    return ScannedText(text, _replace_spans(text, spans), spans, found.found[scanner.KEY_COUNT], lists, base64)


def _content_end(text: memoryview) -> int:
    """The length of the text without trailing whitespace."""
    if text and text[-1] == _CLOSING_BRACE:
        return len(text)
    last = bytes(text[-_TAIL_BYTES:])
    kept = last.rstrip(_WHITESPACE)
    return len(text) - len(last) + len(kept) if kept else len(bytes(text).rstrip(_WHITESPACE))


def _replace_spans(text: memoryview, spans: _Spans) -> memoryview | bytes:
    """The text with each span replaced."""
    if not spans:
        return text
    kept: list[bytes | memoryview] = []
    at = 0
    for begin, stop, replacement in spans:
        kept += text[at:begin], replacement
        at = stop
    return b"".join((*kept, text[at:]))


def _parse_remainder(text: memoryview, remainder: memoryview | bytes, spans: _Spans) -> Any:
    """Parse the text without its tensors' data strictly; errors give the position in the whole text."""
    # guard: long-json-text-is-refused
    if len(remainder) > MAX_NON_TENSOR_BYTES:
        raise body_too_long_error()
    try:
        return orjson.loads(remainder)
    except orjson.JSONDecodeError as error:
        at = error.pos
        for begin, stop, replacement in spans:
            if begin < at:
                at += stop - begin - len(replacement)
        raise json_syntax_error(text, error.msg, at) from None


def _whole_text_error(text: memoryview, end: int) -> PoolhouseError:
    """The error for a text that is not one JSON object."""
    if len(text) > MAX_NON_TENSOR_BYTES and bytes(text[:_TAIL_BYTES]).lstrip(_WHITESPACE)[:1] == b"{":
        return json_syntax_error(text, "unexpected end of data", end)
    if len(text) > MAX_NON_TENSOR_BYTES:
        # Some errors can be recognised by the first bytes alone.
        refusal = json_syntax_error(text, "", 0)
        return body_too_long_error() if "at character" in refusal.detail else refusal
    try:
        return not_an_object_error(strict_loads(text))
    except PoolhouseError as refusal:
        return refusal


def _scan_error(scan: BodyScan) -> PoolhouseError:
    text, found, status = scan.text, scan.found, scan.status
    if status == scanner.TOO_MANY_KEYS:
        return too_many_fields_error()
    name = "input"
    if found[scanner.KEY_END]:
        named = strict_loads(text[found[scanner.KEY_BEGIN] : found[scanner.KEY_END]])
        assert isinstance(named, str)
        name = named
    # guard: many-json-values-are-refused
    if status == scanner.TOO_MANY_VALUES:
        return field_too_large_error(name, _LISTED_ADVICE if scan.form == scanner.LISTED else "")
    if status == list_scanner.TOO_DEEP:
        return nested_too_deep_error(name, f"/{name}")
    if status < 0:
        return json_syntax_error(text, _PARSER_MESSAGES[status], found[scanner.ERROR_AT])
    return _whole_text_error(text, len(text))
