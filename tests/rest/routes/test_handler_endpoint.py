"""Handlers as ASGI endpoints: disconnects cancel the work, and other servers get messages as ASGI specifies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.types import Message as Event

from poolhouse.errors import DeadlinePassed
from poolhouse.rest.app import create_app
from poolhouse.rest.http.accounting import Accounting, ClientDisconnected
from poolhouse.rest.http.asgi_exchange import RESPONSE_PROGRESS_KEY, VIEWS_KEY
from poolhouse.rest.http.head import Head
from poolhouse.rest.http.headers import HEADERS_KEY, RECORD_KEY
from poolhouse.rest.http.response import Response
from poolhouse.rest.http.transfer_limits import TransferLimits
from poolhouse.rest.observability.request_record import RequestRecord
from poolhouse.rest.routes.handler_endpoint import HandlerEndpoint, cancel_on_disconnect
from poolhouse.service import PoolResult
from poolhouse.settings import Settings


class _DisconnectProbe:
    """Awaitable work that records whether it was cancelled."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.given_up = False

    async def never_done(self) -> PoolResult:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.given_up = True
            raise
        raise AssertionError("the work never finishes")


def test_work_is_cancelled_when_its_client_disconnects() -> None:
    """Work for a client that has disconnected would delay other requests."""

    async def go() -> bool:
        watched = _DisconnectProbe()

        async def receive() -> Event:
            await watched.begun.wait()
            return {"type": "http.disconnect"}

        with pytest.raises(ClientDisconnected):
            await cancel_on_disconnect(watched.never_done(), receive)
        await asyncio.sleep(0)  # one iteration of the event loop, in which the cancellation arrives
        return watched.given_up

    assert asyncio.run(go())


@pytest.mark.parametrize("fails", [True, False])
def test_watching_for_disconnects_changes_no_result(fails: bool) -> None:
    """Results and errors of the work are passed on unchanged."""

    async def work() -> PoolResult:
        if fails:
            raise DeadlinePassed("deadline_passed", "late")
        return PoolResult({}, {}, 1.0, 2.0)

    async def never() -> Event:
        await asyncio.Event().wait()
        raise AssertionError("the work never finishes")

    if fails:
        with pytest.raises(DeadlinePassed):
            asyncio.run(cancel_on_disconnect(work(), never))
    else:
        assert asyncio.run(cancel_on_disconnect(work(), never)).compute_s == 2.0


@pytest.mark.parametrize("media_type", ["application/octet-stream", "application/x-npy", "application/json"])
def test_another_server_gets_bytes_as_asgi_specifies(media_type: str) -> None:
    """Our own server accepts memoryviews; a server that passes messages to another process cannot."""
    rows = 4096
    app = create_app(Settings())
    bodies: list[object] = []
    coming = [bytes(4 * 64 * rows)]

    async def receive() -> Event:
        if not coming:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": coming.pop(), "more_body": False}

    async def send(message: Event) -> None:
        bodies.append(message.get("body", b""))

    async def go() -> None:
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/v1/pool/max_pool2d",
            "query_string": f"shape=1,1,{rows},64&dtype=float32&kernel_size=1".encode(),
            "headers": [(b"content-type", b"application/octet-stream"), (b"accept", media_type.encode())],
        }
        async with app.router.lifespan_context(app):
            await app(scope, receive, send)

    asyncio.run(go())

    assert {type(body) for body in bodies} == {bytes}
    assert sum(len(body) for body in bodies if isinstance(body, bytes)) > 4 * 64


SIZE = 3 << 20


class FakeLease:
    """Records whether the lease may be preempted."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def set_preemptible(self, transfer: object) -> None:
        self.calls.append("set")

    def clear_preemptible(self) -> None:
        self.calls.append("clear")


class FakeRequest:
    """An accepted request with wide limits."""

    def __init__(self) -> None:
        self.limits = TransferLimits(SIZE, 1.0, "")
        self.deadline = None
        self.lease: Any = FakeLease()
        self.close_count = 0

    def expect_body(self, nbytes: int, extra_bytes: int) -> None:
        """Reserve nothing."""

    def close(self) -> None:
        self.close_count += 1


class FakeProgress:
    """Counts what the client may read."""

    def __init__(self) -> None:
        self.written = 0
        self.is_open = False

    def begin(self, nbytes: int) -> None:
        self.is_open = True

    def add_written(self, nbytes: int) -> None:
        self.written += nbytes

    def end(self) -> None:
        self.is_open = False


def serve(
    respond: Callable[[memoryview], Response],
    *,
    fails_at: int | None = None,
    scope: dict[str, Any] | None = None,
) -> tuple[FakeRequest, list[Event], str | None]:
    """The request after it was served, the sent messages, and the type of the exception.

    Args:
        respond: makes the response.
        fails_at: the message whose sending fails, since the client has disconnected.
        scope: further keys.
    """
    request, sent = FakeRequest(), list[Event]()

    class Handling:
        def on_head(self, head: Head, operator: str, record: RequestRecord) -> FakeRequest:
            assert (operator, head.length) == ("max", 3)
            return request

        def on_body(self, accepted: FakeRequest, body: memoryview) -> Response:
            assert bytes(body) == b"abc"
            return respond(body)

    async def receive() -> Event:
        return {"type": "http.request", "body": b"abc", "more_body": False}

    async def send(event: Event) -> None:
        if len(sent) == fails_at:
            raise ClientDisconnected
        sent.append(event)

    whole = {
        "type": "http",
        "scheme": "http",
        "method": "POST",
        "path": "/v1/pool/max",
        "query_string": b"",
        "headers": [(b"content-length", b"3")],
        "path_params": {"operator": "max"},
        HEADERS_KEY: {b"content-length": b"3"},
        RECORD_KEY: RequestRecord("POST", "/v1/pool/max", b"one"),
        **(scope or {}),
    }
    unused: Any = SimpleNamespace(admission=None, run_in_thread=asyncio.to_thread)
    handler: Any = Handling()
    raised = None
    try:
        asyncio.run(HandlerEndpoint(handler, unused, Accounting(unused, unused))(whole, receive, send))
    except Exception as error:
        raised = type(error).__name__
    return request, sent, raised


def response_of(*chunks: bytes | memoryview) -> Response:
    return Response(200, b"a: b\r\n", chunks, sum(map(len, chunks)))


@pytest.mark.parametrize(
    ("scope", "longest", "form"),
    [
        ({}, 1 << 20, bytes),
        ({VIEWS_KEY: True}, SIZE, memoryview),
        ({VIEWS_KEY: True, "scheme": "https"}, 256 * 1024, memoryview),
    ],
)
def test_a_large_response_is_sent_in_pieces_that_the_server_can_take(
    scope: dict[str, object], longest: int, form: type
) -> None:
    """Other servers take bytes only; ours takes views, and encrypts each piece in one step of the event loop."""
    data = bytes(range(256)) * (SIZE // 256)

    request, sent, _ = serve(lambda body: response_of(memoryview(data), memoryview(data)[:5]), scope=scope)

    pieces = [event["body"] for event in sent[1:]]
    assert sent[0] == {"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]}
    assert b"".join(pieces) == data + data[:5]
    assert {type(piece) for piece in pieces[:-1]} == {form}
    assert max(map(len, pieces)) == longest
    # The last message is empty: the server waits at it until the client has read what is before it.
    assert [event.get("more_body", False) for event in sent[1:]] == [True] * (len(pieces) - 1) + [False]
    assert pieces[-1] == b""
    assert request.close_count == 1


def test_a_small_response_is_one_message_without_a_timeout() -> None:
    """It fits into the buffers of the kernel, however slowly the client reads."""
    progress = FakeProgress()

    request, sent, _ = serve(lambda body: response_of(b"ab", b"c"), scope={RESPONSE_PROGRESS_KEY: progress})

    assert [event.get("body") for event in sent] == [None, b"abc"]
    # Preemptible while the body was received, and not afterwards.
    assert (request.lease.calls, request.close_count) == (["set", "clear"], 1)


@pytest.mark.parametrize("fails_at", [None, 2])
def test_a_large_response_can_be_preempted_until_it_ends(fails_at: int | None) -> None:
    """Also if the client disconnects: a lease that stayed preemptible would name a transfer that is over."""
    progress = FakeProgress()

    request, _, raised = serve(
        lambda body: response_of(bytes(SIZE), bytes(7)),
        fails_at=fails_at,
        scope={RESPONSE_PROGRESS_KEY: progress, VIEWS_KEY: True},
    )

    assert raised == (None if fails_at is None else "ClientDisconnected")
    assert progress.written == (SIZE + 7 if fails_at is None else SIZE)
    assert not progress.is_open
    assert (request.lease.calls, request.close_count) == (["set", "clear"] * 2, 1)


def test_a_refused_request_is_closed() -> None:
    """Its memory would stay reserved for ever."""

    def refuse(body: memoryview) -> Response:
        raise DeadlinePassed("deadline_passed", "late")

    request, sent, raised = serve(refuse)

    assert (sent, raised, request.close_count) == ([], "DeadlinePassed", 1)
