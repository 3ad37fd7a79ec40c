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
from poolhouse.rest.openapi.components import (
    Components,
    JsonObject,
    object_schema,
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
RESPONSES = {rank: response_tensor(Components(SECTIONS), rank) for rank in RANKS}


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
    nested = np.zeros([1] * (operator.rank + 1)).tolist()

    for name, each in ELEMENT_TYPES.items():
        accepted = each.kind in operator.element_types
        assert is_valid(TENSORS[operator.name, False]["input"], {"data": nested, "dtype": name}) == accepted
        metadata = {"shape": [1] * (operator.rank + 1), "dtype": name}
        assert is_valid(TENSORS[operator.name, True]["input"], metadata) == accepted
        if "indices" in operator.inputs:
            assert is_valid(TENSORS[operator.name, True]["indices"], metadata) == (name == "int64")
    assert list(TENSORS[operator.name, False]) == list(operator.inputs)
