"""From an inference request to a plan: the model's and the client's fields, the outputs and their forms."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from random import Random
from typing import Any

import pytest
from hypothesis import given

from poolhouse.dtypes import ELEMENT_TYPES, FLOAT32, INT64
from poolhouse.errors import NotFound, Unprocessable
from poolhouse.inference import MAX_CLASSES, Controls, InferCall, read_controls, resolve, response_parameters
from poolhouse.models import GENERIC, Models, Preset
from poolhouse.operators.catalogue import discover
from poolhouse.operators.plan import Plan
from poolhouse.poolings.plan import PoolingsPlan
from poolhouse.poolings.run import plan_listed
from poolhouse.service import PoolingService
from poolhouse.settings import Settings
from poolhouse.wire.open_inference.request import InferInput, InferRequest, RegionRange, RequestedOutput
from poolhouse.wire.open_inference.response import OutputForm
from tests.hostile.random_requests import query_text
from tests.hypothesis_profiles import MANY_REJECTED, scaled_examples
from tests.operators.random_cases import COVERED, cases, seeded_randoms

MODELS = Models(discover(), {"k2": Preset("max_pool2d", {"kernel_size": 2, "return_indices": True})})
POOLING = PoolingService.from_settings(Settings.model_validate({"device": "cpu"}))
INPUT = InferInput("input", FLOAT32, (1, 1, 4, 4), binary_bytes=64)


def call(
    parameters: Mapping[str, object] | None = None,
    *outputs: RequestedOutput,
    model: str = "max_pool2d",
    inputs: tuple[InferInput, ...] = (INPUT,),
    defaults: Mapping[str, str] | None = None,
) -> InferCall:
    request = InferRequest("", {"kernel_size": 2} if parameters is None else parameters, inputs, outputs)
    return resolve(
        MODELS, MODELS.find(model), request, POOLING.plan_from_metadata, defaults, partial(plan_listed, POOLING)
    )


def fields(found: InferCall) -> Mapping[str, object]:
    assert isinstance(found.plan, Plan)
    return found.plan.spec.field_values()


def pointer_of(caught: pytest.ExceptionInfo[Unprocessable]) -> str:
    return caught.value.problems[0].pointer


@pytest.mark.parametrize("member", COVERED, ids=lambda each: each.name)
def test_parameters_as_values_text_and_header_give_the_same_plan(member: Any) -> None:
    """Clients of HTTP send lists, those of gRPC text, and load generators a header."""

    @scaled_examples(20, *MANY_REJECTED)
    @given(cases(member), seeded_randoms)
    def law(case: Any, random: Random) -> None:
        values = case.spec.field_values()
        texts = {name: query_text(value) for name, value in values.items()}
        mixed = {name: random.choice((values, texts))[name] for name in values}
        inputs = tuple(
            InferInput(name, metadata.dtype, metadata.shape, binary_bytes=metadata.nbytes)
            for name, metadata in case.plan.inputs.items()
        )
        for parameters, defaults in ((values, {}), (texts, {}), (mixed, {}), ({}, texts)):
            found = call(parameters, model=member.name, inputs=inputs, defaults=defaults)
            assert isinstance(found.plan, Plan)
            assert (found.plan.spec.name, fields(found)) == (member.name, values)
            assert found.plan.outputs == case.plan.outputs
        generic = call({**mixed, "op": member.name}, model=GENERIC, inputs=inputs)
        assert (fields(generic), generic.model) == (values, GENERIC)

    law()


def test_parameters_win_over_the_header_field_by_field() -> None:
    """What a request does not say, the header says."""
    found = call({"stride": 1}, defaults={"kernel_size": "3", "stride": "2"})

    assert (fields(found)["kernel_size"], fields(found)["stride"]) == ([3, 3], [1, 1])
    assert found.controls == Controls()


def test_the_header_gives_fields_only() -> None:
    """What it cannot set must not be ignored silently."""
    with pytest.raises(Unprocessable, match="no field 'stats'"):
        call({}, defaults={"kernel_size": "3", "stats": "true"})


def test_a_model_without_parameters_takes_its_defaults() -> None:
    """Those of the operator's first sample."""
    assert (
        fields(call({}))["kernel_size"]
        == MODELS.find("max_pool2d")
        .operator.parse(  # type: ignore[union-attr]  # an operator
            MODELS.find("max_pool2d").defaults
        )
        .field_values()["kernel_size"]
    )


def test_a_preset_fixes_its_fields() -> None:
    """A request may give others; a header that gives a fixed one is for all models, and gives way."""
    found = call({"stride": 1}, model="k2", defaults={"kernel_size": "3"})

    assert (fields(found)["kernel_size"], fields(found)["stride"]) == ([2, 2], [1, 1])
    assert list(found.plan.outputs) == ["output", "indices"]
    with pytest.raises(Unprocessable, match="fixes kernel_size") as caught:
        call({"kernel_size": 2}, model="k2")
    assert pointer_of(caught) == "/parameters/kernel_size"


def test_indices_are_computed_if_they_are_asked_for() -> None:
    """By the field, or by naming the output; not against the field."""
    assert list(call().plan.outputs) == ["output"]
    assert [each.name for each in call(None, RequestedOutput("indices")).forms] == ["indices"]
    assert list(call({"kernel_size": 2, "return_indices": True}).plan.outputs) == ["output", "indices"]
    for value in (False, "false"):
        with pytest.raises(Unprocessable, match="no output 'indices'; this request has output"):
            call({"kernel_size": 2, "return_indices": value}, RequestedOutput("indices"))
    with pytest.raises(Unprocessable, match="no output 'indices'"):
        call({"kernel_size": 2}, RequestedOutput("indices"), model="avg_pool2d")


def test_shares_of_a_pyramid_are_computed_if_they_are_asked_for() -> None:
    """Each level has one, and all of them have one field."""
    found = call({"levels": 2}, RequestedOutput("valid2"), RequestedOutput("level1"), model="pyramid_pool2d")

    assert [each.name for each in found.forms] == ["valid2", "level1"]
    assert fields(found)["return_valid"] is True
    assert "return_valid" not in fields(call({"levels": 2}, RequestedOutput("level2"), model="pyramid_pool2d"))
    with pytest.raises(Unprocessable, match="no output 'valid3'; this request has level1, level2, valid1, valid2"):
        call({"levels": 2}, RequestedOutput("valid3"), model="pyramid_pool2d")


@pytest.mark.parametrize("request_is_binary", [None, False, True])
@pytest.mark.parametrize("output_is_binary", [None, False, True])
def test_the_form_of_an_output(request_is_binary: bool | None, output_is_binary: bool | None) -> None:
    """The output decides, then the request, then it is JSON."""
    parameters: dict[str, object] = {"kernel_size": 2}
    if request_is_binary is not None:
        parameters["binary_data_output"] = request_is_binary
    expected = bool(request_is_binary) if output_is_binary is None else output_is_binary

    assert call(parameters, RequestedOutput("output", output_is_binary)).forms == (OutputForm("output", expected),)
    assert call(parameters).forms == (OutputForm("output", bool(request_is_binary)),)


def test_outputs_keep_the_order_of_the_request() -> None:
    """The bytes behind the JSON are in this order."""
    found = call(None, RequestedOutput("indices", True), RequestedOutput("output", False, 2))

    assert found.forms == (OutputForm("indices", True), OutputForm("output", False, 2))


def test_an_output_in_shared_memory_needs_room() -> None:
    """Checked before anything is pooled; a larger range is allowed."""
    for nbytes in (16, 17):
        found = call(None, RequestedOutput("output", False, 0, RegionRange("r", nbytes, 0)))
        assert found.forms == (OutputForm("output", is_written=True),)
        assert found.regions == {"output": RegionRange("r", nbytes, 0)}
    with pytest.raises(Unprocessable, match="takes 16 bytes, and its range of shared memory has 15") as caught:
        call(None, RequestedOutput("output", False, 0, RegionRange("r", 15, 0)))
    assert pointer_of(caught) == "/outputs/0/parameters/shared_memory_byte_size"


def test_a_classification_has_a_limit() -> None:
    """Of all its texts together, at exactly the limit."""
    side = 512
    large = InferInput("input", FLOAT32, (1, 1, side, side), binary_bytes=4 * side * side)
    asked = {"kernel_size": 1}

    assert call(asked, RequestedOutput("output", None, MAX_CLASSES), inputs=(large,)).forms[0].classes == MAX_CLASSES
    with pytest.raises(Unprocessable, match="65537 classes") as caught:
        call(asked, RequestedOutput("output", None, MAX_CLASSES + 1), inputs=(large,))
    assert pointer_of(caught) == "/outputs/0/parameters/classification"


@pytest.mark.parametrize(
    ("parameters", "controls"),
    [
        ({}, Controls()),
        ({"priority": 0, "timeout": 0, "sequence_id": 0, "sequence_start": False}, Controls()),
        ({"sequence_id": ""}, Controls()),
        ({"priority": 2**32 - 1}, Controls(priority=2**32 - 1)),
        ({"timeout": 1}, Controls(timeout_s=1e-6)),
        ({"timeout": 2_500_000}, Controls(timeout_s=2.5)),
        ({"timeout": 2**63 - 1}, Controls(timeout_s=86_400)),
        ({"binary_data_output": True, "stats": True}, Controls(is_binary=True, shows_stats=True)),
    ],
)
def test_parameters_that_are_no_fields(parameters: dict[str, object], controls: Controls) -> None:
    """Those of Triton's clients, and ours."""
    assert read_controls(MODELS.find("max_pool2d"), parameters) == controls


INVALID: dict[str, tuple[object, ...]] = {
    "priority": (-1, 2**32, 1.0, "1", True, None),
    "timeout": (-1, 2**63, 1.5, "1000", False, None),
    "binary_data_output": (1, 0, "true", None),
    "stats": (1, "true", []),
    "sequence_id": (1, -1, "a", True, 0.5, [0], None),
    "op": ("max_pool2d", "avg_pool2d", "", 1),
}


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, values in INVALID.items() for value in values],
)
def test_an_invalid_one_is_refused_at_its_name(name: str, value: object) -> None:
    """It is the caller's fault, not the service's."""
    with pytest.raises(Unprocessable, match=name) as caught:
        read_controls(MODELS.find("max_pool2d"), {name: value})

    assert pointer_of(caught) == f"/parameters/{name}"


@pytest.mark.parametrize("parameters", [{}, {"op": ""}, {"op": 1}, {"op": None}, {"op": ["max_pool2d"]}])
def test_the_generic_model_needs_an_operator(parameters: dict[str, object]) -> None:
    """By name, as text."""
    with pytest.raises(Unprocessable, match="op") as caught:
        call(parameters, model=GENERIC)

    assert pointer_of(caught) == "/parameters/op"


def test_the_generic_model_suggests_an_operator() -> None:
    """As the path of an operator does."""
    with pytest.raises(NotFound, match="max_pool2d"):
        call({"op": "max_pol2d"}, model=GENERIC)


@pytest.mark.parametrize(
    ("parameters", "pointer"),
    [
        ({"kernel_size": 0}, "/parameters/kernel_size"),
        ({"kernel_size": [2, 0]}, "/parameters/kernel_size"),
        ({"kernel_size": "two"}, "/parameters/kernel_size"),
        ({"kernel_size": 2, "strid": 1}, "/parameters/strid"),
        ({"kernel_size": 2, "strid": "1"}, "/parameters/strid"),
        ({"kernel_size": 2, "triton_any": 1}, "/parameters/triton_any"),
        ({"kernel_size": 2, "triton_" + "a" * 1000: 1}, "/parameters/triton_" + "a" * 53),
    ],
)
def test_a_wrong_field_is_pointed_at_in_the_parameters(parameters: dict[str, object], pointer: str) -> None:
    """The pointer is that of this protocol, not of /v1."""
    with pytest.raises(Unprocessable) as caught:
        call(parameters)

    assert pointer_of(caught).startswith(pointer)


@pytest.mark.parametrize(
    ("model", "inputs", "words"),
    [
        ("max_unpool2d", (INPUT,), "indices"),
        ("max_pool2d", (INPUT, INPUT._replace(name="indices", dtype=INT64)), "indices"),
        ("max_pool2d", (INPUT._replace(name="x"),), "x"),
        ("max_pool2d", (INPUT._replace(shape=(4, 4)),), "4 or 3 dimensions"),
        ("avg_pool2d", (INPUT._replace(dtype=ELEMENT_TYPES["bool"]),), "bool"),
    ],
)
def test_inputs_that_do_not_fit_the_operator_are_refused(
    model: str, inputs: tuple[InferInput, ...], words: str
) -> None:
    """Missing, unknown, of the wrong rank or element type; no pointer leads to a parameter that is not there."""
    with pytest.raises(Unprocessable, match=words) as caught:
        call({"kernel_size": 2}, model=model, inputs=inputs)

    assert not [each for each in caught.value.problems if each.pointer.startswith("/parameters/in")]


def test_a_response_tells_the_seed_and_warnings() -> None:
    """A client repeats a random request by its seed, and sees a probable mistake."""
    asked = {"kernel_size": 2, "output_size": 2}
    drawn = call(asked, model="fractional_max_pool2d")
    given_seed = call({**asked, "seed": 7}, model="fractional_max_pool2d")
    channels_last = InferInput("input", ELEMENT_TYPES["uint8"], (1, 224, 224, 3), binary_bytes=224 * 224 * 3)
    warned = call({"kernel_size": 2}, inputs=(channels_last,))

    assert response_parameters(drawn, drawn.plan) == {}
    assert set(response_parameters(drawn, drawn.plan.with_seed())) == {"seed"}
    assert response_parameters(given_seed, given_seed.plan) == {"seed": 7}
    assert set(response_parameters(warned, warned.plan)) == {"warning"}
    assert response_parameters(call(), call().plan) == {}


LIST = (
    '[{"operator":"max_pool2d","name":"a","kernel_size":2,"return_indices":true},'
    '{"operator":"fractional_max_pool2d","of":"a","kernel_size":1,"output_size":1,"seed":7}]'
)


@pytest.mark.parametrize("defaults", [None, {"poolings": LIST}])
def test_the_generic_model_takes_a_list_of_poolings(defaults: Mapping[str, str] | None) -> None:
    """As text, in a parameter or in a header; outputs are named by the poolings and can be chosen."""
    parameters = {"priority": 1} | ({} if defaults else {"poolings": LIST})
    found = call(parameters, RequestedOutput("a.indices"), model=GENERIC, defaults=defaults)

    assert isinstance(found.plan, PoolingsPlan)
    assert [form.name for form in found.forms] == ["a.indices"]
    assert [*found.plan.outputs] == ["a", "a.indices", "fractional_max_pool2d"]
    assert found.controls.priority == 1
    assert response_parameters(found, found.plan) == {"seeds": '{"fractional_max_pool2d":7}'}


@pytest.mark.parametrize(
    ("parameters", "pointer"),
    [
        ({"poolings": "["}, "/parameters/poolings"),
        ({"poolings": 3}, "/parameters/poolings"),
        ({"poolings": LIST, "kernel_size": 2}, "/parameters/kernel_size"),
        ({"poolings": LIST, "op": "max_pool2d"}, "/parameters/poolings"),
        ({"poolings": LIST.replace(":2,", ":-2,")}, "/parameters/poolings/0/kernel_size"),
        ({"poolings": LIST.replace('"of":"a"', '"of":"b"')}, "/parameters/poolings/1/of"),
        ({"poolings": LIST, "timeout": -1}, "/parameters/timeout"),
    ],
)
def test_refusals_of_a_list_lead_into_the_parameters(parameters: Mapping[str, object], pointer: str) -> None:
    """To the pooling that they are about."""
    with pytest.raises(Unprocessable) as caught:
        call(parameters, model=GENERIC)

    assert pointer_of(caught) == pointer


def test_a_model_of_an_operator_takes_no_list() -> None:
    """It is one pooling."""
    with pytest.raises(Unprocessable) as caught:
        call({"poolings": LIST, "kernel_size": 2})

    assert pointer_of(caught) == "/parameters/poolings"
