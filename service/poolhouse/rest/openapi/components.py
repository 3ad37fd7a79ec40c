"""What the operations of the operators share: the schemas of tensors.

A component is added where it is first referred to, so the document holds none that nobody uses.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from poolhouse.dtypes import ELEMENT_TYPES, Kind
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

_PREFIX: Final[dict[frozenset[Kind], str]] = {
    frozenset({"float", "integer", "boolean"}): "",
    frozenset({"float", "integer"}): "Number",
    frozenset({"float"}): "Float",
    frozenset(): "Index",
}
"""How the schema of a tensor is called, by the kinds of element that it may hold."""


class Components:
    """The reusable parts of one document, by section and name; those that are there already may be referred to."""

    def __init__(self, sections: dict[str, dict[str, object]]) -> None:
        self.sections = sections

    def add_ref(self, section: str, name: str, part: JsonObject, owner: str = "") -> JsonObject:
        """A reference to this part, which is added under its name.

        Args:
            section: of ``components``: ``schemas``, ``parameters``, ``responses``, ``headers``.
            name: wanted name; the owner is put after it where another part has it already.
            part: what is referred to.
            owner: whose part it is where it differs from everyone else's.
        """
        named = self.sections.setdefault(section, {})
        for candidate in (name, f"{name}_{owner}"):
            if named.setdefault(candidate, part) == part:
                return {"$ref": f"#/components/{section}/{candidate}"}
        raise AssertionError(f"two parts called {name} of {owner}")


def object_schema(properties: JsonObject, required: Collection[str], description: str = "") -> JsonObject:
    """An object of these properties and no others."""
    schema: JsonObject = {"type": "object", "properties": properties, "required": list(required)}
    schema["additionalProperties"] = False
    return {"description": description, **schema} if description else schema


def request_tensors(operator: type[Operator], components: Components, *, outlined: bool) -> JsonObject:
    """The tensors of a JSON request by name: in a request to plan, their metadata_by_name."""
    kinds = {"input": frozenset(operator.element_types), "indices": frozenset[Kind]()}
    return {name: _request_tensor(components, operator.rank, kinds[name], outlined) for name in operator.inputs}


def response_tensor(components: Components, rank: int) -> JsonObject:
    """The schema of a tensor in a JSON answer."""
    known: JsonObject = {"dtype": {"type": "string", "enum": list(ELEMENT_TYPES)}, "shape": _shape_schema(rank)}
    forms = {"data": _data_schema(components, rank, _ELEMENT, "Elements"), "base64": _BASE64}
    schema: JsonObject = {
        "description": "A tensor; base64 in place of data where encoding asks for it.",
        "oneOf": [object_schema({**known, name: form}, [*known, name]) for name, form in forms.items()],
    }
    return components.add_ref("schemas", f"Answered{rank}d", schema)


def _request_tensor(components: Components, rank: int, kinds: frozenset[Kind], outlined: bool) -> JsonObject:
    """A tensor of elements of these kinds; of indices, where there are none."""
    names = [each.name for each in ELEMENT_TYPES.values() if each.kind in kinds]
    dtype: JsonObject = {"type": "string", "enum": names, "default": "float32"} if kinds else _INT64
    known: JsonObject = {"shape": _shape_schema(rank), "dtype": dtype}
    if outlined:
        schema = object_schema(known, ["shape"], f"{'A tensor' if kinds else 'Indices'} without elements.")
        return components.add_ref("schemas", f"{_PREFIX[kinds]}Outline{rank}d", schema)
    words = "A nested list of float32, or an object that says more. Lists of one level must be equally long."
    if not kinds:
        words = "int64, flat within one output plane, of the shape of input."
    data = _data_schema(components, rank, _ELEMENT if kinds else _INDEX, "Elements" if kinds else "IndexElements")
    nested = _NUMBER if kinds else _INDEX
    for _ in range(rank + 1):
        nested = {"type": "array", "minItems": 1, "items": nested}
    forms: list[JsonObject] = [
        nested,
        {"type": "array", "minItems": 1, "items": nested},
        object_schema({"data": data, **known}, ["data"]),
        object_schema({"base64": _BASE64, **known}, ["base64", "shape"]),
    ]
    return components.add_ref("schemas", f"{_PREFIX[kinds]}Tensor{rank}d", {"description": words, "anyOf": forms})


def _data_schema(components: Components, rank: int, element: JsonObject, name: str) -> JsonObject:
    """Flat, or nested as deep as a tensor of this rank is. Not a schema that holds itself, which says the same in
    three lines: generators of clients do not read those."""
    depths = [element]
    for depth in range(1, rank + 3):
        depths.append(components.add_ref("schemas", f"{name}{depth}", {"type": "array", "items": depths[-1]}))
    return {
        "description": "Elements, nested as the shape says or flat in C order. NaN and infinities are strings; "
        "elements of an integer type are whole numbers, those of bool are true and false.",
        "anyOf": [depths[1], *depths[rank + 1 :]],
    }


def _shape_schema(rank: int) -> JsonObject:
    words = "(N, C, *spatial) or, unbatched, (C, *spatial). Only N and C may be 0."
    return {"type": "array", "minItems": rank + 1, "maxItems": rank + 2, "description": words, "items": _SIZE}
