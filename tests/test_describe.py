"""Cards and plans describe an operator completely and correctly."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import jsonschema
import numpy as np
import pytest
import torch
import torch.nn.functional as functional

from poolhouse import describe
from poolhouse.dtypes import ELEMENT_TYPES, FLOAT32
from poolhouse.operators.catalogue import discover
from poolhouse.operators.operator import Operator
from poolhouse.operators.plan import Limits, make_plan
from poolhouse.operators.region_operator import RegionOperator
from poolhouse.tensors import TensorMetadata
from tests.operators.plane_plans import plane_spec

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
    default = {"input": FLOAT32, **{each.name: each.default_type for each in member.companions}}
    given: dict[str, Any] = {name: request.pop(name) for name in member.inputs if name in request}
    inputs = {
        name: TensorMetadata(ELEMENT_TYPES[each.get("dtype", default[name].name)], tuple(each["shape"]))
        for name, each in given.items()
    }
    response = describe.example(member)["answer"]
    assert isinstance(response, dict)

    plan = make_plan(member.parse(request), inputs, LIMITS)

    assert {name: list(metadata.shape) for name, metadata in plan.outputs.items()} == {
        name: tensor["shape"] for name, tensor in response.items()
    }


@every_operator
def test_an_example_has_the_tensors_that_a_request_needs(member: type[Operator]) -> None:
    """And perhaps optional ones, each with a card that says what it may be."""
    request = describe.example(member)["request"]
    cards: Any = describe.operator_card(member)["companions"]
    assert isinstance(request, dict)

    assert set(describe.needed_inputs(member)) <= request.keys()
    assert [card["name"] for card in cards] == list(member.inputs[1:])
    for card, companion in zip(cards, member.companions, strict=True):
        assert card["dtypes"][0] == companion.default_type.name
        assert card["meaning"].endswith(".")
        assert not card["required"] or card["name"] in describe.needed_inputs(member)


@pytest.mark.parametrize(
    ("name", "needed"),
    [
        ("max_pool2d", ("input",)),
        ("max_unpool2d", ("input", "indices")),
        ("token_pool", ("input",)),
        ("span_pool", ("input", "spans")),
        ("segment_pool", ("input", "segments")),
        ("roi_align", ("input", "boxes")),
    ],
)
def test_a_request_needs_its_required_tensors_and_one_of_alternatives(name: str, needed: tuple[str, ...]) -> None:
    """Formats of one tensor are offered only where one is enough."""
    assert describe.needed_inputs(CATALOGUE.find(name)) == needed


@pytest.mark.parametrize(
    ("name", "fields", "shapes", "key"),
    [
        ("token_pool", {}, {"input": (2, 7, 3), "mask": (2, 7)}, "token_pool(modes=['mean'],"),
        ("span_pool", {"modes": ["max", "cls"]}, {"input": (7, 3), "spans": (4, 2)}, "span_pool(modes=['max','cls'],"),
        ("segment_pool", {"num_segments": 2}, {"input": (7, 3, 2), "segments": (7,)}, "segment_pool(reduce=mean,"),
        ("roi_align", {"output_size": 2}, {"input": (1, 3, 8, 8), "boxes": (4, 5)}, "roi_align(output_size=[2,2],"),
    ],
)
def test_regions_have_a_batch_key_in_words(
    name: str, fields: dict[str, object], shapes: dict[str, tuple[int, ...]], key: str
) -> None:
    """It shows why two requests did not share a batch."""
    member = CATALOGUE.find(name)
    default = {"input": FLOAT32, **{each.name: each.default_type for each in member.companions}}
    inputs = {tensor: TensorMetadata(default[tensor], shape) for tensor, shape in shapes.items()}

    card = json.loads(json.dumps(describe.plan_card(make_plan(member.parse(fields), inputs, LIMITS), ("cpu",))))

    assert card["batch_key"].startswith(key)
    assert " float32 " in card["batch_key"]
    assert card["outputs"].keys() == describe.example(member)["answer"].keys()  # type: ignore[attr-defined]  # it is JSON


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
        # blur_pool has no choice of padding, but reflects its input. Tokens and boxes have padding of another kind.
        has_own = member.family == "blur_pool" or issubclass(member, RegionOperator)
        assert has_own or str(card.pop("padding")).startswith("There is no padding")
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
    assert plane_spec(member.of(norm_type=2, kernel_size=2)).reference(plane, None) == ([5.0],)


def torch_arguments(member: type[Operator]) -> dict[str, Any]:
    """A value for each argument of torch's function: that of the example, else the default."""
    request: Any = describe.example(member)["request"]
    card: Any = describe.operator_card(member)
    fields = {field["name"]: field for field in card["fields"]}
    return {name: request.get(name, fields[name].get("default")) for name in card["torch"]["arguments"]}


OF_TORCH = [member for member in discover() if describe.torch_card(member)]


@pytest.mark.parametrize("member", OF_TORCH, ids=[member.name for member in OF_TORCH])
def test_torchs_function_takes_the_arguments_of_its_card(member: type[Operator]) -> None:
    """Code for torch is written from the card."""
    request: Any = describe.example(member)["request"]
    answer: Any = describe.example(member)["answer"]
    card: Any = describe.torch_card(member)
    tensors = [torch.tensor(request["input"], dtype=torch.float32)]
    if "indices" in request:
        tensors.append(torch.tensor(request["indices"]))

    arguments = torch_arguments(member)
    # torch refuses the largest number of random windows that fits in a volume.
    fewer = int(member.name == "fractional_max_pool3d")
    if fewer:
        arguments["output_size"] -= 1

    found = getattr(functional, card["function"].rpartition(".")[2])(*tensors, **arguments)

    output = found[0] if isinstance(found, tuple) else found
    assert [size + fewer * (axis > 1) for axis, size in enumerate(output.shape)] == answer["output"]["shape"]
    assert card["function"] == f"torch.nn.functional.{member.name}"


def test_every_pooling_of_torch_has_a_card() -> None:
    """A function that torch adds should be noticed."""
    named = {member.name for member in discover() if describe.torch_card(member)}
    pooled = {name for name in dir(functional) if re.fullmatch(r"[a-z][a-z_]*pool[123]d", name)}

    assert named == pooled
