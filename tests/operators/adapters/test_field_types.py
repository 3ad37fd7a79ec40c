"""Field types for any number of axes: checked at that of the input, described for all."""

from __future__ import annotations

import re
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.operators.adapters.field_types import RANKS, IntegerPerGivenAxis, Pads
from poolhouse.operators.field_types import FieldError, FieldType
from poolhouse.operators.size_types import INT32_MAX
from tests.hypothesis_profiles import scaled_examples
from tests.operators.field_samples import code_of

TYPES: dict[str, FieldType] = {
    "sizes": IntegerPerGivenAxis(1),
    "sizes with N and C": IntegerPerGivenAxis(1, allows_batch_sizes=True),
    "pads": Pads(),
}

every_type = pytest.mark.parametrize("field_type", TYPES.values(), ids=TYPES)
VALUES = st.one_of(
    st.integers(-1, 3), st.sampled_from((INT32_MAX, INT32_MAX + 1)), st.lists(st.integers(-1, 4), max_size=8)
)


def is_accepted(field_type: FieldType, value: object) -> bool:
    """Whether some number of axes has this value."""
    for rank in RANKS:
        try:
            field_type.check(value, rank)
        except FieldError:
            continue
        return True
    return False


@every_type
def test_the_schema_accepts_what_some_input_has(field_type: FieldType) -> None:
    """No more: the shape is not known to a document, and generated clients check with it."""
    jsonschema = pytest.importorskip("jsonschema", reason="needs jsonschema, which the test group installs")

    @scaled_examples(200)
    @given(VALUES)
    def holds(value: object) -> None:
        valid = jsonschema.Draft202012Validator(field_type.schema(2)).is_valid(value)

        assert valid is is_accepted(field_type, value)
        assert field_type.schema(1) == field_type.schema(3)

    holds()


@every_type
def test_the_text_pattern_accepts_lists_of_all_lengths(field_type: FieldType) -> None:
    """In a query string, as a client's code formats a list."""
    schema = field_type.text_schema(2)
    pattern = re.compile(cast("str", schema["pattern"]))

    @scaled_examples(100)
    @given(st.lists(st.integers(1, 99), min_size=1, max_size=8))
    def holds(values: list[int]) -> None:
        text = ",".join(map(str, values))
        matches = pattern.search(text) is not None

        # One number stands for all axes.
        assert matches is is_accepted(field_type, values[0] if len(values) == 1 else values)
        assert not matches or is_accepted(field_type, field_type.read(text))

    holds()


def test_pads_are_two_for_each_axis() -> None:
    """Before all axes, then after all, as ONNX orders them; one number is for all."""
    assert Pads().check([1, 2, 3, 4], 2) == (1, 2, 3, 4)
    assert Pads().check(5, 3) == (5,) * 6
    assert [code_of(Pads(), value) for value in ([1, 2], [1] * 6, [-1] * 4, [1.5] * 4)] == [
        "length",
        "length",
        "range",
        "type",
    ]


def test_sizes_are_one_for_each_axis_of_the_input() -> None:
    """A list for other inputs is refused, though the document has it."""
    sizes, batched = IntegerPerGivenAxis(1), IntegerPerGivenAxis(1, allows_batch_sizes=True)

    assert sizes.check([2, 3], 2) == (2, 3)
    assert sizes.check(4, 3) == (4, 4, 4)
    assert batched.check([1, 1, 2, 3], 2) == (1, 1, 2, 3)
    assert code_of(sizes, [1, 1, 2, 3]) == "length"
    assert code_of(sizes, [2, 3, 4]) == "length"


@every_type
def test_the_description_names_no_number_of_axes(field_type: FieldType) -> None:
    """It is shown for all."""
    descriptions = {field_type.describe(rank) for rank in RANKS}

    assert len(descriptions) == 1
    assert "each spatial axis" in descriptions.pop()
