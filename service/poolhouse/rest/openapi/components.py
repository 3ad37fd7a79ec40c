"""Schemas of tensors, which the operations of all operators share.

A component is added at its first reference, so the document has no unused ones.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from poolhouse.dtypes import ELEMENT_TYPES, INT64, ElementKind
from poolhouse.operators.inputs import TensorInput
from poolhouse.operators.operator import Operator
from poolhouse.operators.region_operator import RegionOperator
from poolhouse.tensor_names import MAYBE_BOOLEAN

JsonObject = dict[str, object]

_TEXT: Final[JsonObject] = {"type": "string"}
_INDEX: Final[JsonObject] = {"type": "integer", "format": "int64", "minimum": 0}
_NONFINITE: Final[JsonObject] = {"type": "string", "enum": ["NaN", "Infinity", "-Infinity"]}
_NUMBER: Final[JsonObject] = {"anyOf": [{"type": "number"}, _NONFINITE]}
_INTEGER: Final[JsonObject] = {"type": "integer", "format": "int64"}
_BOOLEAN: Final[JsonObject] = {"type": "boolean"}
_ELEMENT: Final[JsonObject] = {"anyOf": [{"type": "number"}, {"type": "boolean"}, _NONFINITE]}
_SIZE: Final[JsonObject] = {"type": "integer", "minimum": 0, "maximum": 2**31 - 1}
_AXES: Final = "The size of each axis."
_INT64: Final[JsonObject] = {"type": "string", "const": "int64", "default": "int64"}
_BASE64: Final[JsonObject] = {**_TEXT, "contentEncoding": "base64", "description": "C-ordered little-endian elements."}

_PREFIX: Final[dict[frozenset[ElementKind], str]] = {
    frozenset({"float", "integer", "boolean"}): "",
    frozenset({"float", "integer"}): "Number",
    frozenset({"integer", "boolean"}): "Integer",
    frozenset({"float"}): "Float",
}
"""The prefix of the name of an input's schema, by the kinds of its elements."""
_COMPANION_PREFIX: Final = {"indices": "Index"}
"""The same of a tensor beside ``input``, where it is not the tensor's own name."""
_LISTED: Final[dict[ElementKind, JsonObject]] = {"float": _NUMBER, "integer": _INTEGER, "boolean": _BOOLEAN}
"""The elements of lists without an element type, by the kind of the default type."""


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


class Form(NamedTuple):
    """The possible shapes of a tensor.

    Attributes:
        label: the end of the name of its schemas.
        dimensions: the possible numbers of dimensions.
        sizes: what its sizes are.
        may_be_empty: whether an empty list, of the shape ``[0]``, stands for no entries, whatever the dimensions.
    """

    label: str
    dimensions: tuple[int, ...]
    sizes: str
    may_be_empty: bool = False


class _Elements(NamedTuple):
    """The possible elements of a tensor in a request.

    Attributes:
        prefix: the beginning of the name of its schemas.
        noun: the tensor, at the beginning of a sentence.
        description: of the tensor with its elements.
        dtype: the schema of its element type.
        needs_dtype: whether it has no default type.
        listed: the schema of an element in lists without an element type; None if there are no such lists.
        element: the name and the schema of an element beside an element type.
        owner: the operator that has it.
    """

    prefix: str
    noun: str
    description: str
    dtype: JsonObject
    needs_dtype: bool
    listed: JsonObject | None
    element: tuple[str, JsonObject]
    owner: str


def request_tensors(operator: type[Operator], components: Components, *, metadata_only: bool) -> JsonObject:
    """The schemas of the tensors in a JSON request, by name.

    Args:
        operator: the operator.
        components: for the shared schemas.
        metadata_only: for a plan request, whose tensors have no elements.
    """
    forms = _input_forms(operator)
    tensors = {"input": (forms, _input_elements(operator))}
    for each in operator.companions:
        own = [Form("", each.dimensions, _AXES, may_be_empty=True)] if each.dimensions else forms
        tensors[each.name] = (own, _companion_elements(each, operator.name))
    tensor_schema = _metadata_schema if metadata_only else _tensor_schema
    return {
        name: _any_of(tensor_schema(components, form, elements) for form in forms)
        for name, (forms, elements) in tensors.items()
    }


def ranks_of(operator: type[Operator]) -> tuple[int, ...]:
    """The numbers of spatial axes that the operator takes."""
    return operator.ranks if operator.is_rank_free else (operator.rank,)


def _input_forms(operator: type[Operator]) -> list[Form]:
    if issubclass(operator, RegionOperator):
        return [form_of_axes(operator.input_dimensions)]
    return [form_of_rank(rank) for rank in ranks_of(operator)]


def form_of_rank(rank: int) -> Form:
    """The shapes with this number of spatial axes."""
    sizes = "(N, C, *spatial) or, unbatched, (C, *spatial). Only N and C may be 0."
    return Form(f"{rank}d", (rank + 1, rank + 2), sizes)


def form_of_axes(dimensions: tuple[int, ...]) -> Form:
    """The shapes with these numbers of dimensions, which are consecutive."""
    least, most = min(dimensions), max(dimensions)
    return Form(f"{least}Axes" if least == most else f"{least}To{most}Axes", dimensions, _AXES)


def _input_elements(operator: type[Operator]) -> _Elements:
    kinds = frozenset(operator.element_types)
    dtype: JsonObject = {"type": "string", "enum": [each.name for each in ELEMENT_TYPES.values() if each.kind in kinds]}
    # A list without a type has float32 elements.
    takes_lists = "float" in kinds
    description = (
        "Nested lists of float32 elements, or an object that has the element type too. Lists of the same level must "
        "have equal lengths."
        if takes_lists
        else "An object with the element type."
    )
    return _Elements(
        _PREFIX[kinds],
        "A tensor",
        description,
        {**dtype, "default": "float32"} if takes_lists else dtype,
        needs_dtype=not takes_lists,
        listed=_NUMBER if takes_lists else None,
        element=("Elements", _ELEMENT),
        owner=operator.name,
    )


def _companion_elements(companion: TensorInput, owner: str) -> _Elements:
    name = "".join(word.capitalize() for word in companion.name.split("_"))
    # int64 alone is the type of positions.
    is_index = companion.element_types == (INT64,)
    names = [each.name for each in companion.element_types]
    return _Elements(
        _COMPANION_PREFIX.get(companion.name, name),
        companion.name.capitalize().replace("_", " "),
        companion.meaning,
        _INT64 if is_index else {"type": "string", "enum": names, "default": companion.default_type.name},
        needs_dtype=False,
        listed=_INDEX if is_index else _listed(companion),
        element=("IndexElements", _INDEX) if is_index else ("Elements", _ELEMENT),
        owner=owner,
    )


def _listed(companion: TensorInput) -> JsonObject:
    """An element of a list without an element type."""
    listed = _LISTED[companion.default_type.kind]
    return {"anyOf": [listed, _BOOLEAN]} if companion.name in MAYBE_BOOLEAN else listed


def _any_of(schemas: Iterable[JsonObject]) -> JsonObject:
    found = list(schemas)
    return found[0] if len(found) == 1 else {"anyOf": list(found)}


def output_tensor(operator: type[Operator], components: Components) -> JsonObject:
    """The schema of an output of the operator."""
    if issubclass(operator, RegionOperator):
        return response_tensor(components, form_of_axes(operator.output_dimensions))
    # A spatial pyramid has one axis for the cells of all levels.
    may_drop_axes = operator.family == "spatial_pyramid_pool" or "keepdims" in {
        field.name for field in operator.fields()
    }
    ranks = (0, *ranks_of(operator)) if may_drop_axes else ranks_of(operator)
    return _any_of(response_tensor(components, form_of_rank(rank)) for rank in ranks)


def response_tensor(components: Components, form: Form) -> JsonObject:
    """The schema of a tensor of this form in a JSON response."""
    known: JsonObject = {"dtype": {"type": "string", "enum": list(ELEMENT_TYPES)}, "shape": _shape_schema(form)}
    forms = {"data": _data_schema(components, form, "Elements", _ELEMENT), "base64": _BASE64}
    schema: JsonObject = {
        "description": "A tensor; it has base64 instead of data if encoding is base64.",
        "oneOf": [object_schema({**known, name: each}, [*known, name]) for name, each in forms.items()],
    }
    return components.add_ref("schemas", f"ResponseTensor{form.label}", schema)


def _metadata_schema(components: Components, form: Form, elements: _Elements) -> JsonObject:
    """The schema of a tensor without its elements."""
    needed = ["shape", "dtype"] if elements.needs_dtype else ["shape"]
    known: JsonObject = {"shape": _shape_schema(form), "dtype": elements.dtype}
    schema = object_schema(known, needed, f"{elements.noun} without elements.")
    return components.add_ref("schemas", f"{elements.prefix}TensorMetadata{form.label}", schema, elements.owner)


def _tensor_schema(components: Components, form: Form, elements: _Elements) -> JsonObject:
    """The schema of a tensor with its elements."""
    needed = ["dtype"] if elements.needs_dtype else []
    known: JsonObject = {"shape": _shape_schema(form), "dtype": elements.dtype}
    data = _data_schema(components, form, *elements.element)
    forms: list[JsonObject] = [
        object_schema({"data": data, **known}, ["data", *needed]),
        object_schema({"base64": _BASE64, **known}, ["base64", "shape", *needed]),
    ]
    if elements.listed is not None:
        forms = [*(_nested(form, elements.listed, axes) for axes in form.dimensions), *forms]
    schema: JsonObject = {"description": elements.description, "anyOf": forms}
    return components.add_ref("schemas", f"{elements.prefix}Tensor{form.label}", schema, elements.owner)


def _nested(form: Form, element: JsonObject, axes: int) -> JsonObject:
    """The schema of lists within lists."""
    # The innermost may be empty: with channels last C may be 0.
    nested: JsonObject = {"type": "array", "items": element}
    for _ in range(axes - 1):
        nested = {"type": "array", "minItems": 1, "items": nested}
    if form.may_be_empty:
        nested.pop("minItems", None)
    return nested


def _data_schema(components: Components, form: Form, name: str, element: JsonObject) -> JsonObject:
    """The schema of elements in flat or nested lists. Not recursive, which would be shorter, since client generators do
    not support recursive schemas."""
    depths = [element]
    for depth in range(1, max(form.dimensions) + 1):
        depths.append(components.add_ref("schemas", f"{name}{depth}", {"type": "array", "items": depths[-1]}))
    # Of one dimension, flat lists are nested ones, too.
    nested = [depths[1], *(depths[axes] for axes in form.dimensions if axes > 1)]
    return {
        "description": "The elements, nested like the shape or flat in C order. NaN and infinities are strings, "
        "elements of integer types are whole numbers, and elements of bool are true or false.",
        **({"anyOf": nested} if len(nested) > 1 else {"allOf": nested}),
    }


def _shape_schema(form: Form) -> JsonObject:
    least, most = 1 if form.may_be_empty else min(form.dimensions), max(form.dimensions)
    return {"type": "array", "minItems": least, "maxItems": most, "description": form.sizes, "items": _SIZE}
