"""The compiled loops for base64: bytes, positions of faults, and no byte written beyond the result."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.wire.json.base64_loops import (
    INNER_PADDING,
    INVALID_CHARACTER,
    INVALID_LENGTH,
    decode_base64,
    encode_base64,
)
from tests.hypothesis_profiles import scaled_examples

GUARD = 0xAA


def decode(characters: bytes) -> tuple[int, bytes, list[int]]:
    """The result for the characters of a string, the bytes written, and the position of a fault."""
    text = b'x"' + characters + b'"'
    out = np.full(len(characters) // 4 * 3 + 4, GUARD, np.uint8)
    found = np.zeros(2, np.int64)

    count = decode_base64(np.frombuffer(text, np.uint8), 2, len(text) - 1, out, found)

    # The caller allocates three bytes for four characters, and three more.
    assert out[-1] == GUARD
    return count, out[: max(count, 0)].tobytes(), found.tolist()


@given(st.binary(max_size=60))
def test_encoding_agrees_with_the_standard_library(elements: bytes) -> None:
    """Including the padding."""
    out = np.empty(84, np.uint8)

    end = encode_base64(np.frombuffer(elements, np.uint8), len(elements), out, 1)

    assert out[1:end].tobytes() == base64.b64encode(elements)


@given(
    st.binary(max_size=60),
    st.lists(st.tuples(st.integers(0, 90), st.sampled_from([" ", "\n", "\r", "\t"])), max_size=4),
)
@scaled_examples(100)
def test_whitespace_anywhere_changes_nothing(elements: bytes, spaces: list[tuple[int, str]]) -> None:
    """Four characters are decoded at once where possible, and whitespace interrupts this at any of the four."""
    text = base64.b64encode(elements).decode()
    for place, space in spaces:
        text = text[: place % (len(text) + 1)] + space + text[place % (len(text) + 1) :]

    count, decoded, _ = decode(json.dumps(text)[1:-1].encode())

    assert (count, decoded) == (len(elements), elements)


@pytest.mark.parametrize(
    ("characters", "result", "position"),
    [
        (b"AQ!D", INVALID_CHARACTER, [2, 4]),
        (b"AQID\\u0021", INVALID_CHARACTER, [4, 6]),
        (b"\\/\\/\\/A\\b", INVALID_CHARACTER, [4, 9]),
        (b"AQID\n", INVALID_CHARACTER, [4, 6]),
        (b"AQID\\", INVALID_CHARACTER, [4, 6]),
        (b"AQID\\u00", INVALID_CHARACTER, [4, 6]),
        (b"AQ==AQ==", INNER_PADDING, [2, 0]),
        (b"\\/w=\\/", INNER_PADDING, [2, 0]),
        (b"AQIDA", INVALID_LENGTH, [0, 0]),
        (b"AQ===", INVALID_LENGTH, [0, 0]),
        (b"AQID=", INVALID_LENGTH, [0, 0]),
        (b"=", INVALID_LENGTH, [0, 0]),
    ],
)
def test_a_fault_has_its_code_and_position(characters: bytes, result: int, position: list[int]) -> None:
    """The position is counted in characters for the message, and in bytes to quote the character."""
    count, _, found = decode(characters)

    assert count == result
    assert found == position


def test_both_alphabets_and_escapes_give_the_same_bytes() -> None:
    """Each of the 64 digits, as it is, in the URL alphabet, and as an escape."""
    elements = base64.b64decode(bytes(range(65, 91)) + bytes(range(97, 123)) + b"0123456789+/")
    standard = base64.b64encode(elements)
    escaped = "".join(f"\\u{digit:04x}" for digit in standard).encode()

    assert decode(standard)[1] == decode(base64.urlsafe_b64encode(elements))[1] == decode(escaped)[1] == elements
