"""A declaration becomes operators with names and ranks, whose specs are checked, hashable and printed as JSON."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence

import pytest

from poolhouse.dtypes import FLOAT32
from poolhouse.errors import FieldProblem, Unprocessable
from poolhouse.operators.field_types import Flag
from poolhouse.operators.fields import REQUIRED, Sizes, field
from poolhouse.operators.number_types import Integer, Power
from poolhouse.operators.operator import at_rank, is_declared, operator
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.operators.size_types import IntegerPerAxis
from poolhouse.tensors import Note
from tests.operators.plane_plans import kernel_of


@operator("crop_pool", ranks=(1, 2))
class CropPool(PlaneOperator):
    """A declaration with a field of each kind."""

    kernel_size: Sizes = field(IntegerPerAxis(1), "", default=REQUIRED, example=2)
    stride: Sizes = field(IntegerPerAxis(1), "", default=REQUIRED, default_from="kernel_size", example=2)
    power: float = field(Power(), "", default=math.inf, example=2)
    wide: bool = field(Flag(), "", default=False, example=True)
    seed: int | None = field(Integer(0, 9), "", default=None, example=7, in_batch_key=False)

    def cross_field_errors(self) -> Sequence[FieldProblem]:
        conflicts = []
        if self.wide and self.seed == 3:
            conflicts += [FieldProblem("/wide", "conflict", "not wide"), FieldProblem("/seed", "conflict", "not 3")]
        return conflicts


class Derived(CropPool):
    """A class that shares the code of an operator and is none."""


@operator("trim_pool")
class TrimPool(CropPool):
    """An operator that is derived from another one."""


CropPool2d = at_rank(CropPool, 2)


def test_a_declaration_has_its_fields_in_order() -> None:
    """Torch's positional arguments have that order, so a call can be copied."""
    assert (CropPool.family, CropPool.ranks, TrimPool.ranks) == ("crop_pool", (1, 2), (1, 2, 3))
    assert [each.name for each in CropPool2d.fields()] == [
        *("kernel_size", "stride", "power", "wide", "seed"),
        "layout",
    ]
    assert TrimPool.fields() == CropPool.fields()


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_an_operator_of_a_rank_is_named_for_it(rank: int) -> None:
    """Documents and errors show its name and its docstring."""
    made = at_rank(TrimPool, rank)

    assert (made.rank, made.name, made.__name__) == (rank, f"trim_pool{rank}d", f"TrimPool{rank}d")
    assert (made.__doc__, made.__module__) == (TrimPool.__doc__, TrimPool.__module__)
    assert made.of(kernel_size=2).field_values()["kernel_size"] == [2] * rank


def test_only_a_declared_class_is_an_operator() -> None:
    """The catalogue finds operators by it; a base class or a rank of one must not appear twice."""
    assert is_declared(CropPool)
    assert is_declared(TrimPool)
    assert not any(
        is_declared(other) for other in (Derived, CropPool2d, PlaneOperator, CropPool2d.of(kernel_size=1), "x")
    )


def test_a_spec_cannot_be_changed() -> None:
    """Plans are cached by their specs."""
    spec = CropPool2d.of(kernel_size=2)

    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.seed = 1  # type: ignore[attr-defined, unused-ignore]  # a field of the declaration


def test_a_spec_does_not_depend_on_the_notation_of_its_fields() -> None:
    """Equal requests share a plan, whether their fields are in the body, the query or a file."""
    by_arguments = CropPool2d.of(kernel_size=[2, 2], power="Infinity", wide=False)
    by_texts = CropPool2d.parse({"wide": False}, {"kernel_size": "2,2"}, {"stride": Note("(2, 2)", "/stride", True)})

    assert by_arguments == by_texts == CropPool2d.of(kernel_size=2)
    assert len({by_arguments, by_texts}) == 1
    assert by_arguments != CropPool2d.of(kernel_size=2, stride=1)
    assert by_arguments != at_rank(TrimPool, 2).of(kernel_size=2)


@pytest.mark.parametrize(
    ("given", "power"), [("Infinity", "Infinity"), ("-Infinity", "-Infinity"), (2.5, 2.5), (-1, -1.0)]
)
def test_the_fields_of_a_spec_are_json(given: object, power: object) -> None:
    """A response repeats them with defaults filled in; JSON has neither tuples nor infinity."""
    values = CropPool2d.of(kernel_size=[3, 2], power=given).field_values()

    assert values == {
        "kernel_size": [3, 2],
        "stride": [3, 2],
        "power": power,
        "wide": False,
    }
    assert json.loads(json.dumps(values, allow_nan=False)) == values


def test_requests_share_a_batch_unless_a_field_forbids_it() -> None:
    """The seed gives each request its own random inputs, so it may differ within a batch; nothing else may."""
    key = CropPool2d.of(kernel_size=2, seed=1).spec_key()

    assert key == CropPool2d.of(kernel_size=2, seed=2).spec_key()
    others = [{"kernel_size": 3}, {"kernel_size": 2, "stride": 1}, {"kernel_size": 2, "wide": True}]
    assert all(CropPool2d.of(**fields).spec_key() != key for fields in others)
    assert at_rank(TrimPool, 2).of(kernel_size=2).spec_key() != key


@pytest.mark.parametrize(
    ("texts", "notes", "pointers"),
    [
        ({}, {}, ["/wide", "/seed"]),
        ({"wide": "true"}, {}, ["?wide", "/seed"]),
        ({"wide": "true"}, {"seed": Note("3", "/metadata/seed", True)}, ["?wide", "/metadata/seed"]),
    ],
)
def test_a_conflict_names_each_field_where_it_was_given(
    texts: dict[str, str], notes: dict[str, Note], pointers: list[str]
) -> None:
    """A client that is sent a pointer into the body finds no field there that it gave in the query."""
    body = {"kernel_size": 1, "wide": True, "seed": 3}
    fields = {name: value for name, value in body.items() if name not in texts and name not in notes}

    with pytest.raises(Unprocessable, match="not wide; not 3") as refused:
        CropPool2d.parse(fields, texts, notes)

    assert refused.value.code == "invalid_fields"
    assert [(each.pointer, each.code) for each in refused.value.problems] == [(each, "conflict") for each in pointers]


def test_what_an_author_leaves_out_has_no_effect() -> None:
    """Most operators have no loops, no random inputs, no warnings and no further checks."""
    spec = CropPool2d.of(kernel_size=2)

    assert kernel_of(spec, (4, 4), FLOAT32) is None
    assert spec.outputs() == ("output",)
    assert spec.output_type(FLOAT32) is FLOAT32
    assert spec.with_seed() is spec
    assert not spec.random_inputs(3)
    assert not spec.warnings((4, 4))
    assert spec.pools_axis(0, 4)
