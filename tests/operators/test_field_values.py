"""Reading the fields of a request: from the body, the query and files, with defaults filled in."""

from __future__ import annotations

import pytest

from poolhouse.errors import Unprocessable
from poolhouse.operators.field_types import Flag
from poolhouse.operators.field_values import field_pointers, read_field_values
from poolhouse.operators.fields import REQUIRED, Field
from poolhouse.operators.number_types import Integer
from poolhouse.operators.size_types import IntegerPerAxis
from poolhouse.tensors import Note

FIELDS = (
    Field("kernel_size", IntegerPerAxis(1), "", REQUIRED, None, None, in_batch_key=True),
    Field("stride", IntegerPerAxis(1), "", REQUIRED, "kernel_size", None, in_batch_key=True),
    Field("padding", IntegerPerAxis(0), "", 0, None, None, in_batch_key=True),
    Field("ceil_mode", Flag(), "", False, None, None, in_batch_key=True),
    Field("seed", Integer(0, 9), "", None, None, None, in_batch_key=False),
)


def read(json_fields: dict[str, object], text_fields: dict[str, str] | None = None) -> dict[str, object]:
    """The values of all fields, for two axes."""
    texts = text_fields or {}
    return read_field_values("some_pool", 2, FIELDS, ("input",), json_fields, texts, field_pointers(texts, {}))


DEFAULTS: dict[str, object] = {"padding": (0, 0), "ceil_mode": False, "seed": None}


@pytest.mark.parametrize(
    ("json_fields", "text_fields", "expected"),
    [
        ({"kernel_size": [2, 3]}, {}, {"kernel_size": (2, 3), "stride": (2, 3)}),
        ({"kernel_size": 2, "stride": None, "seed": None}, {}, {"kernel_size": (2, 2), "stride": (2, 2)}),
        ({}, {"kernel_size": "2,3", "stride": "null"}, {"kernel_size": (2, 3), "stride": (2, 3)}),
        ({"stride": 1}, {"kernel_size": "3"}, {"kernel_size": (3, 3), "stride": (1, 1)}),
        (
            {"kernel_size": 1, "padding": [0, 1]},
            {"ceil_mode": "True", "seed": "7"},
            {"kernel_size": (1, 1), "stride": (1, 1), "padding": (0, 1), "ceil_mode": True, "seed": 7},
        ),
    ],
)
def test_fields_that_are_not_given_have_their_defaults(
    json_fields: dict[str, object], text_fields: dict[str, str], expected: dict[str, object]
) -> None:
    """Equal requests must have equal specs in every notation, or they share neither a plan nor a batch."""
    values = read(json_fields, text_fields)

    assert values == {**DEFAULTS, **expected}
    assert list(values) == [field.name for field in FIELDS]


@pytest.mark.parametrize(
    ("json_fields", "problems"),
    [
        ({}, {"/kernel_size": "missing"}),
        ({"kernel_size": None}, {"/kernel_size": "type"}),
        ({"kernel_size": 0}, {"/kernel_size": "range"}),
        ({"kernel_size": 2, "padding": None}, {"/padding": "type"}),
        ({"kernel_size": [1, 2, 3], "ceil_mode": 1}, {"/kernel_size": "length", "/ceil_mode": "type"}),
    ],
)
def test_each_invalid_field_is_one_problem(json_fields: dict[str, object], problems: dict[str, str]) -> None:
    """A stride that is missing because kernel_size is wrong is no second problem; null unsets optional fields only."""
    with pytest.raises(Unprocessable) as refused:
        read(json_fields)

    assert refused.value.code == "invalid_fields"
    assert {problem.pointer: problem.code for problem in refused.value.problems} == problems


def test_a_missing_field_is_described() -> None:
    """The client learns what to send."""
    with pytest.raises(Unprocessable, match="kernel_size: has no default; give integer ≥ 1, or 2, one for each axis"):
        read({})


def test_the_pointer_of_a_text_is_its_place() -> None:
    """A name may have megabytes; a file's note hides the query's pointer of the same name."""
    note = Note("2", "/metadata/stride", is_field=True)

    pointers = field_pointers({"stride": "1", "x" * 1000: "1"}, {"stride": note})

    assert pointers == {"stride": "/metadata/stride", "x" * 1000: "?" + "x" * 80}
