"""Eight bytes of a text as a 64-bit word, run as plain Python."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from poolhouse.wire.json.words import ZEROS, digit_characters, load_eight_bytes, parse_eight_digits, store_eight_bytes


@given(st.binary(min_size=8, max_size=20), st.integers(0, 12))
def test_a_word_is_eight_bytes_the_first_one_lowest(content: bytes, at: int) -> None:
    """What is loaded can be stored elsewhere, and no other byte changes."""
    at = min(at, len(content) - 8)
    out = np.full(10, 7, np.uint8)

    word = load_eight_bytes(np.frombuffer(content, np.uint8), at)
    store_eight_bytes(out, 1, word)

    assert int(word) == int.from_bytes(content[at : at + 8], "little")
    assert out.tobytes() == b"\7" + content[at : at + 8] + b"\7"


@example(0)
@example(99_999_999)
@example(10_000)
@given(st.integers(0, 99_999_999))
def test_eight_digits_and_their_number_are_converted(number: int) -> None:
    """Either way, with zeros before a shorter number."""
    text = f"{number:08d}".encode()

    with np.errstate(over="ignore"):  # arithmetic modulo 2**64
        word = digit_characters(np.uint64(number))
        parsed = parse_eight_digits(word ^ ZEROS)

    assert int(word).to_bytes(8, "little") == text
    assert int(parsed) == number


@pytest.mark.parametrize("place", range(8))
@pytest.mark.parametrize("digit", range(10))
def test_each_digit_counts_at_its_place(place: int, digit: int) -> None:
    """Each has its own path through the products."""
    with np.errstate(over="ignore"):
        word = digit_characters(np.uint64(digit * 10 ** (7 - place)))

    assert int(word).to_bytes(8, "little") == b"0" * place + b"%d" % digit + b"0" * (7 - place)
