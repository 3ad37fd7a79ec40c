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
- a large body may come past the parser: see ``rest/intake``;
- clocks that seldom ring, of idle connections and of bodies that nobody wants, are not wound up at every request.
"""

from __future__ import annotations

import asyncio
import math
import re
import secrets
from collections.abc import Mapping
from ssl import SSLContext
from typing import cast
from urllib.parse import unquote

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser, parse_url
from uvicorn._types import ASGI3Application, HTTPScope
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from poolhouse.errors import HeadersTooLarge, Malformed, PoolhouseError, TooSlow
from poolhouse.rest.answers import VIEWS_KEY
from poolhouse.rest.begun import Begun
from poolhouse.rest.cycle import ANSWERED, Cycle, head
from poolhouse.rest.door import Door
from poolhouse.rest.headers import HEADERS_KEY, Headers, read_headers
from poolhouse.rest.intake import INTAKE_KEY, Intake, Sink
from poolhouse.rest.metrics import Metrics, Stage
from poolhouse.rest.problems import Problem, problem
from poolhouse.settings import Settings

_LINGER_S = 5.0
# Below this a body comes in a piece or two, and the way past the parser would gain nothing.
_INTAKE_BYTES = 64 * 1024
_INTAKE_DIGITS = len(str(_INTAKE_BYTES))
_UPGRADE = re.compile(rb"\r\nupgrade(?=[ \t]*:)", re.IGNORECASE)


class ServerConfig(Config):
    """uvicorn's configuration, and our settings for the protocol."""

    settings: Settings
    metrics: Metrics
    door: Door | None = None
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
        # What came behind a request that is still being answered, and was none: told when its turn comes.
        self._owed: PoolhouseError | None = None
        self._metrics = config.metrics
        self._door = config.door
        self._header_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        # When the connection is closed, unless something comes before; and the clock that looks.
        self._closes_at = math.inf
        self._closing_timer: asyncio.TimerHandle | None = None
        self._lingers = False
        self._unsent_bytes = 0
        self._intake: Intake | None = None
        self._sink: Sink | None = None
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
        for timer in (self._header_timer, self._write_timer, self._closing_timer):
            if timer is not None:
                timer.cancel()
        if self._intake is not None:
            self._intake.lose()
            self._intake = None
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
        if not self._lingers:
            self._closes_at = math.inf
        self._progress = False
        self._piece_bytes = len(data)
        if not self._in_body and _upgrades(data):
            data = _without_upgrade(data)
        self._at_once = self._in_piece = True
        try:
            self.parser.feed_data(data)
        except HttpParserError:
            self.send_400_response("")
        except HttpParserUpgrade:
            pass  # CONNECT: it has been answered like any other method that is not known here
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
        self.url = b""
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer, which is not looked at."""
        if self._in_headers:
            self.headers.append((name.lower(), value))

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
        headers = read_headers(self.headers)
        free = self.cycle is None or self.cycle.response_complete
        length = headers.get(b"content-length", b"")
        if len(length) >= _INTAKE_DIGITS and int(length) >= _INTAKE_BYTES and self.scheme == "http":
            self._intake = Intake(int(length), self.flow.resume_reading)
            if free and self._turned_away(headers):
                return
        self.cycle = cycle = self._cycle_of(headers)
        if not free:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))
            return
        self._start_asgi_task(cycle, self.app)
        if self._intake is not None:
            # Where it is refused, its body need not be copied.
            self._run_due()

    def _turned_away(self, headers: Headers) -> bool:
        """Whether the request was refused at the door. Its body is thrown away once this piece of it is parsed."""
        parser = self.parser
        lasting = parser.should_keep_alive() and parser.get_http_version() == "1.1"
        if self._door is None or not lasting or self.flow.write_paused:
            return False
        refusal = self._door.refusal(parser.get_method(), self.url, headers)
        if refusal is None:
            return False
        self.server_state.total_requests += 1
        self.cycle = ANSWERED
        self._write(refusal)
        self._linger()
        return True

    def _write(self, refusal: Problem, *further: tuple[bytes, bytes]) -> None:
        lines = head(refusal.status, (*self.server_state.default_headers, *refusal.headers, *further))
        self.transport.write(lines + refusal.body)

    def _cycle_of(self, headers: Headers) -> Cycle:
        parser = self.parser
        url, version = parse_url(self.url), parser.get_http_version()
        path = url.path.decode("ascii")
        if "%" in path:
            path = unquote(path)
        scope: dict[str, object] = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": version,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "method": parser.get_method().decode("ascii"),
            "root_path": self.root_path,
            "path": self.root_path + path,
            "raw_path": self.root_path.encode("ascii") + url.path,
            "query_string": url.query or b"",
            "headers": self.headers,
            "state": self.app_state.copy(),
            # Servers may add keys.
            VIEWS_KEY: True,
            HEADERS_KEY: headers,
        }
        if self._intake is not None:
            scope[INTAKE_KEY] = self._intake
        return Cycle(
            scope=cast(HTTPScope, scope),
            transport=self._softly,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=headers.get(b"expect", b"").lower() == b"100-continue",
            keep_alive=version != "1.0" and parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )

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
        if self._lingers:
            self._lingers, self._closes_at = False, self.loop.time() + self.timeout_keep_alive
        super().on_message_complete()
        self._run_due()
        if self._refused:
            # It was left open for the rest of this body alone.
            self.transport.close()

    def on_response_complete(self) -> None:
        """The next request's turn; a body that nobody wants any more has a short time to end."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.cycle.response_complete and self.cycle.more_body:
            self._linger()
            if not self._in_piece:
                self._throw_away_rest()
        elif self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
        elif self._owed is not None:
            self._end_with(self._owed)
        else:
            self._close_in(self.timeout_keep_alive)

    def _throw_away_rest(self) -> None:
        """Keep the parser from a body that nobody wants any more; not while it reads a piece of that."""
        if self._intake is not None and self.cycle.response_complete and not self.transport.is_closing():
            if self._sink is None and Sink.fits(self.transport):
                self._sink = Sink(self.transport)
            self._intake.throw_away(self._sink)

    def straight_room(self) -> memoryview | None:
        """Where the socket, which has something, may write past the parser; None where it may not."""
        intake = self._intake
        if intake is None or not intake.straight:
            return None
        room = intake.room()
        if not room and self._refused:
            # Not now: the event loop is about to read, and must not lose its transport meanwhile.
            self.loop.call_soon(self._end_straight)
        return room

    @property
    def was_turned_away(self) -> bool:
        """Whether the last request was refused at the door."""
        return self.cycle is ANSWERED

    def came_straight(self, nbytes: int) -> bool:
        """So much has come past the parser; False if it has not."""
        intake = self._intake
        if intake is None:
            return False
        if not intake.straight:
            self._end_straight()
            return False
        if intake.came(nbytes):
            self._end_straight()
        return True

    def _end_straight(self) -> None:
        """A body that has come to its end past the parser is over; at the latest when something else comes. The
        parser begins anew."""
        if self._intake is not None and not self._intake.to_come:
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
        self._end_straight()
        if not self._lingers:
            super().shutdown()

    def _linger(self) -> None:
        if not self._lingers:
            self._lingers = True
            self._close_in(_LINGER_S)

    def _close_in(self, seconds: float) -> None:
        self._closes_at = self.loop.time() + seconds
        if self._closing_timer is not None and self._closing_timer.when() > self._closes_at:
            self._closing_timer.cancel()
            self._closing_timer = None
        if self._closing_timer is None:
            self._closing_timer = self.loop.call_at(self._closes_at, self._close_when_due)

    def _close_when_due(self) -> None:
        self._closing_timer = None
        self._end_straight()
        if self._closes_at == math.inf:
            return
        if self._closes_at <= self.loop.time():
            self.transport.close()
        else:
            self._closing_timer = self.loop.call_at(self._closes_at, self._close_when_due)

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
            # The request before is being answered: it gets its answer whole, then comes this one.
            if cycle.more_body:
                cycle.keep_alive = False
            else:
                self._owed = error
            return
        self._end_with(error)

    def _end_with(self, error: PoolhouseError) -> None:
        cycle = self.cycle
        instance = getattr(self, "url", b"").decode("latin-1")
        refusal = problem(error, instance=instance, request_id=(request_id := secrets.token_hex(8)))
        self._write(refusal, (b"x-request-id", request_id.encode()), (b"connection", b"close"))
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
    takes the answer away from a caller who is still sending."""

    def __init__(self, transport: asyncio.Transport, protocol: Protocol) -> None:
        super().__init__()
        self._protocol = protocol
        self.write = transport.write  # type: ignore[method-assign]  # as they are, and no call more
        self.writelines = transport.writelines  # type: ignore[method-assign]
        self.is_closing = transport.is_closing  # type: ignore[method-assign]

    def close(self) -> None:
        self._protocol.close_softly()


def _upgrades(data: bytes) -> bool:
    """Whether the head in this piece may ask for another protocol; the body behind it is not looked through."""
    end = data.find(b"\r\n\r\n")
    return data.find(b"pgrade", 0, len(data) if end < 0 else end) >= 0


def _without_upgrade(data: bytes) -> bytes:
    """The piece with the Upgrade header of its head renamed; RFC 9110 section 7.8 lets a server ignore it."""
    head, end, body = data.partition(b"\r\n\r\n")
    return _UPGRADE.sub(b"\r\nx-ignored-upgrade", head) + end + body
