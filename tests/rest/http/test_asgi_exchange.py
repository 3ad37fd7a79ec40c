"""The bytes that the messages of an ASGI application become: number of writes, framing, and refused messages."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from poolhouse.rest.app import create_app
from poolhouse.rest.http.connection import Connection
from poolhouse.rest.http.response import header_lines
from poolhouse.rest.http.server_context import ServerConfig
from poolhouse.rest.listening import Listeners
from poolhouse.rest.server import make_server
from poolhouse.settings import Settings

Headers = list[tuple[bytes, bytes]]
# RFC 9110 section 5.1 and 5.5.
_NO_NAME = re.compile(rb'[\x00-\x1f\x7f()<>@,;:\[\]={} \t\\"/?]|[\x80-\xff]|[A-Z]')
_NO_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class RecordingTransport(asyncio.Transport):
    """Records each write."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[bytes] = []
        self.closed = False

    def is_closing(self) -> bool:
        return self.closed

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Do nothing; the buffer never fills."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def get_write_buffer_size(self) -> int:
        return 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.calls.append(bytes(data))

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.calls.append(b"".join(list_of_data))

    def pause_reading(self) -> None:
        """Do nothing; nothing is received."""

    def resume_reading(self) -> None:
        """Do nothing; nothing is received."""

    def can_write_eof(self) -> bool:
        return False

    def close(self) -> None:
        self.closed = True


@pytest.fixture(scope="module")
def config() -> ServerConfig:
    """The configuration of a server; tests replace its application."""
    app = create_app(Settings.model_validate({"port": 0, "device": "cpu"}))
    return make_server(Settings(port=0), app, lambda server: None, Listeners((), (), None)).config  # type: ignore[return-value]  # our subclass


def run_app(
    config: ServerConfig,
    messages: Iterable[dict[str, object]],
    *,
    method: str = "GET",
    more: bytes = b"",
    disconnects: bool = False,
) -> tuple[RecordingTransport, list[Exception]]:
    """The transport after an application has sent these messages, and the exceptions that it got."""
    raised: list[Exception] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            for message in messages:
                await send(message)
        except RuntimeError as error:
            raised.append(error)

    async def connect_and_run() -> RecordingTransport:
        config.server_context.app = app
        state, transport = ServerState(), RecordingTransport()
        state.default_headers = [(b"date", b"today")]
        connection = Connection(config, state, {}, asyncio.get_running_loop())
        connection.connection_made(transport)
        sent = f"{method} / HTTP/1.1\r\nHost: x\r\n".encode() + more + b"\r\n"
        connection.get_buffer(-1)[: len(sent)] = sent
        connection.buffer_updated(len(sent))
        if disconnects:
            connection.connection_lost(None)
        if state.tasks:
            await asyncio.wait(state.tasks)
        if not disconnects:
            connection.connection_lost(None)
        return transport

    return asyncio.run(connect_and_run()), raised


def start(*headers: tuple[bytes, bytes], status: int = 200) -> dict[str, object]:
    return {"type": "http.response.start", "status": status, "headers": headers}


def body(data: bytes, more: bool = False) -> dict[str, object]:
    return {"type": "http.response.body", "body": data, "more_body": more}


def test_head_and_body_are_sent_in_one_write(config: ServerConfig) -> None:
    """Two packets would wake the client twice."""
    transport, _ = run_app(config, [start((b"content-length", b"3"), (b"x", b"y")), body(b"abc")])

    assert transport.calls == [b"HTTP/1.1 200 OK\r\ndate: today\r\ncontent-length: 3\r\nx: y\r\n\r\nabc"]
    assert not transport.closed


@pytest.mark.parametrize("pieces", [[b"a" * 100_000], [b"a", b"b" * 50_000, b""], [b"", b"abc"]])
def test_pieces_are_sent_as_they_are_produced(config: ServerConfig, pieces: list[bytes]) -> None:
    """A large response is not collected first."""
    length = sum(map(len, pieces))
    messages = [body(piece, more=at < len(pieces) - 1) for at, piece in enumerate(pieces)]

    transport, _ = run_app(config, [start((b"content-length", b"%d" % length)), *messages])

    assert b"".join(transport.calls).partition(b"\r\n\r\n")[2] == b"".join(pieces)
    assert len(transport.calls) == len(pieces)
    assert not transport.closed


def test_without_a_length_the_body_is_chunked(config: ServerConfig) -> None:
    """As in RFC 9112 section 7.1."""
    transport, _ = run_app(config, [start(), body(b"abc", more=True), body(b"", more=True), body(b"0123456789abcdef")])

    written = b"".join(transport.calls)
    assert written.startswith(b"HTTP/1.1 200 OK\r\ndate: today\r\ntransfer-encoding: chunked\r\n\r\n")
    assert written.endswith(b"\r\n\r\n3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n")


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("POST", 204), ("GET", 304)])
def test_a_response_without_a_body_is_not_chunked(config: ServerConfig, method: str, status: int) -> None:
    """A client would read its chunks as the next response."""
    transport, _ = run_app(config, [start(status=status), body(b"")], method=method)

    assert b"transfer-encoding" not in b"".join(transport.calls)
    assert not transport.closed


def test_a_response_to_head_has_no_body(config: ServerConfig) -> None:
    """It has the Content-Length of the body."""
    transport, _ = run_app(config, [start((b"content-length", b"3")), body(b"abc")], method="HEAD")

    assert transport.calls == [b"HTTP/1.1 200 OK\r\ndate: today\r\ncontent-length: 3\r\n\r\n"]


@pytest.mark.parametrize(("more", "headers"), [(b"Connection: close\r\n", []), (b"", [(b"connection", b"close")])])
def test_the_last_response_has_connection_close_once(config: ServerConfig, more: bytes, headers: Headers) -> None:
    """Both the client and the application can request it."""
    transport, _ = run_app(config, [start((b"content-length", b"0"), *headers), body(b"")], more=more)

    assert b"".join(transport.calls).count(b"connection: close\r\n") == 1
    assert transport.closed


@pytest.mark.parametrize(
    "messages",
    [
        [body(b"")],
        [start(), start()],
        [start((b"content-length", b"3")), body(b"ab")],
        [start((b"content-length", b"3")), body(b"abcd")],
        [start((b"content-length", b"3")), body(b"ab", more=True), body(b"cd")],
        [start((b"content-length", b"0")), body(b""), body(b"")],
    ],
)
def test_invalid_asgi_messages_raise(config: ServerConfig, messages: list[dict[str, object]]) -> None:
    """With a wrong length, the client would wait for more, or read the rest as the next response."""
    transport, raised = run_app(config, messages)

    assert len(raised) == 1
    # An incomplete response ends with its connection, so that no other bytes are taken for its rest.
    assert transport.closed == (messages[0:1] != [start((b"content-length", b"0"))])


@given(st.lists(st.tuples(st.binary(min_size=1), st.binary()), min_size=1, max_size=3))
def test_no_header_can_inject_another(headers: Headers) -> None:
    """Written headers can be parsed back, each name with its value."""
    try:
        written = header_lines(headers)
    except RuntimeError:
        assert any(_NO_NAME.search(name) or _NO_VALUE.search(value) for name, value in headers)
        return
    assert not any(_NO_NAME.search(name) or _NO_VALUE.search(value) for name, value in headers)
    lines = written.split(b"\r\n")
    assert [tuple(line.split(b": ", 1)) for line in lines[:-1]] == headers
    assert lines[-1:] == [b""]


@pytest.mark.parametrize("value", [b"a\r\nx: y", b"a\nb", b"a\rb", b"a\0b", b"\x7f", b"a\r\n", b"\r\n"])
def test_a_value_with_control_characters_is_refused(value: bytes) -> None:
    """It could inject a header or a response."""
    with pytest.raises(RuntimeError):
        header_lines([(b"x", value)])


@pytest.mark.parametrize("value", [b"", b"a b\tc", "é".encode("latin-1"), b"w/\"x\", 'y'"])
def test_other_values_are_written(value: bytes) -> None:
    assert header_lines([(b"x", value)]) == b"x: " + value + b"\r\n"


def test_nothing_is_written_after_a_disconnect(config: ServerConfig) -> None:
    """The application gets no error: a disconnect is not its fault."""
    transport, raised = run_app(config, [start((b"content-length", b"0")), body(b"")], disconnects=True)

    assert transport.calls == []
    assert raised == []
