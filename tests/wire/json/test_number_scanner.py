"""Numbers of a JSON text on each code path of the readers, compared with exact fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.dtypes import BFLOAT16, bfloat16_to_float32
from poolhouse.errors import PoolhouseError, Unprocessable
from poolhouse.wire.json.codec import JSON

# Bits of the significand, the exponent of the smallest subnormal, and that of the first number that is too large.
FORMATS = {
    "float16": (11, -24, 16),
    "bfloat16": (8, -133, 128),
    "float32": (24, -149, 128),
    "float64": (53, -1074, 1024),
}
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")

# Bodies whose list "input" holds the number, each read on another code path.
PATHS = {
    "short": '{{"input": [[{number}, 1], [0, 2]], "kernel_size": 1}}',
    "nested": '{{"input": {{"dtype": "{dtype}", "data": [[{number}, 1], [0, 2]]}}}}',
    "flat": '{{"kernel_size": 1, "input": {{"data": [{number}, 1, 0, 2], "shape": [2, 2], "dtype": "{dtype}"}}}}',
    "spread out": '{{"input": {{"dtype": "{dtype}", "data": [\n [ {number} ,\t1 ],\r\n [0, 2\n]\n]}}}}',
    "last": '{{"input": {{"dtype": "{dtype}", "data": [[1, 2], [0, {number}]]}}}}',
    "beside an escape": ('{{"note": "\\u0061", "input": {{"dtype": "{dtype}", "data": [[{number}, 1], [0, 2]]}}}}'),
    "in a row": '{{"input": {{"dtype": "{dtype}", "data": [[1, 2, 0, {number}, 3, 4, 5], [{filling_row}]]}}}}',
    "in a row without spaces": '{{"input":{{"dtype":"{dtype}","data":[[1,2,0,{number},3,4,5],[{filling_row}]]}}}}',
    "at the end of a row": '{{"input": {{"dtype": "{dtype}", "data": [[1, 2, 0, {number}], [4, 5, 6, 7]]}}}}',
    "first of many": '{{"input": {{"dtype": "{dtype}", "data": [[{number}, 1], {filling}, [0, 2]]}}, "stride": 1}}',
    "last of many": '{{"input": {{"data": [{filling}, [{number}, 2]], "dtype": "{dtype}"}}}}',
    "beside a long list": (
        '{{"input": {{"dtype": "{dtype}", "data": [[{number}, 1]]}}, "indices": [{filling}], "kernel_size": 1}}'
    ),
}
every_path = pytest.mark.parametrize("path", PATHS)


@pytest.fixture(autouse=True, params=["compiled", "plain"])
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With compiled loops, and without."""
    monkeypatch.setattr("poolhouse.wire.json.compiled_reader.is_ready", lambda: request.param == "compiled")


def body(path: str, number: str, dtype: str) -> bytes:
    row = ", ".join("3456789")
    return PATHS[path].format(number=number, dtype=dtype, filling=", ".join(["[3, 4]"] * 40), filling_row=row).encode()


def read(path: str, number: str, dtype: str) -> float | int:
    """The element that the number becomes."""
    tensor = JSON.decode(memoryview(body(path, number, dtype)), {}, 2**25).tensors["input"]
    assert tensor.dtype.name == dtype
    values = tensor.array
    if tensor.dtype is BFLOAT16:
        values = bfloat16_to_float32(values.view(np.uint16))
    places = {"last of many": (-1, 0), "last": (-1, -1)}
    row, column = (0, 3) if "row" in path else places.get(path, (0, 0))
    found: float | int = values[row, column].item()
    return found


def refusal(path: str, number: str, dtype: str) -> PoolhouseError:
    with pytest.raises(PoolhouseError) as caught:
        read(path, number, dtype)
    return caught.value


def nearest(text: str, dtype: str) -> float:
    """The expected element: the nearest float64, rounded to the type, ties to even each time; infinite if too large."""
    wide = float(text)
    if wide == 0 or math.isinf(wide):
        return wide
    digits, least, too_large = FORMATS[dtype]
    quantum = max(math.frexp(wide)[1] - digits, least)
    steps = round(Fraction(wide) / Fraction(2) ** quantum)
    if abs(steps * Fraction(2) ** quantum) >= Fraction(2) ** too_large:
        return math.copysign(math.inf, wide)
    return math.copysign(math.ldexp(steps, quantum), wide)


NUMBERS = [
    "-0",
    "0",
    "-0.0",
    "-0e0",
    "1e-0",
    "-1E-0",
    "-0.5",
    "16777217",
    "9007199254740993",
    "-9007199254740993",
    "9223372036854775807",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775809",
    "123456789012345678901234567890",
    str(2**60 + 2**36 + 1),
    "0.1",
    "1.00000005960464477540",
    "1.0039062500000002",
    "1.00390625",
    "1.00048828125000001",
    "1.0004882812500002",
    "65519.99",
    "65520",
    "3.3895313892515355e38",
    "3.3961775292304957e38",
    "3.4028235e38",
    "3.4028235677973366e38",
    "1e39",
    "-1e308",
    "5e-324",
    "-1e-45",
    "1e-50",
    "-1e-50",
    "1e-400",
    "-1e-400",
    "-" + "0." + "0" * 400 + "1",
]


@every_path
@pytest.mark.parametrize("dtype", FORMATS)
def test_a_number_is_the_nearest_element_by_every_path(path: str, dtype: str) -> None:
    """The code path depends on details such as the length of the body, which must not change the result."""
    if path == "short" and dtype != "float32":
        return
    for number in NUMBERS:
        expected = nearest(number, dtype)
        if math.isinf(expected):
            refused = refusal(path, number, dtype)
            assert refused.code == "invalid_data", number
            assert f"too large for {dtype}" in refused.detail
        else:
            found = read(path, number, dtype)
            assert (found, math.copysign(1, found)) == (expected, math.copysign(1, expected)), number


@given(
    st.floats(allow_nan=False, allow_infinity=False) | st.floats(1, 2) | st.floats(0, 1e-38),
    st.sampled_from(list(FORMATS)),
)
def test_a_number_is_rounded_once(value: float, dtype: str) -> None:
    """Rounded to float32 first, every 65,536th would be the wrong bfloat16."""
    expected = nearest(repr(value), dtype)

    for path in ("nested", "last of many"):
        if math.isinf(expected):
            assert refusal(path, repr(value), dtype).code == "invalid_data"
        else:
            assert read(path, repr(value), dtype) == expected


@given(st.integers(0, 2**16 - 2), st.booleans(), st.sampled_from([-1, 0, 1]))
def test_bfloat16_is_rounded_once_between_any_two(bits: int, negative: bool, step: int) -> None:
    """Halfway, and just above or below, where float32 cannot tell the difference."""
    bits &= 0x7FFF
    if bits >= 0x7F7F:
        return
    below, above = (float(each) for each in bfloat16_to_float32(np.array([bits, bits + 1], np.uint16)))
    value = math.nextafter((below + above) / 2, math.inf * step) if step else (below + above) / 2
    number = repr(-value if negative else value)

    assert read("nested", number, "bfloat16") == nearest(number, "bfloat16")


@every_path
def test_minus_zero_keeps_its_sign_in_float_types(path: str) -> None:
    """Go, .NET and C print it without a decimal point."""
    for dtype in FORMATS if path != "short" else ("float32",):
        assert math.copysign(1, read(path, "-0", dtype)) == -1
    for dtype in INTEGERS if path != "short" else ():
        assert read(path, "-0", dtype) == 0


@every_path
@pytest.mark.parametrize("number", ["1E400", "-1e400", "1" + "0" * 400])
def test_a_number_beyond_float64_is_refused_with_its_position(path: str, number: str) -> None:
    """The body is valid JSON, so it is not malformed; the position saves a search through 32 MiB."""
    text = body(path, number, "float32")

    refused = refusal(path, number, "float32")

    assert isinstance(refused, Unprocessable)
    assert f"at character {text.index(number.encode())} is too large" in refused.detail
    assert '"Infinity"' in refused.detail


@every_path
def test_an_element_beyond_the_type_is_refused_with_its_index(path: str) -> None:
    """A value alone would be hard to find among a million elements."""
    refused = refusal(path, "1e39", "float32")

    (problem,) = refused.problems
    tail = {"last": "1/1", "last of many": "40/0", "flat": "0"}.get(path, "0/3" if "row" in path else "0/0")
    assert problem.pointer == ("/input/" if path == "short" else "/input/data/") + tail
    assert f"at {[int(index) for index in tail.split('/')]}" in problem.message


@every_path
@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_are_exact_or_refused(path: str, dtype: str) -> None:
    """JSON does not distinguish 2.0 from 2; 2.5 is no integer."""
    if path == "short":
        return
    bounds = np.iinfo(dtype)
    assert [read(path, str(number), dtype) for number in (bounds.min, bounds.max)] == [bounds.min, bounds.max]
    assert [read(path, number, dtype) for number in ("2.0", "1e1", "-0.0", "20E-1")] == [2, 10, 0, 2]

    for number in (str(bounds.max + 1), str(bounds.min - 1), "2.5", "1e-9", "1e20", "18446744073709551616", "1e300"):
        refused = refusal(path, number, dtype)
        assert refused.code == "invalid_data", number
        assert refused.problems[0].pointer.startswith("/input/data/")


@pytest.mark.parametrize(
    ("dtype", "number"),
    [
        *(("int64", number) for number in (2**53 + 1, 2**60 + 1, 2**63 - 1, -(2**63))),
        *(("uint64", number) for number in (2**53 + 1, 2**63 - 1, 2**63, 2**63 + 1, 10**19 - 1, 10**19, 2**64 - 1)),
    ],
)
def test_an_exact_integer_beside_one_with_a_point_stays_exact(dtype: str, number: int) -> None:
    """One float64 array of both would round the integer."""
    assert read("nested", f"{number}, 1.0], [{number}", dtype) == number


@pytest.mark.parametrize(
    "number", [2**64, 2**64 + 10**19, 2 * 10**19 - 1, 2 * 10**19, 3 * 10**19, 10**20 - 1, 10**20 + 7, -1, -(2**63)]
)
def test_no_integer_wraps_to_a_uint64(number: int) -> None:
    """The digits are added up modulo 2⁶⁴."""
    refused = refusal("nested", str(number), "uint64")

    assert refused.code == "invalid_data"
    assert refused.problems[0].pointer == "/input/data/0/0"


@pytest.mark.parametrize("number", ["1.844674407370955e19", "9223372036854775808.0", "93E17", "-0.0"])
def test_a_whole_float_may_be_a_uint64(number: str) -> None:
    """Some languages print large numbers with an exponent."""
    assert read("nested", number, "uint64") == int(float(number))
