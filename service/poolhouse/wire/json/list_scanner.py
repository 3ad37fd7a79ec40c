"""Compiled: read nested lists of a JSON text into one flat array, in text order.

The grammar is checked to the end of the outermost list. Of valid JSON that is no tensor, such as lists of unequal
lengths or elements of another kind, the first fault is recorded.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from poolhouse.kernels.registry import Element, Flat, helper
from poolhouse.wire.elements import MAX_RANK
from poolhouse.wire.json.decimal_to_float import float64_bits, int64
from poolhouse.wire.json.number_scanner import (
    AS_FLOAT64,
    BARE_NONFINITE,
    BOOLEAN,
    FLOAT,
    INEXACT,
    INTEGER,
    MISSING_DIGIT,
    NONFINITE_TEXT,
    NOT_AN_ELEMENT,
    read_number,
)
from poolhouse.wire.json.plain_numbers import read_plain_numbers

# Syntax errors, beside those of numbers.
EXPECTED_VALUE: Final = -10
EXPECTED_COMMA: Final = -11
TRAILING_COMMA: Final = -12
INVALID_LITERAL: Final = -13
UNEXPECTED_END: Final = -14
TOO_DEEP: Final = -15

# The int64 fields of a list's record: its offsets, its content, and its first fault.
BEGIN: Final = 0
END: Final = 1
FIRST_ELEMENT: Final = 2
ELEMENT_COUNT: Final = 3
RANK: Final = 4
KINDS: Final = 5
MAX_MAGNITUDE: Final = 6
FAULT: Final = 7
FAULT_BEGIN: Final = 8
FAULT_END: Final = 9
FAULT_LEVEL: Final = 10
FAULT_COUNT: Final = 11
SIZES: Final = 12
INDEX: Final = SIZES + MAX_RANK + 2
_COUNTS: Final = INDEX + MAX_RANK + 2
RECORD_SIZE: Final = _COUNTS + MAX_RANK + 2

# Faults.
UNEQUAL_LENGTH: Final = 1
NOT_A_LIST: Final = 2
UNEXPECTED_LIST: Final = 3
WRONG_KIND: Final = 4

MAX_WORD_CHARS: Final = 16
_MAGNITUDE_MASK: Final = np.uint64(2**63 - 1)
_ZERO: Final = np.uint64(0)
_8: Final = np.uint64(8)
_56: Final = np.uint64(56)
_NAN: Final = np.uint64(int.from_bytes(b"NaN", "big"))
_INFINITY: Final = np.uint64(int.from_bytes(b"Infinity", "big"))
_TRUE: Final = np.float64(1).view(np.uint64)
_MINUS: Final = np.uint64(ord("-"))
_FEW: Final = 3
"""Reading fewer numbers than these at once takes longer than one by one, so the next elements are read one by one."""
_SHORTEST_PAUSE: Final = 4
_LONGEST_PAUSE: Final = 64
"""The elements until numbers are read at once again; twice as many after each failure."""
_NUMBER_KINDS: Final = INTEGER | FLOAT | INEXACT


@helper
def parse_unicode_escape(text: Flat, at: int) -> int:
    """The character of four hexadecimal digits; -1 where they are none."""
    character = 0
    for place in range(at, at + 4):
        digit = int64(text[place])
        if 48 <= digit <= 57:
            digit -= 48
        elif 65 <= digit <= 70 or 97 <= digit <= 102:
            digit = (digit | 32) - 87
        else:
            return -1
        character = character * 16 + digit
    return character


@helper
def read_string(text: Flat, at: int, end: int) -> tuple[int, int, Element, Element]:
    """Read a string; its characters are returned only if it is a short ASCII word.

    Args:
        at: the offset after its first quote.

    Returns:
        the offset after its last quote, or -1 if it does not end; its length in characters, or -1 if that is more than
        ``MAX_WORD_CHARS`` or not all are printable ASCII; its last eight characters as a number, and those before.
    """
    length, early, late = 0, _ZERO, _ZERO
    while at < end:
        character = int64(text[at])
        at += 1
        if character == 34:
            return at, length, late, early
        if character == 92:
            if at >= end:
                return -1, -1, late, early
            character = int64(text[at])
            at += 1
            character = parse_unicode_escape(text, at) if character == 117 and at + 4 < end else -1
            if character >= 0:
                at += 4
        if length < 0 or length == MAX_WORD_CHARS or character < 32 or character > 126:
            length = -1
        else:
            early = (early << _8) | (late >> _56)
            late = (late << _8) | np.uint64(character)
            length += 1
    return -1, -1, late, early


@helper
def _nonfinite_value(length: int, late: Element, early: Element) -> float:
    """The value of the words NaN, Infinity and -Infinity; 0 for others."""
    if length == 3 and late == _NAN:
        return np.nan
    if late != _INFINITY or length < 8:
        return 0.0
    return np.inf if length == 8 else -np.inf if length == 9 and early == _MINUS else 0.0


@helper
def _nonfinite_length(text: Flat, at: int, end: int) -> int:
    """The length of the NaN, Infinity or -Infinity without quotes that begins here; 0 if none does."""
    sign = 1 if text[at] == 45 else 0
    word, length = _ZERO, 0
    # Near the end of the text, NaN may be followed by fewer characters than Infinity has.
    while length < 8 and at + sign + length < end:
        word = (word << _8) | np.uint64(text[at + sign + length])
        length += 1
        if length == 3 and sign == 0 and word == _NAN:
            return 3
    return 8 + sign if word == _INFINITY else 0


@helper
def _literal_length(text: Flat, at: int, end: int) -> int:
    """The length of the true, false or null that begins here; 0 if none does."""
    if at + 5 >= end:
        return 0
    last = (int64(text[at + 1]) << 16) | (int64(text[at + 2]) << 8) | int64(text[at + 3])
    if (text[at] == 116 and last == 0x727565) or (text[at] == 110 and last == 0x756C6C):
        return 4
    return 5 if text[at] == 102 and last == 0x616C73 and text[at + 4] == 101 else 0


@helper
def _skip_object(text: Flat, at: int, end: int) -> int:
    """The offset after the object that begins here, which is no valid element; -1 if it does not end."""
    depth = 0
    while at < end:
        character = text[at]
        at += 1
        if character == 34:
            at, _, _, _ = read_string(text, at, end)
            if at < 0:
                return -1
        elif character == 123:
            depth += 1
        elif character == 125:
            depth -= 1
            if depth == 0:
                return at
    return -1


@helper
def _record_fault(
    record: Flat, base: int, fault: int, begin: int, end: int, level: int, count: int, depth: int
) -> None:
    """Record a fault and its position, unless there is an earlier one."""
    if record[base + FAULT] != 0:
        return
    record[base + FAULT] = fault
    record[base + FAULT_BEGIN] = begin
    record[base + FAULT_END] = end
    record[base + FAULT_LEVEL] = level
    record[base + FAULT_COUNT] = count
    for place in range(depth):
        record[base + INDEX + place] = record[base + _COUNTS + place + 1]
    record[base + INDEX + depth - 1] = count


@helper
def read_lists(
    text: Flat,
    at: int,
    end: int,
    allowed: int,
    as_integers: int,
    bits: Flat,
    index: int,
    record: Flat,
    base: int,
) -> tuple[int, int]:
    """Read the list that begins here.

    Args:
        text: its last byte before ``end`` is ``}``.
        allowed: the allowed kinds of elements; the first of another kind is recorded as a fault.
        as_integers: see :func:`read_number`.
        bits: see :func:`read_number`; beside the scratch memory it has half as many values as the text has bytes.
        index: of the first element in ``bits``.
        record: receives the record of the list, from ``base`` on.

    Returns:
        the end of the list and 0; or the offset of a syntax error and its code.
    """
    for each in range(base, base + RECORD_SIZE):
        record[each] = 0
    for level in range(MAX_RANK + 2):
        record[base + SIZES + level] = -1
    record[base + BEGIN], record[base + FIRST_ELEMENT] = at, index
    first, depth, rank, row, kinds, comma = index, 0, -1, 0, 0, -1
    one_by_one, pause = 0, _SHORTEST_PAUSE
    is_simple = as_integers == AS_FLOAT64 and allowed & _NUMBER_KINDS == _NUMBER_KINDS
    may_end, is_next = False, False
    while at < end:
        character = text[at]
        if character <= 32:
            if character != 32 and character != 10 and character != 13 and character != 9:
                return at, EXPECTED_COMMA if is_next else EXPECTED_VALUE
            at += 1
            continue
        if is_next and character == 44:
            is_next, may_end, comma = False, False, at
            at += 1
            continue
        if character == 93 and (is_next or may_end):
            if rank < 0:
                rank = depth
            if record[base + SIZES + depth] < 0:
                record[base + SIZES + depth] = row
            elif record[base + SIZES + depth] != row:
                _record_fault(record, base, UNEQUAL_LENGTH, at, at, depth, row, depth)
            at += 1
            depth -= 1
            if depth == 0:
                record[base + END], record[base + ELEMENT_COUNT], record[base + RANK], record[base + KINDS] = (
                    at,
                    index - first,
                    rank,
                    kinds,
                )
                greatest = _ZERO
                for each in range(first, index):
                    greatest = max(greatest, bits[each] & _MAGNITUDE_MASK)
                record[base + MAX_MAGNITUDE] = int64(greatest)
                return at, 0
            row = record[base + _COUNTS + depth] + 1
            is_next = True
            continue
        if is_next:
            return at, EXPECTED_COMMA
        if character == 91:
            if depth == rank:
                _record_fault(record, base, UNEXPECTED_LIST, at, at + 1, depth, row, depth)
            record[base + _COUNTS + depth] = row
            depth += 1
            if depth > MAX_RANK:
                return at, TOO_DEEP
            row, may_end = 0, True
            at += 1
            continue
        begin = at
        if one_by_one > 0:
            one_by_one -= 1
        elif depth == rank and is_simple and 45 <= character <= 57:
            at, next_index, some = read_plain_numbers(text, at, end, index, bits)
            if next_index - index >= _FEW:
                pause = _SHORTEST_PAUSE
            else:
                one_by_one, pause = pause, min(2 * pause, _LONGEST_PAUSE)
            if next_index > index:
                row += next_index - index
                index = next_index
                kinds |= some
                is_next = True
                continue
        if 45 <= character <= 57:
            at, kind = read_number(text, at, end, index, as_integers, bits)
            if kind < 0:
                length = (
                    _nonfinite_length(text, begin, end) if kind == MISSING_DIGIT and allowed & BARE_NONFINITE else 0
                )
                if length == 0:
                    return at, kind
                at, kind = begin + length, NONFINITE_TEXT
                bits[index] = float64_bits(-np.inf)
        elif character == 34:
            at, length, late, early = read_string(text, at + 1, end)
            if at < 0:
                return end, UNEXPECTED_END
            value = _nonfinite_value(length, late, early)
            kind = NOT_AN_ELEMENT if value == 0.0 else NONFINITE_TEXT
            bits[index] = float64_bits(value)
        elif character == 123:
            at, kind = _skip_object(text, at, end), NOT_AN_ELEMENT
            bits[index] = _ZERO
            if at < 0:
                return end, UNEXPECTED_END
        elif (character == 78 or character == 73) and allowed & BARE_NONFINITE and _nonfinite_length(text, at, end) > 0:
            at += _nonfinite_length(text, at, end)
            kind = NONFINITE_TEXT
            bits[index] = float64_bits(np.nan if character == 78 else np.inf)
        else:
            length = _literal_length(text, at, end)
            if length == 0:
                if character == 93 and comma >= 0:
                    return comma, TRAILING_COMMA
                return (
                    at,
                    INVALID_LITERAL if character == 116 or character == 102 or character == 110 else EXPECTED_VALUE,
                )
            at += length
            kind = NOT_AN_ELEMENT if character == 110 else BOOLEAN
            bits[index] = _TRUE if character == 116 else _ZERO
        if depth != rank:
            if rank < 0:
                rank = depth
            else:
                _record_fault(record, base, NOT_A_LIST, begin, at, depth + 1, row, depth)
        if kind & ~allowed:
            _record_fault(record, base, WRONG_KIND, begin, at, depth, row, depth)
        kinds |= kind
        index += 1
        row += 1
        is_next = True
    return end, UNEXPECTED_END
