"""Fields: null for an unset one, and the schema of its texts."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.operators.field_types import FieldError
from poolhouse.operators.fields import REQUIRED, Field
from poolhouse.operators.size_types import IntegerPerAxis
from tests.operators.field_samples import FIELD_TYPES


def test_null_and_none_leave_a_field_unset() -> None:
    """Clients in other languages send null for an argument that is not given, and Python formats it as None."""
    unset = Field("stride", IntegerPerAxis(1), "", REQUIRED, "kernel_size", None, in_batch_key=True)
    assert [unset.read(text) for text in ("null", "None", "3")] == [None, None, 3]


LISTS = [
    Field(type(kind).__name__, kind, "", default, None, None, in_batch_key=True)
    for kind in FIELD_TYPES
    for default in (REQUIRED, None)
    if "pattern" in kind.text_schema(2)
]


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("field", LISTS, ids=lambda field: f"{field.name}-{field.is_required}")
def test_the_schema_and_the_parser_agree_on_texts(field: Field, rank: int) -> None:
    """Gateways validate by the schema, and generated clients follow it."""
    pattern = field.text_schema(rank)["pattern"]
    assert isinstance(pattern, str)
    schema_pattern = re.compile(pattern, re.ASCII)
    pieces = st.sampled_from(
        [*"[](),,:  .-+xeE", "null", "same", "1:0", "[1,0]", "None", "true", "inf", "Infinity", "0", "2", "3.0", "0.5"]
    )

    @given(st.lists(pieces, max_size=9).map("".join) | st.from_regex(schema_pattern, fullmatch=True))
    def holds(text: str) -> None:
        value: object = None
        code = "accepted"
        try:
            value = field.read(text)
            if value is not None:
                field.field_type.check(value, rank)
        except FieldError as refused:
            code = refused.code
        # A pattern cannot limit the magnitude of numbers.
        if schema_pattern.search(text):
            assert code in ("accepted", "range")
        else:
            assert code != "accepted"

    holds()
