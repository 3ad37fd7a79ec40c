"""Shared schemas: references stay right whatever is added, and tensors have exactly the accepted forms."""

from __future__ import annotations

from math import prod

import jsonschema
import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.operators.catalogue import discover
from poolhouse.operators.operator import Operator
from poolhouse.operators.region_operator import RegionOperator
from poolhouse.rest.openapi.components import (
    Components,
    JsonObject,
    form_of_rank,
    object_schema,
    output_tensor,
    request_tensors,
    response_tensor,
)
from tests.hypothesis_profiles import scaled_examples

CATALOGUE = discover()
RANKS = (1, 2, 3)

SECTIONS: dict[str, dict[str, object]] = {}
"""The components of all operators together, as in one document."""
TENSORS = {
    (operator.name, metadata_only): request_tensors(operator, Components(SECTIONS), metadata_only=metadata_only)
    for operator in CATALOGUE
    for metadata_only in (False, True)
}
RESPONSES = {rank: response_tensor(Components(SECTIONS), form_of_rank(rank)) for rank in RANKS}
REGION_OPERATORS = [operator for operator in CATALOGUE if issubclass(operator, RegionOperator)]
OUTPUTS = {operator.name: output_tensor(operator, Components(SECTIONS)) for operator in REGION_OPERATORS}
AXES = range(1, 8)

each_region_operator = pytest.mark.parametrize("operator", REGION_OPERATORS, ids=lambda operator: str(operator.name))


def is_valid(schema: object, value: object) -> bool:
    """Whether a value matches a schema that refers to the components."""
    assert isinstance(schema, dict)
    return bool(jsonschema.Draft202012Validator({**schema, "components": SECTIONS}).is_valid(value))


def resolve(sections: dict[str, dict[str, object]], reference: JsonObject) -> object:
    """The part that a reference names."""
    _, components, section, name = str(reference["$ref"]).split("/")
    assert components == "components"
    return sections[section][name]


@scaled_examples(100)
@given(st.lists(st.tuples(st.sampled_from(["schemas", "headers"]), st.sampled_from("xyz"), st.integers(0, 2))))
def test_a_reference_always_names_its_own_part(added: list[tuple[str, str, int]]) -> None:
    """Operators share a part if theirs are equal; if not, the later one gets a name of its own."""
    sections: dict[str, dict[str, object]] = {}
    components = Components(sections)
    references: list[tuple[JsonObject, JsonObject]] = []

    for at, (section, name, value) in enumerate(added):
        part: JsonObject = {"const": value}
        references.append((components.add_ref(section, name, part, f"operator{at}"), part))

    assert all(resolve(sections, reference) == part for reference, part in references)
    used = {str(reference["$ref"]) for reference, _ in references}
    assert used == {f"#/components/{section}/{name}" for section, parts in sections.items() for name in parts}


def test_equal_parts_have_one_name_and_a_conflict_is_an_error() -> None:
    """A part that silently replaced another would change the request of some operator."""
    components = Components({})

    first, same, other = (
        components.add_ref("schemas", "x", {"const": value}, owner)
        for value, owner in ((1, "a_pool"), (1, "b_pool"), (2, "b_pool"))
    )

    assert first == same == {"$ref": "#/components/schemas/x"}
    assert other == {"$ref": "#/components/schemas/x_b_pool"}
    with pytest.raises(AssertionError, match="two different parts x of b_pool"):
        components.add_ref("schemas", "x", {"const": 3}, "b_pool")


def test_an_object_has_no_other_members() -> None:
    """A misspelt field must be found by a client's own validation."""
    schema = object_schema({"a": {"type": "integer"}, "b": {}}, ["a"], "An object.")

    assert is_valid(schema, {"a": 1})
    assert is_valid(schema, {"a": 1, "b": None})
    assert not is_valid(schema, {"b": 1})
    assert not is_valid(schema, {"a": 1, "c": 1})
    assert schema["description"] == "An object."
    assert "description" not in object_schema({}, [])


@st.composite
def shapes(draw: st.DrawFn) -> tuple[int, tuple[int, ...]]:
    """A rank, and a shape with or without N."""
    rank = draw(st.sampled_from(RANKS))
    return rank, tuple(draw(st.lists(st.integers(1, 3), min_size=rank + 1, max_size=rank + 2)))


@scaled_examples(40, HealthCheck.too_slow)
@given(shapes())
def test_a_json_tensor_is_nested_or_flat_or_base64(drawn: tuple[int, tuple[int, ...]]) -> None:
    """These are the forms that the service reads, and a client may choose."""
    rank, shape = drawn
    nested = np.zeros(shape).tolist()
    flat = [0] * prod(shape)
    request = TENSORS[f"max_pool{rank}d", False]["input"]
    indices = TENSORS[f"max_unpool{rank}d", False]["indices"]
    response = RESPONSES[rank]

    for schema in (request, indices):
        assert is_valid(schema, nested)
        assert is_valid(schema, {"data": nested})
        assert is_valid(schema, {"data": flat, "shape": list(shape)})
        assert is_valid(schema, {"base64": "", "shape": list(shape)})
        assert not is_valid(schema, flat)
        assert not is_valid(schema, {"base64": ""})
        assert not is_valid(schema, {"data": flat, "base64": "", "shape": list(shape)})
        assert not is_valid(schema, {"shape": list(shape)})
        assert not is_valid(schema, {"data": nested, "size": 1})
    for form in ({"data": nested}, {"data": flat}, {"base64": ""}):
        assert is_valid(response, {"dtype": "float32", "shape": list(shape), **form})
        assert not is_valid(response, {"dtype": "float32", **form})
        assert not is_valid(response, {"shape": list(shape), **form})


@pytest.mark.parametrize("rank", RANKS)
def test_a_tensor_of_another_rank_is_not_valid(rank: int) -> None:
    """It is the most usual mistake."""
    for axes in range(1, 7):
        nested, fits = np.zeros([1] * axes).tolist(), rank + 1 <= axes <= rank + 2
        schema = TENSORS[f"max_pool{rank}d", False]["input"]

        assert is_valid(schema, nested) == fits
        assert is_valid(schema, {"data": nested}) == (fits or axes == 1)
        assert is_valid(TENSORS[f"max_pool{rank}d", True]["input"], {"shape": [1] * axes}) == fits


@pytest.mark.parametrize(
    ("element", "plain", "in_object", "as_index"),
    [
        (1.5, True, True, False),
        ("NaN", True, True, False),
        ("-Infinity", True, True, False),
        (True, False, True, False),
        (7, True, True, True),
        (-1, True, True, False),
        ("nan", False, False, False),
        (None, False, False, False),
    ],
)
def test_an_element_is_a_number_or_a_nonfinite_name(
    element: object, plain: bool, in_object: bool, as_index: bool
) -> None:
    """Lists alone are float32; booleans need an object that says so; an index is not negative."""
    request, indices = TENSORS["max_pool1d", False]["input"], TENSORS["max_unpool1d", False]["indices"]

    assert is_valid(request, [[element]]) == plain
    assert is_valid(request, {"data": [[element]]}) == in_object
    assert is_valid(indices, [[element]]) == as_index
    assert is_valid(indices, {"data": [[element]]}) == as_index


@pytest.mark.parametrize("operator", list(CATALOGUE), ids=lambda operator: str(operator.name))
def test_an_operator_takes_the_element_types_of_its_kinds(operator: type[Operator]) -> None:
    """Operators with the same kinds share a schema, and with other kinds they must not."""
    pooled, planned = TENSORS[operator.name, False], TENSORS[operator.name, True]
    axes = operator.input_dimensions[0] if issubclass(operator, RegionOperator) else operator.rank + 1

    for name, each in ELEMENT_TYPES.items():
        accepted = {"input": each.kind in operator.element_types}
        accepted |= {companion.name: each in companion.element_types for companion in operator.companions}
        dimensions = {
            companion.name: companion.dimensions[0] for companion in operator.companions if companion.dimensions
        }
        for tensor, is_accepted in accepted.items():
            shape = [1] * dimensions.get(tensor, axes)
            assert is_valid(pooled[tensor], {"data": np.zeros(shape, int).tolist(), "dtype": name}) == is_accepted
            assert is_valid(planned[tensor], {"shape": shape, "dtype": name}) == is_accepted
    assert list(pooled) == list(planned) == list(operator.inputs)


@each_region_operator
def test_a_tensor_of_a_region_operator_has_its_numbers_of_axes(operator: type[RegionOperator]) -> None:
    """Those that the operator declares, not those of planes; a flat list needs its shape.

    A shape with fewer axes is that of an empty list, such as ``[0]`` for no boxes.
    """
    companions = {each.name for each in operator.companions if each.dimensions}
    fitting = {"input": operator.input_dimensions} | {each.name: each.dimensions for each in operator.companions}

    for name, dimensions in fitting.items():
        pooled, planned = TENSORS[operator.name, False][name], TENSORS[operator.name, True][name]
        for axes in AXES:
            shape, fits = [1] * axes, axes in dimensions
            nested = np.zeros(shape, int).tolist()
            assert is_valid(pooled, nested) == fits, (name, axes)
            assert is_valid(pooled, {"data": nested}) == (fits or axes == 1)
            is_shape = fits or (name in companions and axes < max(dimensions))
            assert is_valid(pooled, {"data": [0], "shape": shape}) == is_shape
            assert is_valid(pooled, {"base64": "", "shape": shape}) == is_shape
            assert is_valid(planned, {"shape": shape}) == is_shape
    for axes in AXES:
        answer = {"dtype": "float32", "shape": [1] * axes, "data": np.zeros([1] * axes).tolist()}
        assert is_valid(OUTPUTS[operator.name], answer) == (axes in operator.output_dimensions)


@pytest.mark.parametrize(
    ("operator", "name", "accepted", "refused"),
    [
        ("token_pool", "mask", [[[1, 0], [-1, 1]], [1, 1], [], [[True, False]]], [[[0.5]], ["true"], ["NaN"]]),
        ("token_pool", "weights", [[[0.5, "NaN"]], [1]], [[True], [None]]),
        ("token_pool", "offsets", [[0, 2]], [[-1], [0.5], [[0]]]),
        ("span_pool", "spans", [[[0, 2]], [[0, 1, 2]]], [[0, 2], [[-1, 2]], [[0.5, 2]]]),
        ("segment_pool", "segments", [[0, 2, 1], []], [[-1], [0.5], [[0]]]),
        ("roi_align", "boxes", [[[0, 0.5, 1, 2, -3]]], [[0, 1, 2, 3, 4], [[True]]]),
        ("roi_align", "batch_indices", [[0, 1]], [[-1], [[0]]]),
    ],
)
def test_a_list_has_elements_of_the_default_type(
    operator: str, name: str, accepted: list[object], refused: list[object]
) -> None:
    """A generated client checks them before it sends them."""
    schema = TENSORS[operator, False][name]

    assert all(is_valid(schema, value) for value in accepted)
    assert not any(is_valid(schema, value) for value in refused)


def test_no_schema_is_recursive_and_each_kind_has_a_name_of_its_own() -> None:
    """Client generators do not support recursive schemas, and name classes after the components without regard to
    case and separators."""
    schemas = SECTIONS["schemas"]

    def references(part: object) -> set[str]:
        if isinstance(part, dict):
            here = {str(part["$ref"]).rpartition("/")[2]} if "$ref" in part else set()
            return here.union(*map(references, part.values()))
        return set().union(*map(references, part)) if isinstance(part, list) else set()

    def depth(name: str, above: tuple[str, ...] = ()) -> int:
        assert name not in above, above
        return 1 + max((depth(each, (*above, name)) for each in references(schemas[name])), default=0)

    assert all(depth(name) < 10 for name in schemas)
    assert len({name.lower().replace("_", "") for name in schemas}) == len(schemas)
