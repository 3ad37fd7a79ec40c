"""Many numbers parsed at once, run as plain Python: right, or marked as faulty."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from poolhouse.wire.json import number_vectors as vectors
from poolhouse.wire.json.number_scanner import FLOAT, INTEGER
from tests.hypothesis_profiles import scaled_examples

LONGEST: Final = 24
NUMBER: Final = re.compile(r"(0|[1-9]\d*)(\.\d+)?")
"""JSON's grammar without signs and exponents."""


def parse(texts: Sequence[str], before: str = "7") -> list[tuple[int, float] | None]:
    """The kind and the value of each number, by its characters; None for what is faulty or not certain."""
    bits = np.zeros(vectors.VECTORS_END, np.uint64)
    for i, text in enumerate(texts):
        digits = text.removeprefix("-")
        words = np.frombuffer((before * LONGEST + digits)[-LONGEST:].encode("latin-1"), np.uint64)
        bits[[vectors.FRONTS + i, vectors.HEADS + i, vectors.TAILS + i]] = words
        bits[vectors.LENGTHS + i] = np.uint64(len(digits)) | np.uint64(int(text != digits) << 63)
    longest = np.uint64(max(len(text.removeprefix("-")) for text in texts))
    with np.errstate(all="ignore"):  # arithmetic modulo 2**64
        found = vectors.parse_numbers(bits, len(texts), longest)
    states, values = bits[vectors.STATES :][: len(texts)], bits[vectors.VALUES :][: len(texts)].view(np.float64)
    assert int(found) == int(np.bitwise_or.reduce(states))
    return [
        None if state & vectors.FAULTS else (int(state & vectors.KINDS), float(value))
        for state, value in zip(states, values, strict=True)
    ]


def expected(text: str) -> tuple[int, float]:
    return (FLOAT if "." in text else INTEGER), float(text)


def spelled(digits: int, decimals: int) -> str:
    """A number with this many decimals."""
    text = str(digits).rjust(decimals + 1, "0")
    return f"{text[: len(text) - decimals]}.{text[len(text) - decimals :]}" if decimals else text


plain_numbers = st.one_of(
    st.integers(0, 10**15 - 1).map(str),
    st.builds(spelled, st.integers(0, 10**7 - 1), st.integers(1, 6)),
    st.builds(spelled, st.integers(0, 10**15 - 1), st.integers(1, 14)),
    st.builds(spelled, st.integers(0, 10**17), st.integers(1, 16)),
    st.floats(1e-4, 1e15).map(repr).filter(lambda text: len(text) <= 20),
)
signed_numbers = st.builds(str.__add__, st.sampled_from(["", "-"]), plain_numbers)


@scaled_examples(100)
@example(["9.007199254740993"])
@example(["0.5", "-0", "0", "-0.0", "8.5", "0.1", "999999999999999"])
@given(st.lists(signed_numbers, min_size=1, max_size=12))
def test_numbers_are_the_nearest_float64(texts: list[str]) -> None:
    """Of each length, with the point anywhere; a few of the longest ones are not certain."""
    found = parse(texts)

    for text, each in zip(texts, found, strict=True):
        if each is None:
            assert max(map(len, texts)) > 16
        else:
            assert str(each) == str(expected(text))


@pytest.mark.parametrize("decimals", range(2, 18))
def test_nearly_all_numbers_are_certain(decimals: int) -> None:
    """Of seventeen digits, as most float64 have: otherwise reading them would take twice as long."""
    rng = np.random.default_rng(decimals)
    texts = [spelled(int(digits), decimals) for digits in rng.integers(10**16, 10**17, 50)]

    found = parse(texts)

    assert sum(each is None for each in found) <= 2
    assert [each for each in found if each] == [expected(text) for text, each in zip(texts, found, strict=True) if each]


def test_numbers_of_few_bits_are_certain_beside_long_ones() -> None:
    """They are exact, so that the product with a rounded power is just beside a number."""
    texts = ["0.5", "1.0", "-0.0", "0", "2375.1", "2.375", "-1048576", "100000000000000.0", "0.12345678901234567"]

    assert parse(texts) == [expected(text) for text in texts]


@scaled_examples(200)
@given(st.lists(st.text('0123456789.-+eE ,]"\x00/:\xff', min_size=0, max_size=22), min_size=1, max_size=12))
def test_what_is_no_number_is_faulty(texts: list[str]) -> None:
    """It must never be read as one: the grammar is JSON's."""
    for text, each in zip(texts, parse(texts), strict=True):
        digits = text.removeprefix("-")
        if each is not None:
            assert NUMBER.fullmatch(digits)
            assert str(each) == str(expected(text))


@pytest.mark.parametrize("text", ["1", "12345678", "1.5", "123456.78901", "0.1234567890123456", "12345678.1234567890"])
def test_one_wrong_character_is_a_fault(text: str) -> None:
    """Anywhere, whichever it is; and so are a second point, no digit at an end, and a zero before others."""
    assert parse([text]) == [expected(text)]
    for place in range(len(text)):
        for character in map(chr, range(256)):
            damaged = text[:place] + character + text[place + 1 :]
            (found,) = parse([damaged])
            assert (found is None) or NUMBER.fullmatch(damaged.removeprefix("-"))


@pytest.mark.parametrize("before", [" ", "[", ".", "0", "9", "\xff", ","])
def test_what_stands_before_a_number_does_not_matter(before: str) -> None:
    """Shorter numbers leave characters of others in their words."""
    texts = ["1", "0.5", "-12345678", "1234567.8", "0.123456789012", "-123456789012.34567", "12345678.90123456789"]

    for text in texts:
        assert parse([text], before) == [expected(text)]


def test_too_long_numbers_are_faulty() -> None:
    """Digits that do not fit into 64 bits, and integers that float64 may not represent."""
    texts = ["1234567890123456", "0.1234567890123456789", "123456789012345678.25", "1234567890123456789012"]

    assert parse(texts) == [None] * 4
