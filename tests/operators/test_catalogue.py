"""The catalogue has all pooling operators of torch under their names."""

from __future__ import annotations

import inspect
import re

import pytest
import torch.nn.functional as F
from torch.nn.modules import pooling

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.errors import NotFound
from poolhouse.operators.catalogue import Catalogue, discover_own_planes
from poolhouse.operators.max_pool import MaxPool
from poolhouse.operators.operator import Operator
from tests.operators.random_cases import CATALOGUE, COVERED

TORCHS = sorted(
    name
    for name in vars(F)
    if "pool" in name and name[-1] == "d" and not name.startswith("_") and "with_indices" not in name
)
OURS_ALONE = {"absolute", "seed", "divisor_override", "dilation", "ceil_mode", "padding"}
every_operator = pytest.mark.parametrize("member", COVERED, ids=lambda member: member.name)


def test_every_pooling_functional_of_torch_is_in_the_catalogue() -> None:
    """All of torch's functionals under their names; a new functional in torch makes this test fail."""
    assert set(TORCHS) <= set(CATALOGUE.names)
    assert len(TORCHS) == 20


def test_every_pooling_module_of_torch_is_in_the_catalogue() -> None:
    """Users know nn.MaxPool2d as well as F.max_pool2d."""
    for name in pooling.__all__:
        words = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name[:-2]).lstrip("_")
        family = words.replace("l_p_pool", "lp_pool").replace("max_pool", "max_pool").replace("avg_pool", "avg_pool")
        assert f"{family}{name[-2:].lower()}" in CATALOGUE.names, name


@pytest.mark.parametrize("name", TORCHS)
def test_fields_are_torchs_in_torchs_order(name: str) -> None:
    """A call with positional arguments can be copied, and no argument of torch is missing."""
    theirs = arguments_of(name)
    fields = [field.name for field in CATALOGUE.find(name).fields() if not field.is_common]

    assert theirs
    assert [field for field in fields if field not in OURS_ALONE or field in theirs] == theirs


def arguments_of(name: str) -> list[str]:
    """Arguments of torch's functional, except tensors and samples, in order."""
    function = getattr(F, name)
    if "max_pool" in name:
        # These dispatch on return_indices; the function with indices names its arguments.
        function = getattr(F, f"{name}_with_indices")
    try:
        arguments = list(inspect.signature(function).parameters)
    except ValueError:
        # A builtin; the first line of its docstring is the signature.
        signature = re.search(rf"{name}\(([^)]*)\)", function.__doc__ or "")
        assert signature is not None
        arguments = [part.split("=")[0].strip() for part in signature[1].split(",")]
    return [each for each in arguments if each not in {"input", "indices", "_random_samples"}]


@every_operator
def test_every_operator_is_documented(member: type[Operator]) -> None:
    """The API document and the documentation are derived from these texts."""
    assert inspect.getdoc(member)
    assert member.shape_rule.endswith(".")
    assert member.source
    assert member.samples
    assert member.refusals
    assert all(field.meaning.endswith(".") for field in member.fields())
    assert any(dtype.kind in member.element_types for dtype in ELEMENT_TYPES.values())
    assert bool(member.index_meaning) == (
        "indices" in {*member.inputs, *(field.name for field in member.fields())}
    ) or ("return_indices" in {field.name for field in member.fields()})


@every_operator
def test_every_default_is_valid(member: type[Operator]) -> None:
    """A default that its field type refuses would fail for every request without the field."""
    for field in member.fields():
        if not field.is_required and field.default_from is None and field.default is not None:
            field.field_type.check(field.default, member.rank)
        if field.example is not None:
            field.field_type.check(field.example, member.rank)


def test_the_error_for_a_misspelt_operator_has_similar_names() -> None:
    """Misspelt names are the most common mistake."""
    for wrong, right in (
        ("maxpool2d", "max_pool2d"),
        ("MaxPool2d", "max_pool2d"),
        ("avg_pool4d", "avg_pool"),
        ("adaptive_average_pool2d", "adaptive_avg_pool2d"),
    ):
        with pytest.raises(NotFound) as refused:
            CATALOGUE.find(wrong)
        assert refused.value.code == "unknown_operator"
        assert right in refused.value.detail
    with pytest.raises(NotFound) as refused:
        CATALOGUE.find("x" * 10**6)
    assert len(refused.value.detail) < 300


def test_the_catalogue_has_a_fixed_order() -> None:
    """Generated files are compared byte for byte."""
    assert discover_own_planes().names == CATALOGUE.names
    assert list(CATALOGUE.names) == sorted(CATALOGUE.names)


def test_two_operators_must_not_have_the_same_name() -> None:
    """One of them could not be called."""
    with pytest.raises(AssertionError, match="the same name"):
        Catalogue([MaxPool, MaxPool])
