"""One connection: bytes from the socket to the request that they belong to. ``state.py`` has its states and limits.

The event loop receives into one buffer for all connections, which is parsed before the next one is received into; a
body that is not whole in its first piece is received straight into the memory that the request keeps it in.

A head that repeats an earlier one byte for byte is recognised by comparison, and not parsed again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from uvicorn.config import Config
from uvicorn.server import ServerState

from poolhouse.errors import PoolhouseError, TooSlow
from poolhouse.rest.http import connection_state as states
from poolhouse.rest.http.asgi_exchange import AsgiExchange
from poolhouse.rest.http.connection_state import Lifecycle
from poolhouse.rest.http.exchange import Exchange
from poolhouse.rest.http.framing import ChunkedFraming, Framing, LengthFraming
from poolhouse.rest.http.handler_exchange import HandlerExchange
from poolhouse.rest.http.head import Head, HeadReader
from poolhouse.rest.http.read_flow import ReadFlowControl
from poolhouse.rest.http.response import protocol_error_response
from poolhouse.rest.http.response_progress import ResponseProgress
from poolhouse.rest.http.server_context import Match, ServerConfig
from poolhouse.rest.http.timers import ConnectionTimers

_RECEIVE_BUFFER: Final = bytearray(64 * 1024)
_RECEIVE_VIEW: Final = memoryview(_RECEIVE_BUFFER)
# Of what is encrypted: more than this unsent, and a client is one that reads slowly.
_UNSENT_BYTES: Final = 64 * 1024


class Connection(asyncio.BufferedProtocol):
    """One connection: what uvicorn's option ``http`` takes. Its attributes are :class:`.exchange.Wire`'s.

    Args:
        config: a :class:`.server_context.ServerConfig`.
        server_state: the server's connections and tasks.
        app_state: of the lifespan, for the scopes of requests.
        _loop: the event loop; None for the running one.
    """

    transport: asyncio.Transport
    read_flow: ReadFlowControl
    response_progress: ResponseProgress

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: Mapping[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        assert isinstance(config, ServerConfig), "our connections need their site"
        self.context = config.server_context
        self.server_state = server_state
        self.app_state = app_state
        self.loop = _loop or asyncio.get_running_loop()
        self.is_encrypted = False
        self.is_write_paused = False
        self.is_stopping = False
        self._lifecycle = Lifecycle()
        self._reader: HeadReader | None = None
        # The last head, if it may be kept for comparison.
        self._last_head: Head | None = None
        self._framing: Framing | None = None
        self._exchange: Exchange | None = None
        self._receives_into_body = False

    # ---- what the event loop calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # always of streams
        """The connection is open: limit the time for its first head."""
        self.transport = transport
        self.read_flow = ReadFlowControl(transport)
        self.is_encrypted = transport.get_extra_info("sslcontext") is not None
        # Writing stops with the first byte that the system does not take, and goes on when it has taken all: one byte
        # pins the whole tensor that it is of, which must be held until then. TLS encrypts a copy.
        # guard: response-is-held-until-sent
        transport.set_write_buffer_limits(high=_UNSENT_BYTES if self.is_encrypted else 0, low=0)
        self.response_progress = ResponseProgress(transport, self.context.response_limits, self.loop)
        self.server_state.connections.add(self)  # type: ignore[arg-type]  # uvicorn names only its own classes
        self._timers = ConnectionTimers(
            transport, self.loop, self.response_progress, self.context.stall_timeout_s, self._on_head_timeout
        )
        self._timers.idle.set(self.context.header_timeout_s)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the socket, which has something, may write."""
        if self._receives_into_body and self._exchange is not None:
            return self.context.receive_budget.limit(self._exchange.body_buffer())
        return self.context.receive_budget.limit(_RECEIVE_VIEW)

    def buffer_updated(self, nbytes: int) -> None:
        """So much has come into the buffer that was given last."""
        self.context.receive_budget.consume(nbytes, self.read_flow, self.loop)
        if self._receives_into_body:
            self._on_received_into_body(nbytes)
            return
        known = self._find_cached_head(nbytes)
        if known is not None:
            position = len(known.raw) + self._begin_exchange(known, _RECEIVE_VIEW[len(known.raw) : nbytes])
            self._consume(_RECEIVE_VIEW[position:nbytes], may_begin=False)
        elif self.read_flow.buffered:
            self.read_flow.buffer_and_pause(_RECEIVE_VIEW[:nbytes])
        else:
            self._consume(_RECEIVE_VIEW[:nbytes])

    def eof_received(self) -> None:
        """The client sends no more; the transport closes itself."""

    def pause_writing(self) -> None:
        """The client reads slower than we write: watch that it reads at all."""
        self.is_write_paused = True
        self._timers.start_write_watchdog()  # guard: unread-response-is-watched

    def resume_writing(self) -> None:
        """The client has caught up."""
        self.is_write_paused = False
        self._timers.stop_write_watchdog()
        if self._exchange is not None:
            self._exchange.on_write_resumed()
        elif self.read_flow.buffered:
            self._process_buffered()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed, by whomever."""
        stage = states.DISCONNECT_STAGES.get(self._lifecycle.state)
        if stage is not None:
            self.context.metrics.record_disconnect(stage)  # guard: disconnects-are-counted
        self._lifecycle.transition(states.CONNECTION_LOST)
        self._timers.cancel()
        if self._reader is not None:
            self._reader.close()
        self.server_state.connections.discard(self)
        self._framing, self._last_head, self._receives_into_body = None, None, False
        self.read_flow.take_buffered()
        exchange, self._exchange = self._exchange, None
        if exchange is not None:  # guard: disconnect-reaches-exchange
            exchange.on_disconnect()

    # ---- what the server calls

    @property
    def is_busy(self) -> bool:
        """Whether a request is being received or answered."""
        return self._exchange is not None

    def shutdown(self) -> None:
        """The server stops: an idle connection is closed, another one after its answer."""
        self.is_stopping = True
        if self._lifecycle.state in (states.IDLE, states.HEAD):
            self.context.outbox.flush(self.transport)
            self._timers.close()

    def refuse_draining(self) -> None:
        """The server's patience is over: a request whose body is still coming is refused."""
        if self._exchange is not None and self._lifecycle.state is states.BODY:
            self._exchange.on_shutdown()

    # ---- what an exchange calls

    def begin_response(self) -> None:
        """See :class:`.exchange.Wire`."""
        self._lifecycle.transition(states.RESPONSE_BEGAN)

    def send_response(self, answer: bytes, *, keeps_alive: bool) -> None:
        """See :class:`.exchange.Wire`."""
        # Where the connection ends with it, or the rest of the body decides that, nothing may be left behind.
        if keeps_alive and self._lifecycle.state is states.RESPONDING and not self.is_stopping:
            self.context.outbox.send(self.transport, answer, self.loop)
        else:
            self.transport.write(answer)

    def end_response(self, *, keeps_alive: bool) -> None:
        """See :class:`.exchange.Wire`. Go on with what comes behind the request, or close."""
        self.server_state.total_requests += 1
        self._exchange = None
        self._receives_into_body = False
        if self._lifecycle.state is states.CLOSED:
            return
        goes_on = keeps_alive and not self.is_stopping
        state = self._lifecycle.transition(states.RESPONSE_ENDED if goes_on else states.LAST_RESPONSE_ENDED)
        if state is states.IDLE:
            self._become_idle()
        elif state is states.CLOSED:
            self._timers.close()
        elif state is states.CLOSING:
            self._shut_down()
        else:
            self._timers.idle.set(states.LINGER_S)
            self.read_flow.resume()

    # ---- heads and bodies

    def _consume(self, data: memoryview, *, may_begin: bool = True) -> None:
        """Hand bytes to the state's reader, until one request has begun; keep what lies behind it."""
        try:
            while data:
                state = self._lifecycle.state
                if state is states.IDLE or state is states.HEAD:
                    if not may_begin or self.is_write_paused:
                        self.read_flow.buffer_and_pause(data)
                        # Not here: a flood on one connection takes turns with the others.
                        self.loop.call_soon(self._process_buffered)
                        return
                    data = data[self._read_head(data) :]
                    may_begin = self._reader is not None
                elif self._framing is not None:
                    data = data[self._read_body(data) :]
                elif self._exchange is not None:
                    self.read_flow.buffer_and_pause(data)
                    return
                else:
                    return
        except PoolhouseError as error:
            self._refuse_and_close(error)
        if self._lifecycle.state is states.BODY and self._exchange is not None:
            self._receives_into_body = self._exchange.prepare_body_buffer()

    def _find_cached_head(self, nbytes: int) -> Head | None:
        """The head that so many new bytes begin with, if it came before; the last one of this connection most often."""
        if self._lifecycle.state is not states.IDLE or self._reader or self.is_write_paused or self.read_flow.buffered:
            return None
        known = self._last_head
        if known is None or nbytes < len(known.raw) or not _RECEIVE_BUFFER.startswith(known.raw):
            known = self._last_head = self.context.head_cache.get(_RECEIVE_BUFFER, nbytes)
        return known

    def _read_head(self, data: memoryview) -> int:
        reader = self._reader
        if reader is None:
            reader = self._reader = HeadReader(self.context.max_header_bytes, self.context.partial_head_budget)
        used = reader.feed(data)
        if reader.has_begun and self._lifecycle.state is states.IDLE:
            # Only a request ends the time that an idle connection has: empty lines do not.
            self._lifecycle.transition(states.HEAD_BEGAN)
            self._timers.idle.clear()
            if reader.head is None:
                self._timers.head.set(self.context.header_timeout_s)  # guard: headers-have-timeout
        if reader.head is not None:
            self._last_head = reader.head if reader.head.raw else None
            self.context.head_cache.add(reader.head)
            used += self._begin_exchange(reader.head, data[used:])
        return used

    def _begin_exchange(self, head: Head, data: memoryview) -> int:
        """Begin a request, and give how many of the bytes behind its head are its body, if that is whole."""
        self.context.outbox.flush(self.transport)
        self._timers.idle.clear()
        self._timers.head.clear()
        self._reader = None
        match = head.match if isinstance(head.match, Match) else self.context.match(head)
        head.match = match
        exchange = self._exchange = AsgiExchange(self, head) if match is None else HandlerExchange(self, head, match)
        length = head.length
        if length is not None and length <= len(data):
            self._lifecycle.transition(states.HEAD_AND_BODY_ENDED)
            exchange.start_with_body(data[:length])
            return length
        self._lifecycle.transition(states.HEAD_ENDED)
        self._framing = ChunkedFraming(self.context.max_header_bytes) if length is None else LengthFraming(length)
        exchange.start()
        return 0

    def _read_body(self, data: memoryview) -> int:
        framing = self._framing
        assert framing is not None
        used = framing.feed(data, self._on_body_piece)
        if framing.is_complete:
            self._end_body()
        return used

    def _on_body_piece(self, piece: memoryview) -> None:
        if self._exchange is not None:
            self._exchange.on_body_piece(piece)

    def _on_received_into_body(self, nbytes: int) -> None:
        assert isinstance(self._framing, LengthFraming), "only such a body is received straight"
        assert self._exchange is not None, "somebody has room for it"
        self._framing.remaining_bytes -= nbytes
        self._exchange.on_received(nbytes)
        if self._framing is not None and self._framing.is_complete:
            self._end_body()

    def _end_body(self) -> None:
        self._framing, self._receives_into_body = None, False
        state = self._lifecycle.transition(states.BODY_ENDED)
        if state is states.IDLE:
            self._become_idle()
        elif state is states.CLOSED:
            # It was left open for the rest of this body alone.
            self._timers.close()  # guard: refused-body-ends-connection
        elif self._exchange is not None:
            self._exchange.on_body_end()

    def _become_idle(self) -> None:
        if self.is_stopping:
            self._timers.close()
            return
        self._timers.idle.set(self.context.keep_alive_s)
        if self.read_flow.buffered:
            self.loop.call_soon(self._process_buffered)
        else:
            self.read_flow.resume()

    def _process_buffered(self) -> None:
        """Go on with what came behind a request that has been answered by now."""
        if self.read_flow.buffered and self._exchange is None and not self.is_write_paused:
            self._consume(self.read_flow.take_buffered())
            if not self.read_flow.buffered:
                self.read_flow.resume()

    # ---- ends

    def _refuse_and_close(self, error: PoolhouseError) -> None:
        """Nothing that comes can be read any more: refuse it, unless an answer has begun, and close."""
        self.context.outbox.flush(self.transport)
        self._framing, self._receives_into_body = None, False
        self.read_flow.take_buffered()
        if self._lifecycle.state in (states.EARLY, states.CLOSING):
            self.is_stopping = True
            return
        is_answered = self._lifecycle.state is states.DISCARDING
        self._lifecycle.transition(states.PROTOCOL_ERROR)
        exchange, self._exchange = self._exchange, None
        if not is_answered:
            self.context.metrics.record_protocol_error(error.code, error.status)
            target = exchange.head.target if exchange is not None else self._reader.target if self._reader else b""
            self.transport.write(protocol_error_response(error, target, self.server_state.default_headers))
        if self._reader is not None:
            self._reader.close()
        if exchange is not None:
            exchange.on_disconnect()
        self._shut_down()

    def _shut_down(self) -> None:
        self._timers.shut_down_writing()
        self.read_flow.resume()

    def _on_head_timeout(self) -> None:
        self._refuse_and_close(
            TooSlow(
                "body_too_slow",
                f"The headers did not come to their end within {self.context.header_timeout_s:g} s.",
            )
        )
