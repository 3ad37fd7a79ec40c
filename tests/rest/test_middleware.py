"""The middleware around an ASGI application: it counts bytes, adds headers, and turns exceptions into problems."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.types import Message as Event

from poolhouse.errors import Unprocessable
from poolhouse.rest.http.accounting import Accounting, ClientDisconnected
from poolhouse.rest.middleware import RequestMiddleware
from poolhouse.rest.observability.metrics import Metrics
from poolhouse.rest.observability.request_record import RequestRecord
from poolhouse.service import PoolingService
from poolhouse.settings import Settings


def client_of(app: ASGIApp, pooling: PoolingService) -> RequestMiddleware:
    """A client of the middleware around an application."""
    metrics = Metrics(pooling)
    return RequestMiddleware(app, Accounting(pooling, metrics), metrics)


def test_an_exception_after_the_start_is_raised_to_the_server(settings: Settings) -> None:
    """A truncated response must not look complete, so the exception is raised on to the server, which closes the
    connection."""

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


def test_a_request_cancelled_at_shutdown_gets_503(settings: Settings) -> None:
    """At the end of the grace period the server cancels the request; its client should learn that it can retry."""

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


class NoMetrics:
    """Counts nothing."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *arguments: None

    def route_of(self, scope: Scope) -> str:
        """A route."""
        return "/mine"


class RecordingObserver:
    """Records finished requests."""

    def __init__(self) -> None:
        self.records: list[RequestRecord] = []

    def request_finished(self, request: RequestRecord) -> None:
        self.records.append(request)

    def close(self) -> None:
        """Nothing to flush."""


def serve(
    app: ASGIApp, *, is_draining: bool = False, received: tuple[bytes, ...] = (b"",), **scope: Any
) -> tuple[list[Event], RequestRecord, BaseException | None]:
    """The sent messages, the record of the one request, and the exception that reached the server."""
    observer, sent, pieces = RecordingObserver(), list[Event](), list(received)
    pooling: Any = SimpleNamespace(admission=SimpleNamespace(is_draining=is_draining))
    metrics: Any = NoMetrics()
    middleware = RequestMiddleware(app, Accounting(pooling, metrics, None, (observer,)), metrics)

    async def receive() -> Event:
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    async def send(event: Event) -> None:
        sent.append(event)

    raised = None
    whole = {"type": "http", "method": "GET", "path": "/x", "headers": [(b"x-request-id", b"one")], **scope}
    try:
        asyncio.run(middleware(whole, receive, send))
    except Exception as error:
        raised = error
    (record,) = observer.records
    return sent, record, raised


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the body back, piece by piece."""
    await send({"type": "http.response.start", "status": 201, "headers": [(b"a", b"b")]})
    more = True
    while more:
        event = await receive()
        more = event["more_body"]
        await send({"type": "http.response.body", "body": event["body"] * 2, "more_body": more})


@pytest.mark.parametrize("is_draining", [True, False])
def test_bytes_are_counted_and_headers_added(is_draining: bool) -> None:
    """A draining service closes kept connections, since the next request on them would fail."""
    sent, record, raised = serve(echo, is_draining=is_draining, received=(b"abc", b"", b"de"))

    added = [(b"connection", b"close")] if is_draining else []
    assert raised is None
    assert sent[0]["headers"] == [(b"a", b"b"), (b"x-request-id", b"one"), *added]
    assert (record.status, record.received_bytes, record.sent_bytes, record.route) == (201, 5, 10, "/mine")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_refusal_is_a_response_and_no_exception(method: str) -> None:
    """The server must see a finished request; the response to HEAD announces the length and has no body."""

    async def refusing(scope: Scope, receive: Receive, send: Send) -> None:
        raise Unprocessable("invalid_data", "no")

    sent, record, raised = serve(refusing, method=method)

    assert raised is None
    assert (sent[0]["status"], record.status, record.code) == (422, 422, "invalid_data")
    headers = dict(sent[0]["headers"])
    assert headers[b"x-request-id"] == b"one"
    if method == "HEAD":
        assert sent[1]["body"] == b""
        assert int(headers[b"content-length"]) > 0
    else:
        assert json.loads(sent[1]["body"])["code"] == "invalid_data"
        assert int(headers[b"content-length"]) == len(sent[1]["body"])


def test_a_client_that_has_disconnected_gets_nothing() -> None:
    """Status 0 tells the observers of it."""

    async def leaving(scope: Scope, receive: Receive, send: Send) -> None:
        raise ClientDisconnected

    sent, record, raised = serve(leaving)

    assert (sent, record.status, raised) == ([], 0, None)


def test_the_operator_in_a_record_is_clipped() -> None:
    """It comes from the path, and is kept in the log."""

    async def routed(scope: Scope, receive: Receive, send: Send) -> None:
        scope["path_params"] = {"operator": "o" * 5000}
        raise Unprocessable("invalid_data", "no")

    assert serve(routed)[1].operator == "o" * 256


def test_other_scopes_pass_unchanged() -> None:
    """The lifespan and websockets are no requests that could be counted."""
    seen: list[tuple[object, ...]] = []

    async def app(*arguments: object) -> None:
        seen.append(arguments)

    unused: Any = None
    scope: Any = {"type": "lifespan"}
    asyncio.run(RequestMiddleware(app, unused, unused)(scope, unused, unused))

    assert seen == [(scope, unused, unused)]
    assert list(scope) == ["type"]
