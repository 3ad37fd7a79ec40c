"""Views of the served OpenAPI document, one for each kind of body.

OpenAPI cannot say which parameters belong to which media type: the fields of a spec are in the body if it is JSON, and
in the query string if it is binary. A fuzzer that follows the document would send them in both places. Each view keeps
what one kind of body needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from poolhouse.operators.catalogue import discover
from tests.served_document import served_document

CATALOGUE = discover()
POOL = "/v1/pool/"
INFERENCE = "/v2"
MODELS = [*CATALOGUE.names, "pool"]
OCTET = "application/octet-stream"
RAW = ("shape", "dtype")

Part = dict[str, object]


def resolve(whole: Part, part: object) -> Part:
    """Resolve a reference into the document; other parts are returned unchanged."""
    assert isinstance(part, dict)
    if "$ref" not in part:
        return part
    found: object = whole
    for name in str(part["$ref"]).split("/")[1:]:
        assert isinstance(found, dict)
        found = found[name]
    assert isinstance(found, dict)
    return found


def operations(whole: Part) -> Iterator[tuple[str, Part]]:
    """Every operation, with its path."""
    paths = whole["paths"]
    assert isinstance(paths, dict)
    for path, methods in paths.items():
        for operation in methods.values():
            yield path, operation


def document_for_json_bodies() -> Part:
    """The document for JSON clients: all but inference, and the query parameters and binary bodies of pooling."""
    whole = served_document()
    _keep_paths(whole, lambda path: not path.startswith(INFERENCE))
    for path, operation in operations(whole):
        _drop_parameters(whole, operation, "Content-Encoding")
        if path.startswith(POOL):
            _keep_parameters(whole, operation, "header")
            _keep_bodies(operation, "application/json")
    return whole


def document_for_inference() -> Part:
    """The document for clients of the Open Inference Protocol with JSON bodies, and the names of all models."""
    whole = served_document()
    _keep_paths(whole, lambda path: path.startswith(INFERENCE))
    known = {"model": MODELS, "version": ["1"]}
    for _, operation in operations(whole):
        _drop_parameters(whole, operation, "Content-Encoding", "Inference-Header-Content-Length", "Pool-Parameters")
        if "requestBody" in operation:
            _keep_bodies(operation, "application/json")
        found = [resolve(whole, each) for each in _parameters(operation)]
        operation["parameters"] = [
            {**each, "schema": {"type": "string", "enum": known[str(each["name"])]}} if each["name"] in known else each
            for each in found
        ]
    return whole


def document_for_binary_bodies(*, raw: bool) -> Part:
    """The document for clients with binary bodies: the pooling operations alone.

    Args:
        raw: whether the bodies are raw elements, whose shape is in the query, or formats that contain their shape.
    """
    whole = served_document()
    paths = whole["paths"]
    assert isinstance(paths, dict)
    for path in list(paths):
        operation = paths[path].get("post")
        if not path.startswith(POOL):
            del paths[path]
            continue
        content = operation["requestBody"]["content"]
        # A schema cannot say that a form has one file in a known format.
        others = ("application/json", "multipart/form-data")
        types = [name for name in content if name not in others and (name == OCTET) == raw]
        if not types:
            del paths[path]
            continue
        _keep_bodies(operation, *types)
        _drop_parameters(whole, operation, "Content-Encoding", *(() if raw else RAW))
        _require(whole, operation, path.removeprefix(POOL), raw=raw)
    return whole


def _keep_paths(whole: Part, is_kept: Callable[[str], bool]) -> None:
    paths = whole["paths"]
    assert isinstance(paths, dict)
    whole["paths"] = {path: methods for path, methods in paths.items() if is_kept(path)}


def _keep_bodies(operation: Part, *types: str) -> None:
    body = operation["requestBody"]
    assert isinstance(body, dict)
    body["content"] = {name: body["content"][name] for name in types}


def _parameters(operation: Part) -> list[object]:
    parameters = operation.get("parameters", [])
    assert isinstance(parameters, list)
    return parameters


def _keep_parameters(whole: Part, operation: Part, location: str) -> None:
    operation["parameters"] = [each for each in _parameters(operation) if resolve(whole, each)["in"] == location]


def _drop_parameters(whole: Part, operation: Part, *names: str) -> None:
    operation["parameters"] = [each for each in _parameters(operation) if resolve(whole, each)["name"] not in names]


def _require(whole: Part, operation: Part, name: str, *, raw: bool) -> None:
    needed = {field.name for field in CATALOGUE.find(name).fields() if field.is_required} | (set(RAW) if raw else set())
    found = [resolve(whole, each) for each in _parameters(operation)]
    operation["parameters"] = [{**each, "required": True} if each["name"] in needed else each for each in found]
