"""The errors of JSON bodies: what a parser's message becomes, and which elements each type accepts."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.errors import Malformed, PoolhouseError, Unprocessable
from poolhouse.tensor_names import TENSOR_NAMES
from poolhouse.wire.json.refusals import NONFINITE, ElementChecker, field_too_large_error, strict_loads
from tests.hypothesis_profiles import scaled_examples


def refusal_of(text: bytes) -> PoolhouseError:
    with pytest.raises(PoolhouseError) as caught:
        strict_loads(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "it is empty"),
        (b" \n\t", "it is empty"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        ("{}".encode("utf-16"), "UTF-16"),
        ("{}".encode("utf-16-be").join([b"\xfe\xff", b""]), "UTF-16"),
        (b"[" * 2000, "nested too deep"),
        (b'{"a": "\xff"}', "not valid Unicode"),
        (b'{"a": "\\ud800"}', "not valid Unicode"),
        (b'{"a": NaN}', "unquoted NaN or infinity at character 6"),
        (b'{"a": -Infinity}', "unquoted NaN or infinity at character"),
        (b'{"a": inf}', "unquoted NaN or infinity at character 6"),
        (b'{"a": 1,}', "trailing comma is not allowed at character 7. Check it"),
        (b'{"a": nil}', "at character 6. Check it"),
    ],
)
def test_a_text_that_is_no_json_is_explained_in_our_words(text: bytes, words: str) -> None:
    """The parser's own words name neither the usual cause nor the remedy."""
    refusal = refusal_of(text)

    assert isinstance(refusal, Malformed)
    assert refusal.code == "malformed_body"
    assert words in refusal.detail


def test_a_number_that_no_float_can_hold_is_valid_json_and_refused() -> None:
    """Its text is JSON, so the fault is in the data: 422 and not 400."""
    refusal = refusal_of(b'{"a": 1e999}')

    assert isinstance(refusal, Unprocessable)
    assert (refusal.code, "too large" in refusal.detail) == ("invalid_data", True)


VALUES: st.SearchStrategy[object] = (
    st.booleans()
    | st.integers(-(2**64), 2**65)
    | st.integers(-300, 300)
    | st.integers(-300, 300).map(float)
    | st.floats()
    | st.sampled_from([*NONFINITE, "nan", "1", "true", "", None, 2.0**63, -(2.0**63), 2.0**62])
    | st.just([])
    | st.just({})
)


@example("int64", -(2.0**63))
@example("int64", 2.0**63)
@example("int64", 2.0**63 - 1024)
@example("uint8", -1)
@scaled_examples(200)
@given(st.sampled_from(sorted(ELEMENT_TYPES)), VALUES)
def test_an_element_is_accepted_exactly_if_its_type_has_the_value(name: str, value: object) -> None:
    """True is not 1 and "1" is not 1; a fraction or a number out of range must not be rounded to another one."""
    dtype = ELEMENT_TYPES[name]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if dtype.kind == "boolean":
        valid = isinstance(value, bool)
    elif dtype.kind == "float":
        valid = is_number or (isinstance(value, str) and value in NONFINITE)
    else:
        bounds = np.iinfo(name)
        # Floats of 2**63 and more may come from integers that int64 cannot hold; so may -2**63.
        most = 2.0**64 if name == "uint64" else 2.0**63
        valid = (
            is_number
            and (not isinstance(value, float) or (value.is_integer() and abs(value) < most))
            and bounds.min <= int(value) <= bounds.max  # type: ignore[call-overload]  # it is a number
        )
    checker = ElementChecker("input", dtype, "/input/data")

    if not valid:
        with pytest.raises(Unprocessable) as caught:
            checker.check(value, [0, 2])
        assert [(problem.pointer, problem.code) for problem in caught.value.problems] == [("/input/data/0/2", "type")]
        assert "input holds" in caught.value.detail
        assert "[0, 2]" in caught.value.detail
        return
    checked = checker.check(value, [0, 2])
    expected = NONFINITE[value] if isinstance(value, str) else value
    assert checked == expected or (math.isnan(checked) and math.isnan(expected))  # type: ignore[arg-type]
    assert dtype.kind != "integer" or type(checked) is int


def test_an_index_of_numpy_is_shown_as_plain_numbers() -> None:
    """numpy 2 would show np.int64(3)."""
    error = ElementChecker("indices", ELEMENT_TYPES["int8"], "/indices").element_error(
        list(np.array([3, 4])), "300", "."
    )

    assert error.detail == "indices holds 300 at [3, 4]."
    assert error.problems[0].pointer == "/indices/3/4"


@pytest.mark.parametrize("name", ["a" * 1000, 'x"\n', "inptu"])
def test_the_error_for_a_large_field_quotes_little_of_its_name(name: str) -> None:
    """The name comes from the client; the hint tells of a tensor whose name is misspelt."""
    error = field_too_large_error(name)

    assert len(error.detail) < 300
    assert "\n" not in error.detail
    assert error.problems[0].pointer == "/" + name[:60]
    assert (TENSOR_NAMES[0] in error.detail.partition(";")[2]) == (name == "inptu")


@given(st.recursive(st.none() | st.floats(allow_nan=False, allow_infinity=False), st.lists, max_leaves=4))
def test_valid_json_is_returned_as_it_is(value: object) -> None:
    """From bytes and from memory."""
    text = json.dumps(value).encode()

    assert strict_loads(text) == strict_loads(memoryview(text)) == value
