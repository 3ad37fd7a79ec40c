"""The shortest digits of many float32, run as plain Python, and of tens of millions by the compiled loop."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from poolhouse.dtypes import FLOAT32
from poolhouse.tensors import Message, Tensor
from poolhouse.wire.json import float_vectors as vectors
from poolhouse.wire.json.encoder import encode_json
from tests.hypothesis_profiles import scaled_examples

LONGEST: Final = 17
"""See MAX_ELEMENT_CHARS: the memory for an element."""


def written(numbers: npt.NDArray[np.float32]) -> list[str | None]:
    """The text of each number; None of those that are left to another function."""
    bits = numbers.view(np.uint32).astype(np.uint64)
    scratch = np.zeros(vectors.FLOAT_SCRATCH_SIZE, np.uint64)
    texts: list[str | None] = []
    with np.errstate(all="ignore"):  # arithmetic modulo 2**64
        vectors.find_digits(bits, 0, len(bits), scratch)
        for i, each in enumerate(bits):
            digits, form = scratch[vectors.DIGITS + i], scratch[vectors.FORMS + i]
            # Without room for more: an index beyond it is an error in plain Python.
            out = np.zeros(LONGEST, np.uint8)
            can_write = vectors.can_write(form)
            texts.append(
                bytes(out[: vectors.write_float32(out, 0, each, digits, form)]).decode() if can_write else None
            )
    return texts


def expected(numbers: npt.NDArray[np.float32]) -> list[str]:
    return orjson.dumps(numbers, option=orjson.OPT_SERIALIZE_NUMPY).decode()[1:-1].split(",")


@scaled_examples(60)
@example([0.0, -0.0, 1.0, -1.0, 0.5, 2.0**-20, 1e-6, 9999999.0, 10000000.0, 16777216.0, 1.1754943508222875e-38])
@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=vectors.BLOCK))
def test_the_text_is_that_of_orjson(values: list[float]) -> None:
    """Numbers with an exponent, or with more than seven digits before the point, are left to another function."""
    numbers = np.array(values, np.float32)

    for number, ours, theirs in zip(numbers, written(numbers), expected(numbers), strict=True):
        if ours is None:
            assert abs(number) >= 1e7 or 0 < abs(number) < 1e-6
        else:
            assert ours == theirs


@pytest.mark.parametrize("power", range(-6, 7))
def test_every_length_is_written_at_each_place_of_the_point(power: int) -> None:
    """One to nine digits, of either sign, without a character beyond the memory of an element."""
    digits = [123456789 // 10**cut * 10 ** (power - 8 + cut) for cut in range(9)]
    numbers = np.array(digits + [-each for each in digits], np.float32)

    assert written(numbers) == expected(numbers)


def test_what_is_not_finite_is_left_to_another_function() -> None:
    """And what has fewer bits than others."""
    numbers = np.array([np.inf, -np.inf, np.nan, 1e-45, -1e-39], np.float32)

    assert written(numbers) == [None] * 5


@pytest.mark.slow
def test_millions_of_float32_are_printed_as_orjson_does() -> None:
    """Every 61st, of all exponents."""
    for start in range(0, 2**32, 2**28):
        numbers = np.arange(start, start + 2**28, 61, dtype=np.uint32).view(np.float32)
        numbers = numbers[np.isfinite(numbers)]
        if not numbers.size:
            continue

        ours = bytes(encode_json(Message({"x": Tensor(FLOAT32, numbers)}))).partition(b'"data":')[2][:-2]

        assert ours == orjson.dumps(numbers, option=orjson.OPT_SERIALIZE_NUMPY)
