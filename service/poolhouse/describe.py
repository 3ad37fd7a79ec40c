"""What the catalogue knows, as plain values: cards of operators and plans for routes, documents and pages. Pure."""

from __future__ import annotations

import inspect
import math
from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from poolhouse.dtypes import ELEMENT_TYPES, FLOAT32, INT64
from poolhouse.errors import PoolhouseError
from poolhouse.operators.catalogue import Catalogue
from poolhouse.operators.fields import Field
from poolhouse.operators.operator import Operator
from poolhouse.operators.plan import Limits, Plan, make_plan
from poolhouse.tensors import TensorMetadata

Card = dict[str, object]


def summary(member: type[Operator]) -> str:
    """What the operator gives, in one sentence: the first paragraph of :func:`meaning`."""
    return " ".join(meaning(member).partition("\n\n")[0].splitlines())


def meaning(member: type[Operator]) -> str:
    """What the operator does, for a person: its docstring, which therefore holds nothing else."""
    return inspect.getdoc(member) or ""


def field_card(member: type[Operator], field: Field) -> Card:
    """One field: what it accepts, in words and as JSON Schema; default, example, meaning."""
    card: Card = {
        "name": field.name,
        "accepts": field.field_type.describe(member.rank),
        "meaning": field.meaning,
        "required": field.is_required,
        "schema": field.schema(member.rank),
    }
    if field.default_from is not None:
        card["default_from"] = field.default_from
    elif not field.is_required:
        card["default"] = field.default
    return card


def card(member: type[Operator]) -> Card:
    """Everything a caller can know of one operator."""
    return {
        "name": member.name,
        "rank": member.rank,
        "summary": summary(member),
        "description": meaning(member),
        "shape": member.shape_rule,
        "inputs": list(member.inputs),
        "outputs": list(all_outputs(member)),
        "fields": [field_card(member, field) for field in member.fields()],
        "element_types": {
            dtype.name: member.element_types[dtype.kind]
            for dtype in ELEMENT_TYPES.values()
            if dtype.kind in member.element_types
        },
        "padding": member.padding_value,
        "indices": member.index_meaning,
        "source": member.source,
        "example": example(member),
    }


def catalogue_card(catalogue: Catalogue) -> list[Card]:
    """All operators in short: name, summary, fields in one line."""
    return [
        {
            "name": member.name,
            "rank": member.rank,
            "summary": summary(member),
            "fields": [field.name for field in member.fields()],
        }
        for member in catalogue
    ]


def all_outputs(member: type[Operator]) -> tuple[str, ...]:
    """Names of every output that some spec of this operator gives."""
    return ("output", "indices") if "return_indices" in {field.name for field in member.fields()} else ("output",)


_NO_LIMITS = Limits(max_output_bytes=2**40, max_steps=2**60)


@dataclass(frozen=True)
class _Worked:
    """A spec and spatial sizes small enough to read."""

    fields: Card
    spec: Operator
    spatial: tuple[int, ...]


def _worked(member: type[Operator]) -> _Worked:
    """The first sample, on the fewest positions from four on that it fits, with indices where there are any."""
    sample = member.samples[0]
    fields: Card = dict(sample.fields)
    if "return_indices" in {field.name for field in member.fields()}:
        fields["return_indices"] = True
    spec = member.of(**fields)
    spatial = sample.spatial[-member.rank :]
    for longest in range(4, max(spatial)):
        small = tuple(min(size, longest) for size in spatial)
        try:
            spec.spatial_out(small)
        except PoolhouseError:
            continue
        return _Worked(fields, spec, small)
    return _Worked(fields, spec, spatial)


_EXAMPLES: Final[WeakKeyDictionary[type[Operator], Card]] = WeakKeyDictionary()


def example(member: type[Operator]) -> Card:
    """A worked example: a JSON request and the answer to it, worked out by the oracle in plain Python.

    Once an operator, since some take tens of milliseconds, and a card is asked for while others are pooled: so nobody
    may change it.
    """
    found = _EXAMPLES.get(member)
    if found is None:
        found = _EXAMPLES[member] = _work_example_out(member)
    return found


def _work_example_out(member: type[Operator]) -> Card:
    worked = _worked(member)
    shape = (1, 1, *worked.spatial)
    places = np.arange(math.prod(worked.spatial), dtype=np.int64)
    plane = (places + 1).astype(np.float32).reshape(worked.spatial)
    inputs = {"input": TensorMetadata(FLOAT32, shape)}
    request: Card = {"input": (places + 1).reshape(shape).tolist()}
    if "indices" in member.inputs:
        inputs["indices"] = TensorMetadata(INT64, shape)
        request["indices"] = places.reshape(shape).tolist()
        columns = worked.spec.reference(plane, places)
    else:
        drawn = worked.spec.random_inputs(1).get("samples")
        columns = worked.spec.reference(plane, None if drawn is None else drawn[0])
    plan = make_plan(worked.spec, inputs, _NO_LIMITS)
    answer: Card = {
        name: {
            "dtype": metadata.dtype.name,
            "shape": list(metadata.shape),
            "data": _digits(np.reshape(np.array(column, dtype=metadata.dtype.storage), metadata.shape)),
        }
        for (name, metadata), column in zip(plan.outputs.items(), columns, strict=True)
    }
    return {"path": f"/v1/pool/{member.name}", "request": {**request, **worked.fields}, "answer": answer}


def _digits(array: npt.NDArray[np.generic]) -> object:
    """Nested lists with the shortest digits that read back to the same element, as the wire has them."""
    if array.dtype != np.float32:
        return array.tolist()
    return np.array([float(str(element)) for element in array.reshape(-1)]).reshape(array.shape).tolist()


def plan_example(member: type[Operator]) -> Card:
    """The request to plan what :func:`example` pools."""
    worked = _worked(member)
    shape = [1, 1, *worked.spatial]
    metadata_by_name: Card = {name: {"shape": shape} for name in member.inputs}
    return {**metadata_by_name, **worked.fields}


def plan_card(plan: Plan, devices: tuple[str, ...]) -> Card:
    """A plan as ``/v1/plan`` answers it."""
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
    """The batch key for a person: requests with the same text can be pooled together."""
    spec = plan.spec
    fields = {field.name: field for field in spec.fields()}
    settings = ",".join(f"{name}={value}" for name, value in spec.field_values().items() if fields[name].in_batch_key)
    sizes = "x".join(str(size) for size in plan.spatial)
    settings = settings.replace(" ", "")
    return f"{spec.name}({settings}) {plan.inputs['input'].dtype.name} {sizes}"
