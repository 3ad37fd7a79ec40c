"""One handler gives the same responses on our own connection and behind an ASGI route on another server.

Ray Serve and test clients use the ASGI route.
"""

from __future__ import annotations

import gzip
import json
import math
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import httpx
import numpy as np
import pytest
import uvicorn

from poolhouse.rest.app import create_app
from poolhouse.settings import Settings
from tests.rest.gated_service import becomes_true
from tests.rest.live_server import IMAGE, POOL, WAIT_TIMEOUT_S, run_live_server

KEY = "client=0123456789abcdef0123456789abcdef"
ALL: dict[str, object] = {
    "api_keys": KEY,
    "cors_origins": ["https://page.example"],
    "log_requests": True,
    "root_path": "/pools",
}
RAW = {"Content-Type": "application/octet-stream"}
JSON = {"Content-Type": "application/json"}
QUERY = "?shape=1,1,4,4&dtype=float32&kernel_size=2"
ELEMENTS = np.arange(16, dtype=np.float32).tobytes()
DOCUMENT = json.dumps({"input": IMAGE, "kernel_size": 2}).encode()
LARGE = np.arange(512 * 512, dtype=np.float32).tobytes()

INFER = "/v2/models/max_pool2d/infer"
LENGTH = "Inference-Header-Content-Length"
INFER_DOCUMENT = json.dumps(
    {
        "inputs": [{"name": "input", "shape": [1, 1, 4, 4], "datatype": "FP32", "data": IMAGE}],
        "parameters": {"kernel_size": 2},
    }
).encode()


POOLINGS = '[{"operator":"max_pool2d","name":"a","kernel_size":2},{"operator":"avg_pool2d","of":"a","kernel_size":1}]'
POOLINGS_QUERY = f"?shape=1,1,4,4&dtype=float32&poolings={quote(POOLINGS)}"
POOLINGS_DOCUMENT = f'{{"input":{json.dumps(IMAGE)},"poolings":{POOLINGS}}}'.encode()


def text_of(*shape: int) -> bytes:
    """The JSON part of a request whose elements follow it."""
    parameters = {"binary_data_size": 4 * math.prod(shape)}
    entry = {"name": "input", "shape": shape, "datatype": "FP32", "parameters": parameters}
    return json.dumps({"inputs": [entry], "parameters": {"kernel_size": 1}}).encode()


INFER_TEXT, LARGE_TEXT = text_of(1, 1, 4, 4), text_of(1, 512, 512)

# Method, target, headers, body.
REQUESTS: dict[str, tuple[str, str, dict[str, str], bytes]] = {
    "raw": ("POST", POOL + QUERY, RAW, ELEMENTS),
    "raw to npy": ("POST", POOL + QUERY, {**RAW, "Accept": "application/x-npy"}, ELEMENTS),
    "raw to json": ("POST", POOL + QUERY, {**RAW, "Accept": "application/json"}, ELEMENTS),
    "raw with indices": ("POST", POOL + QUERY + "&return_indices=true", RAW, ELEMENTS),
    "large": ("POST", POOL + "?shape=1,512,512&dtype=float32&kernel_size=2", RAW, LARGE),
    "large as json": (
        "POST",
        POOL + "?shape=1,512,512&dtype=float32&kernel_size=2",
        {**RAW, "Accept": "application/json"},
        LARGE,
    ),
    "no elements": ("POST", POOL + "?shape=0,1,4,4&dtype=float32&kernel_size=2", RAW, b""),
    "json": ("POST", POOL, JSON, DOCUMENT),
    "json with a query": ("POST", POOL + "?stride=1", JSON, DOCUMENT),
    "compressed response": (
        "POST",
        POOL + "?shape=1,64,64&dtype=float32&kernel_size=1",
        {**RAW, "Accept-Encoding": "gzip"},
        LARGE[: 64 * 64 * 4],
    ),
    "compressed body": ("POST", POOL, {**JSON, "Content-Encoding": "gzip"}, gzip.compress(DOCUMENT, mtime=0)),
    "identity": ("POST", POOL, {**JSON, "Content-Encoding": "identity"}, DOCUMENT),
    "seed": (
        "POST",
        "/v1/pool/fractional_max_pool2d?shape=1,1,4,4&dtype=float32&kernel_size=2&output_size=2&seed=7",
        RAW,
        ELEMENTS,
    ),
    "warning": ("POST", "/v1/pool/max_pool2d?shape=1,224,224,3&dtype=uint8&kernel_size=2", RAW, bytes(224 * 224 * 3)),
    "unknown origin": ("POST", POOL + QUERY, {**RAW, "Origin": "https://other.example"}, ELEMENTS),
    "origin": ("POST", POOL + QUERY, {**RAW, "Origin": "https://page.example"}, ELEMENTS),
    "deadline": ("POST", POOL + QUERY, {**RAW, "Request-Timeout": "30"}, ELEMENTS),
    "bad deadline": ("POST", POOL + QUERY, {**RAW, "Request-Timeout": "soon"}, ELEMENTS),
    "expect": ("POST", POOL, {**JSON, "Expect": "100-continue"}, DOCUMENT),
    "refused with expect": ("POST", "/v1/pool/max_pol2d", {**JSON, "Expect": "100-continue"}, DOCUMENT),
    "unknown operator": ("POST", "/v1/pool/max_pol2d" + QUERY, RAW, ELEMENTS),
    "escaped operator": ("POST", "/v1/pool/%6dax_pool2d" + QUERY, RAW, ELEMENTS),
    "a slash too many": ("POST", POOL + "/" + QUERY, RAW, ELEMENTS),
    "other method": ("PUT", POOL + QUERY, RAW, ELEMENTS),
    "wrong length": ("POST", POOL + "?shape=1,1,4,5&dtype=float32&kernel_size=2", RAW, ELEMENTS),
    "wrong field": ("POST", POOL + QUERY + "&kernal=1", RAW, ELEMENTS),
    "field twice": ("POST", POOL + QUERY + "&kernel_size=3", RAW, ELEMENTS),
    "no type": ("POST", POOL + QUERY, {}, ELEMENTS),
    "other type": ("POST", POOL, {"Content-Type": "text/plain"}, b"x"),
    "not acceptable": ("POST", POOL + QUERY, {**RAW, "Accept": "text/html"}, ELEMENTS),
    "too large": ("POST", POOL, JSON, bytes(1 << 17)),
    "broken json": ("POST", POOL, JSON, b"{"),
    "no body": ("POST", POOL, JSON, b""),
    "trace": (
        "POST",
        POOL + QUERY,
        {**RAW, "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
        ELEMENTS,
    ),
    "own name": ("POST", POOL + QUERY, {**RAW, "X-Request-ID": "mine"}, ELEMENTS),
    "plan": ("POST", "/v1/plan/max_pool2d", JSON, b'{"input": {"shape": [1, 1, 4, 4]}, "kernel_size": 2}'),
    "several poolings": ("POST", "/v1/pool", JSON, POOLINGS_DOCUMENT),
    "several poolings of raw": ("POST", "/v1/pool" + POOLINGS_QUERY, RAW, ELEMENTS),
    "several poolings of several": (
        "POST",
        "/v1/pool",
        JSON,
        POOLINGS_DOCUMENT.replace(b'"input":', b'"inputs":{"b":', 1).replace(b',"pool', b'},"pool'),
    ),
    "several poolings, compressed": (
        "POST",
        "/v1/pool",
        {**JSON, "Content-Encoding": "gzip", "Accept-Encoding": "gzip"},
        gzip.compress(POOLINGS_DOCUMENT, mtime=0),
    ),
    "several poolings with expect": ("POST", "/v1/pool", {**JSON, "Expect": "100-continue"}, POOLINGS_DOCUMENT),
    "refused poolings": ("POST", "/v1/pool", JSON, POOLINGS_DOCUMENT.replace(b'"of":"a"', b'"of":"b"')),
    "refused poolings of raw": ("POST", "/v1/pool" + POOLINGS_QUERY.replace("max", "mex"), RAW, ELEMENTS),
    "no poolings": ("POST", "/v1/pool", JSON, DOCUMENT),
    "poolings with get": ("GET", "/v1/pool", {}, b""),
    "plan of poolings": (
        "POST",
        "/v1/plan",
        JSON,
        b'{"input": {"shape": [1, 1, 4, 4]}, "poolings": ' + POOLINGS.encode() + b"}",
    ),
    "infer": ("POST", INFER, {}, INFER_DOCUMENT),
    "infer with bytes": ("POST", INFER, {LENGTH: str(len(INFER_TEXT))}, INFER_TEXT + ELEMENTS),
    "infer to bytes": ("POST", INFER, {}, INFER_DOCUMENT.replace(b"}}", b', "binary_data_output": true}}')),
    "infer with indices": (
        "POST",
        INFER,
        {},
        INFER_DOCUMENT.replace(b"{", b'{"id": "a", "outputs": [{"name": "indices"}, {"name": "output"}], ', 1),
    ),
    "infer from fields in a header": ("POST", INFER, {"Pool-Parameters": "stride=1"}, INFER_DOCUMENT),
    "infer a version": ("POST", "/v2/models/max_pool2d/versions/1/infer", {}, INFER_DOCUMENT),
    "infer an escaped model": ("POST", "/v2/models/%6dax_pool2d/infer", {}, INFER_DOCUMENT),
    "infer with a compressed body": (
        "POST",
        INFER,
        {"Content-Encoding": "gzip", LENGTH: str(len(INFER_TEXT))},
        gzip.compress(INFER_TEXT + ELEMENTS, mtime=0),
    ),
    "infer with a compressed response": (
        "POST",
        INFER,
        {"Accept-Encoding": "deflate", LENGTH: str(len(LARGE_TEXT))},
        LARGE_TEXT + LARGE,
    ),
    "infer with much text": ("POST", INFER, {LENGTH: str(len(LARGE_TEXT))}, LARGE_TEXT + LARGE),
    "infer with a timeout": ("POST", INFER, {}, INFER_DOCUMENT.replace(b"}}", b', "timeout": 30000000}}')),
    "infer after the deadline": ("POST", INFER, {"Request-Timeout": "soon"}, INFER_DOCUMENT),
    "infer with expect": ("POST", INFER, {"Expect": "100-continue"}, INFER_DOCUMENT),
    "infer from another origin": ("POST", INFER, {"Origin": "https://page.example"}, INFER_DOCUMENT),
    "infer with the wrong length": ("POST", INFER, {LENGTH: "1e3"}, INFER_TEXT + ELEMENTS),
    "infer with a byte too many": ("POST", INFER, {LENGTH: str(len(INFER_TEXT))}, INFER_TEXT + ELEMENTS + b"x"),
    "infer with a wrong field": ("POST", INFER, {}, INFER_DOCUMENT.replace(b"kernel_size", b"kernal_size")),
    "infer with an unknown model": ("POST", "/v2/models/max_pol2d/infer", {}, INFER_DOCUMENT),
    "infer with an unknown version": ("POST", "/v2/models/max_pool2d/versions/2/infer", {}, INFER_DOCUMENT),
    "infer with no body": ("POST", INFER, {}, b""),
    "infer with too large a body": ("POST", INFER, {}, bytes(1 << 17)),
    "infer with get": ("GET", INFER, {}, b""),
    "unknown path of inference": ("GET", "/v2/nope", {}, b""),
    "operators": ("GET", "/v1/operators", {}, b""),
    "unknown path": ("GET", "/nope", {}, b""),
}


@contextmanager
def run_behind_uvicorn(settings: Settings) -> Iterator[str]:
    """Run the application on uvicorn's own h11 protocol, as any ASGI server would."""
    app = create_app(settings)
    config = uvicorn.Config(app, port=0, http="h11", ws="none", log_config=None, server_header=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        assert becomes_true(lambda: server.started)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(WAIT_TIMEOUT_S)


@pytest.fixture(scope="module", params=["plain", "with everything"])
def clients(request: pytest.FixtureRequest) -> Iterator[tuple[httpx.Client, httpx.Client]]:
    """A client of our server, and one of the other."""
    more = ALL if request.param == "with everything" else {}
    settings = Settings.model_validate({"port": 0, "device": "cpu", "max_json_bytes": 1 << 16, **more})
    with run_live_server(settings) as served, run_behind_uvicorn(settings) as url:
        headers = {"Authorization": f"Bearer {KEY.partition('=')[2]}"} if more else {}
        with (
            httpx.Client(base_url=served.url, timeout=WAIT_TIMEOUT_S, trust_env=False, headers=headers) as ours,
            httpx.Client(base_url=url, timeout=WAIT_TIMEOUT_S, trust_env=False, headers=headers) as theirs,
        ):
            for client in (ours, theirs):
                # httpx accepts every encoding that it can decompress.
                del client.headers["Accept-Encoding"]
            yield ours, theirs


def comparable(response: httpx.Response) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Status, headers in order, and body, without the parts that differ from request to request."""
    headers = []
    name = response.headers["x-request-id"].encode()
    for key, value in response.headers.raw:
        if key.lower() == b"server-timing":
            value = re.sub(rb"[0-9.]+", b"N", value)
        if key.lower() not in (b"date", b"x-request-id"):
            headers.append((key.lower(), value))
    # Servers may place the Connection header anywhere.
    headers.sort(key=lambda pair: pair[0] == b"connection")
    return response.status_code, headers, b"".join(response.iter_raw()).replace(name, b"ID")


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("below", ["", "/pools"])
def test_both_servers_give_the_same_response_byte_for_byte(
    clients: tuple[httpx.Client, httpx.Client], name: str, below: str
) -> None:
    """Status, headers, their order, and the body as sent."""
    method, target, headers, body = REQUESTS[name]
    responses = []
    for client in clients:
        with client.stream(method, below + target, headers=headers, content=body) as response:
            responses.append(comparable(response))

    assert responses[0] == responses[1]


@pytest.mark.parametrize(
    "name",
    ["raw", "json", "large", "unknown operator", "infer", "infer with bytes", "infer to bytes", "several poolings"],
)
def test_repeated_heads_give_the_same_response(clients: tuple[httpx.Client, httpx.Client], name: str) -> None:
    """The second head is recognised by its bytes, and the results derived from the first are reused."""
    method, target, headers, body = REQUESTS[name]
    responses = []
    for _ in range(3):
        with clients[0].stream(method, target, headers=headers, content=body) as response:
            responses.append(comparable(response))

    assert responses[0] == responses[1] == responses[2]


@pytest.mark.parametrize("name", ["raw", "infer"])
def test_the_api_key_is_checked_at_every_request(clients: tuple[httpx.Client, httpx.Client], name: str) -> None:
    """A cached head must not authorize a request."""
    if "Authorization" not in clients[0].headers:
        pytest.skip("this service needs no key")
    method, target, headers, body = REQUESTS[name]
    statuses = [
        clients[0]
        .request(method, target, headers={**headers, "Authorization": f"Bearer {key}"}, content=body)
        .status_code
        for key in (KEY.partition("=")[2], "another-key-of-sixteen", KEY.partition("=")[2])
    ]

    assert statuses == [200, 401, 200]
