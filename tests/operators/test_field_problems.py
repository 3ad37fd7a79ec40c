"""The error for invalid fields: every problem with its pointer, up to a bound, whatever a request names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.errors import MAX_PROBLEMS, Unprocessable
from poolhouse.operators.field_problems import invalid_fields_error
from poolhouse.operators.field_types import FieldError
from tests.hypothesis_profiles import scaled_examples
from tests.operators.random_cases import CATALOGUE

FIELDS = ("kernel_size", "stride", "padding")


def error_of(
    json_fields: dict[str, object],
    text_fields: dict[str, str] | None = None,
    faults: dict[str, FieldError] | None = None,
    pointers: dict[str, str] | None = None,
) -> Unprocessable | None:
    """The error of an operator with three fields."""
    return invalid_fields_error(
        "some_pool", FIELDS, ("input",), json_fields, text_fields or {}, pointers or {}, faults or {}
    )


def test_the_error_has_every_problem() -> None:
    """The client can mend all of them at once."""
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


def test_valid_fields_have_no_error() -> None:
    """A field is in one place, and the operator has it."""
    assert error_of({"kernel_size": 2}, {"stride": "2"}) is None


@scaled_examples(60)
@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, len(FIELDS)))
def test_a_thousand_names_are_counted_and_few_are_listed(unknown: int, twice: int, wrong: int) -> None:
    """A suggestion takes tens of microseconds, and a request can name a field in a few bytes."""
    both: dict[str, str] = {f"b{i}": "1" for i in range(twice)}
    faults = {name: FieldError("range", "too small") for name in FIELDS[:wrong]}

    error = error_of({**{f"u{i}": 1 for i in range(unknown)}, **both}, both, faults)

    # A name in both places is unknown in each.
    total = unknown + 3 * twice + wrong
    assert (error is None) == (total == 0)
    if error is not None:
        assert len(error.problems) == min(total, MAX_PROBLEMS)
        assert [problem.code for problem in error.problems].count("range") == wrong
        hidden = total - len(error.problems)
        assert error.detail.endswith(f"; and {hidden} more") == (hidden > 0)


@pytest.mark.parametrize(
    ("name", "pointer"), [("a/b", "/a~1b"), ("a~b", "/a~0b"), ("~1", "/~01"), ("x" * 5000, "/" + "x" * 80), ("", "/")]
)
def test_a_pointer_is_escaped_and_short(name: str, pointer: str) -> None:
    """RFC 6901: without escaping the pointer leads to another member, and a name may have megabytes."""
    error = error_of({name: 1})

    assert error is not None
    assert [problem.pointer for problem in error.problems] == [pointer]
    assert len(error.detail) < 300


def test_the_pointer_is_where_the_field_was_given() -> None:
    """A field of a query string or of a file is not in the body."""
    error = error_of(
        {},
        {"nope": "1", "stride": "x"},
        {"stride": FieldError("type", "expected an integer")},
        pointers={"nope": "?nope", "stride": "/metadata/stride"},
    )

    assert error is not None
    assert [(problem.pointer, problem.code) for problem in error.problems] == [
        ("?nope", "unknown"),
        ("/metadata/stride", "type"),
    ]
    assert "some_pool has no field 'nope'" in error.detail
    assert "It takes kernel_size, stride, padding" in error.detail
    assert "stride: expected an integer" in error.detail


def test_a_field_in_two_places_is_a_duplicate() -> None:
    """Neither value may win silently."""
    error = error_of({"stride": 1}, {"stride": "1"})

    assert error is not None
    assert [(problem.pointer, problem.code) for problem in error.problems] == [("/stride", "duplicate")]


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("SAME", 'Write "same".'),
        ("same_upper", 'Write "same".'),
        ("VALID", 'Write "valid".'),
        ("nonsense", ""),
        (-1, ""),
    ],
)
def test_the_padding_of_other_libraries_is_translated(value: object, hint: str) -> None:
    """TensorFlow writes its words in capitals, and ONNX has another one."""
    fault = {"padding": FieldError("type", "expected an integer")}

    error, other = error_of({"padding": value}, None, fault), error_of({"stride": value}, None, fault)

    assert error is not None
    assert other is not None
    assert hint in error.detail
    assert error.detail.endswith("expected an integer") == (hint == "")
