"""What every field type accepts and refuses, in JSON and as text, and flags."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.errors import FIELD_CODES
from poolhouse.operators.field_types import FieldError, FieldType, Flag, describe_value
from tests.operators.field_samples import FIELD_TYPES

every_type = pytest.mark.parametrize("field_type", FIELD_TYPES, ids=lambda each: type(each).__name__)

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


@every_type
def test_any_json_value_is_accepted_or_raises_a_field_error(field_type: FieldType) -> None:
    """A client's value must not raise another exception of Python."""

    @given(json_values, st.integers(1, 3))
    def holds(value: object, rank: int) -> None:
        try:
            checked = field_type.check(value, rank)
        except FieldError as refused:
            code, message = refused.code, refused.message
        else:
            hash(checked)
            code, message = "type", "accepted"
        assert code in FIELD_CODES
        assert 0 < len(message) < 250

    holds()


@every_type
def test_any_text_is_read_or_raises_a_field_error(field_type: FieldType) -> None:
    """A query string may have any text; the values read from it are checked like JSON values."""

    @given(st.text(max_size=60) | st.text("0123456789,:.-+eEinfnatruls_ []()", max_size=30), st.integers(1, 3))
    def holds(text: str, rank: int) -> None:
        code, message = "type", "accepted"
        try:
            field_type.check(field_type.read(text), rank)
        except FieldError as refused:
            code, message = refused.code, refused.message
        assert code in FIELD_CODES
        assert 0 < len(message) < 250

    holds()


@pytest.mark.parametrize(("text", "value"), [("True", True), ("False", False), ("true", True), ("false", False)])
def test_flags_are_read_as_python_formats_them(text: str, value: bool) -> None:
    """requests sends True where httpx sends true."""
    assert Flag().read(text) is value


@pytest.mark.parametrize("text", ["TRUE", "1", "yes", "", "t", "true,", " true"])
def test_other_words_are_not_flags(text: str) -> None:
    """1 and on mean true in some languages only."""
    with pytest.raises(FieldError):
        Flag().read(text)


def test_quoted_values_are_short() -> None:
    """A request of a megabyte must not produce a message of a megabyte."""
    assert len(describe_value("x" * 10**6)) <= 60
    assert len(describe_value([1] * 10**6)) <= 60
    assert len(describe_value(10**5000)) <= 60
