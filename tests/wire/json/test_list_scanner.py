"""The scanner of nested lists, run as plain Python: elements, sizes, the first fault, and offsets of syntax errors."""

from __future__ import annotations

import json

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from poolhouse.wire.elements import MAX_RANK
from poolhouse.wire.json import list_scanner as lists
from poolhouse.wire.json.list_scanner import parse_unicode_escape, read_lists, read_string
from poolhouse.wire.json.number_scanner import BOOLEAN, FLOAT, INTEGER, MISSING_DIGIT, NONFINITE_TEXT, NOT_AN_ELEMENT
from poolhouse.wire.json.plain_numbers import SCRATCH_SIZE
from tests.hypothesis_profiles import scaled_examples

ANY = 127
BASE = 3


def flat(text: bytes) -> npt.NDArray[np.uint8]:
    return np.frombuffer(text, np.uint8)


def read(data: bytes, allowed: int = ANY) -> tuple[int, int, list[int], list[float]]:
    """The end and status of reading a list that a closing brace follows, its record and its elements."""
    text = data + b"}"
    record = np.full(BASE + lists.RECORD_SIZE, 77, np.int64)
    bits = np.zeros(SCRATCH_SIZE + len(text) // 2 + 1, np.uint64)
    with np.errstate(over="ignore"):  # arithmetic modulo 2**64
        at, status = read_lists(flat(text), 0, len(text), allowed, 0, bits, SCRATCH_SIZE, record, BASE)
    found = record[BASE:].tolist()
    return at, status, found, bits[SCRATCH_SIZE:][: found[lists.ELEMENT_COUNT]].view(np.float64).tolist()


@scaled_examples(60)
@given(
    hnp.arrays(np.int16, hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=3)),
    st.sampled_from([(",", ":"), (" ,\n", ":"), (", ", ":")]),
)
def test_a_regular_list_has_its_shape_and_elements(x: npt.NDArray[np.int16], separators: tuple[str, str]) -> None:
    """In text order, whatever whitespace is between them."""
    text = json.dumps(x.tolist(), separators=separators).encode()

    at, status, record, elements = read(text + b" , 1]")

    assert (at, status, record[lists.FAULT]) == (len(text), 0, 0)
    assert record[lists.SIZES + 1 : lists.SIZES + 1 + record[lists.RANK]] == list(x.shape)
    assert (record[lists.BEGIN], record[lists.END], record[lists.KINDS]) == (0, len(text), INTEGER)
    assert elements == x.reshape(-1).tolist()
    assert record[lists.MAX_MAGNITUDE] == np.float64(np.abs(x.astype(np.float64)).max()).view(np.int64)


@pytest.mark.parametrize(
    ("text", "kinds", "elements"),
    [
        (b"[1, 2.5]", INTEGER | FLOAT, [1, 2.5]),
        (b"[true,false]", BOOLEAN, [1, 0]),
        (b'["Infinity","-Infinity"]', NONFINITE_TEXT, [np.inf, -np.inf]),
        (b'["\\u0049nfinity"]', NONFINITE_TEXT, [np.inf]),
        (b"[null]", NOT_AN_ELEMENT, [0]),
        (b'[{"a": "}\\"}", "b": {}}, 1]', NOT_AN_ELEMENT | INTEGER, [0, 1]),
        (b'["infinity"]', NOT_AN_ELEMENT, [0]),
        (b'["--Infinity"]', NOT_AN_ELEMENT, [0]),
        (b'["+Infinity"]', NOT_AN_ELEMENT, [0]),
        (b'["Infinity\\u0000"]', NOT_AN_ELEMENT, [0]),
    ],
)
def test_the_kinds_of_all_elements_are_noted(text: bytes, kinds: int, elements: list[float]) -> None:
    """The reader decides by them whether the elements fit the type, without another look at the text."""
    _, status, record, found = read(text)

    assert (status, record[lists.KINDS], found) == (0, kinds, elements)


@pytest.mark.parametrize(
    ("text", "fault", "where", "index"),
    [
        (b"[[1,2],[3]]", lists.UNEQUAL_LENGTH, (2, 1), []),
        (b"[[1],[2,3],[]]", lists.UNEQUAL_LENGTH, (2, 2), []),
        (b"[[1],2]", lists.NOT_A_LIST, (2, 1), []),
        (b"[1,[2]]", lists.UNEXPECTED_LIST, (1, 1), [1]),
        (b"[[1,2],[3,null]]", lists.WRONG_KIND, (2, 1), [1, 1]),
        (b'[[[1]],[["a"]],[[true]]]', lists.WRONG_KIND, (3, 0), [1, 0, 0]),
    ],
)
def test_the_first_fault_is_recorded(text: bytes, fault: int, where: tuple[int, int], index: list[int]) -> None:
    """Its level, its place in its list, and for an element its index; later faults do not replace it."""
    at, status, record, _ = read(text, INTEGER)

    assert (at, status) == (len(text), 0)
    assert (record[lists.FAULT], record[lists.FAULT_LEVEL], record[lists.FAULT_COUNT]) == (fault, *where)
    if index:
        assert record[lists.INDEX : lists.INDEX + len(index)] == index


@pytest.mark.parametrize(
    ("text", "at", "status"),
    [
        (b"[1 2]", 3, lists.EXPECTED_COMMA),
        (b"[1]]", 3, 0),
        (b"[1,]", 2, lists.TRAILING_COMMA),
        (b"[1 , ]", 3, lists.TRAILING_COMMA),
        (b"[,1]", 1, lists.EXPECTED_VALUE),
        (b"[1,,2]", 3, lists.EXPECTED_VALUE),
        (b"[\x001]", 1, lists.EXPECTED_VALUE),
        (b"[1\x0c]", 2, lists.EXPECTED_COMMA),
        (b"[tru]", 1, lists.INVALID_LITERAL),
        (b"[nulL]", 1, lists.INVALID_LITERAL),
        (b"[NaN]", 1, lists.EXPECTED_VALUE),
        (b"[-]", 2, MISSING_DIGIT),
        (b"[[1]", 4, lists.EXPECTED_COMMA),
        (b'["a]', 5, lists.UNEXPECTED_END),
        (b"[{1]", 5, lists.UNEXPECTED_END),
        (b"[" * MAX_RANK + b"]" * MAX_RANK, 2 * MAX_RANK, 0),
        (b"[" * (MAX_RANK + 1) + b"]" * (MAX_RANK + 1), MAX_RANK, lists.TOO_DEEP),
    ],
)
def test_a_syntax_error_has_its_offset(text: bytes, at: int, status: int) -> None:
    """The error says at which character to look, in a body of a hundred megabytes."""
    assert read(text)[:2] == (at, status)


@scaled_examples(100)
@given(st.text('Na1é\\"/\n\x7f~ ', max_size=20), st.booleans())
def test_a_string_ends_where_json_ends_it(value: str, is_ascii: bool) -> None:
    """With any escapes; and only a short word of printable ASCII is returned as such."""
    text = json.dumps(value, ensure_ascii=is_ascii).encode()

    at, length, late, early = read_string(flat(text + b'"}'), 1, len(text) + 2)

    assert at == len(text)
    if len(value) > lists.MAX_WORD_CHARS or not all(" " <= each <= "~" for each in value):
        assert length == -1
        return
    # Escapes other than \u are left out of words: none of the words that matter needs one.
    if "\\" in value or '"' in value:
        return
    word = (int(early) << 64 | int(late)).to_bytes(16, "big")
    assert (length, word.lstrip(b"\0")) == (len(value), value.encode())


@pytest.mark.parametrize("text", [b'"', b'"abc', b'"abc\\', b'"abc\\"', b'"\\u00'])
def test_a_string_without_an_end_is_told_apart(text: bytes) -> None:
    """The scanner stops there, instead of reading behind the body."""
    assert read_string(flat(text), 1, len(text))[0] == -1


@pytest.mark.parametrize(
    ("digits", "character"),
    [(b"0041", 0x41), (b"00e9", 0xE9), (b"FfAb", 0xFFAB), (b"00g0", -1), (b"00 0", -1), (b"00/0", -1), (b":000", -1)],
)
def test_four_hexadecimal_digits_are_one_character(digits: bytes, character: int) -> None:
    """In either case; the neighbours of the digits in ASCII are none."""
    assert parse_unicode_escape(flat(digits), 0) == character
