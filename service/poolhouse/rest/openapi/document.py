"""The OpenAPI document: one path an operator, derived from the catalogue; assembly and what is not pooling."""

from __future__ import annotations

from typing import Final

from poolhouse import describe
from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.errors import NotFound, PoolhouseError, Unavailable
from poolhouse.operators.catalogue import Catalogue, discover
from poolhouse.operators.operator import Operator
from poolhouse.rest.authorization import OPEN
from poolhouse.rest.openapi.components import (
    TEXT,
    Components,
    Part,
    listed,
    refusals,
    request_id_header,
)
from poolhouse.rest.openapi.operators import ANYWHERE, KEYED, plan_operation, pool_operation
from poolhouse.version import __version__

_DESCRIPTION: Final = """\
Every pooling layer of PyTorch over HTTP, exact, in JSON and binary.

A request's `Content-Type` says what its body is, `Accept` what the answer shall be; without `Accept` the answer
mirrors the request.
In JSON the fields of the spec stand beside `input`; with a binary body they stand in the query string, where a size
is `3` or `3,2`, a flag is `true` or `false` and an unset axis of `output_size` is `null`.
A field given twice, or in two places, is refused.
Requests may be compressed with gzip or zstd, and answers are where `Accept-Encoding` asks.

Every refusal is `application/problem+json` with a stable `code`; paths that do not exist are answered 404 with the
nearest names, and wrong methods 405 with `Allow`.
Every call is safe to repeat."""

_KEY: Final = "Where the service has keys. Open without one are the probes, this document and its page."

_TAGS: Final = {
    "catalogue": "What the operators take and give.",
    "platform": "For orchestrators and people who operate the service.",
    "document": "This document and its page.",
}


def document(catalogue: Catalogue | None = None, root_path: str = "") -> dict[str, object]:
    """The whole document.

    Args:
        catalogue: the operators; None takes all that are declared.
        root_path: the path under which a proxy serves the service, no slash at its end.
    """
    members = tuple(discover() if catalogue is None else catalogue)
    components = Components()
    paths: Part = {f"/v1/pool/{each.name}": {"post": pool_operation(each, components)} for each in members}
    paths |= {f"/v1/plan/{each.name}": {"post": plan_operation(each, components)} for each in members}
    paths |= _catalogue_paths(tuple(each.name for each in members), components)
    paths |= _platform_paths(components)
    paths |= _document_paths(components)
    components.refer("securitySchemes", "key", {"type": "http", "scheme": "bearer", "description": _KEY})
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "poolhouse",
            "version": __version__,
            "summary": "Pooling as a service.",
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": root_path or "/", "description": "Where this document came from."}],
        # Without keys everybody may call; with them a key is needed.
        "security": [{}, {"key": []}],
        "tags": [{"name": name, "description": words} for name, words in {**_families(members), **_TAGS}.items()],
        "paths": paths,
        "components": {section: components.sections[section] for section in sorted(components.sections)},
    }


def _families(members: tuple[type[Operator], ...]) -> Part:
    """A tag for each family of operators, since the page lists and filters operations by their tags."""
    return {each.family: describe.summary(each) for each in members}


def _get(
    path: str,
    components: Components,
    tag: str,
    name: str,
    summary: str,
    content: Part,
    *,
    parameters: tuple[Part, ...] = (),
    errors: tuple[type[PoolhouseError], ...] = (),
) -> Part:
    operation: Part = {"operationId": name, "tags": [tag], "summary": summary}
    if path in OPEN:
        operation["security"] = []
    else:
        errors = (*KEYED, *errors)
    if parameters:
        operation["parameters"] = list(parameters)
    answer = {
        "description": summary,
        "headers": {"X-Request-ID": request_id_header(components)},
        "content": content,
    }
    return {"get": {**operation, "responses": {"200": answer, **refusals(components, (*ANYWHERE, *errors))}}}


def _json(schema: Part) -> Part:
    return {"application/json": {"schema": schema}}


def _open(**properties: Part) -> Part:
    """An object that has all of these, and may get more in a later version."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def _catalogue_paths(names: tuple[str, ...], components: Components) -> Part:
    rank: Part = {"type": "integer", "minimum": 1, "maximum": 3, "description": "Number of spatial axes."}
    row = _open(name=TEXT, rank=rank, summary=TEXT, fields=listed(TEXT))
    which: Part = {
        "name": "operator",
        "in": "path",
        "required": True,
        "description": "Torch's functional name with its rank.",
        "schema": {"type": "string", "enum": list(names)},
    }
    return {
        "/v1/operators": _get(
            "/v1/operators",
            components,
            "catalogue",
            "list_operators",
            "All operators, a line each.",
            _json(_open(operators=listed(components.refer("schemas", "OperatorLine", row)))),
        ),
        "/v1/operators/{operator}": _get(
            "/v1/operators/{operator}",
            components,
            "catalogue",
            "describe_operator",
            "Everything there is to know of one operator.",
            _json(_card(components, rank)),
            parameters=(which,),
            errors=(NotFound,),
        ),
    }


def _card(components: Components, rank: Part) -> Part:
    field = _open(
        name=TEXT,
        accepts={"type": "string", "description": "What it takes, in words."},
        meaning=TEXT,
        required={"type": "boolean"},
        schema={"type": "object", "description": "JSON Schema of the field in a JSON body."},
    )
    properties: dict[str, Part] = {
        "name": TEXT,
        "rank": rank,
        "summary": TEXT,
        "description": TEXT,
        "shape": {"type": "string", "description": "How the output's sizes follow from the input's."},
        "inputs": listed(TEXT),
        "outputs": listed(TEXT),
        "fields": listed(components.refer("schemas", "FieldCard", field)),
        "element_types": {
            "type": "object",
            "description": "The element types that are taken, and what each means here.",
            "properties": dict.fromkeys(ELEMENT_TYPES, TEXT),
            "additionalProperties": False,
        },
        "padding": TEXT,
        "indices": TEXT,
        "source": TEXT,
        "example": _open(path=TEXT, request={"type": "object"}, answer={"type": "object"}),
    }
    return components.refer("schemas", "OperatorCard", _open(**properties))


def _platform_paths(components: Components) -> Part:
    device = components.refer("schemas", "Device", _open(name=TEXT, model=TEXT, ready={"type": "boolean"}))
    return {
        "/livez": _get(
            "/livez",
            components,
            "platform",
            "livez",
            "Whether the process is alive.",
            _json(_open(status={"type": "string", "const": "alive"})),
        ),
        "/readyz": _get(
            "/readyz",
            components,
            "platform",
            "readyz",
            "Whether requests can be served now.",
            _json(_open(status={"type": "string", "const": "ready"}, devices=listed(device))),
            errors=(Unavailable,),
        ),
        "/metrics": _get(
            "/metrics",
            components,
            "platform",
            "metrics",
            "What the service did and how it stands, for Prometheus.",
            {"text/plain": {"schema": TEXT}},
        ),
        "/version": _get(
            "/version",
            components,
            "platform",
            "version",
            "What runs here.",
            _json(_open(name=TEXT, version=TEXT, python=TEXT, torch=TEXT, devices=listed(device))),
        ),
    }


def _document_paths(components: Components) -> Part:
    return {
        "/openapi.json": _get(
            "/openapi.json", components, "document", "openapi", "This document.", _json({"type": "object"})
        ),
        "/docs": _get(
            "/docs", components, "document", "docs", "The page of this document.", {"text/html": {"schema": TEXT}}
        ),
    }
