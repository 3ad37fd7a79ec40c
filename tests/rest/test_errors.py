"""Every error of every route has one form, an error code, and no internal details."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass, field
from time import process_time

import httpx
import pytest
from starlette.exceptions import HTTPException

from poolhouse.errors import MAX_PROBLEMS
from poolhouse.operators.catalogue import discover
from poolhouse.rest.app import create_app
from poolhouse.rest.http.problems import LARGEST_BODY_BYTES
from poolhouse.rest.path_suggestions import PathSuggester
from poolhouse.service import PoolingService
from poolhouse.settings import Settings
from tests.rest.http.test_problems import KEYS
from tests.rest.live_server import POOL, LiveServer

JSON_TYPE = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Refused:
    """A request, and the error that it gets."""

    method: str
    path: str
    status: int
    code: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def post(path: str, status: int, code: str, body: bytes = b"", **headers: str) -> Refused:
    """A POST that is refused; JSON unless another type is given."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Refused("POST", path, status, code, {**JSON_TYPE, **given}, body)


REFUSED = [
    post(POOL, 400, "malformed_body", b"{"),
    post(POOL, 400, "malformed_header", b"{}", Request_Timeout="soon"),
    post(POOL, 406, "not_acceptable", b"{}", Accept="///"),
    post(POOL, 406, "not_acceptable", b"{}", Accept="a/b" + "; " * 24 + "@"),
    post(POOL, 400, "malformed_encoding", b"xxxx", Content_Encoding="gzip"),
    post(POOL, 406, "not_acceptable", b"{}", Accept="text/html"),
    post(POOL, 413, "body_too_large", bytes(1 << 17)),
    post(POOL, 415, "unsupported_media_type", b"{}", Content_Type="text/plain"),
    post(POOL, 415, "unsupported_encoding", b"{}", Content_Encoding="br"),
    post(POOL, 422, "invalid_fields", b'{"input": [[[[1]]]], "kernel_size": 1, "kernal": 2}'),
    post(POOL, 422, "missing_tensor", b'{"kernel_size": 1}'),
    post(POOL, 504, "deadline_passed", b'{"input": [[[[1]]]], "kernel_size": 1}', Request_Timeout="0.000000001"),
    post("/v1/pool/max_pol2d", 404, "unknown_operator", b"{}"),
    post("/v1/plan/max_pol2d", 404, "unknown_operator", b"{}"),
    post("/v1/plan/max_pool2d", 400, "malformed_body", b"{"),
    post("/v1/plan/max_pool2d", 413, "body_too_large", bytes(1 << 17)),
    post("/v1/plan/max_pool2d", 415, "unsupported_media_type", b"{}", Content_Type="application/x-npy"),
    post("/v1/plan/max_pool2d", 406, "not_acceptable", b"{}", Accept="application/x-npy"),
    Refused("GET", "/v1/operators/max_pol2d", 404, "unknown_operator"),
    Refused("GET", "/v1/pols", 404, "unknown_path"),
    Refused("GET", "/docs/", 404, "unknown_path"),
    Refused("GET", "/%F0%9F%8F%8A/%00%ff", 404, "unknown_path"),
    Refused("GET", "/" + "x" * 9000, 404, "unknown_path"),
    Refused("GET", "/../../etc/passwd", 404, "unknown_path"),
    *(
        Refused("DELETE", path, 405, "method_not_allowed")
        for path in [POOL, "/v1/plan/max_pool2d", "/v1/operators", "/livez", "/readyz", "/docs", "/openapi.json", "/"]
    ),
]


@pytest.mark.parametrize("refused", REFUSED, ids=lambda refused: f"{refused.method} {refused.path[:30]} {refused.code}")
def test_every_refusal_has_one_form(client: httpx.Client, refused: Refused) -> None:
    """A client needs one parser for all errors."""
    response = client.request(refused.method, refused.path, headers=refused.headers, content=refused.body)

    document = response.json()
    assert (response.status_code, document["code"]) == (refused.status, refused.code), response.text
    assert list(document)[: len(KEYS)] == KEYS
    assert set(document) <= {*KEYS, "errors", "limit_bytes"}
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["x-request-id"] == document["request_id"]
    assert document["status"] == refused.status
    for inside in ("Traceback", "site-packages", "starlette", "orjson", "uvicorn", ".py"):
        assert inside not in response.text.replace(refused.path, "")
    assert ("allow" in response.headers) == (refused.status == 405)
    assert ("accept-post" in response.headers) == (refused.code == "unsupported_media_type")


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/version", "/v1/operators", "/openapi.json", "/docs", "/nope"])
def test_head_is_get_without_the_body(client: httpx.Client, path: str) -> None:
    """RFC 9110 section 9.3.2; load balancers probe with HEAD."""
    get, head = client.get(path), client.head(path)

    assert (head.status_code, head.content) == (get.status_code, b"")
    assert head.headers["content-type"] == get.headers["content-type"]
    if path != "/nope":
        assert head.headers["content-length"] == get.headers["content-length"]


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/v1/operator", "/v1/operators"),
        ("/v1/max_pool2d", "/v1/pool/max_pool2d"),
        ("/v1/pool/max_pool2d/", "/v1/pool/max_pool2d"),
        ("/openapi.jsn", "/openapi.json"),
        ("/health", "Did you mean /livez (alive) or /readyz (ready)?"),
        ("/healthz", "Did you mean /livez (alive) or /readyz (ready)?"),
        ("/ping/", "Did you mean /livez (alive) or /readyz (ready)?"),
        ("/Status", "Did you mean /livez (alive) or /readyz (ready)?"),
        ("/ready", "Did you mean /livez (alive) or /readyz (ready)?"),
        ("/live", "Did you mean /livez (alive) or /readyz (ready)?"),
        ("/swagger", "Nearest: /docs."),
        ("/v1/pools/MaxPooling2D", "/v1/pool/max_pool2d"),
        ("/docs/v1/pool/adaptive_max_pool2x", "/v1/pool/adaptive_max_pool2d"),
        ("/predict", "The paths are /v1/pool/{operator}, /v1/pool, /v2/models/{model}/infer, /v1/plan/{operator},"),
    ],
)
def test_unknown_paths_get_suggestions(client: httpx.Client, path: str, hint: str) -> None:
    """Most wrong paths have one wrong letter, or belong to another service. The assets of the documentation page
    are never suggested."""
    detail = client.get(path).json()["detail"]

    assert hint in detail
    assert "swagger-ui" not in detail.partition("here. ")[2]


ROWS = [[[1.0] * 8] * 8]


@pytest.mark.parametrize(
    ("fields", "hint"),
    [
        ({"data": ROWS}, "did you mean input?"),
        ({"inputs": ROWS}, "did you mean input?"),
        ({"data": [[[1] * 128] * 128]}, "did you mean input?"),
        ({"input": ROWS, "pool_size": 2}, "did you mean kernel_size?"),
        ({"input": ROWS, "kernel_size": 3, "stride": 1, "padding": "SAME_UPPER"}, 'Write "same".'),
    ],
)
def test_terms_of_other_libraries_get_suggestions(client: httpx.Client, fields: dict[str, object], hint: str) -> None:
    """A first request is often written with the terms of another library."""
    response = client.post(POOL, json=fields)

    assert response.status_code == 422
    assert hint in response.json()["detail"]


def test_a_thousand_wrong_fields_get_a_short_response(client: httpx.Client) -> None:
    """A small request must not cause a large response: a request of 19 kB once got a response of 300 kB."""
    body = json.dumps({f"wrong_field_{number}": 1 for number in range(1020)}).encode()

    response = client.post(POOL, content=body, headers=JSON_TYPE)

    assert response.status_code == 422
    assert len(response.content) <= LARGEST_BODY_BYTES
    assert response.json()["detail"].endswith("and 1,013 more")
    assert len(response.json()["errors"]) == MAX_PROBLEMS


@pytest.mark.parametrize(
    "path", ["/docs/v1/pool/adaptive_max_pool2x", "/nowhere/adaptive_max_pool2x" + "/x" * 20, "/v2" + "/xy" * 25]
)
def test_a_suggested_path_costs_a_comparison_with_each_name(path: str) -> None:
    """An unknown path needs no key, and such a request once cost ten milliseconds."""
    paths = ["/v1/pool/{operator}", "/v1/plan/{operator}", "/livez", "/docs", "/v2/models/{model}/infer"]
    signpost = PathSuggester(paths, *3 * [discover().names])
    started = process_time()

    for _ in range(100):
        signpost.refusal(HTTPException(404), "GET", path)

    # A hundred take about ten milliseconds.
    assert process_time() - started < 0.3


def test_the_request_id_is_echoed_or_created(client: httpx.Client) -> None:
    """A client's log and ours can be joined by it."""
    given = client.get("/livez", headers={"X-Request-ID": "order-66"})
    made = [client.get("/livez").headers["x-request-id"] for _ in range(2)]
    insane = client.get("/livez", headers={"X-Request-ID": "x" * 129})

    assert given.headers["x-request-id"] == "order-66"
    assert made[0] != made[1]
    assert insane.headers["x-request-id"] != "x" * 129


def test_an_internal_error_reveals_no_details(
    settings: Settings, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client gets a request id, and the log gets the traceback with the same id."""

    def broken(self: PoolingService, *arguments: object) -> dict[str, object]:
        raise RuntimeError("the secret is in the source")

    monkeypatch.setattr(PoolingService, "plan", broken)
    app = create_app(settings, PoolingService.from_settings(settings))

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            body = {"input": {"shape": [1, 1, 4, 4]}, "kernel_size": 2}
            return await client.post("/v1/plan/max_pool2d", json=body, headers={"X-Request-ID": "find-me"})

    with caplog.at_level(logging.ERROR):
        response = asyncio.run(ask())

    assert (response.status_code, response.json()["code"]) == (500, "internal")
    assert "secret" not in response.text
    assert "find-me" in caplog.text
    assert "the secret is in" in caplog.text


def test_the_probes_and_the_version(live_server: LiveServer) -> None:
    """Orchestrators read the status, and people read the rest."""
    with live_server.client() as client:
        alive, ready, version = (client.get(path) for path in ("/livez", "/readyz", "/version"))

    assert alive.json() == {"status": "alive"}
    assert ready.json()["status"] == "ready"
    assert ready.json()["devices"]
    assert set(version.json()) == {"name", "version", "python", "torch", "devices"}
    assert {page.headers["cache-control"] for page in (alive, ready, version)} == {"no-store"}


def test_the_catalogue_lists_all_operators(client: httpx.Client) -> None:
    """A client can build a form or a call from the description."""
    names = [entry["name"] for entry in client.get("/v1/operators").json()["operators"]]

    assert "max_pool2d" in names
    for name in names:
        assert client.get(f"/v1/operators/{name}").json()["name"] == name
