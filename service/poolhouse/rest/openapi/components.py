"""What the operations of the OpenAPI document share: tensors, problems, headers, parameters.

A component is added where it is first referred to, so the document holds none that nobody uses.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from poolhouse.dtypes import ELEMENT_TYPES, Kind
from poolhouse.errors import CODES, FIELD_CODES, MOST_PROBLEMS, PoolhouseError, QuotaExceeded, Unavailable
from poolhouse.rest.problems import MEDIA_TYPE

Part = dict[str, object]

INDEX: Final[Part] = {"type": "integer", "format": "int64", "minimum": 0}
NONFINITE: Final[Part] = {"type": "string", "enum": ["NaN", "Infinity", "-Infinity"]}
NUMBER: Final[Part] = {"anyOf": [{"type": "number"}, NONFINITE]}
ELEMENT: Final[Part] = {"anyOf": [{"type": "number"}, {"type": "boolean"}, NONFINITE]}
SIZE: Final[Part] = {"type": "integer", "minimum": 0, "maximum": 2**31 - 1}
COUNT: Final[Part] = {"type": "integer", "format": "int64", "minimum": 0}
TEXT: Final[Part] = {"type": "string"}

_PREFIX: Final[dict[frozenset[Kind], str]] = {
    frozenset({"float", "integer", "boolean"}): "",
    frozenset({"float", "integer"}): "Number",
    frozenset({"float"}): "Float",
}
"""How the schema of a tensor is called, by the kinds of element that it may hold."""


class Components:
    """The reusable parts of one document, by section and name."""

    def __init__(self) -> None:
        self.sections: dict[str, dict[str, object]] = {}

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
    schema: Part = {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }
    return {"description": description, **schema} if description else schema


def listed(items: Part, **bounds: object) -> Part:
    """A list of such items."""
    return {"type": "array", **bounds, "items": items}


def _nested(elements: Part, depth: int) -> Part:
    schema = elements
    for _ in range(depth):
        schema = listed(schema, minItems=1)
    return schema


def _shape(rank: int) -> Part:
    return listed(
        SIZE,
        minItems=rank + 1,
        maxItems=rank + 2,
        description="(N, C, *spatial) or, unbatched, (C, *spatial). Only N and C may be 0.",
    )


def _element_type(kinds: Collection[Kind], default: str | None = "float32") -> Part:
    schema: Part = {
        "type": "string",
        "enum": [each.name for each in ELEMENT_TYPES.values() if each.kind in kinds],
    }
    return schema if default is None else {**schema, "default": default}


def _data(components: Components, rank: int, element: Part, name: str) -> Part:
    """Flat, or nested as deep as a tensor of this rank is. Not a schema that holds itself, which says the same in
    three lines: generators of clients do not read those."""
    nested = components.refer("schemas", f"{name}1", listed(element))
    depths = [nested]
    for depth in range(2, rank + 3):
        nested = components.refer("schemas", f"{name}{depth}", listed(nested))
        if depth > rank:
            depths.append(nested)
    return {
        "description": "Elements, nested as the shape says or flat in C order. NaN and infinities are strings; "
        "elements of an integer type are whole numbers, those of bool are true and false.",
        "anyOf": depths,
    }


def _base64() -> Part:
    return {
        "type": "string",
        "contentEncoding": "base64",
        "description": "C-ordered little-endian elements.",
    }


def tensor(components: Components, rank: int, kinds: Collection[Kind]) -> Part:
    """The schema of ``input`` in a JSON request."""
    dtype, shape = _element_type(kinds), _shape(rank)
    name = f"{_PREFIX.get(frozenset(kinds), ''.join(sorted(kinds)).title())}Tensor{rank}d"
    nested = [_nested(NUMBER, depth) for depth in (rank + 1, rank + 2)]
    schema: Part = {
        "description": "A nested list of float32, or an object that says more. "
        "Lists of one level must be equally long.",
        "anyOf": [
            *nested,
            closed({"data": _data(components, rank, ELEMENT, "Elements"), "shape": shape, "dtype": dtype}, ["data"]),
            closed({"base64": _base64(), "shape": shape, "dtype": dtype}, ["base64", "shape"]),
        ],
    }
    return components.refer("schemas", name, schema)


def indices(components: Components, rank: int) -> Part:
    """The schema of ``indices`` in a JSON request."""
    dtype: Part = {"type": "string", "const": "int64", "default": "int64"}
    shape = _shape(rank)
    elements = _data(components, rank, INDEX, "IndexElements")
    schema: Part = {
        "description": "int64, flat within one output plane, of the shape of input.",
        "anyOf": [
            *(_nested(INDEX, depth) for depth in (rank + 1, rank + 2)),
            closed({"data": elements, "shape": shape, "dtype": dtype}, ["data"]),
            closed({"base64": _base64(), "shape": shape, "dtype": dtype}, ["base64", "shape"]),
        ],
    }
    return components.refer("schemas", f"Indices{rank}d", schema)


def outline(components: Components, rank: int, kinds: Collection[Kind]) -> Part:
    """The schema of a tensor in a request to plan: shape and element type, no elements."""
    name = f"{_PREFIX.get(frozenset(kinds), ''.join(sorted(kinds)).title())}Outline{rank}d"
    schema = closed({"shape": _shape(rank), "dtype": _element_type(kinds)}, ["shape"], "A tensor without its elements.")
    return components.refer("schemas", name, schema)


def index_outline(components: Components, rank: int) -> Part:
    """The schema of ``indices`` in a request to plan."""
    dtype: Part = {"type": "string", "const": "int64", "default": "int64"}
    schema = closed({"shape": _shape(rank), "dtype": dtype}, ["shape"], "Indices without their elements.")
    return components.refer("schemas", f"IndexOutline{rank}d", schema)


def answered(components: Components, rank: int) -> Part:
    """The schema of a tensor in a JSON answer."""
    shape, dtype = _shape(rank), _element_type(("float", "integer", "boolean"), None)
    schema: Part = {
        "description": "A tensor; base64 in place of data where encoding asks for it.",
        "oneOf": [
            closed(
                {"dtype": dtype, "shape": shape, "data": _data(components, rank, ELEMENT, "Elements")},
                ["dtype", "shape", "data"],
            ),
            closed({"dtype": dtype, "shape": shape, "base64": _base64()}, ["dtype", "shape", "base64"]),
        ],
    }
    return components.refer("schemas", f"Answered{rank}d", schema)


def _problem_schema(components: Components, error: type[PoolhouseError]) -> Part:
    """The problem document of one refusal, written out: generators cannot narrow a shared one."""
    codes = [code for code, owner in CODES.items() if owner is error]
    fault = closed(
        {
            "pointer": {
                "type": "string",
                "description": "JSON Pointer into the body, or ? and a name of the query string.",
            },
            "code": {"type": "string", "enum": list(FIELD_CODES)},
            "message": TEXT,
        },
        ["pointer", "code", "message"],
        "What is wrong with one field.",
    )
    return components.refer(
        "schemas",
        f"{error.__name__}Problem",
        {
            "description": "A refusal (RFC 9457): what was given, what was expected, how to mend it.",
            "type": "object",
            "properties": {
                "type": {"type": "string", "format": "uri", "description": "urn:poolhouse:problem: and the code."},
                "title": TEXT,
                "status": {"type": "integer", "enum": [error.status]},
                "detail": TEXT,
                "instance": {"type": "string", "description": "The path that was asked for."},
                "code": {"type": "string", "enum": codes, "description": "Stable; the one to program against."},
                "request_id": {"type": "string", "description": "As in X-Request-ID."},
                "errors": listed(components.refer("schemas", "FieldProblem", fault), maxItems=MOST_PROBLEMS),
                "limit_bytes": {"type": "integer", "minimum": 0, "description": "The limit that was passed."},
            },
            "required": ["type", "title", "status", "detail", "instance", "code", "request_id"],
        },
    )


def request_id_header(components: Components) -> Part:
    """The answer header that names the request."""
    return components.refer(
        "headers",
        "X-Request-ID",
        {
            "description": "The request's own X-Request-ID if it is printable ASCII of at most 128 characters, "
            "else a new one.",
            "required": True,
            "schema": {"type": "string", "minLength": 1, "maxLength": 128},
        },
    )


_REFUSAL_HEADERS: Final[dict[int, tuple[str, str]]] = {
    415: ("Accept-Post", "The types that are read here, where the type was the fault."),
    401: (
        "WWW-Authenticate",
        'Bearer, the scheme that is understood; a key that is not known adds error="invalid_token".',
    ),
    405: ("Allow", "The methods that this path takes."),
}


def refusals(components: Components, errors: Collection[type[PoolhouseError]]) -> Part:
    """The responses of these refusals, by status."""
    return {str(error.status): _refusal(components, error) for error in sorted(errors, key=lambda each: each.status)}


def _refusal(components: Components, error: type[PoolhouseError]) -> Part:
    headers: Part = {"X-Request-ID": request_id_header(components)}
    if issubclass(error, Unavailable | QuotaExceeded):
        headers["Retry-After"] = {
            "description": "Seconds after which to ask again.",
            "required": True,
            "schema": {"type": "integer", "minimum": 1},
        }
    if error.status in _REFUSAL_HEADERS:
        name, words = _REFUSAL_HEADERS[error.status]
        headers[name] = {"description": words, "schema": TEXT}
    response: Part = {
        "description": (error.__doc__ or error.title).partition("\n")[0],
        "headers": headers,
        "content": {MEDIA_TYPE: {"schema": _problem_schema(components, error)}},
    }
    return components.refer("responses", error.__name__, response)
