"""Describe operators and plans as plain values, for the routes, the OpenAPI document and the documentation. Pure."""

from __future__ import annotations

import inspect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from poolhouse.dtypes import ELEMENT_TYPES, FLOAT32, INT64, ElementType
from poolhouse.errors import PoolhouseError
from poolhouse.operators.catalogue import Catalogue
from poolhouse.operators.fields import Field
from poolhouse.operators.inputs import TensorInput
from poolhouse.operators.layout import join_shape
from poolhouse.operators.numbers import Number
from poolhouse.operators.operator import Operator
from poolhouse.operators.plan import Limits, Plan, make_plan
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.operators.region_operator import RegionOperator
from poolhouse.tensors import TensorMetadata

JsonObject = dict[str, object]


def summary(operator: type[Operator]) -> str:
    """The result of the operator in one sentence: the first paragraph of :func:`docstring`."""
    return " ".join(docstring(operator).partition("\n\n")[0].splitlines())


def docstring(operator: type[Operator]) -> str:
    """The docstring of the operator, which users read."""
    return inspect.getdoc(operator) or ""


def shown_rank(operator: type[Operator]) -> int:
    """The number of spatial axes; 0 if the shape of the input decides."""
    return 0 if operator.is_rank_free else operator.rank


def tag(operator: type[Operator]) -> str:
    """The group of the operator on the documentation page: its family, or the framework whose name it has."""
    return operator.family.partition(".")[0]


def tag_description(operator: type[Operator]) -> str:
    """The group in one sentence."""
    framework, dot, _ = operator.family.partition(".")
    return f"The operators of {framework}, with its names and defaults." if dot else summary(operator)


def field_card(operator: type[Operator], field: Field) -> JsonObject:
    """Describe a field: accepted values in words and as JSON Schema, default and meaning."""
    card: JsonObject = {
        "name": field.name,
        "accepts": field.field_type.describe(operator.rank),
        "meaning": field.meaning,
        "required": field.is_required,
        "schema": field.schema(operator.rank),
    }
    if field.default_from is not None:
        card["default_from"] = field.default_from
    elif not field.is_required:
        card["default"] = field.json_default
    return card


def companion_card(companion: TensorInput) -> JsonObject:
    """Describe a tensor beside ``input``."""
    return {
        "name": companion.name,
        "dtypes": [each.name for each in companion.element_types],
        "meaning": companion.meaning,
        "required": companion.is_required,
    }


def torch_card(operator: type[Operator]) -> JsonObject | None:
    """Torch's function of the same name, and those of the fields that it takes; None if torch has none."""
    arguments = operator.torch_arguments()
    if not arguments:
        return None
    return {"function": f"torch.nn.functional.{operator.name}", "arguments": list(arguments)}


def operator_card(operator: type[Operator]) -> JsonObject:
    """Describe an operator completely."""
    return {
        "name": operator.name,
        "rank": shown_rank(operator),
        "summary": summary(operator),
        "description": docstring(operator),
        "shape": operator.shape_rule,
        "inputs": list(operator.inputs),
        "companions": [companion_card(each) for each in operator.companions],
        "outputs": list(output_names(operator)),
        "fields": [field_card(operator, field) for field in operator.fields()],
        "element_types": {
            dtype.name: operator.element_types[dtype.kind]
            for dtype in ELEMENT_TYPES.values()
            if dtype.kind in operator.element_types
        },
        "padding": operator.padding_value,
        "indices": operator.index_meaning,
        "source": operator.source,
        "torch": torch_card(operator),
        "example": example(operator),
    }


def catalogue_card(catalogue: Catalogue) -> list[JsonObject]:
    """Describe all operators briefly: name, group, rank, summary, names of the fields."""
    return [
        {
            "name": operator.name,
            "group": tag(operator),
            "rank": shown_rank(operator),
            "summary": summary(operator),
            "fields": [field.name for field in operator.fields()],
        }
        for operator in catalogue
    ]


def output_names(operator: type[Operator]) -> tuple[str, ...]:
    """The names of all outputs that the operator can have."""
    return operator.possible_outputs()


def required_outputs(operator: type[Operator]) -> tuple[str, ...]:
    """The names of the outputs that every response has."""
    return operator.required_outputs if issubclass(operator, RegionOperator) else output_names(operator)[:1]


def needed_inputs(operator: type[Operator]) -> tuple[str, ...]:
    """The names of the tensors of the smallest request; of alternatives the first."""
    alternatives = operator.exactly_one_input_of if issubclass(operator, RegionOperator) else ()
    needed = {"input", *alternatives[:1], *(each.name for each in operator.companions if each.is_required)}
    return tuple(name for name in operator.inputs if name in needed)


_NO_LIMITS = Limits(max_output_bytes=2**40, max_steps=2**60)


@dataclass(frozen=True)
class _ExampleSpec:
    """A spec, and spatial sizes small enough to read."""

    fields: JsonObject
    spec: PlaneOperator
    spatial: tuple[int, ...]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of an input of one plane."""
        return join_shape((1, 1), self.spatial, channels_last=self.spec.is_channels_last)


def _example_spec(operator: type[PlaneOperator]) -> _ExampleSpec:
    """The first sample, with the smallest sizes from 4 on that the spec allows, and with indices if possible."""
    sample = operator.samples[0]
    fields: JsonObject = dict(sample.fields)
    if "return_indices" in {field.name for field in operator.fields()}:
        fields["return_indices"] = True
    spec = operator.of(**fields)
    spatial = sample.spatial[-operator.rank :]
    for limit in range(4, max(spatial)):
        small = tuple(min(size, limit) for size in spatial)
        try:
            spec.spatial_out(small)
        except PoolhouseError:
            continue
        return _ExampleSpec(fields, spec, small)
    return _ExampleSpec(fields, spec, spatial)


_EXAMPLES: Final[WeakKeyDictionary[type[Operator], JsonObject]] = WeakKeyDictionary()


def example(operator: type[Operator]) -> JsonObject:
    """A JSON request and its response, computed by the reference implementation in plain Python.

    Cached, since some operators take tens of milliseconds of the event loop; the result must not be modified.
    """
    found = _EXAMPLES.get(operator)
    if found is None:
        found = _EXAMPLES[operator] = _make_example(operator)
    return found


def _example_type(operator: type[Operator]) -> ElementType:
    """The element type of the first sample, which is float32 where the operator takes it."""
    return ELEMENT_TYPES[operator.samples[0].dtype]


def _make_example(operator: type[Operator]) -> JsonObject:
    if issubclass(operator, PlaneOperator):
        return _plane_example(operator)
    assert issubclass(operator, RegionOperator), "an operator pools planes or regions"
    return _region_example(operator)


def _region_example(operator: type[RegionOperator]) -> JsonObject:
    sample = operator.samples[0]
    spec, tensors = operator.of(**sample.fields), operator.example_inputs(sample)
    plan = make_plan(spec, {name: tensor.metadata for name, tensor in tensors.items()}, _NO_LIMITS)
    columns = spec.reference({name: tensor.array for name, tensor in tensors.items()})
    request: JsonObject = {}
    for name, tensor in tensors.items():
        numbers = _digits(tensor.array)
        is_default = tensor.dtype is _default_type(operator, name)
        request[name] = numbers if is_default else {"dtype": tensor.dtype.name, "data": numbers}
    return _example(operator, {**request, **sample.fields}, plan, [columns[name] for name in plan.outputs])


def _default_type(operator: type[Operator], name: str) -> ElementType:
    """The element type of a JSON list without one."""
    return next((each.default_type for each in operator.companions if each.name == name), FLOAT32)


def _plane_example(operator: type[PlaneOperator]) -> JsonObject:
    dtype = _example_type(operator)
    chosen = _example_spec(operator)
    shape = chosen.input_shape
    positions = np.arange(math.prod(chosen.spatial), dtype=np.int64)
    plane = (positions + 1).astype(dtype.storage).reshape(chosen.spec.plane_shape((1, 1), chosen.spatial))
    inputs = {"input": TensorMetadata(dtype, shape)}
    numbers = (positions + 1).reshape(shape).tolist()
    request: JsonObject = {"input": numbers if dtype is FLOAT32 else {"dtype": dtype.name, "data": numbers}}
    if "indices" in operator.inputs:
        inputs["indices"] = TensorMetadata(INT64, shape)
        request["indices"] = positions.reshape(shape).tolist()
        columns = chosen.spec.reference(plane, positions)
    else:
        samples = chosen.spec.random_inputs(1).get("samples")
        columns = chosen.spec.reference(plane, None if samples is None else samples[0])
    return _example(operator, {**request, **chosen.fields}, make_plan(chosen.spec, inputs, _NO_LIMITS), columns)


def _example(
    operator: type[Operator], request: JsonObject, plan: Plan, columns: Sequence[Sequence[Number]]
) -> JsonObject:
    response: JsonObject = {
        name: {
            "dtype": metadata.dtype.name,
            "shape": list(metadata.shape),
            "data": _digits(np.reshape(np.array(column, dtype=metadata.dtype.storage), metadata.shape)),
        }
        for (name, metadata), column in zip(plan.outputs.items(), columns, strict=True)
    }
    return {"path": f"/v1/pool/{operator.name}", "request": request, "answer": response}


def _digits(array: npt.NDArray[np.generic]) -> object:
    """Nested lists with the shortest digits that identify each element, as in a JSON response."""
    if array.dtype != np.float32:
        return array.tolist()
    return np.array([float(str(element)) for element in array.reshape(-1)]).reshape(array.shape).tolist()


def plan_example(operator: type[Operator]) -> JsonObject:
    """The request of :func:`example`, for ``/v1/plan``."""
    if not issubclass(operator, PlaneOperator):
        sample = operator.samples[0]
        described: JsonObject = {}
        for name, tensor in operator.example_inputs(sample).items():
            is_default = tensor.dtype is _default_type(operator, name)
            described[name] = {**({} if is_default else {"dtype": tensor.dtype.name}), "shape": list(tensor.shape)}
        return {**described, **sample.fields}
    chosen = _example_spec(operator)
    shape = list(chosen.input_shape)
    metadata_by_name: JsonObject = {name: {"shape": shape} for name in needed_inputs(operator)}
    if (dtype := _example_type(operator)) is not FLOAT32:
        metadata_by_name["input"] = {"dtype": dtype.name, "shape": shape}
    return {**metadata_by_name, **chosen.fields}


def plan_card(plan: Plan, devices: tuple[str, ...]) -> JsonObject:
    """The response of ``/v1/plan``."""
    spec = plan.spec
    return {
        "operator": spec.name,
        "spec": spec.field_values(),
        "outputs": {
            name: {"dtype": metadata.dtype.name, "shape": list(metadata.shape), "bytes": metadata.nbytes}
            for name, metadata in plan.outputs.items()
        },
        "input_bytes": plan.input_bytes,
        "output_bytes": plan.output_bytes,
        "planes": plan.planes,
        "cost": {"steps": plan.steps, "workspace_bytes": plan.workspace_bytes},
        "devices": list(devices),
        "batch_key": batch_key_text(plan),
        "warnings": list(plan.warnings),
    }


def batch_key_text(plan: Plan) -> str:
    """The batch key as text: requests with the same text can share a batch."""
    spec = plan.spec
    fields = {field.name: field for field in spec.fields()}
    settings = ",".join(f"{name}={value}" for name, value in spec.field_values().items() if fields[name].in_batch_key)
    sizes = "x".join(str(size) for size in plan.plane_shape)
    settings = settings.replace(" ", "")
    return f"{spec.name}({settings}) {plan.inputs['input'].dtype.name} {sizes}"
