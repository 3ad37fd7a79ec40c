"""What each kind of field takes and refuses, in JSON and as text."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.errors import FIELD_CODES, Unprocessable
from poolhouse.operators.fields import (
    INT32_MAX,
    FieldError,
    Flag,
    Kind,
    PerAxis,
    Power,
    RatioPerAxis,
    Whole,
    shown,
)
from tests.operators.drawing import CATALOGUE

KINDS: tuple[Kind, ...] = (
    PerAxis(1),
    PerAxis(0, keep=True),
    PerAxis(1, leading=True),
    RatioPerAxis(),
    Flag(),
    Whole(-(2**63), 2**63 - 1, nonzero=True),
    Whole(0, 2**53 - 1),
    Power(),
)
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: type(kind).__name__)

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-3, 9)
    | st.sampled_from((2**31, 2**63, 2**64, 10**400))
    | st.floats()
    | st.text(max_size=20)
)
json_values = (
    scalars
    | st.lists(scalars | st.lists(scalars, max_size=2), max_size=5)
    | st.dictionaries(st.text(max_size=3), scalars, max_size=2)
)


def code_of(kind: Kind, value: object, rank: int = 2) -> str:
    """The code that a value is refused with."""
    with pytest.raises(FieldError) as refused:
        kind.check(value, rank)
    return refused.value.code


@every_kind
def test_any_json_value_is_taken_or_refused_in_our_words(kind: Kind) -> None:
    """A stranger's value meets a code and a sentence, never an exception of Python's."""

    @given(json_values, st.integers(1, 3))
    def holds(value: object, rank: int) -> None:
        try:
            checked = kind.check(value, rank)
        except FieldError as refused:
            code, message = refused.code, refused.message
        else:
            hash(checked)
            code, message = "type", "taken"
        assert code in FIELD_CODES
        assert 0 < len(message) < 250

    holds()


@every_kind
def test_any_text_is_read_or_refused_in_our_words(kind: Kind) -> None:
    """Query strings are anybody's text; what is read must then be judged like JSON."""

    @given(st.text(max_size=60) | st.text("0123456789,.-+eEinfnatruls_ ", max_size=30), st.integers(1, 3))
    def holds(text: str, rank: int) -> None:
        code, message = "type", "taken"
        try:
            kind.check(kind.read(text), rank)
        except FieldError as refused:
            code, message = refused.code, refused.message
        assert code in FIELD_CODES
        assert 0 < len(message) < 250

    holds()


def test_one_size_stands_for_every_axis() -> None:
    """As in torch."""
    assert PerAxis(1).check(3, 2) == (3, 3)
    assert PerAxis(1).check([3, 4], 2) == (3, 4)
    assert PerAxis(0, keep=True).check([None, 4, 0], 3) == (None, 4, 0)
    assert PerAxis(1, leading=True).check([1, 2, 3, 4], 2) == (1, 2, 3, 4)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (True, "type"),
        (2.0, "type"),
        ("2", "type"),
        (None, "type"),
        ({}, "type"),
        (0, "range"),
        (INT32_MAX + 1, "range"),
        (-(10**400), "range"),
        ([], "length"),
        ([1, 2, 3], "length"),
        ([1] * 1_000_000, "length"),
        ([1, None], "type"),
        ([1, [2]], "type"),
        ([1, False], "type"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_size_is_a_whole_number_within_int32(value: object, code: str) -> None:
    """Beyond it torch's kernels crash, wrap or run for ever; a bool is a number only to Python."""
    assert code_of(PerAxis(1), value) == code


@pytest.mark.parametrize(
    "text", ["1_000", " 3", "3 ", "+3", "٣", "3.0", "0x3", "", ",", "3,", "1e2", "9" * 21, "--3", "null"]
)
def test_only_plain_digits_are_a_size(text: str) -> None:
    """Python's int() takes more than any other language would write."""
    with pytest.raises(FieldError):
        PerAxis(1).read(text)


@pytest.mark.parametrize("text", ["nan", "NaN", "inf", "1_0", " 1", "1 ", "1e400", "", "0x1p3", "1" * 41, "e", "--1"])
def test_only_plain_numbers_are_a_power(text: str) -> None:
    """float() would take most of these."""
    with pytest.raises(FieldError):
        Power().read(text)


def test_a_power_may_be_infinite_in_both_spellings() -> None:
    """JSON has no infinity; the contract writes it as a string."""
    assert Power().check("Infinity", 1) == math.inf
    assert Power().check(Power().read("-Infinity"), 1) == -math.inf
    assert Power().check(3, 1) == 3.0
    assert [code_of(Power(), value) for value in (0, -0.0, math.nan, 10**400)] == ["range"] * 4
    assert [code_of(Power(), value) for value in (True, "inf", None, [2])] == ["type"] * 4


@pytest.mark.parametrize("value", [0, 1, 1.5, -0.5, math.nan, math.inf])
def test_a_ratio_lies_between_zero_and_one(value: float) -> None:
    """Torch's functional checks neither."""
    assert code_of(RatioPerAxis(), value) == "range"
    assert code_of(RatioPerAxis(), [0.5, value]) == "range"


def test_what_is_wrong_is_quoted_in_short() -> None:
    """A megabyte that is sent must not come back as a megabyte of message."""
    assert len(shown("x" * 10**6)) <= 60
    assert len(shown([1] * 10**6)) <= 60
    assert len(shown(10**5000)) <= 60


def test_every_problem_is_told_at_once() -> None:
    """A caller mends all of them in one round."""
    with pytest.raises(Unprocessable) as refused:
        CATALOGUE.find("max_pool2d").parse({"stride": 0, "kernal_size": 3}, {"padding": "-1", "ceil_mode": "yes"})

    problems = {problem.pointer: problem.code for problem in refused.value.problems}
    assert problems == {
        "/kernal_size": "unknown",
        "/kernel_size": "missing",
        "/stride": "range",
        "?padding": "range",
        "?ceil_mode": "type",
    }
    assert "did you mean kernel_size?" in refused.value.detail
