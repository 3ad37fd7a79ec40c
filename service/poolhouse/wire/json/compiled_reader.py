"""Parse a JSON body with the compiled scanner, which makes no Python objects of numbers and releases the GIL."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import orjson

from poolhouse.errors import PoolhouseError
from poolhouse.tensor_names import TENSOR_NAMES
from poolhouse.wire.json import list_scanner, number_scanner, scanner
from poolhouse.wire.json.base64 import ScannedBase64
from poolhouse.wire.json.body_scan import BodyScan, ScannedList
from poolhouse.wire.json.key_checks import count_keys, refuse_duplicate_keys
from poolhouse.wire.json.refusals import (
    MAX_NON_TENSOR_BYTES,
    body_too_long_error,
    field_too_large_error,
    json_syntax_error,
    nested_too_deep_error,
    not_an_object_error,
    strict_loads,
    too_many_fields_error,
)

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
_TAIL_BYTES: Final = 64


def is_ready() -> bool:
    """Whether the compiled loops are loaded; all are loaded together, before the service is ready."""
    return scanner.scan_body.entry is not None


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
