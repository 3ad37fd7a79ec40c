"""Random requests of our own protocol: valid ones, damaged ones, random specs and shapes, and all hostile bodies.

All of it is drawn from one ``random.Random``, so a seed identifies a run.
"""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Final
from urllib.parse import quote, urlencode

import numpy as np
from backports import zstd

from poolhouse.dtypes import ELEMENT_TYPES, INT64
from poolhouse.operators.catalogue import discover_planes
from poolhouse.operators.field_types import FieldType
from poolhouse.operators.number_types import Integer
from poolhouse.operators.plan import Plan
from poolhouse.tensors import Message, Tensor
from poolhouse.wire.codec import Codec
from poolhouse.wire.codecs import CODECS
from poolhouse.wire.open_inference.body import HEADER_LENGTH
from tests.hostile.hostile_bodies import HOSTILE_BODIES
from tests.hostile.server_process import Reply
from tests.operators.random_cases import OPERATORS, Case, random_case, random_elements, random_fields
from tests.operators.region_cases import FLOATS, MAKERS, RegionCase
from tests.operators.region_cases import random_case as random_region_case

KEPT_BODY_BYTES: Final = 256 * 1024
"""Hostile bodies up to this size are built once; larger ones each time, so that this process stays small."""


EVERY_NAME: Final = tuple(discover_planes())
"""The operators and the adapters of other frameworks', for requests that need not succeed."""
PLANE_BYTES: Final = 1 << 20
"""The limits of the service under test are lower than those that the cases are drawn for."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request of the mix.

    Attributes:
        must_succeed: whether it must get 200; the others may get any 2xx, 3xx or 4xx.
        find_fault: finds what is wrong with a response of status 200; None if its contents are not checked.
    """

    label: str
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    must_succeed: bool = False
    find_fault: Callable[[Reply], str | None] | None = None


def query_text(value: object) -> str:
    """A field's JSON value in the syntax of a query string."""
    if isinstance(value, list | tuple):
        # A pair of paddings within the list is written with a colon.
        return ",".join(query_text(each).replace(",", ":") for each in value)
    return json.dumps(value).strip('"')


def encode_body(
    codec: Codec, tensors: Mapping[str, Tensor], spec: Mapping[str, object]
) -> tuple[bytes, dict[str, str]]:
    """A request body in a codec's format, and its query."""
    query: dict[str, str] = {} if codec.is_json else {name: query_text(value) for name, value in spec.items()}
    if codec.name == "raw":
        query |= {"shape": query_text(tensors["input"].shape), "dtype": tensors["input"].dtype.name}
    body = b"".join(codec.encode(Message(tensors)).chunks)
    if codec.is_json and spec:
        # By the standard library, which can write integers of any size.
        body = body[:-1] + b"," + json.dumps(dict(spec)).encode()[1:]
    return body, query


def codecs_for(tensors: Mapping[str, Tensor]) -> list[Codec]:
    """The formats that can carry these tensors: npy has no bfloat16, and npy and raw bytes hold one tensor only."""
    names = {"json", "npz", "safetensors"} | ({"npy", "raw"} if len(tensors) == 1 else set())
    if any(tensor.dtype.name == "bfloat16" for tensor in tensors.values()):
        names -= {"npy", "npz"}
    return [codec for codec in CODECS if codec.name in names]


def draw_fitting_case(random: Random) -> Case:
    """A case that the service under test does not refuse."""
    while True:
        drawn = random_case(random, random.choice(OPERATORS))
        if drawn is not None and _plane_bytes(drawn.plan) <= PLANE_BYTES:
            return drawn


def valid(random: Random) -> Request:
    """A valid request; one in six pools regions."""
    drawn: Case | RegionCase
    if random.random() < 1 / 6:
        drawn = random_region_case(random, random.choice(tuple(MAKERS)), random.choice(FLOATS))
    else:
        drawn = draw_fitting_case(random)
    codec = random.choice(codecs_for(drawn.tensors))
    spec = drawn.spec.field_values()
    body, query = encode_body(codec, drawn.tensors, spec)
    headers = {"Content-Type": random.choice(codec.media_types)}
    coding = random.choice((None, None, None, "gzip", "zstd"))
    if coding is not None:
        body = gzip.compress(body) if coding == "gzip" else zstd.compress(body)
        headers["Content-Encoding"] = coding
    if random.random() < 0.2:
        headers["Accept"] = random.choice(("application/json", "application/x-npz", "*/*"))
    if random.random() < 0.1:
        headers["Accept-Encoding"] = random.choice(("gzip", "zstd", "gzip;q=0.5, zstd", "br"))
    target = f"/v1/pool/{drawn.spec.name}" + (f"?{urlencode(query, safe=',')}" if query else "")
    return Request(f"good {codec.name}", "POST", target, headers, body, must_succeed=True)


def _plane_bytes(plan: Plan) -> int:
    """The bytes of one plane of the largest output."""
    return max(each.nbytes for each in plan.outputs.values()) // max(plan.planes, 1)


def damaged(random: Random) -> Request:
    """A valid request with a few bits, bytes or words changed."""
    return damage(random, valid(random))


def damage(random: Random, request: Request) -> Request:
    """The request with a few bits, bytes or words changed."""
    body, target, headers = bytearray(request.body), request.target, dict(request.headers)
    for _ in range(random.randint(1, 3)):
        kind = random.randrange(8)
        at = random.randrange(len(body) + 1)
        if kind == 0 and at < len(body):
            body[at] ^= 1 << random.randrange(8)
        elif kind == 1:
            del body[at:]
        elif kind == 2:
            body[at : at + random.randrange(9)] = random.randbytes(random.randrange(9))
        elif kind == 3:
            start = random.randrange(len(body) + 1)
            body[at:at] = body[start : start + random.randrange(64)]
        elif kind == 4:
            body[at:at] = random.choice(
                (b"[", b"]", b"{", b'"', b"-", b"9" * 30, b"NaN", b"null", b"\xff" * 8, bytes(8))
            )
        elif kind == 5:
            place = random.randrange(len(target) + 1)
            target = (
                target[:place] + quote(random.choice(SCRAPS), safe="&=,%?/") + target[place + random.randrange(3) :]
            )
        elif kind == 6:
            headers["Content-Type"] = random.choice(MEDIA_TYPES)
        else:
            name = random.choice(CHANGED_HEADERS)
            headers[name] = random.choice(SCRAPS).encode("ascii", "replace").decode().replace("\n", "")
    if not target.startswith("/"):
        target = "/" + target
    return Request("damaged " + request.label, "POST", target, headers, bytes(body))


def out_of_range(random: Random) -> Request:
    """A well-formed request with random values: sizes near and beyond each limit, shapes that do not fit."""
    member = random.choice(EVERY_NAME)
    spec = random_fields(random, member)
    for field in member.fields():
        if random.random() < 0.3:
            spec[field.name] = odd_value(random, field.field_type)
    if random.random() < 0.1:
        spec[random.choice(("kernal_size", "", "input\u0000", "x" * 200))] = 1
    shape = tuple(random.choice((0, 1, 1, 2, 3, 5, 17)) for _ in range(random.randrange(1, 7)))
    if math.prod(shape) > 20_000:
        shape = shape[:3]
    dtype = random.choice(list(ELEMENT_TYPES.values()))
    tensors = {"input": Tensor(dtype, random_elements(random, dtype, shape))}
    if random.random() < (0.9 if "indices" in member.inputs else 0.05):
        reach = random.choice((1, 4, 2**31, 2**62))
        drawn = np.random.default_rng(random.getrandbits(32)).integers(-1, reach, shape, dtype=np.int64)
        tensors["indices"] = Tensor(INT64, drawn)
    codec = random.choice(codecs_for(tensors))
    body, query = encode_body(codec, tensors, spec)
    if random.random() < 0.2:
        query[random.choice(("shape", "dtype", "seed", "kernel_size"))] = random.choice(SCRAPS)
    headers = {"Content-Type": codec.media_types[0]}
    place = random.choice(("pool", "pool", "pool", "plan"))
    if place == "plan":
        metadata = {"shape": [size * random.choice((1, 1000, 2**31)) for size in shape], "dtype": dtype.name}
        body = json.dumps({"input": metadata, **spec}).encode()
        headers = {"Content-Type": "application/json"}
    target = f"/v1/{place}/{member.name}?{urlencode(query, safe=',')}"
    return Request(f"strange {place} {codec.name}", "POST", target, headers, body)


def hostile(random: Random) -> Request:
    """A hostile body, sent to a random operator."""
    chosen = random.choice(HOSTILE_BODIES)
    body = _made.get(chosen.name)
    if body is None:
        body = chosen.make()
        if len(body) <= KEPT_BODY_BYTES:
            _made[chosen.name] = body
    headers = dict(chosen.headers)
    if chosen.media_type:
        headers["Content-Type"] = chosen.media_type
    target = f"/v1/{random.choice(('pool', 'pool', 'plan'))}/{random.choice(EVERY_NAME).name}?{chosen.query}"
    return Request(f"hostile {chosen.name}", "POST", target, headers, body)


def random_route(random: Random) -> Request:
    """A random method, path and body."""
    words = (*PATHS, *(quote(scrap) for scrap in SCRAPS))
    target = "/" + "/".join(random.choice(words) for _ in range(random.randint(1, 4)))
    method = random.choice(("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"))
    body = random.randbytes(random.randrange(200)) if method in ("POST", "PUT", "PATCH") else b""
    return Request("elsewhere", method, target, {}, body)


def odd_value(random: Random, kind: FieldType) -> object:
    """A value that may or may not be valid for a field."""
    bounds = (kind.minimum - 1, kind.maximum + 1) if isinstance(kind, Integer) else (-1, 2**31)
    return random.choice((*bounds, *ODD))


ODD: Final[tuple[object, ...]] = (
    *(0, 1, 2, 3, 7, 2**31 - 1, 2**63, -(2**63), 10**400, 0.5, 1e300, -0.0, True, None, "", "3", "NaN", "x" * 300),
    *([], [1], [2, 2], [1, 2, 3], [None, 2], [[1]], [[1, 0]], [[2**31 - 1, 9]] * 2, "same", [1] * 50, {}, {"a": 1}),
)
SCRAPS: Final = (
    *("", "0", "-1", "1e9", "2147483648", "9" * 40, "1,1", "null", "true", "NaN", "Infinity", "%00", "%zz", "%ff"),
    *("&", "=", "&kernel_size=2&kernel_size=2", "../..", "\u0000", "é", "💧", "q=1;;", "gzip", "zstd, gzip", "*/*;q=0"),
    *("int64", "float128", "bool", "a" * 3000, "'; --", "application/json;q=2"),
)
PATHS: Final = (
    "v1",
    "v2",
    "pool",
    "plan",
    "models",
    "infer",
    "operators",
    "max_pool2d",
    "max_pool",
    "livez",
    "docs",
    "openapi.json",
    "..",
    "",
)
CHANGED_HEADERS: Final = (
    *("Accept", "Content-Encoding", "Accept-Encoding", "Request-Timeout", "X-Request-ID"),
    *(HEADER_LENGTH, "Pool-Parameters"),
)
MEDIA_TYPES: Final = (
    *(name for codec in CODECS for name in codec.media_types),
    *("", "text/plain", "application/json; charset=utf-16", "application/x-python-pickle", "multipart/form-data"),
)
_made: Final[dict[str, bytes]] = {}
