"""Between a connection and the one request that it works on: what either may ask of the other."""

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
    """A connection, as its request sees it.

    Attributes:
        site: what all connections share.
        server_state: the server's connections and tasks.
        app_state: of the lifespan.
        loop: the event loop.
        transport: of the connection.
        inflow: its receiving side.
        pace: that the client owes while it reads.
        is_encrypted: whether the client speaks TLS.
        is_write_paused: whether the client has not read what it was sent.
        is_stopping: whether the connection ends with this answer.
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
        """The answer to the current request begins."""

    def send_response(self, answer: bytes, *, keeps_alive: bool) -> None:
        """Hand a whole answer, which has begun, to the transport before this turn of the event loop ends."""

    def end_response(self, *, keeps_alive: bool) -> None:
        """All of the answer was handed to the transport."""


class Exchange(Protocol):
    """One request and its answer. It tells the connection when its answer begins and ends."""

    @property
    def head(self) -> Head:
        """Of the request."""
        ...

    def start(self) -> None:
        """The head is here; the answer may begin, a refusal, before anything else comes."""

    def start_with_body(self, body: memoryview) -> None:
        """The head is here, and all of the body, whose memory is lent for the call."""

    def on_body_piece(self, piece: memoryview) -> None:
        """A piece of the body; its memory is lent for the call."""

    def prepare_body_buffer(self) -> bool:
        """Some of the body is yet to come; whether it is to be received into :meth:`body_buffer`."""
        ...

    def body_buffer(self) -> memoryview:
        """Where the rest of the body is received straight."""
        ...

    def on_received(self, nbytes: int) -> None:
        """So much has come there."""

    def on_body_end(self) -> None:
        """The body is whole."""

    def on_write_resumed(self) -> None:
        """The client has read all that was written."""

    def on_shutdown(self) -> None:
        """The server waits no longer."""

    def on_disconnect(self) -> None:
        """The client has left, or cannot be answered."""
