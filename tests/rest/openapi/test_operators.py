"""The operations of an operator: its examples match its own schemas, and each has exactly what the operator takes."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.operators.catalogue import discover
from poolhouse.operators.operator import Operator
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.operators.region_operator import RegionOperator
from poolhouse.rest.openapi.components import Components
from poolhouse.rest.openapi.operators import plan_operation, pool_operation

CATALOGUE = discover()
TEMPLATE: dict[str, Any] = {
    "operationId": "plan",
    "parameters": [{"$ref": "#/components/parameters/X-Request-ID"}],
    "responses": {
        "200": {"description": "A plan.", "headers": {"X-Request-ID": {"description": "h"}}},
        "422": {"$ref": "#/components/responses/Unprocessable"},
    },
}
SECTIONS: dict[str, dict[str, Any]] = {
    "parameters": {"X-Request-ID": {"name": "X-Request-ID", "in": "header"}},
    "responses": {"Unprocessable": {"description": "r"}},
}
ORIGINAL = copy.deepcopy(TEMPLATE)
POOL = {each.name: pool_operation(each, TEMPLATE, Components(SECTIONS)) for each in CATALOGUE}
PLAN = {each.name: plan_operation(each, TEMPLATE, Components(SECTIONS)) for each in CATALOGUE}

each_operator = pytest.mark.parametrize("operator", list(CATALOGUE), ids=lambda operator: str(operator.name))


def resolve(part: dict[str, Any]) -> dict[str, Any]:
    """The part itself, or the component that it refers to."""
    while "$ref" in part:
        _, _, section, name = part["$ref"].split("/")
        part = SECTIONS[section][name]
    return part


def references(part: object) -> Iterator[str]:
    """All references within a part."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for each in part.values():
            yield from references(each)
    elif isinstance(part, list):
        for each in part:
            yield from references(each)


def is_valid(schema: dict[str, Any], value: object) -> bool:
    """Whether a value matches a schema that refers to the components."""
    return bool(jsonschema.Draft202012Validator({**schema, "components": SECTIONS}).is_valid(value))


def query_schemas(operator: type[Operator]) -> dict[str, dict[str, Any]]:
    """The schema of each query parameter of pooling."""
    parameters = [resolve(each) for each in POOL[operator.name]["parameters"]]
    return {each["name"]: each["schema"] for each in parameters if each["in"] == "query"}


@each_operator
def test_the_examples_match_their_schemas(operator: type[Operator]) -> None:
    """Users try the example first; a misspelt member in it must not match."""
    pooled, planned = (each[operator.name]["requestBody"]["content"]["application/json"] for each in (POOL, PLAN))
    response = POOL[operator.name]["responses"]["200"]["content"]["application/json"]

    for body in (pooled, planned, response):
        assert is_valid(body["schema"], body["example"])
        assert not is_valid(body["schema"], {**body["example"], "strde": 1})
    assert is_valid(pooled["schema"], {**pooled["example"], "encoding": "base64"})
    assert not is_valid(planned["schema"], {**planned["example"], "encoding": "base64"})


@each_operator
def test_exactly_the_tensors_and_the_required_fields_are_required(operator: type[Operator]) -> None:
    """A generated client makes the other arguments optional."""
    required = {
        "input",
        *(each.name for each in operator.companions if each.is_required),
        *(field.name for field in operator.fields() if field.is_required),
    }

    for operation in (POOL[operator.name], PLAN[operator.name]):
        body = operation["requestBody"]["content"]["application/json"]
        assert set(body["schema"]["required"]) == required
        for name in required:
            assert not is_valid(body["schema"], {key: value for key, value in body["example"].items() if key != name})


@each_operator
def test_a_response_needs_the_outputs_that_every_spec_has(operator: type[Operator]) -> None:
    """A generated client refuses a response without one, and drops one that it does not know."""
    schema = POOL[operator.name]["responses"]["200"]["content"]["application/json"]["schema"]
    specs = [operator.of(**sample.fields) for sample in operator.samples]

    common = set.intersection(*(set(spec.outputs()) for spec in specs))
    assert set(schema["required"]) <= common
    assert bool(schema["required"]) == bool(common)
    assert set().union(*(spec.outputs() for spec in specs)) <= schema["properties"].keys()


@each_operator
def test_a_sample_can_be_written_as_query_parameters(operator: type[Operator]) -> None:
    """The fields of a binary body are texts; the patterns must accept what the service reads."""
    schemas = query_schemas(operator)

    assert {field.name for field in operator.fields()} == schemas.keys() - {"shape", "dtype"}
    for sample in operator.samples:
        for name, value in sample.fields.items():
            values = list(value)[-operator.rank :] if isinstance(value, list | tuple) else [value]
            if isinstance(value, bool):
                assert is_valid(schemas[name], value)
            elif "pattern" in schemas[name]:
                assert is_valid(schemas[name], ",".join("null" if each is None else str(each) for each in values))


@each_operator
def test_only_an_operator_of_one_tensor_takes_raw_and_npy_bodies(operator: type[Operator]) -> None:
    """These formats hold one tensor; shape and dtype are parameters of raw bodies only."""
    bodies = POOL[operator.name]["requestBody"]["content"]
    alternatives = operator.exactly_one_input_of if issubclass(operator, RegionOperator) else ()
    takes_one = not alternatives and not any(each.is_required for each in operator.companions)

    assert ("application/octet-stream" in bodies) == ("application/x-npy" in bodies or takes_one) == takes_one
    assert len(bodies) > 2, "archives of several tensors are taken by all"
    schemas = query_schemas(operator)
    assert ("shape" in schemas) == ("dtype" in schemas) == takes_one
    if takes_one:
        for axes in range(1, 7):
            if issubclass(operator, RegionOperator):
                fits = axes in operator.input_dimensions
            else:
                fits = axes - 2 in ([1, 2, 3] if operator.is_rank_free else [operator.rank - 1, operator.rank])
            assert is_valid(schemas["shape"], ",".join("4" * axes)) == fits
        assert schemas["dtype"]["enum"] == [
            name for name, each in ELEMENT_TYPES.items() if each.kind in operator.element_types
        ]


@each_operator
def test_only_planes_of_one_tensor_are_pictures_and_forms(operator: type[Operator]) -> None:
    """A picture has two spatial axes, and a form has one file, in which an array is the input."""
    bodies = POOL[operator.name]["requestBody"]["content"]
    answers = POOL[operator.name]["responses"]["200"]["content"]
    pools_files = issubclass(operator, PlaneOperator) and operator.inputs == ("input",)

    assert ("multipart/form-data" in bodies) == pools_files
    assert ("image/png" in bodies) == ("image/png" in answers) == (pools_files and operator.rank == 2)


def test_a_body_of_several_tensors_names_them() -> None:
    """There is no other place where a reader finds the names in a file."""
    bodies = POOL["span_pool"]["requestBody"]["content"]

    for media_type in ("application/x-npz", "application/x-safetensors"):
        assert "by name: input, spans, mask, weights;" in bodies[media_type]["schema"]["description"]
    assert "application/x-npy" not in bodies
    assert "application/x-npy" in POOL["token_pool"]["requestBody"]["content"]


@each_operator
def test_a_response_has_the_seed_only_of_random_windows(operator: type[Operator]) -> None:
    """A generated client would wait for a header that never comes."""
    pooled = POOL[operator.name]["responses"]["200"]
    takes_seed = "seed" in {field.name for field in operator.fields()}

    assert ("Pool-Seed" in pooled["headers"]) == takes_seed
    required = {name for name, header in pooled["headers"].items() if resolve(header).get("required")}
    assert required == {"Server-Timing", *(["Pool-Seed"] if takes_seed else [])}


def test_every_reference_has_its_part() -> None:
    """Client generators refuse a document with a dangling reference."""
    for reference in {*references(POOL), *references(PLAN), *references(SECTIONS)}:
        _, _, section, name = reference.split("/")
        assert name in SECTIONS[section], reference


def test_operations_share_the_template_and_do_not_change_it() -> None:
    """A part added for one operator would appear in the operations of all others."""
    assert TEMPLATE == ORIGINAL
    for name in CATALOGUE.names:
        for operation, operation_id in ((POOL[name], name), (PLAN[name], f"plan_{name}")):
            assert operation["operationId"] == operation_id.replace(".", "_")
            assert operation["parameters"][0] == TEMPLATE["parameters"][0]
            assert operation["responses"]["422"] == TEMPLATE["responses"]["422"]
