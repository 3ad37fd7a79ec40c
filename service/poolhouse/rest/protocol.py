"""uvicorn's HTTP protocol, with the limits and the manners it lacks.

uvicorn answers unreadable bytes in plain text, reads headers of any size, waits for them for ever, and keeps
an answer for a reader who has stopped. The rules added here:

- bytes that bring the parser nowhere (headers, chunk sizes, trailers) are counted, and limited: 431;
- so is the number of headers, since an empty one has four bytes and takes two hundred in memory;
- the heads of all connections that are not whole have a limit together: 503;
- a request line or header that does not come to its end in time: 408; a connection that says nothing: closed;
- what the parser refuses is a problem document: 400;
- a refusal is written only where no other answer is being written, and the connection is closed softly, since
  closing with unread bytes would reset it and take the refusal away from the caller;
- a request refused early may send on for a short time, which is thrown away, and is then cut off;
- an offer to upgrade is ignored (RFC 9110 section 7.8): the parser drops the body of a request that makes one, so the
  request is parsed again without the offer; Java's own client makes one with its first request;
- a head that two readers could take for different requests is refused: Host missing or sent twice, Transfer-Encoding in
  HTTP/1.0, a transfer coding other than chunked;
- requests sent before the earlier ones are answered (pipelining) wait unparsed, but for the few that one small slice
  holds; none begins while the client does not read its answers. Answers and refusals keep the order of the requests;
- the framing of a chunked body may take a fixed multiple of the body's bytes: 431;
- an answer of which nothing is read for a while, or that is read too slowly, is given up: see ``rest/sending``;
- a request is run at once, as far as it goes without waiting: one that is refused by its headers before its body is
  looked at, and a small one to its end. One for each piece that comes; further ones take turns with everybody;
- a large body may come past the parser: see ``rest/intake``;
- clocks that seldom ring, of idle connections and of bodies that nobody wants, are not wound up at every request.
"""

from __future__ import annotations

import asyncio
import math
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

from poolhouse.errors import HeadersTooLarge, Malformed, PoolhouseError, TooSlow, Unavailable
from poolhouse.rest.answers import VIEWS_KEY
from poolhouse.rest.begun import Begun
from poolhouse.rest.cycle import ANSWERED, Cycle, head
from poolhouse.rest.door import Door
from poolhouse.rest.headers import HEADERS_KEY, Headers, framing_error, read_headers
from poolhouse.rest.intake import INTAKE_KEY, Intake, Sink
from poolhouse.rest.metrics import Metrics, Stage
from poolhouse.rest.problems import Problem, problem
from poolhouse.rest.sending import SENDING_KEY, Sending, answer_rules
from poolhouse.settings import Settings

_LINGER_S = 5.0
_UNSENT_BYTES = 64 * 1024
# Below this a body comes in a piece or two, and the way past the parser would gain nothing.
_INTAKE_BYTES = 64 * 1024
_INTAKE_DIGITS = len(str(_INTAKE_BYTES))
# The parser cannot be stopped within what it is fed. It is fed slices of this size, except within a body of known
# length, so one call finds at most this many bytes of pipelined requests.
_SLICE_BYTES = 1024
_MOST_HEADERS = 256
# The bytes of all heads that are not whole yet. Most heads come in one piece, and hold nothing.
_HEADS_BYTES = 32 * 1024 * 1024
# Chunk sizes, extensions and trailers may take this many bytes for each byte of a chunked body, beside the limit on
# headers. A body in chunks of one byte takes five.
_FRAMING_PER_BODY_BYTE = 8


class Heads:
    """The heads of all connections that are not whole yet.

    Attributes:
        held_bytes: their bytes together.
    """

    held_bytes = 0


class ServerConfig(Config):
    """uvicorn's configuration, and our settings for the protocol."""

    settings: Settings
    heads: Heads
    metrics: Metrics
    door: Door | None = None
    context: SSLContext | None = None

    def load(self) -> None:
        """As uvicorn does, with our own context for TLS: its options would allow more than they should."""
        super().load()
        self.ssl = self.context
        self.heads = Heads()


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
        self._answer_rules = answer_rules(settings)
        # True from the first byte of a request to the end of its headers.
        self._in_headers = False
        self._in_body = False
        self._progress = False
        self._piece_bytes = 0
        self._framing_bytes = 0
        self._heads = config.heads
        self._head_bytes = 0
        self._refusal: PoolhouseError | None = None
        # True once nothing that comes is listened to any more.
        self._refused = False
        # The error of a malformed pipelined request, sent after the answers before it.
        self._owed: PoolhouseError | None = None
        # The request that is being answered; `cycle` is the newest one, whose body is being read.
        self._active: RequestResponseCycle | None = None
        # Bytes of pipelined requests that were not parsed yet.
        self._unparsed = b""
        # The head of a request that offers an upgrade, without the offer.
        self._head_without_offer: bytes | None = None
        # Of the body that is being read: bytes still to come where its length is known, and its framing's bytes.
        self._body_left = 0
        self._body_raw_bytes = 0
        self._body_bytes = 0
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
        # Writing stops with the first byte that the system does not take, and goes on when it has taken all: one byte
        # pins the whole tensor that it is of, which must be held until then. TLS encrypts a copy.
        high = _UNSENT_BYTES if transport.get_extra_info("sslcontext") else 0
        transport.set_write_buffer_limits(high=high, low=0)
        self._sending = Sending(transport, self._answer_rules, self.loop)
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
        # The newest request is told by uvicorn; those that wait for their turn have not begun.
        self.pipeline.clear()
        self._unparsed = b""
        self._hold_head(0)
        if self._active is not None and not self._active.response_complete:
            self._active.disconnected = True
            self._active.message_event.set()
        super().connection_lost(exc)

    def _left_in(self) -> Stage | None:
        """What the client did not wait for, when the connection is lost; None where nothing was under way."""
        if self._refused:
            return None
        cycle = self._active
        if cycle is None or cycle.response_complete:
            return "headers" if self._in_headers else None
        if cycle.response_started:
            return "answer"
        return "body" if cycle.more_body else "waiting"

    def data_received(self, data: bytes) -> None:
        """Parse what has come, as far as it may be parsed now."""
        if self._refused:
            return
        if self._unparsed:
            self._unparsed += data
            self.flow.pause_reading()
            return
        self._at_once = True
        self._parse(data)
        self._at_once = False

    def _parse(self, data: bytes) -> None:
        """Feed the parser until a request has to wait for its turn; the rest is kept for then."""
        self._in_piece = True
        position = 0
        # A connection that closes softly still takes the rest of the body that is being read.
        while position < len(data) and (self._body_left or not self._refused):
            if self.pipeline:
                self._unparsed = data[position:]
                self.flow.pause_reading()
                break
            # The end of a body is the end of a slice, so a request behind it is not parsed with it.
            step = self._body_left or _SLICE_BYTES
            self._feed(data[position : position + step] if position or step < len(data) else data)
            position += step
        self._in_piece = False
        self._throw_away_rest()
        self._await_rest_of_headers()

    def _feed(self, data: bytes) -> None:
        """Feed the parser one slice, and hold the limits on bytes that are no part of a body."""
        self._progress = False
        self._piece_bytes = len(data)
        if self._in_body:
            self._body_raw_bytes += len(data)
        try:
            while data:
                data = self._feed_parser(data)
        except HttpParserError:
            self.send_400_response("")
        self._run_due()
        if self._progress:
            self._framing_bytes = 0
        else:
            self._framing_bytes += len(data) or self._piece_bytes
        framing_bytes = self._body_raw_bytes - self._body_bytes * (1 + _FRAMING_PER_BODY_BYTE)
        if self._framing_bytes != self._head_bytes:
            self._hold_head(self._framing_bytes)
        if max(self._framing_bytes, framing_bytes) > self._header_limit:
            self._refuse(self._headers_too_large())

    def _hold_head(self, nbytes: int) -> None:
        """Count what is here of a head, or of other framing; refuse the connection that grows when all hold much."""
        grows = nbytes > self._head_bytes
        self._heads.held_bytes += nbytes - self._head_bytes
        self._head_bytes = nbytes
        if grows and self._heads.held_bytes > _HEADS_BYTES:
            self._refuse(
                Unavailable(
                    "overloaded",
                    "Many connections have sent parts of headers. Send all headers at once, or try again later.",
                    retry_after_s=1,
                )
            )

    def _feed_parser(self, data: bytes) -> bytes:
        """Feed the parser; returns what it is to be fed next: a request that offers an upgrade, without the offer."""
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as offer:
            head, self._head_without_offer = self._head_without_offer, None
            if head is None:
                # CONNECT: what follows it is not HTTP.
                self.send_400_response("")
                return b""
            self._new_parser()
            return head + data[offer.args[0] :]
        return b""

    def _new_parser(self) -> None:
        self.parser = HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)

    def on_message_begin(self) -> None:
        """A request begins."""
        if not self._lingers:
            # Only a request ends the time that an idle connection has: empty lines do not.
            self._closes_at = math.inf
        self._in_headers = True
        self.url = b""
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer, which is not looked at."""
        if self._in_headers:
            if len(self.headers) == _MOST_HEADERS:
                # The parser hands this to _feed as its own error, and that calls send_400_response.
                self._refusal = self._headers_too_large(f"There are more than {_MOST_HEADERS} headers.")
                raise self._refusal
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Start the request, unless its head is too large or has two meanings."""
        self._progress = True
        # The piece may hold part of a body too, so it is only a reason to count exactly.
        if self._framing_bytes + self._piece_bytes > self._header_limit:
            size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            if size > self._header_limit:
                # The parser hands this to _feed as its own error, and that calls send_400_response.
                self._refusal = self._headers_too_large()
                raise self._refusal
        parser = self.parser
        if parser.should_upgrade() and parser.get_method() != b"CONNECT":
            self._head_without_offer = self._without_offer()
            return
        self._in_headers = False
        self._in_body = True
        self._body_raw_bytes = self._body_bytes = 0
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None
        headers = read_headers(self.headers)
        self._refusal = framing_error(headers, parser.get_http_version())
        if self._refusal is not None:
            raise self._refusal
        # A client that does not read its answers gets no further ones.
        free = self._is_free and not self.flow.write_paused
        length = headers.get(b"content-length", b"")
        self._body_left = int(length) if length else 0
        if len(length) >= _INTAKE_DIGITS and int(length) >= _INTAKE_BYTES and self.scheme == "http":
            self._intake = Intake(int(length), self.flow.resume_reading)
            if free and self._turned_away(headers):
                return
        self.cycle = cycle = self._cycle_of(headers)
        if not free:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))
            return
        self._start(cycle)
        if self._intake is not None:
            # Where it is refused, its body need not be copied.
            self._run_due()

    def _without_offer(self) -> bytes:
        """The head just parsed, without its Upgrade header."""
        parser = self.parser
        lines = [b"%b %b HTTP/%b" % (parser.get_method(), self.url, parser.get_http_version().encode())]
        lines += [b"%b: %b" % header for header in self.headers if header[0] != b"upgrade"]
        return b"\r\n".join([*lines, b"", b""])

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
        self.cycle = self._active = ANSWERED
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
            SENDING_KEY: self._sending,
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

    def _start(self, cycle: RequestResponseCycle) -> None:
        self._active = cycle
        self._start_asgi_task(cycle, self.app)

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
        self._body_bytes += len(body)
        if self._body_left:
            self._body_left -= len(body)
        if self._intake is not None:
            self._intake.to_come -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request has come to its end."""
        self._progress = True
        if self._head_without_offer is not None:
            # The parser ends a request that offers an upgrade with its head.
            return
        self._in_body = False
        self._body_left = self._body_raw_bytes = self._body_bytes = 0
        self._intake = None
        if self._lingers:
            self._lingers, self._closes_at = False, self.loop.time() + self.timeout_keep_alive
        super().on_message_complete()
        self._run_due()
        if self._refused:
            # It was left open for the rest of this body alone.
            self._close()

    def on_response_complete(self) -> None:
        """The next request's turn; a body that nobody wants any more has a short time to end."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if self.cycle.response_complete and self.cycle.more_body:
            self.flow.resume_reading()
            self._linger()
            if not self._in_piece:
                self._throw_away_rest()
        else:
            self._next_turn()

    def _next_turn(self) -> None:
        """Go on with what came behind the request that has been answered."""
        if self.pipeline and self.flow.write_paused:
            return
        if self.pipeline:
            cycle, _ = self.pipeline.pop()
            self._start(cycle)
        elif self._owed is not None:
            self._end_with(self._owed)
        if self.pipeline or self._refused:
            return
        if self._unparsed and not self._in_piece:
            # Also the rest of the body of the request just started.
            data, self._unparsed = self._unparsed, b""
            self._parse(data)
        if not self._unparsed and not self._refused:
            self.flow.resume_reading()
            self._await_rest_of_headers()
            if self._is_free and not self._in_headers and not self._lingers:
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
            self._new_parser()
            self.on_message_complete()

    def close_softly(self) -> None:
        """Close the connection after an answer, once the caller has had the time to read it."""
        if self.cycle.more_body and not self.transport.is_closing() and self.transport.can_write_eof():
            self._refused = True
            # What came behind a last request is not answered.
            self.pipeline.clear()
            self._owed = None
            self.transport.write_eof()
            self.flow.resume_reading()
            self._linger()
        else:
            self._close()

    def shutdown(self) -> None:
        """The server stops: a connection that is being closed softly is left to that."""
        self._end_straight()
        if not self._lingers:
            super().shutdown()

    def _close(self) -> None:
        """Close the connection once what was written has left; a client that reads nothing of it is given up."""
        self.transport.close()
        if self._write_timer is None and self.transport.get_write_buffer_size():
            self._watch_writing()

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
            self._close()
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
        if self.pipeline and self._is_free:
            self._next_turn()

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

    def _headers_too_large(self, given: str = "") -> HeadersTooLarge:
        given = given or f"Request line and headers pass {self._header_limit} bytes."
        return HeadersTooLarge(
            "headers_too_large",
            f"{given} Send fields that are long in a JSON body, and fewer cookies.",
            limit_bytes=self._header_limit,
        )

    def _await_rest_of_headers(self) -> None:
        """Limit the time for a head of which a part is here; not while its rest may wait here for its turn."""
        waits = self.pipeline or self._unparsed or self._refused
        if self._in_headers and self._header_timer is None and not waits:
            self._await_headers()

    def _await_headers(self) -> None:
        self._header_timer = self.loop.call_later(self._header_timeout_s, self._headers_are_late)

    def _headers_are_late(self) -> None:
        self._header_timer = None
        if not self._in_headers:
            self._close()
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
        self._unparsed = b""
        self._metrics.refused_unread(error.code, error.status)
        if self.pipeline and self.cycle.more_body:
            # The newest request broke off in its body, and has not begun.
            self.pipeline.popleft()
        active = self._active
        if self.pipeline or (not self._is_free and active is not self._broken):
            # Requests before it get their answers first.
            self._owed = error
        elif active is not None and not active.response_complete and active.response_started:
            active.keep_alive = False
        else:
            self._end_with(error)

    @property
    def _is_free(self) -> bool:
        """Whether no request is being answered."""
        return self._active is None or self._active.response_complete

    @property
    def _broken(self) -> RequestResponseCycle | None:
        """The request whose body is incomplete; None where the newest has come whole."""
        return self.cycle if self.cycle is not None and self.cycle.more_body else None

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
            self._close()

    def _watch_writing(self) -> None:
        self._unsent_bytes = self.transport.get_write_buffer_size()
        self._write_timer = self.loop.call_later(self._silence_s, self._check_writing)

    def _check_writing(self) -> None:
        self._write_timer = None
        if self.transport.get_write_buffer_size() < self._unsent_bytes and not self._sending.is_too_slow():
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
