"""An answer in one go: what uvicorn would write, or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from uvicorn._types import ASGISendEvent, HTTPScope
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HEADER_RE, HEADER_VALUE_RE

from poolhouse.rest.cycle import Cycle, head

Headers = list[tuple[bytes, bytes]]


class Transport(asyncio.Transport):
    """Keeps what is written, a row for each call."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[bytes] = []
        self.closed = False

    def is_closing(self) -> bool:
        return self.closed

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.calls.append(bytes(data))

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.calls.append(b"".join(list_of_data))

    def close(self) -> None:
        self.closed = True


def answered(
    messages: Iterable[dict[str, object]], *, method: str = "POST", keep_alive: bool = True
) -> tuple[Transport, Cycle]:
    """The transport after these messages."""
    transport = Transport()
    cycle = Cycle(
        scope=cast(HTTPScope, {"method": method}),
        transport=transport,
        flow=FlowControl(transport),
        logger=None,  # type: ignore[arg-type]
        access_logger=None,  # type: ignore[arg-type]
        access_log=False,
        default_headers=[(b"date", b"today")],
        message_event=asyncio.Event(),
        expect_100_continue=False,
        keep_alive=keep_alive,
        on_response=lambda: None,
    )

    async def send() -> None:
        for message in messages:
            await cycle.send(cast(ASGISendEvent, message))

    asyncio.run(send())
    return transport, cycle


def start(*headers: tuple[bytes, bytes], status: int = 200) -> dict[str, object]:
    return {"type": "http.response.start", "status": status, "headers": headers}


def body(data: bytes, more: bool = False) -> dict[str, object]:
    return {"type": "http.response.body", "body": data, "more_body": more}


def test_head_and_body_go_out_together() -> None:
    """Two packets would wake the caller twice."""
    transport, cycle = answered([start((b"content-length", b"3"), (b"x", b"y")), body(b"abc")])

    assert transport.calls == [b"HTTP/1.1 200 OK\r\ndate: today\r\ncontent-length: 3\r\nx: y\r\n\r\nabc"]
    assert cycle.response_complete
    assert not transport.closed


@pytest.mark.parametrize("pieces", [[b"a" * 100_000], [b"a", b"b" * 50_000, b""], [b"", b"abc"]])
def test_pieces_follow_as_they_come(pieces: list[bytes]) -> None:
    """A large answer is not put together first."""
    length = sum(map(len, pieces))
    messages = [body(piece, more=at < len(pieces) - 1) for at, piece in enumerate(pieces)]

    transport, cycle = answered([start((b"content-length", b"%d" % length)), *messages])

    assert b"".join(transport.calls).partition(b"\r\n\r\n")[2] == b"".join(pieces)
    assert len(transport.calls) == len(pieces)
    assert cycle.response_complete


def test_without_a_length_the_body_is_chunked() -> None:
    """As RFC 9112 section 7.1 writes it."""
    transport, _ = answered([start(), body(b"abc", more=True), body(b"", more=True), body(b"0123456789abcdef")])

    written = b"".join(transport.calls)
    assert written.startswith(b"HTTP/1.1 200 OK\r\ndate: today\r\ntransfer-encoding: chunked\r\n\r\n")
    assert written.endswith(b"\r\n\r\n3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n")


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("POST", 204), ("GET", 304)])
def test_what_has_no_body_is_not_chunked(method: str, status: int) -> None:
    """Its chunks would be read as the next answer."""
    transport, cycle = answered([start(status=status), body(b"")], method=method)

    assert b"transfer-encoding" not in b"".join(transport.calls)
    assert cycle.response_complete


def test_the_body_of_an_answer_to_head_stays_here() -> None:
    """It is told how long it would be."""
    transport, _ = answered([start((b"content-length", b"3")), body(b"abc")], method="HEAD")

    assert transport.calls == [b"HTTP/1.1 200 OK\r\ndate: today\r\ncontent-length: 3\r\n\r\n"]


@pytest.mark.parametrize(("keep_alive", "headers"), [(False, []), (True, [(b"connection", b"close")])])
def test_the_last_answer_says_so_once(keep_alive: bool, headers: Headers) -> None:
    """Whether the caller or the application wants the connection to end."""
    transport, _ = answered([start((b"content-length", b"0"), *headers), body(b"")], keep_alive=keep_alive)

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
def test_an_application_that_says_it_wrong_is_told(messages: list[dict[str, object]]) -> None:
    """A body of another length would be read as the beginning of the next answer, or waited for."""
    with pytest.raises(RuntimeError):
        answered(messages)


@given(st.lists(st.tuples(st.binary(min_size=1), st.binary()), min_size=1, max_size=3))
def test_no_header_becomes_two(headers: Headers) -> None:
    """What uvicorn refuses is refused; what is written can be read back, each name with its value."""
    try:
        written = head(200, headers)
    except RuntimeError:
        return
    assert not any(HEADER_RE.search(name) or HEADER_VALUE_RE.search(value) for name, value in headers)
    lines = written.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 200 OK"
    assert [tuple(line.split(b": ", 1)) for line in lines[1:-2]] == headers
    assert lines[-2:] == [b"", b""]


@pytest.mark.parametrize("value", [b"a\r\nx: y", b"a\nb", b"a\rb", b"a\0b", b"\x7f", b"a\r\n", b"\r\n"])
def test_a_value_with_control_characters_is_not_written(value: bytes) -> None:
    """It would be another header, or another answer."""
    with pytest.raises(RuntimeError):
        head(200, [(b"x", value)])


@pytest.mark.parametrize("value", [b"", b"a b\tc", "é".encode("latin-1"), b"w/\"x\", 'y'"])
def test_every_other_value_is(value: bytes) -> None:
    assert head(200, [(b"x", value)]) == b"HTTP/1.1 200 OK\r\nx: " + value + b"\r\n\r\n"


def test_what_was_begun_is_not_written_to_a_caller_who_left() -> None:
    """The connection is closed; there is nothing to write to."""
    transport = Transport()
    cycle = answered([])[1]
    cycle.disconnected = True

    asyncio.run(cycle.send(cast(ASGISendEvent, start())))

    assert transport.calls == []
    assert not cycle.response_started
