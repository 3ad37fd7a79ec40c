"""What the catalogue knows, as plain values: cards of operators and plans for routes, documents and pages. Pure."""

from __future__ import annotations

import inspect
import math

import numpy as np

from poolhouse.dtypes import ELEMENT_TYPES, FLOAT32, INT64
from poolhouse.errors import PoolhouseError
from poolhouse.operators.catalogue import Catalogue
from poolhouse.operators.fields import Field
from poolhouse.operators.operator import Limits, Operator, Plan
from poolhouse.tensors import Outline

Card = dict[str, object]


def summary(member: type[Operator]) -> str:
    """The first sentence of the operator's docstring."""
    return (inspect.getdoc(member) or "").split("\n\n")[0].replace("\n", " ")


def field_card(member: type[Operator], field: Field) -> Card:
    """One field: what it accepts, in words and as JSON Schema; default, example, meaning."""
    card: Card = {
        "name": field.name,
        "accepts": field.kind.words(member.rank),
        "meaning": field.meaning,
        "required": field.required,
        "schema": field.schema(member.rank),
    }
    if field.default_from is not None:
        card["default_from"] = field.default_from
    elif not field.required:
        card["default"] = field.default
    return card


def card(member: type[Operator]) -> Card:
    """Everything a caller can know of one operator."""
    return {
        "name": member.name,
        "rank": member.rank,
        "summary": summary(member),
        "description": inspect.getdoc(member),
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


_NO_LIMITS = Limits(output_bytes=2**40, work=2**60)


def example_spec(member: type[Operator]) -> tuple[Operator, tuple[int, ...]]:
    """A spec and spatial sizes small enough to read: the first sample, on four positions an axis where that works."""
    sample = member.samples[0]
    spatial = sample.spatial[-member.rank :]
    spec = member.of(**sample.fields)
    small = tuple(min(size, 4) for size in spatial)
    try:
        spec.spatial_out(small)
    except PoolhouseError:
        return spec, spatial
    return spec, small


def example(member: type[Operator]) -> Card:
    """A worked example: a JSON request and the answer to it, worked out by the oracle in plain Python."""
    spec, spatial = example_spec(member)
    shape = (1, 1, *spatial)
    plane = np.arange(1, math.prod(spatial) + 1, dtype=np.float32).reshape(spatial)
    inputs = {"input": Outline(FLOAT32, shape)}
    request: Card = {"input": {"dtype": "float32", "shape": list(shape), "data": plane.reshape(shape).tolist()}}
    if "indices" in member.inputs:
        inputs["indices"] = Outline(INT64, shape)
        places = list(range(plane.size))
        request["indices"] = {"dtype": "int64", "shape": list(shape), "data": np.reshape(places, shape).tolist()}
        columns = spec.work_out(plane, np.array(places, dtype=np.int64))
    else:
        drawn = spec.draw(1).get("samples")
        columns = spec.work_out(plane, None if drawn is None else drawn[0])
    plan = spec.plan(inputs, _NO_LIMITS)
    answer: Card = {
        name: {
            "dtype": outline.dtype.name,
            "shape": list(outline.shape),
            "data": np.reshape(np.array(column, dtype=outline.dtype.storage), outline.shape).tolist(),
        }
        for (name, outline), column in zip(plan.outputs.items(), columns, strict=True)
    }
    return {"path": f"/v1/pool/{member.name}", "request": {**request, **spec.values()}, "answer": answer}


def plan_card(plan: Plan, devices: tuple[str, ...]) -> Card:
    """A plan as ``/v1/plan`` answers it."""
    spec = plan.spec
    return {
        "operator": spec.name,
        "spec": spec.values(),
        "outputs": {
            name: {"dtype": outline.dtype.name, "shape": list(outline.shape), "bytes": outline.nbytes}
            for name, outline in plan.outputs.items()
        },
        "input_bytes": plan.input_bytes,
        "output_bytes": plan.output_bytes,
        "planes": plan.planes,
        "cost": {"steps": plan.work, "workspace_bytes": plan.workspace_bytes},
        "devices": list(devices),
        "batch_key": batch_key_text(plan),
        "warnings": list(plan.warnings),
    }


def batch_key_text(plan: Plan) -> str:
    """The batch key for a person: requests with the same text can be pooled together."""
    spec = plan.spec
    fields = {field.name: field for field in spec.fields()}
    settings = ",".join(f"{name}={value}" for name, value in spec.values().items() if fields[name].in_key)
    sizes = "x".join(str(size) for size in plan.spatial)
    settings = settings.replace(" ", "")
    return f"{spec.name}({settings}) {plan.inputs['input'].dtype.name} {sizes}"
