"""Hostile requests with several poolings, as rows like those of :mod:`tests.hostile.hostile_bodies`."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import quote

import numpy as np
from safetensors.numpy import save as save_safetensors

from tests.hostile.hostile_body import HostileBody

PATH = "/v1/pool"
JSON = "application/json"
SAFETENSORS = "application/vnd.safetensors"
OCTET = "application/octet-stream"
MAX: dict[str, object] = {"operator": "max_pool2d", "kernel_size": 1}
IMAGE = [[[1.0, 2.0], [3.0, 4.0]]]
WIDE: dict[str, object] = {"operator": "avg_pool2d", "kernel_size": 1, "padding": [[4000, 4000], [4000, 4000]]}

ROWS: list[HostileBody] = []


def _add(
    name: str,
    media_type: str,
    make: Callable[[], bytes] | bytes,
    *statuses: int,
    query: str = "",
    encoding: str | None = None,
) -> None:
    headers = {"Content-Encoding": encoding} if encoding else {}
    maker = (lambda: make) if isinstance(make, bytes) else make
    ROWS.append(HostileBody(f"poolings: {name}", media_type, maker, statuses, query, headers, PATH))


def _body(poolings: object, **members: object) -> bytes:
    return json.dumps({"input": IMAGE, "poolings": poolings, **members}).encode()


def _named(text: bytes) -> bytes:
    return b'{"poolings": [{"operator": "global_max_pool2d"}], "inputs": ' + text + b"}"


def _chain(length: int, **fields: object) -> list[dict[str, object]]:
    links = [{**MAX, "name": "p0"}]
    return links + [{**MAX, "name": f"p{n}", "of": f"p{n - 1}", **fields} for n in range(1, length)]


# the list
_add("a million of them", JSON, lambda: b'{"input": [[[1]]], "poolings": [' + b"{}," * 10**6 + b"{}]}", 413, 422)
_add("a million numbers", JSON, lambda: b'{"input": [[[1]]], "poolings": [' + b"1," * 10**6 + b"1]}", 413, 422)
_add("33", JSON, _body([{**MAX, "name": f"p{n}"} for n in range(33)]), 422)
_add("none", JSON, _body([]), 422)
_add("a number", JSON, _body(1), 422)
_add("null", JSON, _body(None), 422)
_add("numbers", JSON, _body([1, 2]), 422)
_add("lists", JSON, _body([[MAX]]), 422)
_add("lists 100,000 deep", JSON, b'{"input": [[[1]]], "poolings": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, 422)
_add("objects 1,000 deep", JSON, b'{"poolings": [' + b'{"a":' * 1000 + b"1" + b"}" * 1000 + b"]}", 400, 422)
_add("a field 1,000 deep", JSON, b'{"poolings": [{"a":' + b"[" * 1000 + b"]" * 1000 + b"}]}", 400, 422)
_add("a field of 100,000 values", JSON, _body([{**MAX, "stride": [1] * 100_000}]), 422)
_add("1,000 fields", JSON, _body([{**MAX, **{f"f{n}": 1 for n in range(1000)}}]), 422)
_add("a field of a megabyte", JSON, _body([{**MAX, "stride": "1" * 10**6}]), 413, 422)
_add("a name of a megabyte", JSON, _body([{**MAX, "name": "a" * 10**6}]), 413, 422)
_add("an operator of 100 KiB", JSON, _body([{"operator": "a" * 100_000}]), 422)
_add("operators that are objects", JSON, _body([{"operator": {"a": 1}}] * 32), 422)
_add("a member twice", JSON, b'{"input": [[[1]]], "poolings": [{"operator": "max_pool2d", "operator": "a"}]}', 422)
_add("the list twice", JSON, b'{"input": [[[1]]], "poolings": [], "poolings": []}', 422)
_add("the list in two places", JSON, _body([MAX]), 422, query="poolings=" + quote(json.dumps([MAX])))
_add("a field beside the list", JSON, _body([MAX], kernel_size=2), 422)

# names
for _name in ("", "a/b", "../a", "a\x00b", "a\x1b[31m", "a\nb", "a.b", "__metadata__", "\u202ea", "é", "a" * 65):
    _add(f"the name {_name!a}", JSON, _body([{**MAX, "name": _name}]), 422)
    if _name not in ("a.b",):
        _add(f"an input called {_name!a}", JSON, _named(json.dumps({_name: IMAGE}).encode()), 422)
_add("equal names", JSON, _body([{**MAX, "name": "a"}] * 2), 422)
_add("no names", JSON, _body([MAX] * 32), 422)
_add("names of outputs", JSON, _body([{**MAX, "name": "a"}, {**MAX, "name": "a.indices"}]), 422)

# chains
_add("a chain to itself", JSON, _body([{**MAX, "name": "a", "of": "a"}]), 422)
_add("a chain in a circle", JSON, _body([{**MAX, "name": "a", "of": "b"}, {**MAX, "name": "b", "of": "a"}]), 422)
_add("a chain to the input", JSON, _body([{**MAX, "of": "input"}]), 422)
_add("a chain that shrinks to nothing", JSON, _body(_chain(32, kernel_size=2)), 422)
_add("a chain that explodes", JSON, _body(_chain(32, **WIDE)), 422)
_add("a chain that explodes, not returned", JSON, _body([*_chain(31, **WIDE, returned=False), MAX]), 422)
_add("many large outputs", JSON, _body([{**WIDE, "name": f"p{n}"} for n in range(32)]), 422)
_add("nothing returned", JSON, _body([{**MAX, "returned": False}]), 422)
_add("unpooling without indices", JSON, _body([{"operator": "max_unpool2d", "kernel_size": 2}]), 422)
_add("indices that are numbers", JSON, _body([{"operator": "max_unpool2d", "indices": [[[[0]]]]}]), 422)
_add("indices outside", JSON, _body([{"operator": "max_unpool2d", "kernel_size": 2}], indices=[[[99, 0], [0, 0]]]), 422)

# several inputs
_add("an input too many", JSON, _named(json.dumps({f"i{n}": IMAGE for n in range(65)}).encode()), 422)
_add("no inputs", JSON, _named(b"{}"), 422)
_add("inputs that are a list", JSON, _named(b"[1]"), 422)
_add("an input that is a number", JSON, _named(b'{"a": 1}'), 422)
_add("an input twice", JSON, _named(b'{"a": [[[1]]], "a": [[[1]]]}'), 422)
_add("inputs and input", JSON, _body([MAX], inputs={"a": IMAGE}), 422)
_add("a million lists", JSON, lambda: _named(b'{"a": [' + b"[]," * 10**6 + b"[]]}"), 422)
_add("a million strings", JSON, lambda: _named(b'{"a": [' + b'"",' * 10**6 + b"1]}"), 422)
_add("a million escapes", JSON, lambda: _named(b'{"a": "' + b'\\"' * 10**6 + b'"}'), 413, 422)
_add("lists of inputs 100,000 deep", JSON, _named(b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"), 400, 422)
_add("an unclosed list", JSON, _named(b'{"a": [[1, 2}'), 400, 422)
_add("an unclosed string", JSON, _named(b'{"a": ["1, 2]}'), 400, 422)
_add(
    "too many outputs",
    JSON,
    json.dumps(
        {"inputs": {f"i{n}": IMAGE for n in range(64)}, "poolings": [{**MAX, "name": f"p{n}"} for n in range(32)]}
    ).encode(),
    422,
)
_add("one input that does not fit", JSON, _named(b'{"a": [[[1]]], "b": [1]}'), 422)
_add(
    "a file of one too many",
    SAFETENSORS,
    lambda: save_safetensors({"input": np.ones((1, 2, 2), np.float32), "b": np.ones(1, np.float32)}),
    422,
    query="poolings=" + quote(json.dumps([MAX])),
)
_add(
    "metadata of a megabyte",
    SAFETENSORS,
    lambda: save_safetensors({"input": np.ones((1, 2, 2), np.float32)}, {"poolings": " " * 10**6}),
    400,
    422,
)
_add(
    "metadata that are deep",
    SAFETENSORS,
    lambda: save_safetensors({"input": np.ones((1, 2, 2), np.float32)}, {"poolings": "[" * 60_000}),
    422,
)

# in the query string
_add("text that is no JSON", OCTET, bytes(16), 422, query="shape=1,2,2&dtype=float32&poolings=[")
_add("no list in the query", OCTET, bytes(16), 422, query="shape=1,2,2&dtype=float32")
_add("a deep list in the query", OCTET, bytes(16), 422, query="shape=1,2,2&dtype=float32&poolings=" + "[" * 5000)
_add("the list twice in the query", OCTET, bytes(16), 422, query="shape=1,2,2&dtype=float32&poolings=1&poolings=2")
_add("no shape", OCTET, bytes(16), 422, query="poolings=" + quote(json.dumps([MAX])))
