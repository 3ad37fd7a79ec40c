"""Declared tensors beside ``input``: their default type, and what the catalogue declares."""

from __future__ import annotations

from poolhouse.dtypes import INT64
from poolhouse.operators.catalogue import discover
from poolhouse.operators.inputs import INDICES

CATALOGUE = discover()


def test_a_json_list_has_the_first_type() -> None:
    """Indices are int64, as pooling returns them."""
    assert INDICES.default_type is INT64
    assert INDICES.is_required


def test_the_names_of_an_operator_follow_from_its_companions() -> None:
    """So that a further tensor is declared once."""
    for member in CATALOGUE:
        assert member.inputs == ("input", *(each.name for each in member.companions))
        assert len(set(member.inputs)) == len(member.inputs)


def test_a_tensor_of_one_name_has_one_default_type() -> None:
    """The codecs read it before they know the operator."""
    types: dict[str, set[str]] = {}
    for member in CATALOGUE:
        for each in member.companions:
            types.setdefault(each.name, set()).add(each.default_type.name)

    assert all(len(found) == 1 for found in types.values())
