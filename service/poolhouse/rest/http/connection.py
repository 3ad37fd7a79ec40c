"""The asyncio protocol of one HTTP/1.1 connection: reads heads and bodies, starts exchanges, and closes.

``connection_state.py`` has its states and limits. The event loop receives into one buffer shared by all connections,
which is parsed before the next read. The rest of a body that did not arrive with its head is received directly into
the memory in which its request keeps it. A head that repeats an earlier one byte for byte is not parsed again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from uvicorn.config import Config
from uvicorn.server import ServerState

from poolhouse.errors import PoolhouseError
from poolhouse.rest.http import connection_state as states
from poolhouse.rest.http.asgi_exchange import AsgiExchange
from poolhouse.rest.http.connection_state import Lifecycle
from poolhouse.rest.http.exchange import Exchange
from poolhouse.rest.http.framing import ChunkedFraming, Framing, LengthFraming
from poolhouse.rest.http.handler_exchange import HandlerExchange
from poolhouse.rest.http.head import Head, HeadReader, headers_too_slow
from poolhouse.rest.http.read_flow import ReadFlowControl
from poolhouse.rest.http.response import protocol_error_response
from poolhouse.rest.http.response_progress import ResponseProgress
from poolhouse.rest.http.server_context import Match, ServerConfig
from poolhouse.rest.http.timers import ConnectionTimers

_RECEIVE_BUFFER: Final = bytearray(64 * 1024)
_RECEIVE_VIEW: Final = memoryview(_RECEIVE_BUFFER)
# The write buffer limit of a TLS connection.
_UNSENT_BYTES: Final = 64 * 1024


class Connection(asyncio.BufferedProtocol):
    """One HTTP/1.1 connection, for uvicorn's option ``http``. Attributes: see :class:`.exchange.ConnectionApi`.

    Args:
        config: a :class:`.server_context.ServerConfig`.
        server_state: the server's connections and tasks.
        app_state: the state of ASGI's lifespan, for the scopes of requests.
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
        assert isinstance(config, ServerConfig), "uvicorn was started without our configuration"
        self.context = config.server_context
        self.server_state = server_state
        self.app_state = app_state
        self.loop = _loop or asyncio.get_running_loop()
        self.is_encrypted = self.is_write_paused = self.is_stopping = False
        self._lifecycle = Lifecycle()
        self._reader: HeadReader | None = None
        # The previous head, if it may be kept for comparison.
        self._last_head: Head | None = None
        self._framing: Framing | None = None
        self._exchange: Exchange | None = None
        self._receives_into_body = False

    # ---- called by the event loop

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # a stream transport
        """Set up the transport, and limit the time for the first head."""
        self.transport = transport
        self.read_flow = ReadFlowControl(transport)
        self.is_encrypted = transport.get_extra_info("sslcontext") is not None
        # Writing pauses with the first byte that the kernel does not take, and resumes when all are taken: one unsent
        # byte pins its whole tensor, whose lease must last as long. TLS keeps an encrypted copy instead.
        # guard: response-is-held-until-sent
        transport.set_write_buffer_limits(high=_UNSENT_BYTES if self.is_encrypted else 0, low=0)
        self.response_progress = ResponseProgress(transport, self.context.response_limits, self.loop)
        self.context.metrics.connection_opened()
        self.server_state.connections.add(self)  # type: ignore[arg-type]  # uvicorn names only its own classes
        self._timers = ConnectionTimers(
            transport, self.loop, self.response_progress, self.context.stall_timeout_s, self._on_head_timeout
        )
        self._timers.idle.set(self.context.header_timeout_s)

    def get_buffer(self, sizehint: int) -> memoryview:
        """The memory for the next read."""
        exchange = self._exchange if self._receives_into_body else None
        return self.context.receive_budget.limit(_RECEIVE_VIEW if exchange is None else exchange.body_buffer())

    def buffer_updated(self, nbytes: int) -> None:
        """Process the bytes of a read."""
        self.context.receive_budget.consume(nbytes, self.read_flow, self.loop)
        if self._receives_into_body:
            self._on_received_into_body(nbytes)
            return
        cached = self._find_cached_head(nbytes)
        if cached is not None:
            begin = len(cached.raw)
            position = begin + self._begin_exchange(cached, _RECEIVE_VIEW[begin:nbytes])
            if position < nbytes or self._exchange is not None:
                self._consume(_RECEIVE_VIEW[position:nbytes], may_begin=False)
        elif self.read_flow.buffered:
            self.read_flow.buffer_and_pause(_RECEIVE_VIEW[:nbytes])
        else:
            self._consume(_RECEIVE_VIEW[:nbytes])

    def eof_received(self) -> None:
        """Let the transport close itself: the client sends no more."""

    def pause_writing(self) -> None:
        """Start to check that the client reads at all: the transport has unsent bytes."""
        self.is_write_paused = True
        self._timers.start_write_watchdog()  # guard: unread-response-is-watched

    def resume_writing(self) -> None:
        """Continue the response, or the next request: the transport has sent everything."""
        self.is_write_paused = False
        self._timers.stop_write_watchdog()
        if self._exchange is not None:
            self._exchange.on_write_resumed()
        elif self.read_flow.buffered:
            self._process_buffered()

    def connection_lost(self, exc: Exception | None) -> None:
        """Release everything; the client or the server has closed the connection."""
        stage = states.DISCONNECT_STAGES.get(self._lifecycle.state)
        if stage is not None:
            self.context.metrics.record_disconnect(stage)  # guard: disconnects-are-counted
        self._lifecycle.transition(states.CONNECTION_LOST)
        self._timers.cancel()
        self._discard_input()
        self._last_head = None
        self.server_state.connections.discard(self)
        self.context.metrics.connection_closed()
        exchange, self._exchange = self._exchange, None
        if exchange is not None:  # guard: disconnect-reaches-exchange
            exchange.on_disconnect()

    # ---- called by the server

    @property
    def is_busy(self) -> bool:
        """Whether a request is in progress."""
        return self._exchange is not None

    def shutdown(self) -> None:
        """Close the connection, if idle at once, else after its response."""
        self.is_stopping = True
        if self._lifecycle.state in (states.IDLE, states.HEAD):
            self.context.outbox.flush(self.transport)
            self._timers.close()

    def refuse_draining(self) -> None:
        """Refuse a request whose body is incomplete: the server's grace period has ended."""
        if self._exchange is not None and self._lifecycle.state is states.BODY:
            self._exchange.on_shutdown()

    # ---- called by the exchange

    def begin_response(self) -> None:
        """See :class:`.exchange.ConnectionApi`."""
        self._lifecycle.transition(states.RESPONSE_BEGAN)

    def send_response(self, response: bytes, *, keeps_alive: bool) -> None:
        """See :class:`.exchange.ConnectionApi`."""
        # The outbox delays, so it is not used if the connection closes, or still has to receive the rest of the body.
        if keeps_alive and self._lifecycle.state is states.RESPONDING and not self.is_stopping:
            self.context.outbox.send(self.transport, response, self.loop)
        else:
            self.transport.write(response)

    def end_response(self, *, keeps_alive: bool) -> None:
        """See :class:`.exchange.ConnectionApi`. Continue with the next request, or close."""
        self.server_state.total_requests += 1
        self._exchange = None
        self._receives_into_body = False
        if self._lifecycle.state is states.CLOSED:
            return
        is_reused = keeps_alive and not self.is_stopping
        state = self._lifecycle.transition(states.RESPONSE_ENDED if is_reused else states.LAST_RESPONSE_ENDED)
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
        """Parse bytes until one request has begun; buffer the bytes behind it."""
        try:
            while data:
                state = self._lifecycle.state
                if state is states.IDLE or state is states.HEAD:
                    if not may_begin or self.is_write_paused:
                        self.read_flow.buffer_and_pause(data)
                        # In another iteration, so that a flood on one connection does not delay the others.
                        self.loop.call_soon(self._process_buffered)
                        return
                    data = data[self._read_head(data) :]
                    may_begin = self._reader is not None
                elif self._framing is not None:
                    data = data[self._read_body(data) :]
                else:
                    if self._exchange is not None:
                        self.read_flow.buffer_and_pause(data)
                    return
        except PoolhouseError as error:
            self._refuse_and_close(error)
        if self._lifecycle.state is states.BODY and self._exchange is not None:
            self._receives_into_body = self._exchange.prepare_body_buffer()

    def _find_cached_head(self, nbytes: int) -> Head | None:
        """The cached head with which a read of ``nbytes`` begins, if any; usually the connection's previous one."""
        if self._lifecycle.state is not states.IDLE or self._reader or self.is_write_paused or self.read_flow.buffered:
            return None
        cached = self._last_head
        if cached is None or nbytes < len(cached.raw) or not _RECEIVE_BUFFER.startswith(cached.raw):
            cached = self._last_head = self.context.head_cache.get(_RECEIVE_BUFFER, nbytes)
        return cached

    def _read_head(self, data: memoryview) -> int:
        reader = self._reader
        if reader is None:
            reader = self._reader = HeadReader(self.context.max_header_bytes, self.context.partial_head_budget)
        used = reader.feed(data)
        if reader.has_begun and self._lifecycle.state is states.IDLE:
            # Empty lines before the request do not stop the idle timer.
            self._lifecycle.transition(states.HEAD_BEGAN)
            self._timers.idle.clear()
            if reader.head is None:
                self._timers.head.set(self.context.header_timeout_s)  # guard: headers-have-timeout
        if reader.head is not None:
            self._last_head = reader.head if reader.head.raw else None
            self.context.head_cache.add(reader.head)
            self._timers.head.clear()
            self._reader = None
            used += self._begin_exchange(reader.head, data[used:])
        return used

    def _begin_exchange(self, head: Head, data: memoryview) -> int:
        """Start the exchange of a request; return the number of body bytes consumed, 0 if the body is incomplete."""
        if self.context.outbox.pending:
            self.context.outbox.flush(self.transport)
        self._timers.idle.clear()
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
        assert isinstance(self._framing, LengthFraming), "only a body of known length is received directly"
        assert self._exchange is not None, "the exchange provided the buffer"
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
            # The connection was kept open only to discard the rest of this body.
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
        elif self.read_flow.is_paused:
            self.read_flow.resume()

    def _process_buffered(self) -> None:
        """Parse the pipelined bytes, once the previous response has been sent."""
        if self.read_flow.buffered and self._exchange is None and not self.is_write_paused:
            self._consume(self.read_flow.take_buffered())
            if not self.read_flow.buffered:
                self.read_flow.resume()

    # ---- ends

    def _refuse_and_close(self, error: PoolhouseError) -> None:
        """Send an error, unless a response has begun, and close: the input can no longer be parsed."""
        self.context.outbox.flush(self.transport)
        self._discard_input()
        if self._lifecycle.state in (states.EARLY, states.CLOSING):
            self.is_stopping = True
            return
        has_responded = self._lifecycle.state is states.DISCARDING
        self._lifecycle.transition(states.PROTOCOL_ERROR)
        exchange, self._exchange = self._exchange, None
        if not has_responded:
            self.context.metrics.record_protocol_error(error.code, error.status)
            target = exchange.head.target if exchange is not None else self._reader.target if self._reader else b""
            self.transport.write(
                protocol_error_response(error, target, self.server_state.default_headers, self.context.root_path)
            )
        if exchange is not None:
            exchange.on_disconnect()
        self._shut_down()

    def _discard_input(self) -> None:
        self._framing, self._receives_into_body = None, False
        self.read_flow.take_buffered()
        if self._reader is not None:
            self._reader.close()

    def _shut_down(self) -> None:
        self._timers.shut_down_writing()
        self.read_flow.resume()

    def _on_head_timeout(self) -> None:
        self._refuse_and_close(headers_too_slow(self.context.header_timeout_s))
