"""uvicorn's HTTP protocol, with the limits and the manners it lacks.

uvicorn answers unreadable bytes in plain text, reads headers of any size, waits for them for ever, and keeps
an answer for a reader who has stopped. The rules added here:

- bytes that bring the parser nowhere (headers, chunk sizes, trailers) are counted, and limited: 431;
- a request line or header that does not come to its end in time: 408; a connection that says nothing: closed;
- what the parser refuses is a problem document: 400;
- a refusal is written only where no other answer is being written, and the connection is closed softly, since
  closing with unread bytes would reset it and take the refusal away from the caller;
- a request refused early may send on for a short time, which is thrown away, and is then cut off;
- an offer to upgrade is ignored: the parser would drop the body of a request that makes one, and Java's own
  client makes one with its first request;
- an answer of which nothing is read for a while is given up;
- a request is run at once, as far as it goes without waiting: one that is refused by its headers before its body is
  looked at, and a small one to its end. One for each piece that comes; further ones take turns with everybody;
- a large body may come past the parser: see ``rest/intake``.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Mapping
from ssl import SSLContext

from httptools import HttpRequestParser
from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from poolhouse.errors import HeadersTooLarge, Malformed, PoolhouseError, TooSlow
from poolhouse.rest.answers import VIEWS_KEY
from poolhouse.rest.begun import Begun
from poolhouse.rest.intake import INTAKE_KEY, Intake
from poolhouse.rest.metrics import Metrics, Stage
from poolhouse.rest.problems import problem
from poolhouse.settings import Settings

_LINGER_S = 5.0
# Of a body's first piece: up to here a copy behind its head costs less than a second buffer does.
_JOINED_BYTES = 16 * 1024
# Below this a body comes in a piece or two, and the way past the parser would gain nothing.
_INTAKE_BYTES = 64 * 1024
_INTAKE_DIGITS = len(str(_INTAKE_BYTES))
_UPGRADE = re.compile(rb"\r\nupgrade(?=[ \t]*:)", re.IGNORECASE)


class ServerConfig(Config):
    """uvicorn's configuration, and our settings for the protocol."""

    settings: Settings
    metrics: Metrics
    context: SSLContext | None = None

    def load(self) -> None:
        """As uvicorn does, with our own context for TLS: its options would allow more than they should."""
        super().load()
        self.ssl = self.context


class Protocol(HttpToolsProtocol):
    """One connection."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: Mapping[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        assert isinstance(config, ServerConfig)
        super().__init__(config, server_state, dict(app_state), _loop)
        settings = config.settings
        self._header_limit = settings.max_header_bytes
        self._header_timeout_s = settings.header_timeout_s
        self._silence_s = settings.body_timeout_s
        # True from the first byte of a request to the end of its headers.
        self._in_headers = False
        self._in_body = False
        self._progress = False
        self._piece_bytes = 0
        self._framing_bytes = 0
        self._refusal: PoolhouseError | None = None
        # True once nothing that comes is listened to any more.
        self._refused = False
        self._metrics = config.metrics
        self._header_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._linger_timer: asyncio.TimerHandle | None = None
        self._unsent_bytes = 0
        self._intake: Intake | None = None
        # The request that is run when what is here of its body has been read, and whether one may be.
        self._due: tuple[RequestResponseCycle, ASGI3Application] | None = None
        self._at_once = False
        self._in_piece = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Start the clock for the first headers."""
        super().connection_made(transport)
        self._softly = _Softly(transport, self)
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop every clock."""
        for timer in (self._header_timer, self._write_timer, self._linger_timer):
            if timer is not None:
                timer.cancel()
        if self._intake is not None:
            self._intake.lose()
        if (stage := self._left_in()) is not None:
            self._metrics.gone(stage)
        super().connection_lost(exc)

    def _left_in(self) -> Stage | None:
        """What the caller did not wait for, when the connection is lost; None where nothing was under way."""
        cycle = self.cycle
        if self._refused:
            return None
        if self._in_headers:
            return "headers"
        if cycle is None or cycle.response_complete:
            return None
        if cycle.response_started:
            return "answer"
        return "body" if cycle.more_body else "waiting"

    def data_received(self, data: bytes) -> None:
        """Feed the parser, and hold the limit on bytes that bring it nowhere."""
        if self._refused:
            return
        self._progress = False
        self._piece_bytes = len(data)
        if not self._in_body and _upgrades(data):
            data = _without_upgrade(data)
        self._at_once = self._in_piece = True
        super().data_received(data)
        self._run_due()
        self._at_once = self._in_piece = False
        self._throw_away_rest()
        if self._progress:
            self._framing_bytes = 0
        else:
            self._framing_bytes += len(data)
            if self._framing_bytes > self._header_limit:
                self._refuse(self._headers_too_large())
        if self._in_headers and self._header_timer is None and not self._refused:
            self._await_headers()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._in_headers = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Start the request, unless its headers are too many."""
        self._in_headers = False
        self._in_body = True
        self._progress = True
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None
        # The piece may hold part of a body too, so it is only a reason to count exactly.
        if self._framing_bytes + self._piece_bytes > self._header_limit:
            size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            if size > self._header_limit:
                self._refusal = self._headers_too_large()
                # The parser hands this to data_received as its own error, and that calls send_400_response.
                raise self._refusal
        self.scope[VIEWS_KEY] = True  # type: ignore[typeddict-unknown-key]  # servers may add keys
        if self.scheme == "http":
            self._offer_intake()
        super().on_headers_complete()
        # What comes from now on are trailers, which must not change the headers of a running request.
        self.headers = []
        self.cycle.transport = self._softly
        if self._intake is not None:
            # Where it is refused, its body need not be copied.
            self._run_due()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        if self._at_once:
            self._at_once = False
            self._due = cycle, app
        else:
            super()._start_asgi_task(cycle, app)

    def _run_due(self) -> None:
        """Run the request whose turn it is, as far as it goes; what of it has to wait becomes a task."""
        if self._due is None:
            return
        (cycle, app), self._due = self._due, None
        begun = Begun(cycle.run_asgi(app))
        if not begun.over:
            task = self.loop.create_task(begun.rest())
            task.add_done_callback(self.tasks.discard)
            self.tasks.add(task)

    def _offer_intake(self) -> None:
        for name, value in self.headers:
            if name == b"content-length" and len(value) >= _INTAKE_DIGITS and int(value) >= _INTAKE_BYTES:
                self._intake = Intake(self, int(value))
                self.scope[INTAKE_KEY] = self._intake  # type: ignore[typeddict-unknown-key]  # servers may add keys

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._progress = True
        if self._intake is not None:
            self._intake.to_come -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request has come to its end."""
        self._in_body = False
        self._progress = True
        self._intake = None
        if self._linger_timer is not None:
            self._linger_timer.cancel()
            self._linger_timer = None
        super().on_message_complete()
        self._run_due()

    def on_response_complete(self) -> None:
        """Give a body that nobody wants any more a short time to end."""
        self._softly.end()
        super().on_response_complete()
        if self.cycle.response_complete and self.cycle.more_body and not self.transport.is_closing():
            self._linger()
            if not self._in_piece:
                self._throw_away_rest()

    def _throw_away_rest(self) -> None:
        """Keep the parser from a body that nobody wants any more; not while it reads a piece of that."""
        if self._intake is not None and self.cycle.response_complete and not self.transport.is_closing():
            self._intake.throw_away()

    def hand_over(self, to: asyncio.BaseProtocol) -> None:
        """Let that protocol have what comes from now on."""
        if not self.transport.is_closing():
            # Event loops choose their way of reading when it begins.
            self.flow.pause_reading()
            self.transport.set_protocol(to)
            self.flow.resume_reading()

    def take_back(self) -> None:
        """The body has come to its end past the parser, which begins anew."""
        self.hand_over(self)
        self.parser = HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self.on_message_complete()

    def close_softly(self) -> None:
        """Close the connection after an answer, once the caller has had the time to read it."""
        if self.cycle.more_body and not self.transport.is_closing() and self.transport.can_write_eof():
            self._refused = True
            self.transport.write_eof()
            self.flow.resume_reading()
            self._linger()
        else:
            self.transport.close()

    def shutdown(self) -> None:
        """The server stops: a connection that is being closed softly is left to that."""
        if self._linger_timer is None:
            super().shutdown()

    def _linger(self) -> None:
        if self._linger_timer is None:
            self._linger_timer = self.loop.call_later(_LINGER_S, self.transport.close)

    def pause_writing(self) -> None:
        """The caller reads slower than we write: watch that it reads at all."""
        super().pause_writing()
        self._watch_writing()

    def resume_writing(self) -> None:
        """The caller has caught up."""
        super().resume_writing()
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def send_400_response(self, msg: str) -> None:
        """Refuse what the parser refused; uvicorn's own sentence is not sent."""
        self._refuse(
            self._refusal
            or Malformed(
                "malformed_request",
                "These bytes are not an HTTP/1.1 request. Check the request line, the headers and the "
                "framing of the body; a TLS client must speak to the proxy before this service.",
            )
        )

    def _headers_too_large(self) -> HeadersTooLarge:
        return HeadersTooLarge(
            "headers_too_large",
            f"Request line and headers pass {self._header_limit} bytes. "
            "Send fields that are long in a JSON body, and fewer cookies.",
            limit_bytes=self._header_limit,
        )

    def _await_headers(self) -> None:
        self._header_timer = self.loop.call_later(self._header_timeout_s, self._headers_are_late)

    def _headers_are_late(self) -> None:
        self._header_timer = None
        if not self._in_headers:
            self.transport.close()
            return
        self._refuse(
            TooSlow(
                "body_too_slow",
                f"The headers did not come to their end within {self._header_timeout_s:g} s.",
            )
        )

    def _refuse(self, error: PoolhouseError) -> None:
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        self._due = None
        self._metrics.refused_unread(error.code, error.status)
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete and (cycle.response_started or not cycle.more_body):
            # The request before is being answered: it gets its answer whole, then the connection ends.
            cycle.keep_alive = False
            return
        instance = getattr(self, "url", b"").decode("latin-1")
        refusal = problem(error, instance=instance, request_id=(request_id := secrets.token_hex(8)))
        lines = [STATUS_LINE[refusal.status]]
        for name, value in (
            *self.server_state.default_headers,
            *refusal.headers,
            (b"x-request-id", request_id.encode()),
            (b"connection", b"close"),
        ):
            lines += [name, b": ", value, b"\r\n"]
        self.transport.write(b"".join([*lines, b"\r\n", refusal.body]))
        if cycle is not None and not cycle.response_complete:
            # A body broke off in the middle: the application must neither wait for the rest nor answer.
            cycle.disconnected = True
            cycle.message_event.set()
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self._linger()
        else:
            self.transport.close()

    def _watch_writing(self) -> None:
        self._unsent_bytes = self.transport.get_write_buffer_size()
        self._write_timer = self.loop.call_later(self._silence_s, self._check_writing)

    def _check_writing(self) -> None:
        self._write_timer = None
        if self.transport.get_write_buffer_size() < self._unsent_bytes:
            self._watch_writing()
        else:
            self.transport.abort()


class _Softly(asyncio.Transport):
    """The transport as an answer sees it. It closes softly: a socket closed with unread bytes is reset, and a reset
    takes the answer away from a caller who is still sending. And it sends an answer's head with the first piece of its
    body, which uvicorn writes apart and uvloop sends at once: one call to the kernel, one packet, one wake-up."""

    def __init__(self, transport: asyncio.Transport, protocol: Protocol) -> None:
        super().__init__()
        self._transport = transport
        self._protocol = protocol
        self._head: bytes | bytearray | memoryview | None = None
        self._begun = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._head is not None:
            head, self._head = self._head, None
            if len(data) <= _JOINED_BYTES:
                self._transport.write(b"".join((head, data)))
            else:
                self._transport.writelines((head, data))
        elif not self._begun and self._protocol.cycle.response_started:
            self._begun, self._head = True, data
        else:
            self._transport.write(data)

    def end(self) -> None:
        """The answer is complete: what is left of it goes out now."""
        self._begun = False
        if self._head is not None:
            head, self._head = self._head, None
            self._transport.write(head)

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def close(self) -> None:
        self.end()
        self._protocol.close_softly()


def _upgrades(data: bytes) -> bool:
    """Whether the head in this piece may ask for another protocol; the body behind it is not looked through."""
    end = data.find(b"\r\n\r\n")
    return data.find(b"pgrade", 0, len(data) if end < 0 else end) >= 0


def _without_upgrade(data: bytes) -> bytes:
    """The piece with the Upgrade header of its head renamed; RFC 9110 section 7.8 lets a server ignore it."""
    head, end, body = data.partition(b"\r\n\r\n")
    return _UPGRADE.sub(b"\r\nx-ignored-upgrade", head) + end + body
