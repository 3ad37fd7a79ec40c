"""A decimal number is read as the nearest float64, ties to even, as by Python's float, which uses David Gay's code."""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.wire.json.codec import JSON

COUNT = 4000


def halfway(rng: random.Random) -> str:
    """All digits of the number halfway between two neighbouring floats, or of one just above or below it."""
    bits = rng.randrange(0x7FE << 52) if rng.random() < 0.8 else rng.randrange(1 << 53)
    low, high = np.array([bits, bits + 1], np.uint64).view(np.float64).tolist()
    middle = (Fraction(low) + Fraction(high)) / 2
    # 2**-n has n decimals.
    decimals = middle.denominator.bit_length() - 1
    digits = str(middle.numerator * 5**decimals)
    match rng.randrange(3):
        case 1:
            digits, decimals = digits + "0" * 40 + "1", decimals + 41
        case 2:
            digits = str(int(digits) - 1)
    return f"{digits}e-{decimals}" if rng.random() < 0.5 else f"{digits[0]}.{digits[1:]}0e{len(digits) - 1 - decimals}"


def hard_number(rng: random.Random) -> str:
    """A number whose rounding is hard."""
    match rng.randrange(8):
        case 0:
            return halfway(rng)
        case 1:
            return repr(float(np.uint64(rng.randrange(0x7FF << 52)).view(np.float64)))
        case 2:
            return f"{rng.getrandbits(rng.randrange(1, 110))}e{rng.randrange(-345, 270)}"
        case 3:
            return f"{rng.getrandbits(64)}.{rng.getrandbits(rng.randrange(1, 90))}e{rng.randrange(-340, 280)}"
        case 4:
            return f"{rng.random() * 10.0 ** rng.randrange(-10, 10):.{rng.randrange(1, 30)}e}"
        case 5:
            return f"{rng.getrandbits(53)}e{rng.randrange(-341, -300)}"
        case 6:
            return f"0.{'0' * rng.randrange(30)}{rng.getrandbits(70)}"
        case _:
            return f"-{rng.randrange(10 ** rng.randrange(1, 19))}.{rng.randrange(10 ** rng.randrange(1, 19)):018}"


def read(numbers: list[str]) -> list[float]:
    body = f'{{"input": {{"dtype": "float64", "data": [{",".join(numbers)}]}}}}'.encode()
    values: list[float] = JSON.decode(memoryview(body), {}, 2**30).tensors["input"].array.tolist()
    return values


@pytest.mark.parametrize("seed", range(5))
def test_hard_numbers_are_rounded_correctly(seed: int) -> None:
    """Halfway cases, subnormals, 17 to 800 digits."""
    rng = random.Random(seed)
    numbers = [hard_number(rng) for _ in range(COUNT)]

    wrong = [text[:90] for text, value in zip(numbers, read(numbers), strict=True) if value.hex() != float(text).hex()]

    assert not wrong


@given(st.from_regex(r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,60})?([eE][+-]?[0-9]{1,3})?", fullmatch=True))
def test_any_number_of_the_grammar_is_read(text: str) -> None:
    """RFC 8259, 6."""
    expected = float(text)
    if np.isinf(expected):
        return

    assert read([text])[0].hex() == expected.hex()


@pytest.mark.parametrize(
    "text",
    [
        "0." + "0" * 5000 + "1e5001",
        "1" + "0" * 5000 + "e-5000",
        "2.2250738585072011e-308",
        "2.2250738585072012e-308",
        "4.9406564584124654e-324",
        "2.4703282292062327208e-324",
        "2.4703282292062328e-324",
        "1.7976931348623157e308",
        "1.7976931348623158079e308",
        "9007199254740993",
        "9007199254740992.99999999999999999999999999999999999",
        "0e999999999999999999999999",
        "-0e-999999999999999999999999",
        "1e-999999999999999999999999",
        "0.000001e-999999999999999999999999",
    ],
)
def test_ends_of_the_range(text: str) -> None:
    """Numbers that other parsers have rounded wrongly, or never finished parsing."""
    assert read([text])[0].hex() == float(text).hex()
