"""The steps of a call without gRPC: what is counted, what is received, and how a refusal ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.errors import QuotaExceeded, Unavailable, Unprocessable
from poolhouse.rest.app import create_app
from poolhouse.rest.dependencies import Service
from poolhouse.rpc.calls import Calls, headers_of
from poolhouse.rpc.exchange import Exchange
from poolhouse.rpc.receiving import Receiver
from poolhouse.settings import Settings

PATH = "/s/M"
MESSAGE = b"message"


class Aborted(Exception):
    """What gRPC raises in a call that is ended."""


class FakeContext:
    """A call with these metadata, whose client sends one message."""

    def __init__(self, *metadata: tuple[str, str | bytes]) -> None:
        self.metadata = metadata
        self.reads = 0
        self.trailing: dict[str, str] = {}
        self.status: tuple[grpc.StatusCode, str] | None = None
        self.on_done: list[Callable[[object], None]] = []

    def invocation_metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        return self.metadata

    def time_remaining(self) -> float:
        return 60.0

    def add_done_callback(self, callback: Callable[[object], None]) -> None:
        self.on_done.append(callback)

    def set_trailing_metadata(self, trailing: tuple[tuple[str, str], ...]) -> None:
        self.trailing = dict(trailing)

    async def read(self) -> bytes:
        self.reads += 1
        return MESSAGE

    async def abort(self, code: grpc.StatusCode, text: str, trailing: tuple[tuple[str, str], ...]) -> None:
        self.status, self.trailing = (code, text), dict(trailing)
        raise Aborted


@pytest.fixture(scope="module")
def service() -> Service:
    """A service that is not started."""
    return create_app(Settings(device=("cpu",))).service


@pytest.fixture
def calls(service: Service) -> Calls:
    """Calls of that service."""
    return Calls(service, Receiver(service.settings, None))  # type: ignore[arg-type]  # nothing is inflated


def run(calls: Calls, context: Any, respond: Any, **options: bool) -> Any:
    """Run a call to its end; returns its response, or the exception that ended it."""

    async def call() -> Any:
        handler = calls.unary(PATH, respond, **options)
        try:
            return await handler.stream_unary(None, context)
        except (Aborted, asyncio.CancelledError) as ended:
            return ended
        finally:
            assert calls.busy == 1
            for callback in context.on_done:
                callback(context)
            await calls.wait_until_idle()

    return asyncio.run(call())


def raising(error: BaseException) -> Any:
    """Responds with an error."""

    async def respond(_message: bytes, _exchange: Exchange) -> bytes:
        raise error

    return respond


NAMES = ("authorization", "x-request-id", "traceparent", "tracestate", "user-agent", "x-other-bin")


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.text(max_size=9) | st.binary(max_size=9))))
def test_only_metadata_with_a_meaning_are_headers(metadata: list[tuple[str, str | bytes]]) -> None:
    """A repeated one is joined as HTTP joins it."""
    expected: dict[bytes, list[bytes]] = {}
    for name, value in metadata:
        if name in NAMES[:4]:
            encoded = value if isinstance(value, bytes) else value.encode()
            expected.setdefault(name.encode(), []).append(encoded)
    context: Any = FakeContext(*metadata)

    assert headers_of(context) == {name: b", ".join(values) for name, values in expected.items()}


def test_a_response_is_counted_and_has_the_id_of_the_request(calls: Calls) -> None:
    """The id of the client finds its request in the log."""
    context, seen = FakeContext(("x-request-id", "mine")), list[Exchange]()

    async def respond(message: bytes, exchange: Exchange) -> bytes:
        seen.append(exchange)
        assert exchange.lease is not None
        return message * 2

    assert run(calls, context, respond, needs_admission=True) == MESSAGE * 2

    [exchange] = seen
    record = exchange.record
    assert (record.method, record.path, record.route, record.status) == ("POST", PATH, PATH, 200)
    assert (record.received_bytes, record.sent_bytes) == (len(MESSAGE), 2 * len(MESSAGE))
    assert (context.trailing, context.reads) == ({"x-request-id": "mine"}, 1)
    assert (calls.busy, exchange.lease) == (0, None)


def test_the_message_of_a_public_call_is_not_received(calls: Calls) -> None:
    """Anybody could send a large one."""
    context = FakeContext()

    async def respond(message: bytes, exchange: Exchange) -> bytes:
        return b"live" + message

    assert run(calls, context, respond, is_public=True) == b"live"
    assert context.reads == 0


@pytest.mark.parametrize(
    ("error", "code", "retry_after"),
    [
        (Unprocessable("invalid_fields", "why"), grpc.StatusCode.INVALID_ARGUMENT, None),
        (Unavailable("overloaded", "why", retry_after_s=0.1), grpc.StatusCode.UNAVAILABLE, "1"),
        (QuotaExceeded("quota_exceeded", "why", retry_after_s=7.2), grpc.StatusCode.RESOURCE_EXHAUSTED, "8"),
    ],
    ids=lambda value: getattr(value, "code", None),
)
def test_a_refusal_ends_the_call_with_its_code(
    calls: Calls, error: Exception, code: grpc.StatusCode, retry_after: str | None
) -> None:
    """And with the whole seconds after which a retry makes sense: after fewer it would be refused again."""
    context = FakeContext(("x-request-id", "mine"))

    assert isinstance(run(calls, context, raising(error)), Aborted)

    assert context.status == (code, "why")
    expected = {"x-request-id": "mine", "poolhouse-code": error.code, "retry-after": retry_after}  # type: ignore[attr-defined]
    assert context.trailing == {name: value for name, value in expected.items() if value is not None}


def test_a_fault_of_the_service_tells_nothing_of_itself(calls: Calls, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged with its traceback."""
    context = FakeContext()

    assert isinstance(run(calls, context, raising(RuntimeError("secret"))), Aborted)

    assert context.status is not None
    assert context.status[0] is grpc.StatusCode.INTERNAL
    assert "secret" not in context.status[1]
    assert context.trailing["poolhouse-code"] == "internal"
    assert "secret" in caplog.text


def test_a_cancelled_call_is_a_disconnect_and_no_refusal(calls: Calls) -> None:
    """No client gets a status; metrics count it as HTTP's."""
    context, records = FakeContext(), list[Exchange]()

    async def respond(_message: bytes, exchange: Exchange) -> bytes:
        records.append(exchange)
        raise asyncio.CancelledError

    assert isinstance(run(calls, context, respond), asyncio.CancelledError)

    assert (records[0].record.status, records[0].record.code, context.status) == (0, "", None)


@given(st.permutations(range(4)))
def test_calls_are_idle_when_the_last_one_has_finished(service: Service, order: list[int]) -> None:
    """In whichever order; a drain waits for it."""

    async def begin_and_finish() -> None:
        calls = Calls(service, Receiver(service.settings, None))  # type: ignore[arg-type]  # nothing is received
        exchanges = [calls.begin(PATH, {}, None) for _ in order]
        waiting = asyncio.ensure_future(calls.wait_until_idle())
        for count, index in enumerate(order, 1):
            await asyncio.sleep(0)
            assert not waiting.done()
            calls.finish(exchanges[index])
            assert calls.busy == len(order) - count
        await waiting

    asyncio.run(begin_and_finish())
