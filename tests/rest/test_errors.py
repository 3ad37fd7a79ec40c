"""Every error of every route: one form, named, with nothing internal in it."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass, field
from time import process_time

import httpx
import pytest
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.types import Message as Event

from poolhouse.errors import MOST_PROBLEMS
from poolhouse.operators.catalogue import discover
from poolhouse.rest.app import create_app
from poolhouse.rest.http.accounting import Accounting
from poolhouse.rest.http.problems import LARGEST_BODY_BYTES
from poolhouse.rest.middleware import RequestMiddleware
from poolhouse.rest.observability.metrics import Metrics
from poolhouse.rest.path_suggestions import PathSuggester
from poolhouse.service import PoolingService
from poolhouse.settings import Settings
from tests.rest.live_server import POOL, LiveServer
from tests.rest.test_problems import KEYS

JSON_TYPE = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Refused:
    """A request, and how it is refused."""

    method: str
    path: str
    status: int
    code: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def post(path: str, status: int, code: str, body: bytes = b"", **headers: str) -> Refused:
    """A refused POST with a JSON type unless told otherwise."""
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
    """A caller writes one reader of problems, and it never meets anything else."""
    answer = client.request(refused.method, refused.path, headers=refused.headers, content=refused.body)

    document = answer.json()
    assert (answer.status_code, document["code"]) == (refused.status, refused.code), answer.text
    assert list(document)[: len(KEYS)] == KEYS
    assert set(document) <= {*KEYS, "errors", "limit_bytes"}
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"] == document["request_id"]
    assert document["status"] == refused.status
    for inside in ("Traceback", "site-packages", "starlette", "orjson", "uvicorn", ".py"):
        assert inside not in answer.text.replace(refused.path, "")
    assert ("allow" in answer.headers) == (refused.status == 405)
    assert ("accept-post" in answer.headers) == (refused.code == "unsupported_media_type")


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/version", "/v1/operators", "/openapi.json", "/docs", "/nope"])
def test_head_is_get_without_the_body(client: httpx.Client, path: str) -> None:
    """RFC 9110 9.3.2; load balancers probe with it."""
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
        ("/v2/health/live", "Did you mean /livez (alive) or /readyz (ready)?"),
        ("/swagger", "Nearest: /docs."),
        ("/v1/pools/MaxPooling2D", "/v1/pool/max_pool2d"),
        ("/docs/v1/pool/adaptive_max_pool2x", "/v1/pool/adaptive_max_pool2d"),
        ("/predict", "The paths are /v1/pool/{operator}, /v1/plan/{operator}, /v1/operators,"),
    ],
)
def test_a_lost_caller_is_shown_the_way(client: httpx.Client, path: str, hint: str) -> None:
    """Most wrong paths have one wrong letter, or belong to another service; the page's assets are never meant."""
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
        ({"input": ROWS, "kernel_size": 3, "stride": 1, "padding": "same"}, 'For "same" write 1.'),
        ({"input": ROWS, "kernel_size": 3, "padding": "valid"}, 'For "valid" write 0.'),
    ],
)
def test_the_words_of_other_libraries_are_told_in_ours(
    client: httpx.Client, fields: dict[str, object], hint: str
) -> None:
    """A newcomer's first call is written with the terms of the library used before."""
    answer = client.post(POOL, json=fields)

    assert answer.status_code == 422
    assert hint in answer.json()["detail"]


def test_a_thousand_wrong_fields_get_a_short_answer(client: httpx.Client) -> None:
    """A small request must not cause a large answer: 19 kB were once answered with 300."""
    body = json.dumps({f"wrong_field_{number}": 1 for number in range(1020)}).encode()

    answer = client.post(POOL, content=body, headers=JSON_TYPE)

    assert answer.status_code == 422
    assert len(answer.content) <= LARGEST_BODY_BYTES
    assert answer.json()["detail"].endswith("and 1,013 more")
    assert len(answer.json()["errors"]) == MOST_PROBLEMS


@pytest.mark.parametrize("path", ["/docs/v1/pool/adaptive_max_pool2x", "/nowhere/adaptive_max_pool2x" + "/x" * 20])
def test_a_suggested_path_costs_a_comparison_with_each_name(path: str) -> None:
    """A missing page needs no key, and each such request once cost ten milliseconds."""
    signpost = PathSuggester(["/v1/pool/{operator}", "/v1/plan/{operator}", "/livez", "/docs"], discover().names)
    began = process_time()

    for _ in range(100):
        signpost.refusal(HTTPException(404), "GET", path)

    # A hundred take about a hundredth of a second.
    assert process_time() - began < 0.3


def test_the_request_id_is_echoed_or_made(client: httpx.Client) -> None:
    """One word that a caller's log and ours share."""
    given = client.get("/livez", headers={"X-Request-ID": "order-66"})
    made = [client.get("/livez").headers["x-request-id"] for _ in range(2)]
    insane = client.get("/livez", headers={"X-Request-ID": "x" * 129})

    assert given.headers["x-request-id"] == "order-66"
    assert made[0] != made[1]
    assert insane.headers["x-request-id"] != "x" * 129


def test_a_fault_of_ours_says_so_and_no_more(
    settings: Settings, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller gets a request id, the log gets the traceback under the same id."""

    def broken(self: PoolingService, *arguments: object) -> dict[str, object]:
        raise RuntimeError("the secret is in the source")

    monkeypatch.setattr(PoolingService, "plan", broken)
    app = create_app(settings, PoolingService.from_settings(settings))

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            body = {"input": {"shape": [1, 1, 4, 4]}, "kernel_size": 2}
            return await client.post("/v1/plan/max_pool2d", json=body, headers={"X-Request-ID": "find-me"})

    with caplog.at_level(logging.ERROR):
        answer = asyncio.run(ask())

    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "secret" not in answer.text
    assert "find-me" in caplog.text
    assert "the secret is in" in caplog.text


def client_of(app: ASGIApp, pooling: PoolingService) -> RequestMiddleware:
    """The middleware around an application."""
    metrics = Metrics(pooling)
    return RequestMiddleware(app, Accounting(pooling, metrics), metrics)


def test_a_fault_after_the_start_ends_the_connection(settings: Settings) -> None:
    """Half an answer must not look like a whole one, so the server gets to see the fault and closes."""

    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("late")

    sent: list[Event] = []

    async def send(event: Event) -> None:
        sent.append(event)

    async def receive() -> Event:
        return {"type": "http.request"}

    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    pooling = PoolingService.from_settings(settings)
    with pytest.raises(RuntimeError, match="late"):
        asyncio.run(client_of(broken, pooling)(scope, receive, send))

    assert [event["type"] for event in sent] == ["http.response.start"]


def test_a_request_cut_off_at_shutdown_is_told(settings: Settings) -> None:
    """At the end of the grace period the server cancels; the caller should hear that trying again is right."""

    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.Event().wait()

    sent: list[Event] = []

    async def send(event: Event) -> None:
        sent.append(event)

    async def receive() -> Event:
        return {"type": "http.request"}

    async def go() -> None:
        pooling = PoolingService.from_settings(settings)
        scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
        frame = client_of(endless, pooling)
        task = asyncio.ensure_future(frame(scope, receive, send))
        asyncio.get_running_loop().call_soon(task.cancel)
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(go())

    assert sent[0]["status"] == 503
    assert dict(sent[0]["headers"])[b"retry-after"] == b"1"
    assert json.loads(sent[1]["body"])["code"] == "draining"


def test_an_unready_service_says_so(settings: Settings) -> None:
    """Before the start no traffic should come."""
    app = create_app(settings)

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            return await client.get("/readyz")

    answer = asyncio.run(ask())

    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.json()["code"] == "starting"


def test_the_platform_pages(live_server: LiveServer) -> None:
    """Orchestrators read the status, people read the rest."""
    with live_server.client() as client:
        alive, ready, version = (client.get(path) for path in ("/livez", "/readyz", "/version"))

    assert alive.json() == {"status": "alive"}
    assert ready.json()["status"] == "ready"
    assert ready.json()["devices"]
    assert set(version.json()) == {"name", "version", "python", "torch", "devices"}
    assert {page.headers["cache-control"] for page in (alive, ready, version)} == {"no-store"}


def test_the_catalogue_lists_what_can_be_called(client: httpx.Client) -> None:
    """A client finds everything it needs to build a form or a call."""
    names = [entry["name"] for entry in client.get("/v1/operators").json()["operators"]]

    assert "max_pool2d" in names
    for name in names:
        assert client.get(f"/v1/operators/{name}").json()["name"] == name
