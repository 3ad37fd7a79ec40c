"""Resolve an inference request of the Open Inference Protocol: its model, the operator's fields, and the outputs.

HTTP and gRPC both use this; what they receive differs only in how tensors are encoded. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, NoReturn

from poolhouse.errors import FieldProblem, PoolhouseError, Unprocessable
from poolhouse.models import GENERIC, Model, Models
from poolhouse.operators.plan import Plan
from poolhouse.poolings.entries import POOLINGS
from poolhouse.poolings.plan import PoolingsPlan
from poolhouse.tensors import TensorMetadata
from poolhouse.wire.open_inference.classification import class_count
from poolhouse.wire.open_inference.request import InferRequest, RegionRange, field_error
from poolhouse.wire.open_inference.response import OutputForm
from poolhouse.wire.quoting import describe_value, quote_clipped

PlanRequest = Callable[[str, Mapping[str, TensorMetadata], Mapping[str, str], Mapping[str, object]], Plan]
"""Plans a request from the operator's name, the inputs' metadata, the text fields and the JSON fields."""

PlanList = Callable[[object, Mapping[str, TensorMetadata]], PoolingsPlan]
"""Plans a request with several poolings from their list and the inputs' metadata."""

MAX_CLASSES: Final = 65_536
"""The most classes of an output, in all of its batch entries together: their texts are made one by one."""
_MAX_TIMEOUT_US: Final = 86_400 * 10**6
_MAX_PRIORITY: Final = 2**32 - 1
_CONTROLS: Final = frozenset(
    {"op", "priority", "timeout", "binary_data_output", "stats", "sequence_id", "sequence_start", "sequence_end"}
)
"""Parameters with a meaning of their own; all others are fields of the operator."""


class Controls(NamedTuple):
    """The parameters of a request that are no fields of the operator.

    Attributes:
        operator: from ``op``, for the generic model.
        priority: 0 for the default, else 1 for the first.
        timeout_s: the time after which the client no longer waits; None for no limit.
        is_binary: whether outputs that do not say follow the JSON as bytes.
        shows_stats: whether the response says how long the request waited and ran.
    """

    operator: str = ""
    priority: int = 0
    timeout_s: float | None = None
    is_binary: bool = False
    shows_stats: bool = False


class InferCall(NamedTuple):
    """A resolved request, without its elements.

    Attributes:
        model: its name.
        request: its JSON part.
        plan: of the pooling, or of several; without a seed, if an operator is random and the request gives none.
        controls: the parameters that are no fields.
        forms: of the outputs of the response, in order.
        regions: for outputs that go to shared memory, their ranges, by name.
    """

    model: str
    request: InferRequest
    plan: Plan | PoolingsPlan
    controls: Controls
    forms: tuple[OutputForm, ...]
    regions: Mapping[str, RegionRange]


def resolve(
    models: Models,
    model: Model,
    request: InferRequest,
    plan: PlanRequest,
    defaults: Mapping[str, str] | None = None,
    plan_list: PlanList | None = None,
) -> InferCall:
    """Resolve a request.

    Args:
        models: all of them.
        model: of the path.
        request: its JSON part.
        plan: makes the plan.
        defaults: fields as text, from a header, for clients that can send no parameters; parameters win.
        plan_list: makes the plan of several poolings, which the generic model takes.

    Raises:
        NotFound: there is no such operator.
        Unprocessable: a parameter, an input or an output is unknown or invalid, or the request cannot be pooled.
    """
    given = {**(defaults or {}), **request.parameters}
    if plan_list is not None and model.operator is None and POOLINGS in given and "op" not in given:
        return _resolve_list(model, request, given, plan_list)
    controls = read_controls(model, request.parameters)
    model = models.bind(model, controls.operator)
    operator = model.operator
    assert operator is not None, "it is bound"
    json_fields: dict[str, object] = {}
    text_fields = {
        name: text
        for name, text in (defaults or {}).items()
        if name not in request.parameters and name not in model.fixed
    }
    for name, value in request.parameters.items():
        if name in model.fixed:
            raise _parameter_error(name, f"the model {model.name} fixes {name}; leave it out.", "conflict")
        if name in _CONTROLS:
            continue
        if name.startswith("triton_"):
            raise _parameter_error(name, f"there is no parameter {quote_clipped(name)}.", "unknown")
        # Clients that can send no lists, such as those of gRPC, send them as text: "3,2".
        if isinstance(value, str):
            text_fields[name] = value
        else:
            json_fields[name] = value
    # An optional output is computed if it is requested by its name.
    optional = operator.optional_outputs()
    wanted = {optional[each.name] for each in request.outputs if each.name in optional}
    json_fields |= dict.fromkeys(wanted - {*json_fields, *text_fields, *model.fixed}, True)
    json_fields |= model.fixed
    json_fields |= model.missing_defaults({*json_fields, *text_fields})
    metadata = {each.name: each.metadata for each in request.inputs}
    try:
        made = plan(operator.name, metadata, text_fields, json_fields)
    except Unprocessable as error:
        _raise_at_parameters(error, {*json_fields, *text_fields})
    forms, regions = _output_forms(request, made, controls)
    return InferCall(model.name, request, made, controls, forms, regions)


def _resolve_list(model: Model, request: InferRequest, given: Mapping[str, object], plan_list: PlanList) -> InferCall:
    """Resolve a request with several poolings; its parameters are the list and controls."""
    controls = read_controls(model, {**request.parameters, "op": POOLINGS})
    for name in given:
        if name != POOLINGS and name not in _CONTROLS:
            message = f"{quote_clipped(name)} is no parameter beside {POOLINGS}; write fields into the list."
            raise _parameter_error(name, message, "unknown")
    try:
        made = plan_list(given[POOLINGS], {each.name: each.metadata for each in request.inputs})
    except Unprocessable as error:
        _raise_at_parameters(error, {POOLINGS})
    forms, regions = _output_forms(request, made, controls)
    return InferCall(model.name, request, made, controls, forms, regions)


def read_controls(model: Model, parameters: Mapping[str, object]) -> Controls:
    """Read the parameters that are no fields of the operator.

    Raises:
        Unprocessable: one of them is invalid, or the generic model's ``op`` is missing.
    """
    operator = parameters.get("op", "")
    if model.operator is None and (not isinstance(operator, str) or not operator):
        needed = f"the operator's name as the parameter op, or a list of poolings as the parameter {POOLINGS}"
        raise _parameter_error("op", f"The model {GENERIC} needs {needed}.", "missing")
    if model.operator is not None and "op" in parameters:
        raise _parameter_error("op", f"Only the model {GENERIC} takes op; {model.name} is an operator.", "unknown")
    if parameters.get("sequence_id", 0) not in (0, ""):
        raise _parameter_error(
            "sequence_id", "Pooling keeps no state between requests; leave out sequence_id.", "range"
        )
    priority = _read_integer(parameters, "priority", _MAX_PRIORITY)
    timeout_us = _read_integer(parameters, "timeout", 2**63 - 1)
    return Controls(
        operator if isinstance(operator, str) else "",
        priority,
        min(timeout_us, _MAX_TIMEOUT_US) / 1e6 if timeout_us else None,
        _read_flag(parameters, "binary_data_output"),
        _read_flag(parameters, "stats"),
    )


def response_parameters(call: InferCall, plan: Plan | PoolingsPlan) -> dict[str, object]:
    """The parameters of a response: the seed of a random operator, or seeds as JSON text, and the plan's warnings.

    Args:
        call: the request.
        plan: with its seed.
    """
    found: dict[str, object] = {}
    if isinstance(plan, PoolingsPlan):
        if plan.seeds:
            found["seeds"] = json.dumps(plan.seeds, separators=(",", ":"))
    elif (seed := getattr(plan.spec, "seed", None)) is not None:
        found["seed"] = seed
    if plan.warnings:
        found["warning"] = " ".join(plan.warnings)
    return found


def _output_forms(
    request: InferRequest, plan: Plan | PoolingsPlan, controls: Controls
) -> tuple[tuple[OutputForm, ...], Mapping[str, RegionRange]]:
    if not request.outputs:
        return tuple([OutputForm(name, controls.is_binary) for name in plan.outputs]), {}
    forms: list[OutputForm] = []
    regions: dict[str, RegionRange] = {}
    for index, each in enumerate(request.outputs):
        pointer = f"/outputs/{index}"
        metadata = plan.outputs.get(each.name)
        if metadata is None:
            raise field_error(
                f"{pointer}/name",
                f"There is no output {quote_clipped(each.name)}; this request has {', '.join(plan.outputs)}.",
                "unknown",
            )
        # guard: classes-have-limit
        if each.classes and class_count(metadata, each.classes) > MAX_CLASSES:
            raise field_error(
                f"{pointer}/parameters/classification",
                f"{class_count(metadata, each.classes)} classes of {each.name} are more than {MAX_CLASSES}; ask for "
                "fewer, or for the output itself.",
                "range",
            )
        if each.region is not None:
            if metadata.nbytes > each.region.nbytes:
                raise field_error(
                    f"{pointer}/parameters/shared_memory_byte_size",
                    f"{each.name} takes {metadata.nbytes} bytes, and its range of shared memory has "
                    f"{each.region.nbytes}; give it a larger one.",
                    "range",
                )
            regions[each.name] = each.region
        # An output that is listed is JSON unless it says binary_data; binary_data_output is for those that do not say.
        is_binary = controls.is_binary if each.is_binary is None else each.is_binary
        forms.append(OutputForm(each.name, is_binary, each.classes, each.region is not None))
    return tuple(forms), regions


def _read_integer(parameters: Mapping[str, object], name: str, largest: int) -> int:
    value = parameters.get(name, 0)
    if type(value) is not int or not 0 <= value <= largest:
        raise _parameter_error(
            name, f"{name} is {describe_value(value)}; write a whole number from 0 to {largest}.", "range"
        )
    return value


def _read_flag(parameters: Mapping[str, object], name: str) -> bool:
    value = parameters.get(name, False)
    if not isinstance(value, bool):
        raise _parameter_error(name, f"{name} is {describe_value(value)}; write true or false.", "type")
    return value


def _parameter_error(name: str, message: str, code: str) -> Unprocessable:
    return field_error(f"/parameters/{name[:60]}", message, code)


def _raise_at_parameters(error: Unprocessable, fields: set[str]) -> NoReturn:
    """Raise an error again whose pointers to fields lead into the parameters of this request."""
    problems = [
        FieldProblem(f"/parameters/{each.pointer[1:]}", each.code, each.message)
        if each.pointer[:1] in ("/", "?") and each.pointer[1:].partition("/")[0] not in ("inputs", "outputs")
        else each
        for each in error.problems
    ]
    found: PoolhouseError = Unprocessable(
        error.code, error.detail, problems=problems, limit_bytes=error.limit_bytes, headers=error.headers
    )
    raise found from None
