"""Field types that the tests of all of them run over."""

from __future__ import annotations

import pytest

from poolhouse.operators.field_types import Choice, FieldError, FieldType, Flag, IntegerChoice
from poolhouse.operators.number_types import AnyNumber, Integer, Power, Probability, Real
from poolhouse.operators.padding import PaddingPerAxis
from poolhouse.operators.size_types import IntegerList, IntegerPerAxis, RatioPerAxis

FIELD_TYPES: tuple[FieldType, ...] = (
    IntegerPerAxis(1),
    IntegerPerAxis(0, allows_null=True),
    IntegerPerAxis(1, allows_batch_sizes=True),
    RatioPerAxis(),
    IntegerList(1, 64, 3),
    PaddingPerAxis(),
    Flag(),
    Choice(("mean", "max")),
    IntegerChoice((3, 5, 7)),
    Integer(-(2**63), 2**63 - 1, nonzero=True),
    Integer(0, 2**53 - 1),
    Real(0.0),
    Real(nonzero=True),
    Probability(),
    Power(),
    AnyNumber(),
)


def code_of(field_type: FieldType, value: object, rank: int = 2) -> str:
    """The error code of an invalid value."""
    with pytest.raises(FieldError) as refused:
        field_type.check(value, rank)
    return refused.value.code
