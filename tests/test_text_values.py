"""Values in texts: every unambiguous notation is read, any other is refused, and the patterns accept the same texts."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.text_values import (
    INTEGER_PATTERN,
    NUMBER_PATTERN,
    list_hint,
    list_pattern,
    parse_integer,
    parse_number,
    split_list,
)

COUNTS = [(1,), (2,), (3,), (1, 3), (2, 4), (2, 3), (4, 5)]
"""Numbers of entries that fields and shapes allow."""

LIST_LIKE = {
    opening + separator.join(entries) + closing
    for opening in ("", "[", "(", "[[", "{")
    for closing in ("", "]", ")", ",)", ",]", "]]", "\n")
    for separator in (",", ",  ", " ,", ";", ",\t")
    for count in (1, 2, 3, 4, 5)
    for entry in ("3", "12", "2.0", "2.5", "-1", "", " 3", "3 ")
    for entries in (["0"] * (count - 1) + [entry], [entry] + ["0"] * (count - 1))
}
"""Lists of up to five entries in many notations, few of which are valid."""


@pytest.mark.parametrize(
    ("text", "entries", "is_bracketed"),
    [
        ("3", ["3"], False),
        ("3,2", ["3", "2"], False),
        ("[3, 2]", ["3", "2"], True),
        ("(3,  2)", ["3", "2"], True),
        ("[3]", ["3"], True),
        ("(3,)", ["3"], True),
        ("[3,]", ["3", ""], True),
        ("(3,2,)", ["3", "2", ""], True),
        ("3,", ["3", ""], False),
        ("[3,2", ["[3", "2"], False),
        ("[3,2)", ["[3", "2)"], False),
        ("3 ,2", ["3 ", "2"], False),
        ("3,\t2", ["3", "\t2"], False),
        ("", [""], False),
        ("[]", [""], True),
    ],
)
def test_a_list_is_split_in_every_notation(text: str, entries: list[str], is_bracketed: bool) -> None:
    """JSON and Python print lists differently, and what is no list must stay visible in its entries."""
    assert split_list(text) == (entries, is_bracketed)


@pytest.mark.parametrize("counts", COUNTS, ids=str)
def test_the_pattern_of_a_list_accepts_what_is_read_as_one(counts: tuple[int, ...]) -> None:
    """A generated client checks with the pattern of the OpenAPI document, and must agree with the service."""
    pattern = re.compile(list_pattern(INTEGER_PATTERN, counts))

    def is_read(text: str) -> bool:
        numbers = [parse_integer(entry) for entry in split_list(text)[0]]
        return len(numbers) in counts and all(number is not None and number >= 0 for number in numbers)

    accepted = {text for text in LIST_LIKE if pattern.fullmatch(text)}

    assert accepted == {text for text in LIST_LIKE if is_read(text)}
    assert accepted


def test_a_single_value_may_replace_a_list() -> None:
    """One integer counts for all axes, but only where the field says so."""
    with_single = re.compile(list_pattern(INTEGER_PATTERN, (2, 4), INTEGER_PATTERN))

    assert [text for text in ("3", "[3]", "(3,)", "3,2", "3,2,1", "(4, 3, 2, 1)") if with_single.fullmatch(text)] == [
        "3",
        "3,2",
        "(4, 3, 2, 1)",
    ]
    assert re.fullmatch(list_pattern(INTEGER_PATTERN, (2, 4)), "3") is None


@given(st.integers(-(10**20) + 1, 10**20 - 1), st.sampled_from(["", ".0", ".000"]))
def test_every_integer_is_read_exactly(number: int, fraction: str) -> None:
    """Seeds have 63 bits, which a float in between would round."""
    assert parse_integer(f"{number}{fraction}") == number


@pytest.mark.parametrize(
    "text", ["", "-", "+3", " 3", "3 ", "3\n", "1_000", "1e3", "1.5", "3.", ".0", "0x10", "٣", "--3", "1" * 21]
)
def test_a_text_that_is_no_integer_is_not_read(text: str) -> None:
    """int() would read some of them, and another program another number."""
    assert parse_integer(text) is None


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_is_read_exactly(number: float) -> None:
    """As Python and JSON print it, with the sign of a zero."""
    read = parse_number(repr(number))

    assert read == number
    assert math.copysign(1, read) == math.copysign(1, number)


@pytest.mark.parametrize(
    ("text", "number"),
    [("+.5", 0.5), ("5.", 5.0), ("1E+2", 100.0), ("-0", 0.0), ("1e9999", math.inf), ("-1e400", -math.inf)],
)
def test_other_notations_of_a_number_are_read(text: str, number: float) -> None:
    """A number that is too large must be infinite, so that the check of its range refuses it."""
    assert parse_number(text) == number


@pytest.mark.parametrize(
    "text", ["", ".", "-", "e5", "1e", "1e99999", "nan", "inf", "Infinity", "1_0", " 1", "1\n", "1,5", "0x1p3", "１"]
)
def test_a_text_that_is_no_number_is_not_read(text: str) -> None:
    """float() would read some of them; NaN passes every check of a range."""
    assert parse_number(text) is None
    assert re.fullmatch(NUMBER_PATTERN, text) is None


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("2x2", "; write 2,2"),
        ("2 X 3", "; write 2,3"),
        ("8×64×112", "; write 8,64,112"),
        ("{2;2}", "; write 2,2"),
        ("<1/2>", "; write 1,2"),
        ("[2 2]", "; write 2,2"),
        ("2", ""),
        ("two", ""),
        ("2x2x", ""),
        ("2.5;1", ""),
        ("x".join("1" * 9), ""),
    ],
)
def test_an_obvious_list_is_corrected(text: str, hint: str) -> None:
    """A wrong correction would be worse than none."""
    assert list_hint(text) == hint
