"""The two protocols between a connection and its current request: ``ConnectionApi`` and ``Exchange``."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

from uvicorn.server import ServerState

from poolhouse.rest.http.head import Head
from poolhouse.rest.http.read_flow import ReadFlowControl
from poolhouse.rest.http.response_progress import ResponseProgress
from poolhouse.rest.http.server_context import ServerContext


class ConnectionApi(Protocol):
    """A connection, as an exchange sees it.

    Attributes:
        context: shared by all connections.
        server_state: the server's connections and tasks.
        app_state: the state of ASGI's lifespan.
        loop: the event loop.
        transport: of the connection.
        read_flow: pauses and resumes reading.
        response_progress: measures how fast the client reads.
        is_encrypted: whether the connection uses TLS.
        is_write_paused: whether the transport has more unsent bytes than its limit.
        is_stopping: whether the connection closes after the current response.
    """

    context: ServerContext
    server_state: ServerState
    app_state: Mapping[str, object]
    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    read_flow: ReadFlowControl
    response_progress: ResponseProgress
    is_encrypted: bool
    is_write_paused: bool
    is_stopping: bool

    def begin_response(self) -> None:
        """Note that the response to the current request begins."""

    def send_response(self, response: bytes, *, keeps_alive: bool) -> None:
        """Pass a whole response, which has begun, to the transport within this iteration of the event loop."""

    def end_response(self, *, keeps_alive: bool) -> None:
        """Note that all of the response was passed to the transport."""


class Exchange(Protocol):
    """One request and its response. It reports to the connection when the response begins and ends."""

    @property
    def head(self) -> Head:
        """The head of the request."""
        ...

    def start(self) -> None:
        """Start with the head alone; the response may begin before the body arrives, usually with an error."""

    def start_with_body(self, body: memoryview) -> None:
        """Start with the head and the complete body, whose memory is valid during the call."""

    def on_body_piece(self, piece: memoryview) -> None:
        """Take a piece of the body, whose memory is valid during the call."""

    def prepare_body_buffer(self) -> bool:
        """Whether the rest of the body is to be received into :meth:`body_buffer`; allocates it if so."""
        ...

    def body_buffer(self) -> memoryview:
        """The memory into which the rest of the body is received."""
        ...

    def on_received(self, nbytes: int) -> None:
        """Note that bytes were received into :meth:`body_buffer`."""

    def on_body_end(self) -> None:
        """Note that the body is complete."""

    def on_write_resumed(self) -> None:
        """Note that the transport has sent everything that was written."""

    def on_shutdown(self) -> None:
        """Refuse a request whose body is incomplete when the grace period ends."""

    def on_disconnect(self) -> None:
        """Note that the client has disconnected, or cannot get a response."""
