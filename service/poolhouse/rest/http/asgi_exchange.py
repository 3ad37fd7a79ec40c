"""One request served by the ASGI application: provides scope, receive and send as the ASGI specification has them."""

from __future__ import annotations

import asyncio
import logging
from typing import Final
from urllib.parse import unquote

from starlette.types import Message, Scope

from poolhouse.rest.http.exchange import ConnectionApi
from poolhouse.rest.http.head import Head
from poolhouse.rest.http.headers import HEADERS_KEY
from poolhouse.rest.http.response import header_lines

VIEWS_KEY: Final = "poolhouse.views"
"""Scope key of a server whose ``send`` takes a memoryview. ASGI promises bytes only, and other servers rely on that:
one that runs the application in another process pickles the body, which a memoryview does not allow."""
RESPONSE_PROGRESS_KEY: Final = "poolhouse.response_progress"
"""Scope key of the connection's :class:`.response_progress.ResponseProgress`; absent on other servers."""

# Reading from the socket pauses while the application has not received more than this many bytes of the body.
_UNREAD_BYTES: Final = 64 * 1024
_JOINED_BYTES: Final = 16 * 1024
_NO_BODY: Final = (204, 304)
_NOTHING: Final = memoryview(b"")

_log = logging.getLogger("poolhouse.rest")


class AsgiExchange:
    """One request for the ASGI application, and its response.

    Args:
        connection: of the request.
        head: of the request.
    """

    def __init__(self, connection: ConnectionApi, head: Head) -> None:
        self.head = head
        self._connection = connection
        self._body = bytearray()
        self._is_whole = False
        self._is_lost = False
        self._changed = asyncio.Event()
        self._written = asyncio.Event()
        self._waits_for_continue = head.expects_continue
        self._keeps_alive = head.keeps_alive
        # The response's head, until the first piece of its body is sent.
        self._response_start: bytes | None = None
        self._has_started = self._is_complete = False
        self._is_chunked = False
        self._remaining_bytes: int | None = None

    def start(self) -> None:
        """See :meth:`.exchange.Exchange.start`."""
        connection = self._connection
        task = connection.loop.create_task(self._run())
        connection.server_state.tasks.add(task)
        task.add_done_callback(connection.server_state.tasks.discard)

    # ---- called by the connection

    def start_with_body(self, body: memoryview) -> None:
        """See :meth:`.exchange.Exchange.start_with_body`."""
        self._body += body
        self._is_whole = True
        self._changed.set()
        self.start()

    def on_body_piece(self, piece: memoryview) -> None:
        """See :meth:`.exchange.Exchange.on_body_piece`."""
        self._body += piece
        if len(self._body) > _UNREAD_BYTES:
            self._connection.read_flow.pause()
        self._changed.set()

    def prepare_body_buffer(self) -> bool:
        """See :meth:`.exchange.Exchange.prepare_body_buffer`."""
        return False

    def body_buffer(self) -> memoryview:
        """See :meth:`.exchange.Exchange.body_buffer`."""
        return _NOTHING

    def on_received(self, nbytes: int) -> None:
        """See :meth:`.exchange.Exchange.on_received`."""

    def on_body_end(self) -> None:
        """See :meth:`.exchange.Exchange.on_body_end`."""
        self._is_whole = True
        self._changed.set()

    def on_write_resumed(self) -> None:
        """See :meth:`.exchange.Exchange.on_write_resumed`."""
        self._written.set()

    def on_shutdown(self) -> None:
        """See :meth:`.exchange.Exchange.on_shutdown`. The server cancels the task."""

    def on_disconnect(self) -> None:
        """See :meth:`.exchange.Exchange.on_disconnect`."""
        self._is_lost = True
        self._changed.set()
        self._written.set()

    # ---- called by the application

    async def _run(self) -> None:
        try:
            await self._connection.context.app(self._scope(), self._receive, self._send)
        except Exception:
            if not self._is_lost:
                _log.exception("the application failed on a request")
        finally:
            if not self._is_complete and not self._is_lost:
                # The closed connection tells the client that the response is incomplete or missing.
                self._connection.transport.close()

    def _scope(self) -> Scope:
        connection, head = self._connection, self.head
        get = connection.transport.get_extra_info
        path = head.path.decode("latin-1")
        root = connection.context.root_path
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": head.version,
            "server": _address(get("sockname")),
            "client": _address(get("peername")),
            "scheme": "https" if connection.is_encrypted else "http",
            "method": head.method,
            "root_path": root,
            "path": root + (unquote(path) if "%" in path else path),
            "raw_path": root.encode("ascii") + head.path,
            "query_string": head.query,
            "headers": list(head.raw_headers),
            "state": dict(connection.app_state),
            # ASGI allows servers to add keys.
            VIEWS_KEY: True,
            RESPONSE_PROGRESS_KEY: connection.response_progress,
            HEADERS_KEY: head.headers,
        }

    async def _receive(self) -> Message:
        """ASGI's ``receive``. Resumes reading from the socket only while the body is incomplete: bytes behind it belong
        to the next requests."""
        connection = self._connection
        if self._waits_for_continue and not self._is_lost and not connection.transport.is_closing():
            connection.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._waits_for_continue = False
        if not self._is_lost and not self._is_complete:
            if not self._is_whole:
                connection.read_flow.resume()
            await self._changed.wait()
            self._changed.clear()
        if self._is_lost or self._is_complete:
            return {"type": "http.disconnect"}
        body, self._body = bytes(self._body), bytearray()
        return {"type": "http.request", "body": body, "more_body": not self._is_whole}

    async def _send(self, message: Message) -> None:
        """ASGI's ``send``. The head is sent together with the first piece of the body."""
        connection = self._connection
        while connection.is_write_paused and not self._is_lost:
            self._written.clear()
            await self._written.wait()
        if self._is_lost or connection.transport.is_closing():
            # On a broken connection the transport closes itself before it calls connection_lost.
            return
        if message["type"] == "http.response.start" and not self._has_started:
            self._has_started = True
            self._waits_for_continue = False
            self._response_start = self._begin(message)
            connection.begin_response()
        elif message["type"] == "http.response.body" and self._has_started and not self._is_complete:
            self._write(message.get("body", b""), is_last=not message.get("more_body", False))
        else:
            raise RuntimeError(f"unexpected ASGI message {message['type']!r}")

    def _begin(self, message: Message) -> bytes:
        status: int = message["status"]
        headers: list[tuple[bytes, bytes]] = []
        for name, value in message.get("headers", ()):
            if name == b"content-length":
                self._remaining_bytes = int(value)
            elif name == b"connection" and value == b"close":
                self._keeps_alive = False
                continue
            headers.append((name, value))
        if self._remaining_bytes is None and self.head.method != "HEAD" and status not in _NO_BODY:
            self._is_chunked = True
            headers.append((b"transfer-encoding", b"chunked"))
        if not self._keeps_alive:
            headers.append((b"connection", b"close"))
        lines = self._connection.context.response_start(status, self._connection.server_state.default_headers)
        return lines + header_lines(headers) + b"\r\n"

    def _write(self, body: bytes | memoryview, *, is_last: bool) -> None:
        if self.head.method == "HEAD":
            body = b""
        elif self._is_chunked:
            body = b"".join((b"%x\r\n" % len(body), body, b"\r\n")) if body else b""
            if is_last:
                body += b"0\r\n\r\n"
        elif self._remaining_bytes is not None:
            self._remaining_bytes -= len(body)
            if self._remaining_bytes < 0 or (self._remaining_bytes and is_last):
                raise RuntimeError("the length of the response body differs from its Content-Length")
        transport = self._connection.transport
        head, self._response_start = self._response_start, None
        if head is None:
            transport.write(body)
        elif len(body) <= _JOINED_BYTES:
            transport.write(b"".join((head, body)))
        else:
            transport.writelines((head, body))
        if is_last:
            self._is_complete = True
            self._changed.set()
            self._connection.end_response(keeps_alive=self._keeps_alive)


def _address(name: object) -> tuple[str, int] | None:
    """A TCP address in ASGI's form; None for a Unix socket."""
    return (str(name[0]), int(name[1])) if isinstance(name, tuple) else None
