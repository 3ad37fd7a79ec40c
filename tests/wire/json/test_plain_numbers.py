"""Numbers that follow one another in a list: read as plain Python, and by the compiled reader."""

from __future__ import annotations

import json
from typing import Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.dtypes import FLOAT64
from poolhouse.wire.json.body_scan import ScannedList
from poolhouse.wire.json.compiled_reader import scan
from poolhouse.wire.json.number_scanner import FLOAT, INTEGER
from poolhouse.wire.json.plain_numbers import SCRATCH_SIZE, read_plain_numbers
from poolhouse.wire.json.refusals import ElementChecker
from tests.hypothesis_profiles import scaled_examples

BEFORE: Final = b'{"input": {"data": [[[   '
"""As long as what is loaded before the end of a number."""
AFTER: Final = b'[1]]]}, "kernel_size": 2}'

texts_of_numbers = st.one_of(
    st.integers(-(10**9), 10**9).map(str),
    st.floats(allow_nan=False, allow_infinity=False, width=32).map(repr),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(-1e6, 1e6).map(lambda number: f"{number:.6f}"),
    st.integers(-(10**30), 10**30).map(str),
    st.floats(-1e300, 1e300).map(lambda number: f"{number:.3E}"),
)
spaces = st.sampled_from(["", " ", "\n", "  \t\r\n "])


def read(text: bytes) -> tuple[int, int, list[float]]:
    """The number of bytes read, the kinds and the numbers of a text that follows ``BEFORE``."""
    whole = np.frombuffer(BEFORE + text + AFTER, np.uint8)
    # Without room for more numbers than there can be: an index beyond it is an error in plain Python.
    bits = np.zeros(SCRATCH_SIZE + len(text) // 2 + 1, np.uint64)
    with np.errstate(all="ignore"):  # arithmetic modulo 2**64
        stop, index, kinds = read_plain_numbers(whole, len(BEFORE), len(whole), SCRATCH_SIZE, bits)
    return stop - len(BEFORE), kinds, bits[SCRATCH_SIZE:index].view(np.float64).tolist()


@scaled_examples(40)
@given(st.lists(st.tuples(texts_of_numbers, spaces), min_size=1, max_size=100))
def test_numbers_are_read_up_to_the_last_comma(members: list[tuple[str, str]]) -> None:
    """In any form, whatever whitespace is behind the commas."""
    text = "".join(f"{number},{space}" for number, space in members)

    stop, kinds, numbers = read(text.encode())

    assert numbers == [float(number) for number, _ in members]
    assert text[stop:].strip() == ","
    is_float = ["." in number or "e" in number.lower() for number, _ in members]
    assert kinds & (INTEGER | FLOAT) == (FLOAT if any(is_float) else 0) | (0 if all(is_float) else INTEGER)


@pytest.mark.parametrize("closing", ["]", "]]", "]]]"])
def test_the_last_number_of_a_row_is_read_too(closing: str) -> None:
    """If a comma follows the row; what comes behind is another list."""
    stop, kinds, numbers = read(f"1.5,2,-3.25{closing},[4,5".encode())

    assert (stop, kinds, numbers) == (len("1.5,2,-3.25"), INTEGER | FLOAT, [1.5, 2.0, -3.25])


@pytest.mark.parametrize(
    "other",
    ["", " ", "null", '"NaN"', "[1]", "{}", "01", "1.", ".5", "+1", "1.5.5", "--1", "1 1", "1e", "0x1", "1e999"],
)
@pytest.mark.parametrize("count", [0, 1, 7, 40])
def test_reading_ends_before_what_is_no_number(other: str, count: int) -> None:
    """The scanner of lists reads it, or says what is wrong."""
    numbers = [str(number / 4) for number in range(count)]

    stop, _, found = read(",".join([*numbers, other, "5", "6,"]).encode())

    assert found == [float(number) for number in numbers]
    assert stop == max(0, len(",".join(numbers)))


@pytest.mark.parametrize("text", [b",", b"-,", b"],", b" ,", b"1,,"])
def test_many_commas_stay_within_the_memory(text: bytes) -> None:
    """Sixty-four commas in 64 bytes are more elements than there is room for behind 32 numbers."""
    before = b"1.5," * 32

    stop, _, numbers = read(before + text * 200)

    has_one = text == b"1,,"
    assert numbers == [1.5] * 32 + [1.0] * has_one
    assert stop == len(before) + (1 if has_one else -1)


@scaled_examples(60)
@given(
    st.lists(st.lists(texts_of_numbers, min_size=5, max_size=5), min_size=1, max_size=60)
    | st.lists(st.lists(texts_of_numbers, min_size=70, max_size=70), min_size=1, max_size=4),
    spaces,
    st.data(),
)
def test_the_compiled_reader_reads_the_same(rows: list[list[str]], space: str, data: st.DataObject) -> None:
    """As orjson and Python do, and with the words for numbers that JSON does not have among them."""
    if data.draw(st.booleans()):
        rows[-1][data.draw(st.integers(0, len(rows[-1]) - 1))] = '"NaN"'
    comma = f",{space}"
    text = "[" + comma.join("[" + comma.join(row) + "]" for row in rows) + "]"

    value = scan(memoryview(b'{"input": %b}' % text.encode())).parse_named()["input"]

    assert isinstance(value, ScannedList)
    found = value.read_elements(ElementChecker("input", FLOAT64, "/input"))
    expected = np.array([[float(each) for each in row] for row in json.loads(text)], np.float64)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(np.signbit(found), np.signbit(expected))
