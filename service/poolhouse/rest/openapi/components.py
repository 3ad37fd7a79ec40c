"""Schemas of tensors, which the operations of all operators share.

A component is added at its first reference, so the document has no unused ones.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from poolhouse.dtypes import ELEMENT_TYPES, ElementKind
from poolhouse.operators.operator import Operator

JsonObject = dict[str, object]

_TEXT: Final[JsonObject] = {"type": "string"}
_INDEX: Final[JsonObject] = {"type": "integer", "format": "int64", "minimum": 0}
_NONFINITE: Final[JsonObject] = {"type": "string", "enum": ["NaN", "Infinity", "-Infinity"]}
_NUMBER: Final[JsonObject] = {"anyOf": [{"type": "number"}, _NONFINITE]}
_ELEMENT: Final[JsonObject] = {"anyOf": [{"type": "number"}, {"type": "boolean"}, _NONFINITE]}
_SIZE: Final[JsonObject] = {"type": "integer", "minimum": 0, "maximum": 2**31 - 1}
_INT64: Final[JsonObject] = {"type": "string", "const": "int64", "default": "int64"}
_BASE64: Final[JsonObject] = {**_TEXT, "contentEncoding": "base64", "description": "C-ordered little-endian elements."}

_PREFIX: Final[dict[frozenset[ElementKind], str]] = {
    frozenset({"float", "integer", "boolean"}): "",
    frozenset({"float", "integer"}): "Number",
    frozenset({"integer", "boolean"}): "Integer",
    frozenset({"float"}): "Float",
    frozenset(): "Index",
}
"""The prefix of a tensor schema's name, by the kinds of its elements."""


class Components:
    """The reusable parts of one document, by section and name.

    Args:
        sections: the ``components`` of the document, which may have parts already.
    """

    def __init__(self, sections: dict[str, dict[str, object]]) -> None:
        self.sections = sections

    def add_ref(self, section: str, name: str, part: JsonObject, owner: str = "") -> JsonObject:
        """Add a part, and return a reference to it.

        Args:
            section: of ``components``: ``schemas``, ``parameters``, ``responses``, ``headers``.
            name: of the part; if a different part has that name, the owner is appended.
            part: the object to refer to.
            owner: the operator that the part belongs to.
        """
        parts = self.sections.setdefault(section, {})
        for candidate in (name, f"{name}_{owner}"):
            if parts.setdefault(candidate, part) == part:
                return {"$ref": f"#/components/{section}/{candidate}"}
        raise AssertionError(f"two different parts {name} of {owner}")

    def find_ref(self, section: str, name: str) -> JsonObject | None:
        """A reference to a part that was added, so that it is not made for each operation again; None without it."""
        return {"$ref": f"#/components/{section}/{name}"} if name in self.sections.get(section, {}) else None


def object_schema(properties: JsonObject, required: Collection[str], description: str = "") -> JsonObject:
    """The schema of an object with these properties and no others."""
    schema: JsonObject = {"type": "object", "properties": properties, "required": list(required)}
    schema["additionalProperties"] = False
    return {"description": description, **schema} if description else schema


def request_tensors(operator: type[Operator], components: Components, *, metadata_only: bool) -> JsonObject:
    """The schemas of the tensors in a JSON request, by name.

    Args:
        operator: the operator.
        components: for the shared schemas.
        metadata_only: for a plan request, whose tensors have no elements.
    """
    kinds = {"input": frozenset(operator.element_types), "indices": frozenset[ElementKind]()}
    return {
        name: _any_of([_request_tensor(components, rank, kinds[name], metadata_only) for rank in ranks_of(operator)])
        for name in operator.inputs
    }


def ranks_of(operator: type[Operator]) -> tuple[int, ...]:
    """The numbers of spatial axes that the operator takes."""
    return operator.ranks if operator.is_rank_free else (operator.rank,)


def _any_of(schemas: list[JsonObject]) -> JsonObject:
    return schemas[0] if len(schemas) == 1 else {"anyOf": list(schemas)}


def output_tensor(operator: type[Operator], components: Components) -> JsonObject:
    """The schema of an output of the operator."""
    # A spatial pyramid has one axis for the cells of all levels.
    may_drop_axes = operator.family == "spatial_pyramid_pool" or "keepdims" in {
        field.name for field in operator.fields()
    }
    ranks = (0, *ranks_of(operator)) if may_drop_axes else ranks_of(operator)
    return _any_of([response_tensor(components, rank) for rank in ranks])


def response_tensor(components: Components, rank: int) -> JsonObject:
    """The schema of a tensor with this number of spatial axes in a JSON response."""
    known: JsonObject = {"dtype": {"type": "string", "enum": list(ELEMENT_TYPES)}, "shape": _shape_schema(rank)}
    forms = {"data": _data_schema(components, rank, _ELEMENT, "Elements"), "base64": _BASE64}
    schema: JsonObject = {
        "description": "A tensor; it has base64 instead of data if encoding is base64.",
        "oneOf": [object_schema({**known, name: form}, [*known, name]) for name, form in forms.items()],
    }
    return components.add_ref("schemas", f"ResponseTensor{rank}d", schema)


def _request_tensor(
    components: Components, rank: int, kinds: frozenset[ElementKind], metadata_only: bool
) -> JsonObject:
    """The schema of a tensor with elements of these kinds; with no kinds, of a tensor of indices."""
    names = [each.name for each in ELEMENT_TYPES.values() if each.kind in kinds]
    dtype: JsonObject = {"type": "string", "enum": names} if kinds else _INT64
    takes_lists = not kinds or "float" in kinds
    if kinds and takes_lists:
        dtype["default"] = "float32"
    # A list without a type has float32 elements.
    needed = [] if takes_lists else ["dtype"]
    known: JsonObject = {"shape": _shape_schema(rank), "dtype": dtype}
    if metadata_only:
        schema = object_schema(known, ["shape", *needed], f"{'A tensor' if kinds else 'Indices'} without elements.")
        return components.add_ref("schemas", f"{_PREFIX[kinds]}TensorMetadata{rank}d", schema)
    description = (
        "Nested lists of float32 elements, or an object that has the element type too. Lists of the same level must "
        "have equal lengths."
        if takes_lists
        else "An object with the element type."
    )
    if not kinds:
        description = "int64 offsets into the flattened output plane, with the shape of input."
    data = _data_schema(components, rank, _ELEMENT if kinds else _INDEX, "Elements" if kinds else "IndexElements")
    nested = _NUMBER if kinds else _INDEX
    # With channels last the innermost lists may be empty, since C may be 0.
    nested = {"type": "array", "items": nested}
    for _ in range(rank):
        nested = {"type": "array", "minItems": 1, "items": nested}
    forms: list[JsonObject] = [
        object_schema({"data": data, **known}, ["data", *needed]),
        object_schema({"base64": _BASE64, **known}, ["base64", "shape", *needed]),
    ]
    if takes_lists:
        forms = [nested, {"type": "array", "minItems": 1, "items": nested}, *forms]
    return components.add_ref("schemas", f"{_PREFIX[kinds]}Tensor{rank}d", {"description": description, "anyOf": forms})


def _data_schema(components: Components, rank: int, element: JsonObject, name: str) -> JsonObject:
    """The schema of elements in flat or nested lists. Not recursive, which would be shorter, since client generators do
    not support recursive schemas."""
    depths = [element]
    for depth in range(1, rank + 3):
        depths.append(components.add_ref("schemas", f"{name}{depth}", {"type": "array", "items": depths[-1]}))
    return {
        "description": "The elements, nested like the shape or flat in C order. NaN and infinities are strings, "
        "elements of integer types are whole numbers, and elements of bool are true or false.",
        # Without spatial axes, flat lists are nested ones, too.
        "anyOf": [depths[1], *depths[max(rank, 1) + 1 :]],
    }


def _shape_schema(rank: int) -> JsonObject:
    description = "(N, C, *spatial) or, unbatched, (C, *spatial). Only N and C may be 0."
    return {"type": "array", "minItems": rank + 1, "maxItems": rank + 2, "description": description, "items": _SIZE}
