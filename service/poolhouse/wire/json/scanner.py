"""Compiled: find the tensors of a JSON body and read their numbers; other keys and values are only counted.

The body is an object, in one of two forms. In the form NAMED, a tensor is the value of a key of ``TENSOR_NAMES``:
a list, or an object whose key ``data`` holds a list or whose key ``base64`` a string. In the form LISTED, that of the
Open Inference Protocol, the key ``inputs`` holds a list of objects, and their key ``data`` a list.
The caller replaces these lists and strings by empty ones and parses the rest strictly: replacing one complete value by
another neither hides nor causes a syntax error.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from poolhouse.kernels.registry import Element, Flat, helper, loop
from poolhouse.tensor_names import TENSOR_NAMES
from poolhouse.wire.json.decimal_to_float import int64
from poolhouse.wire.json.list_scanner import (
    ELEMENT_COUNT,
    END,
    FIRST_ELEMENT,
    MAX_WORD_CHARS,
    RECORD_SIZE,
    read_lists,
    read_string,
)
from poolhouse.wire.json.number_scanner import AS_FLOAT64
from poolhouse.wire.json.plain_numbers import SCRATCH_SIZE

# The int64 fields of the scanner's result; a list's record for each tensor follows.
KEY_COUNT: Final = 0
VALUE_COUNT: Final = 1
ERROR_AT: Final = 2
KEY_BEGIN: Final = 3
KEY_END: Final = 4
TENSOR_END: Final = 5
"""One more than the greatest number of a tensor that has a list or base64; 0 if none has."""
BASE64_SPANS: Final = 6
"""For each tensor the start and end of its base64, without the quotes; 0 if there is none."""
MAX_TENSORS: Final = len(TENSOR_NAMES)
"""The tensors of the form NAMED, and the objects of the form LISTED whose lists are read."""
LIST_RECORDS: Final = BASE64_SPANS + 2 * MAX_TENSORS
RESULT_SIZE: Final = LIST_RECORDS + MAX_TENSORS * RECORD_SIZE

NAMED: Final = 0
LISTED: Final = 1

MAX_KEYS: Final = 1024
MAX_VALUES: Final = 8192
"""Values of all fields together, without the numbers of tensors."""

NOT_AN_OBJECT: Final = 1
TOO_MANY_KEYS: Final = 2
TOO_MANY_VALUES: Final = 3
SYNTAX_ERROR: Final = 4
"""A syntax error outside of tensors."""


@helper
def _skip_whitespace(text: Flat, at: int, end: int) -> int:
    while at < end and (text[at] == 32 or text[at] == 10 or text[at] == 13 or text[at] == 9):
        at += 1
    return at


def _word_halves(word: str) -> tuple[int, int]:
    """The last eight characters of a word as a number, and those before, as :func:`read_string` returns them."""
    assert len(word) <= MAX_WORD_CHARS, f"{word} is too long for a key"
    return int.from_bytes(word[-8:].encode(), "big"), int.from_bytes(word[:-8].encode(), "big")


_NAMES: Final = np.array([half for name in TENSOR_NAMES for half in _word_halves(name)], np.uint64)
"""The halves of each name of ``TENSOR_NAMES``."""
_INPUTS: Final = np.uint64(int.from_bytes(b"inputs", "big"))
_DATA: Final = np.uint64(int.from_bytes(b"data", "big"))
_BASE64: Final = np.uint64(int.from_bytes(b"base64", "big"))


@helper
def _is_separator(character: Element) -> Element:
    """Whether the character is an opening bracket, a comma or whitespace, also within a string."""
    return (character <= 32) | (character == 44) | (character == 91)


@loop("int64(uint8*, int64)")
def max_element_count(text: Flat, end: int) -> int:
    """An upper bound for the number of elements in a text."""
    total = 0
    for start in range(1, end, 128):
        # Counted in uint8, which vectorises best; 128 characters cannot overflow it.
        count = np.uint8(0)
        for at in range(start, min(start + 128, end)):
            begins = _is_separator(text[at - 1]) & (text[at] != 93) & (not _is_separator(text[at]))
            count = np.uint8(count + np.uint8(begins))
        total += int64(count)
    return total


@helper
def _tensor_number(length: int, late: Element, early: Element) -> int:
    """The number of the tensor with this key, from 1 on; 0 if there is none."""
    # Of a word with too many characters, only some are in the halves.
    if length > 0:
        for place in range(MAX_TENSORS):
            if late == _NAMES[2 * place] and early == _NAMES[2 * place + 1]:
                return place + 1
    return 0


@loop("int64(uint8*, int64, int64, int64, uint64*, int64*)")
def scan_body(text: Flat, end: int, form: int, allowed: int, bits: Flat, found: Flat) -> int:
    """Scan a body.

    Args:
        text: its last byte before ``end`` is ``}``.
        form: NAMED or LISTED.
        allowed, bits: see :func:`read_lists`; elements are read as float64.
        found: receives the result; of ``RESULT_SIZE``, with undefined contents. Only the records of lists are set,
            and of other tensors their ``END``, to 0.

    Returns:
        0 or an error; below 0 a syntax error in a tensor's list.
    """
    for place in range(LIST_RECORDS):
        found[place] = 0
    for tensor in range(MAX_TENSORS):
        found[LIST_RECORDS + tensor * RECORD_SIZE + END] = 0
    at = _skip_whitespace(text, int64(0), end)
    if at == end or text[at] != 123:
        return NOT_AN_OBJECT
    place = int64(SCRATCH_SIZE)
    level = name = listed = 0
    # The tensor of the current object; -1 outside of "inputs" in the form LISTED.
    entry = -form
    while at < end:
        character = text[at]
        if character == 34:
            begin = at
            at, length, late, early = read_string(text, at + 1, end)
            if at < 0:
                return SYNTAX_ERROR
            colon = _skip_whitespace(text, at, end)
            if colon == end or text[colon] != 58:
                continue
            found[KEY_COUNT] += 1
            if found[KEY_COUNT] > MAX_KEYS:
                return TOO_MANY_KEYS
            if level == 1:
                found[KEY_BEGIN], found[KEY_END] = begin, at
                if form == LISTED:
                    name = 0
                    entry = 0 if length == 6 and late == _INPUTS else -1
                else:
                    name = _tensor_number(length, late, early)
            at = _skip_whitespace(text, colon + 1, end)
            character = text[at]
            if character == 91:
                tensor = name if level == 1 else entry if level == 2 + form and length == 4 and late == _DATA else 0
                if 0 < tensor <= MAX_TENSORS:
                    record = LIST_RECORDS + (tensor - 1) * RECORD_SIZE
                    at, status = read_lists(text, at, end, allowed, int64(AS_FLOAT64), bits, place, found, record)
                    if status != 0:
                        found[ERROR_AT] = at
                        return status
                    place += found[record + ELEMENT_COUNT]
                    found[TENSOR_END] = max(found[TENSOR_END], tensor)
            elif form == NAMED and character == 34 and level == 2 and entry > 0 and length == 6 and late == _BASE64:
                begin = at + 1
                at, _, _, _ = read_string(text, begin, end)
                if at < 0:
                    return SYNTAX_ERROR
                found[BASE64_SPANS + 2 * (entry - 1)] = begin
                found[BASE64_SPANS + 2 * (entry - 1) + 1] = at - 1
                found[TENSOR_END] = max(found[TENSOR_END], entry)
            elif form == NAMED and character == 123 and level == 1:
                entry = name
                level = 2
                at += 1
            continue
        if character == 123 or character == 91:
            level += 1
            found[VALUE_COUNT] += 1
            if form == LISTED and level == 3 and entry >= 0 and character == 123:
                listed += 1
                entry = listed
        elif character == 125 or character == 93:
            level -= 1
            if level == 1:
                entry = -form
        elif character == 44:
            found[VALUE_COUNT] += 1
        if found[VALUE_COUNT] > MAX_VALUES:
            return TOO_MANY_VALUES
        at += 1
    return 0


@loop("int64(uint8*, int64, int64, int64, int64, uint64*, int64*, int64)")
def scan_list(
    text: Flat, end: int, at: int, allowed: int, as_integers: int, bits: Flat, found: Flat, record: int
) -> int:
    """Scan one list of a body again, for an element type; its elements take the same places.

    Args:
        text, end: as for :func:`scan_body`, which has scanned it.
        at: the beginning of the list.
        allowed, as_integers, bits: see :func:`read_lists`.
        found: the result of :func:`scan_body`; receives the new record.
        record: the index of the list's record in it.

    Returns:
        0 or an error.
    """
    first = found[record + FIRST_ELEMENT]
    _, status = read_lists(text, at, end, allowed, as_integers, bits, first, found, record)
    return status
