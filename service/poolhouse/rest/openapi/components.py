"""What the operations of the operators share: the schemas of tensors.

A component is added where it is first referred to, so the document holds none that nobody uses.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from poolhouse.dtypes import ELEMENT_TYPES, Kind
from poolhouse.operators.operator import Operator

Part = dict[str, object]

_TEXT: Final[Part] = {"type": "string"}
_INDEX: Final[Part] = {"type": "integer", "format": "int64", "minimum": 0}
_NONFINITE: Final[Part] = {"type": "string", "enum": ["NaN", "Infinity", "-Infinity"]}
_NUMBER: Final[Part] = {"anyOf": [{"type": "number"}, _NONFINITE]}
_ELEMENT: Final[Part] = {"anyOf": [{"type": "number"}, {"type": "boolean"}, _NONFINITE]}
_SIZE: Final[Part] = {"type": "integer", "minimum": 0, "maximum": 2**31 - 1}
_INT64: Final[Part] = {"type": "string", "const": "int64", "default": "int64"}
_BASE64: Final[Part] = {**_TEXT, "contentEncoding": "base64", "description": "C-ordered little-endian elements."}

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

    def refer(self, section: str, name: str, part: Part, owner: str = "") -> Part:
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


def closed(properties: Part, required: Collection[str], description: str = "") -> Part:
    """An object of these properties and no others."""
    schema: Part = {"type": "object", "properties": properties, "required": list(required)}
    schema["additionalProperties"] = False
    return {"description": description, **schema} if description else schema


def inputs(member: type[Operator], components: Components, *, outlined: bool) -> Part:
    """The tensors of a JSON request by name: in a request to plan, their outlines."""
    kinds = {"input": frozenset(member.element_types), "indices": frozenset[Kind]()}
    return {name: _input(components, member.rank, kinds[name], outlined) for name in member.inputs}


def answered(components: Components, rank: int) -> Part:
    """The schema of a tensor in a JSON answer."""
    known: Part = {"dtype": {"type": "string", "enum": list(ELEMENT_TYPES)}, "shape": _shape(rank)}
    forms = {"data": _data(components, rank, _ELEMENT, "Elements"), "base64": _BASE64}
    schema: Part = {
        "description": "A tensor; base64 in place of data where encoding asks for it.",
        "oneOf": [closed({**known, name: form}, [*known, name]) for name, form in forms.items()],
    }
    return components.refer("schemas", f"Answered{rank}d", schema)


def _input(components: Components, rank: int, kinds: frozenset[Kind], outlined: bool) -> Part:
    """A tensor of elements of these kinds; of indices, where there are none."""
    names = [each.name for each in ELEMENT_TYPES.values() if each.kind in kinds]
    dtype: Part = {"type": "string", "enum": names, "default": "float32"} if kinds else _INT64
    known: Part = {"shape": _shape(rank), "dtype": dtype}
    if outlined:
        schema = closed(known, ["shape"], f"{'A tensor' if kinds else 'Indices'} without elements.")
        return components.refer("schemas", f"{_PREFIX[kinds]}Outline{rank}d", schema)
    words = "A nested list of float32, or an object that says more. Lists of one level must be equally long."
    if not kinds:
        words = "int64, flat within one output plane, of the shape of input."
    data = _data(components, rank, _ELEMENT if kinds else _INDEX, "Elements" if kinds else "IndexElements")
    nested = _NUMBER if kinds else _INDEX
    for _ in range(rank + 1):
        nested = {"type": "array", "minItems": 1, "items": nested}
    forms: list[Part] = [
        nested,
        {"type": "array", "minItems": 1, "items": nested},
        closed({"data": data, **known}, ["data"]),
        closed({"base64": _BASE64, **known}, ["base64", "shape"]),
    ]
    return components.refer("schemas", f"{_PREFIX[kinds]}Tensor{rank}d", {"description": words, "anyOf": forms})


def _data(components: Components, rank: int, element: Part, name: str) -> Part:
    """Flat, or nested as deep as a tensor of this rank is. Not a schema that holds itself, which says the same in
    three lines: generators of clients do not read those."""
    depths = [element]
    for depth in range(1, rank + 3):
        depths.append(components.refer("schemas", f"{name}{depth}", {"type": "array", "items": depths[-1]}))
    return {
        "description": "Elements, nested as the shape says or flat in C order. NaN and infinities are strings; "
        "elements of an integer type are whole numbers, those of bool are true and false.",
        "anyOf": [depths[1], *depths[rank + 1 :]],
    }


def _shape(rank: int) -> Part:
    words = "(N, C, *spatial) or, unbatched, (C, *spatial). Only N and C may be 0."
    return {"type": "array", "minItems": rank + 1, "maxItems": rank + 2, "description": words, "items": _SIZE}
