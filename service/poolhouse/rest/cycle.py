"""One request and its answer on a connection: uvicorn's, with an answer written in one go.

uvicorn writes the head of an answer and each piece of its body apart, which uvloop sends at once: two calls to the
kernel, two packets, and a caller who is woken twice. And it looks at every name and value by itself for what must not
be in a header; here all of the head is looked at once.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from typing import Final

from uvicorn._types import ASGIReceiveEvent, ASGISendEvent, HTTPResponseStartEvent
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

# Of a body's first piece: up to here a copy behind its head costs less than a second buffer does.
_JOINED_BYTES: Final = 16 * 1024
_VISIBLE: Final = bytes({*range(0x20, 0x100), 0x09} - {0x7F})
_TOKEN: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
_NO_BODY: Final = (204, 304)


class Cycle(RequestResponseCycle):
    """One request and its answer."""

    _head: bytes = b""

    async def send(self, message: ASGISendEvent) -> None:
        """ASGI's: the start of the answer, then the pieces of its body. The start goes out with the first piece."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.transport.is_closing():
            # A transport that met a broken connection closes itself before it tells the protocol.
            self.disconnected = True
        if self.disconnected:
            return
        if message["type"] == "http.response.start" and not self.response_started:
            self.response_started = True
            self.waiting_for_100_continue = False
            self._head = self._begin(message)
        elif message["type"] == "http.response.body" and self.response_started and not self.response_complete:
            self._write(message.get("body", b""), message.get("more_body", False))
        else:
            raise RuntimeError(f"the ASGI message {message['type']!r} does not belong here")

    async def receive(self) -> ASGIReceiveEvent:
        """ASGI's: a piece of the body, or that the client has left. Asks the socket for more only while the body is
        incomplete: what comes behind it are other requests."""
        if self.waiting_for_100_continue and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.waiting_for_100_continue = False
        if not self.disconnected and not self.response_complete:
            if self.more_body:
                self.flow.resume_reading()
            await self.message_event.wait()
            self.message_event.clear()
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        body, self.body = bytes(self.body), bytearray()
        return {"type": "http.request", "body": body, "more_body": self.more_body}

    def _begin(self, message: HTTPResponseStartEvent) -> bytes:
        status, headers = message["status"], [*self.default_headers]
        length: bytes | None = None
        for name, value in message.get("headers", ()):
            if name == b"content-length":
                length = value
            elif name == b"connection" and value == b"close":
                self.keep_alive = False
                continue
            headers.append((name, value))
        self.chunked_encoding = length is None and self.scope["method"] != "HEAD" and status not in _NO_BODY
        if length is not None:
            self.expected_content_length = int(length)
        if self.chunked_encoding:
            headers.append((b"transfer-encoding", b"chunked"))
        if not self.keep_alive:
            headers.append((b"connection", b"close"))
        return head(status, headers)

    def _write(self, body: bytes | memoryview, more: bool) -> None:
        if self.scope["method"] == "HEAD":
            self.expected_content_length, body = 0, b""
        elif self.chunked_encoding:
            body = b"".join((b"%x\r\n" % len(body), body, b"\r\n")) if body else b""
            if not more:
                body += b"0\r\n\r\n"
        else:
            self.expected_content_length -= len(body)
            if self.expected_content_length < 0 or (self.expected_content_length and not more):
                raise RuntimeError("the body has not the length that its Content-Length says")
        head, self._head = self._head, b""
        if not head:
            self.transport.write(body)
        elif len(body) <= _JOINED_BYTES:
            self.transport.write(b"".join((head, body)))
        else:
            self.transport.writelines((head, body))
        if not more:
            self.response_complete = True
            self.message_event.set()
            if not self.keep_alive:
                self.transport.close()
            self.on_response()


def _answered() -> Cycle:
    cycle = Cycle(
        scope={},  # type: ignore[typeddict-item]  # nobody looks at it any more
        transport=None,  # type: ignore[arg-type]
        flow=None,  # type: ignore[arg-type]
        logger=None,  # type: ignore[arg-type]
        access_logger=None,  # type: ignore[arg-type]
        access_log=False,
        default_headers=[],
        message_event=asyncio.Event(),
        expect_100_continue=False,
        keep_alive=True,
        on_response=lambda: None,
    )
    cycle.response_started = cycle.response_complete = True
    return cycle


ANSWERED: Final = _answered()
"""Any request that had its answer before its body came, for whoever asks what became of it."""


_seen: set[bytes] = set()


def head(status: int, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Status line and headers of an answer, looked through: one header must not become two, whatever it tells.

    Args:
        status: of HTTP.
        headers: names in lower case.

    Raises:
        RuntimeError: a name or a value is none.
    """
    lines = [STATUS_LINE[status]]
    for name, value in headers:
        if name not in _seen:
            _look_at(name)
        lines.append(name + b": " + value + b"\r\n")
    lines.append(b"\r\n")
    whole = b"".join(lines)
    if whole.translate(None, _VISIBLE) != b"\r\n" * len(lines):
        raise RuntimeError("a header's value must not hold control characters")
    return whole


def _look_at(name: bytes) -> None:
    if _TOKEN.fullmatch(name) is None:
        raise RuntimeError(f"{name!r} is no name of a header in lower case")
    # Our own code names them, so they are few.
    _seen.add(name)
