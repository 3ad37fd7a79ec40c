"""Adapters of region operators: everything but names is that of our operator."""

from __future__ import annotations

import pytest

from poolhouse.operators.adapters.region_adapter import RegionAdapter
from tests.operators.region_cases import REGION_OPERATORS

ADAPTERS = [member for member in REGION_OPERATORS if issubclass(member, RegionAdapter)]


def test_there_are_adapters() -> None:
    """Else the tests below hold for none."""
    assert {member.name for member in ADAPTERS} == {"onnx.RoiAlign", "onnx.MaxRoiPool"}


@pytest.mark.parametrize("member", ADAPTERS, ids=lambda member: member.name)
def test_the_tensors_of_our_operator_have_their_names(member: type[RegionAdapter]) -> None:
    """Those without another name have ours."""
    translated = {member.our_names.get(name, name) for name in member.inputs}

    assert translated <= set(member.target_type.inputs)
    assert member.element_types == member.target_type.element_types


@pytest.mark.parametrize("member", ADAPTERS, ids=lambda member: member.name)
def test_every_attribute_reaches_our_operator(member: type[RegionAdapter]) -> None:
    """A field of ours that no attribute sets keeps its default."""
    spec = member.of(**member.samples[-1].fields)
    target = spec.target

    assert isinstance(target, member.target_type)
    assert {row.ours for row in member.adaptation.attributes} <= {field.name for field in target.fields()}
