"""Cards and plans describe an operator completely and correctly."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import jsonschema
import numpy as np
import pytest

from poolhouse import describe
from poolhouse.dtypes import ELEMENT_TYPES, FLOAT32, ElementType
from poolhouse.operators.catalogue import discover
from poolhouse.operators.operator import Operator
from poolhouse.operators.plan import Limits, make_plan
from poolhouse.tensors import TensorMetadata

CATALOGUE = discover()
LIMITS = Limits(max_output_bytes=2**30, max_steps=2**40)

every_operator = pytest.mark.parametrize("member", list(CATALOGUE), ids=lambda member: str(member.name))


@every_operator
def test_a_card_is_json_and_complete(member: type[Operator]) -> None:
    """Clients, pages and the command line use nothing but the cards."""
    card = json.loads(json.dumps(describe.operator_card(member), allow_nan=False))

    assert card["name"] == member.name
    assert card["summary"].endswith(".")
    assert "Shape:" not in card["description"]
    assert card["shape"].startswith("input")
    assert card["source"]
    assert [field["name"] for field in card["fields"]] == [field.name for field in member.fields()]
    assert set(card["element_types"]) == {
        each.name for each in ELEMENT_TYPES.values() if each.kind in member.element_types
    }


@every_operator
def test_the_schema_of_a_field_accepts_its_default_and_examples(member: type[Operator]) -> None:
    """A form that is filled from the schema must be valid."""
    for field in describe.operator_card(member)["fields"]:  # type: ignore[attr-defined]  # a card's values are JSON
        for value in [*field["schema"].get("examples", []), *([field["default"]] if "default" in field else [])]:
            jsonschema.validate(value, field["schema"])


@every_operator
def test_an_example_is_small_enough_to_read(member: type[Operator]) -> None:
    """A user must be able to follow an example by hand."""
    example = describe.example(member)

    assert example["path"] == f"/v1/pool/{member.name}"
    assert len(json.dumps(example["request"])) < 2000


@every_operator
def test_the_plan_example_has_the_shapes_of_the_pool_example(member: type[Operator]) -> None:
    """A user who plans first and then pools sees the same shapes."""
    request = describe.plan_example(member)
    given: Any = request.pop("input")
    shape, dtype = given["shape"], ELEMENT_TYPES[given.get("dtype", "float32")]
    request.pop("indices", None)
    response = describe.example(member)["answer"]
    assert isinstance(response, dict)

    plan = make_plan(member.parse(request), {name: _metadata(name, shape, dtype) for name in member.inputs}, LIMITS)

    assert {name: list(metadata.shape) for name, metadata in plan.outputs.items()} == {
        name: tensor["shape"] for name, tensor in response.items()
    }


def _metadata(name: str, shape: list[int], dtype: ElementType = FLOAT32) -> TensorMetadata:
    return TensorMetadata(ELEMENT_TYPES["int64"] if name == "indices" else dtype, tuple(shape))


def test_a_plan_has_the_figures_of_the_documented_example() -> None:
    """The figures are those of the example in the API documentation."""
    spec = CATALOGUE.find("max_pool2d").of(kernel_size=3, stride=2, padding=1, return_indices=True)
    plan = make_plan(spec, {"input": TensorMetadata(FLOAT32, (8, 64, 112, 112))}, LIMITS)

    card = describe.plan_card(plan, ("cpu",))

    assert card["operator"] == "max_pool2d"
    assert card["outputs"] == {
        "output": {"dtype": "float32", "shape": [8, 64, 56, 56], "bytes": 6422528},
        "indices": {"dtype": "int64", "shape": [8, 64, 56, 56], "bytes": 12845056},
    }
    assert (card["input_bytes"], card["planes"], card["devices"]) == (25690112, 512, ["cpu"])


def test_requests_that_can_share_a_batch_have_the_same_key() -> None:
    """The key contains all that changes the windows, but not N, C and the seed."""
    member = CATALOGUE.find("fractional_max_pool2d")
    fields: dict[str, object] = {"kernel_size": 2, "output_size": 3}

    def key(shape: tuple[int, ...], **more: object) -> str:
        plan = make_plan(member.parse({**fields, **more}), {"input": TensorMetadata(FLOAT32, shape)}, LIMITS)
        return describe.batch_key_text(plan)

    assert key((1, 2, 8, 8), seed=1) == key((5, 8, 8), seed=2)
    assert key((1, 2, 8, 8)) != key((1, 2, 8, 9))
    assert key((1, 2, 8, 8)) != key((1, 2, 8, 8), output_size=4)


@every_operator
def test_a_card_mentions_only_its_own_fields(member: type[Operator]) -> None:
    """Operators share texts with their family, and a text may mention a field that some of them lack."""
    own = {field.name for field in member.fields()}
    framework = member.family.partition(".")[0] if "." in member.family else ""
    family = [
        each for each in CATALOGUE if each.family.startswith(framework) and ("." in each.family) == bool(framework)
    ]
    # Names without an underscore are words of prose and of formulas, too.
    others: Iterable[str] = {field.name for each in family for field in each.fields() if "_" in field.name} - own
    if framework:
        # Words of ours that the table replaces.
        others = {*others, "kernel_size", "stride", "dilation", "count_include_pad", "divisor_override"} - own
    card = {name: value for name, value in describe.operator_card(member).items() if name != "example"}
    if not {"padding", "pads"} & own:
        # blur_pool has no choice of padding, but reflects its input.
        assert member.family == "blur_pool" or str(card.pop("padding")).startswith("There is no padding")
    # The global operators refer to another operator and its field.
    text = json.dumps(card).replace("with output_size 1", "")
    if member.family in ("pyramid_pool", "spatial_pyramid_pool"):
        # They are explained by the operators that pool each level.
        others = []

    assert [name for name in others if re.search(rf"\b{name}\b", text, re.IGNORECASE)] == []


def test_lp_pool_computes_the_norm_that_its_card_names() -> None:
    """It was once described as the power mean times the size, which is 7.07 for 3 and 4."""
    member = CATALOGUE.find("lp_pool1d")
    plane = np.array([3.0, 4.0])

    assert describe.summary(member).startswith("The p-norm of each window")
    assert member.of(norm_type=2, kernel_size=2).reference(plane, None) == ([5.0],)
