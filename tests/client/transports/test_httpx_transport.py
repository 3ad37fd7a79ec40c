"""The transports over httpx clients that answer without a network: requests, pieces, errors, deadlines."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.client.errors import ConnectionFailed, TimedOut, UnexpectedAnswer
from poolhouse.client.exchange import Request, Response, Send, Timeouts
from poolhouse.client.transports import httpx_transport
from poolhouse.client.transports.httpx_transport import (
    PIECE_BYTES,
    AsyncHttpxTransport,
    HttpxTransport,
    _RequestStream,
    split_body,
)

ORIGIN = "http://ann:secret@h:1"
TIMEOUTS = Timeouts(1, 2, None)
KINDS = pytest.mark.parametrize("kind", ["sync", "async"])

Handler = Callable[[httpx.Request], httpx.Response]


def exchange(kind: str, handler: Handler, request: Request, timeouts: Timeouts = TIMEOUTS) -> Response:
    """Send a request to the handler, over the transport of this kind."""

    async def call() -> Response:
        transport = AsyncHttpxTransport(ORIGIN, httpx.AsyncClient(transport=httpx.MockTransport(handler)))
        try:
            return await transport.exchange(Send(request, timeouts))
        finally:
            await transport.aclose()
            assert transport.closed

    if kind == "async":
        return asyncio.run(call())
    transport = HttpxTransport(ORIGIN, httpx.Client(transport=httpx.MockTransport(handler)))
    try:
        return transport.exchange(Send(request, timeouts))
    finally:
        transport.close()
        assert transport.closed


class Pieces(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A response that arrives in pieces.

    Attributes:
        is_closed: whether it was closed, which frees its connection.
    """

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = pieces
        self.is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            await asyncio.sleep(0)
            yield piece

    def close(self) -> None:
        """Record the close."""
        self.is_closed = True

    async def aclose(self) -> None:
        """Record the close."""
        self.is_closed = True


@given(sizes=st.lists(st.integers(0, 3 * PIECE_BYTES), max_size=3))
def test_a_body_is_split_into_small_pieces(sizes: list[int]) -> None:
    """httpx copies each of them."""
    parts = [bytes([index]) * size for index, size in enumerate(sizes)]

    pieces = list(split_body([memoryview(part) for part in parts]))

    assert b"".join(pieces) == b"".join(parts)
    assert all(0 < len(piece) <= PIECE_BYTES for piece in pieces)


@KINDS
def test_a_request_announces_its_length_and_accepts_no_compression(kind: str) -> None:
    """httpx would send chunks, and inflate the response without a limit."""
    received: list[httpx.Request] = []
    bodies: list[bytes] = []

    def handle(request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.SyncByteStream)
        received.append(request)
        bodies.append(b"".join(request.stream))
        return httpx.Response(200, stream=Pieces())

    exchange(kind, handle, Request("POST", "/p%20q?a=1,2", (("A", "b"),), (b"ab", memoryview(b"cd"))))
    exchange(kind, handle, Request("GET", "/g"))

    post, get = received
    assert (post.method, post.url.raw_path) == ("POST", b"/p%20q?a=1,2")
    assert bodies == [b"abcd", b""]
    assert (post.headers["content-length"], post.headers["a"]) == ("4", "b")
    assert "transfer-encoding" not in post.headers
    assert "content-length" not in get.headers
    for request in received:
        assert request.headers.get_list("accept-encoding") == ["identity"]
        assert request.extensions["timeout"] == {"connect": 1, "read": 2, "write": 2, "pool": None}


def test_a_body_can_be_sent_twice() -> None:
    """An httpx client with authentication repeats a request that was refused."""
    stream = _RequestStream(Request("POST", "/", (), (b"ab", b"cd")), None)

    assert [b"".join(stream), b"".join(stream)] == [b"abcd", b"abcd"]


@KINDS
def test_a_response_goes_piece_by_piece_into_the_buffers(kind: str) -> None:
    """httpx would join the pieces, so that the response is in memory twice."""
    buffers = [memoryview(bytearray(3)), memoryview(bytearray(2))]
    request = Request("GET", "/", allocate_body=lambda *_: buffers)

    response = exchange(kind, lambda _: httpx.Response(200, stream=Pieces(b"a", b"bcd", b"e")), request)

    assert response.body is buffers
    assert response.text == "abcde"


def read_early(_: httpx.Request) -> httpx.Response:
    """A response that was read, as an event hook reads it."""
    response = httpx.Response(200, stream=Pieces(b"ab", b"cde"))
    response.read()
    return response


EARLY = pytest.mark.parametrize(
    "handler", [lambda _: httpx.Response(200, content=b"abcde"), read_early], ids=["made whole", "read by a hook"]
)


@KINDS
@EARLY
def test_a_response_that_was_read_before_is_copied(kind: str, handler: Handler) -> None:
    """Mock transports make whole responses, and an event hook may log each one."""
    buffers = [memoryview(bytearray(3)), memoryview(bytearray(2))]

    assert exchange(kind, handler, Request("GET", "/")).text == "abcde"
    assert exchange(kind, handler, Request("GET", "/", allocate_body=lambda *_: buffers)).text == "abcde"
    assert b"".join(buffers) == b"abcde"


@KINDS
@EARLY
def test_a_response_that_was_read_before_has_the_same_limits(kind: str, handler: Handler) -> None:
    """The caller's limits hold no matter whether httpx or the transport has read the body."""
    exchange(kind, handler, Request("GET", "/", max_response_bytes=5))
    with pytest.raises(UnexpectedAnswer, match="accepts at most 4"):
        exchange(kind, handler, Request("GET", "/", max_response_bytes=4))
    for size, error_class in ((4, UnexpectedAnswer), (6, ConnectionFailed)):
        buffers = [memoryview(bytearray(size))]
        with pytest.raises(error_class):
            exchange(kind, handler, Request("GET", "/", allocate_body=lambda *_, found=buffers: found))


@KINDS
@pytest.mark.parametrize("use", [lambda response: list(response.iter_raw()), httpx.Response.close])
def test_a_response_whose_content_was_not_kept_raises_connection_failed(
    kind: str, use: Callable[[httpx.Response], object]
) -> None:
    """The error of httpx itself would not name what to check."""

    def handle(_: httpx.Request) -> httpx.Response:
        response = httpx.Response(200, stream=Pieces(b"a"))
        use(response)
        return response

    with pytest.raises(ConnectionFailed, match="check the event hooks of http_client"):
        exchange(kind, handle, Request("GET", "/"))


@KINDS
@pytest.mark.parametrize(
    ("headers", "pieces", "error_class"),
    [
        ({"content-encoding": "gzip"}, (b"a",), UnexpectedAnswer),
        ({}, (b"ab",), UnexpectedAnswer),
        ({}, (), ConnectionFailed),
    ],
    ids=["compressed", "too long", "too short"],
)
def test_a_refused_response_is_closed(
    kind: str, headers: dict[str, str], pieces: tuple[bytes, ...], error_class: type[ConnectionFailed]
) -> None:
    """Its connection would be held, and a pool of connections has an end."""
    stream = Pieces(*pieces)
    request = Request("GET", "/", allocate_body=lambda *_: [memoryview(bytearray(1))])

    with pytest.raises(ConnectionFailed) as caught:
        exchange(kind, lambda _: httpx.Response(200, headers=headers, stream=stream), request)

    assert type(caught.value) is error_class
    assert stream.is_closed


@KINDS
@pytest.mark.parametrize(
    ("failure", "error_class", "text"),
    [
        (httpx.ConnectTimeout("no"), ConnectionFailed, "did not accept a connection in time"),
        (httpx.ReadTimeout("no"), TimedOut, "did not respond in time"),
        (httpx.PoolTimeout("no"), TimedOut, "did not respond in time"),
        (httpx.ConnectError("refused\x1b[2J"), ConnectionFailed, "gave no response: refused\\u001b[2J."),
        (httpx.RemoteProtocolError(""), ConnectionFailed, "gave no response: RemoteProtocolError."),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_of_httpx_becomes_one_of_the_client(
    kind: str, failure: Exception, error_class: type[ConnectionFailed], text: str
) -> None:
    """With the address, but not the password in it, and in printable characters."""

    def fail(_: httpx.Request) -> httpx.Response:
        raise failure

    with pytest.raises(ConnectionFailed) as caught:
        exchange(kind, fail, Request("GET", "/"))

    assert type(caught.value) is error_class
    assert str(caught.value).startswith("http://h:1 ")
    assert text in str(caught.value)


@KINDS
def test_the_deadline_ends_a_call_between_its_pieces(kind: str) -> None:
    """A body that always has a next piece would never exceed a timeout of httpx."""
    stream = Pieces(b"a", b"b", b"c")

    with pytest.raises(TimedOut, match="at the deadline of the call"):
        exchange(kind, lambda _: httpx.Response(200, stream=stream), Request("GET", "/"), Timeouts(1, 1, 0))

    request_stream = _RequestStream(Request("POST", "/", (), (b"x",)), time.monotonic())
    with pytest.raises(TimedOut, match="at the deadline of the call"):
        next(iter(request_stream))


def test_a_forked_process_gets_an_httpx_client_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both processes would read from one connection. A caller's own client is left to the caller."""
    network = httpx.MockTransport(lambda _: httpx.Response(200, stream=Pieces()))
    made = [httpx.Client(transport=network) for _ in range(3)]
    theirs, parents, childs = made
    new = iter((parents, childs))
    monkeypatch.setattr(httpx_transport, "_make_client", lambda _: next(new))
    transport, injected = HttpxTransport("http://h"), HttpxTransport("http://h", theirs)
    send = Send(Request("GET", "/"), TIMEOUTS)
    transport.exchange(send)
    assert transport._http is parents

    monkeypatch.setattr(os, "getpid", lambda: -1)
    for _ in range(2):
        transport.exchange(send)
        injected.exchange(send)

    assert transport._http is childs
    assert injected._http is theirs
    assert not parents.is_closed, "a thread of the parent may have held one of its locks"
    for client in made:
        client.close()
