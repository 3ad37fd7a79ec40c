"""One connection without a socket: requests in any pieces, timeouts, errors, and its end in every state."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from uvicorn.server import ServerState

from poolhouse.rest.http import connection as module
from poolhouse.rest.http.connection import Connection
from poolhouse.rest.http.connection_state import LINGER_S
from poolhouse.rest.http.head import Head
from poolhouse.rest.http.server_context import ServerConfig, ServerContext
from poolhouse.rest.http.transfer_limits import TransferLimits
from tests.hypothesis_profiles import scaled_examples
from tests.rest.http.fake_clock import FakeClock, SlowTransport

HEADER_TIMEOUT_S, KEEP_ALIVE_S, STALL_TIMEOUT_S = 2.0, 7.0, 3.0
GET = b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n"
POST = b"POST /p HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n"
CHUNKED = b"POST /c HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"


class Transport(SlowTransport):
    """A transport whose ends are recorded.

    Attributes:
        has_ended: whether our side was shut down.
        limits: of the write buffer.
    """

    def __init__(self, *, is_encrypted: bool = False) -> None:
        super().__init__()
        self.has_ended = False
        self.limits: tuple[int | None, int | None] = (None, None)
        self._is_encrypted = is_encrypted

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return object() if name == "sslcontext" and self._is_encrypted else default

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.limits = (high, low)

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        assert not self.has_ended, "shut down twice"
        self.has_ended = True


class RecordingMetrics:
    """Records what is counted."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []
        self.open_connections = 0

    def connection_opened(self) -> None:
        self.open_connections += 1

    def connection_closed(self) -> None:
        self.open_connections -= 1

    def record_disconnect(self, stage: str) -> None:
        self.calls.append(("disconnect", stage))

    def record_protocol_error(self, code: str, status: int) -> None:
        self.calls.append((code, status))


class FakeExchange:
    """A request whose response the test sends.

    Attributes:
        head: of the request; with the header x-direct the body is received into a buffer of this object, with x-quick
            the response is sent at once.
        body: as far as received.
        events: the calls, without the pieces of the body.
    """

    def __init__(self, connection: Connection, head: Head) -> None:
        self.head = head
        self.body = b""
        self.events: list[str] = []
        self._is_direct = b"x-direct" in head.headers
        self._buffer, self._filled = memoryview(b""), 0
        self._connection = connection
        self._has_responded = False
        exchanges.append(self)

    def start(self) -> None:
        self.events.append("start")

    def start_with_body(self, body: memoryview) -> None:
        self.body = bytes(body)
        self.events.append("whole")
        if b"x-quick" in self.head.headers:
            self.respond()

    def on_body_piece(self, piece: memoryview) -> None:
        self.body += piece

    def prepare_body_buffer(self) -> bool:
        if self._has_responded or not self._is_direct or self.head.length is None:
            return False
        self._buffer, self._filled = memoryview(bytearray(self.head.length - len(self.body))), 0
        return True

    def body_buffer(self) -> memoryview:
        return self._buffer[self._filled :]

    def on_received(self, nbytes: int) -> None:
        self.body += self._buffer[self._filled : self._filled + nbytes]
        self._filled += nbytes

    def on_body_end(self) -> None:
        self.events.append("end")

    def on_write_resumed(self) -> None:
        self.events.append("resumed")

    def on_shutdown(self) -> None:
        self.events.append("shutdown")

    def on_disconnect(self) -> None:
        self.events.append("disconnect")

    def respond(self, *, keeps_alive: bool = True) -> None:
        """Send the path of the request as its response."""
        self._has_responded = True
        self._connection.begin_response()
        self._connection.send_response(b"<" + self.head.path + b">", keeps_alive=keeps_alive)
        self._connection.end_response(keeps_alive=keeps_alive)


exchanges: list[FakeExchange] = []


@dataclass
class Peer:
    """A connection with everything around it."""

    clock: FakeClock
    transport: Transport
    state: ServerState
    metrics: RecordingMetrics
    context: ServerContext
    connection: Connection

    def send(self, data: bytes) -> None:
        """Send bytes, as far as the connection reads."""
        while data:
            if not self.transport.reads:
                self.end_iteration()
                assert self.transport.reads, "it does not read on"
            buffer = self.connection.get_buffer(-1)
            count = min(len(buffer), len(data))
            buffer[:count] = data[:count]
            self.connection.buffer_updated(count)
            data = data[count:]

    def end_iteration(self) -> None:
        """Run what is due now."""
        self.clock.advance_to(self.clock.time())

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.advance_to(self.clock.time() + seconds)


def connect(context: ServerContext | None = None, *, is_encrypted: bool = False) -> Peer:
    """A connection; with a context it is one more of the same server."""
    unused: Any = None
    metrics: Any = RecordingMetrics()
    if context is None:
        limits = TransferLimits(1000, STALL_TIMEOUT_S, "")
        context = ServerContext(
            unused,
            unused,
            metrics,
            limits,
            1000,
            HEADER_TIMEOUT_S,
            KEEP_ALIVE_S,
            STALL_TIMEOUT_S,
        )
    config = ServerConfig(app="unused", log_config=None)
    config.server_context = context
    clock, transport, state = FakeClock(), Transport(is_encrypted=is_encrypted), ServerState()
    connection = Connection(config, state, {}, clock.as_loop)
    connection.connection_made(transport)
    return Peer(clock, transport, state, metrics, context, connection)


@pytest.fixture(autouse=True, scope="module")
def fake_exchanges() -> Iterator[None]:
    """Without a handler or an application."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "AsgiExchange", FakeExchange)
        yield


@pytest.fixture
def peer() -> Peer:
    """A connection that has received nothing."""
    exchanges.clear()
    return connect()


@dataclass(frozen=True)
class Sent:
    """A request, and when it is answered."""

    body: bytes
    is_chunked: bool
    is_early: bool
    is_direct: bool

    def text(self, place: int) -> bytes:
        """The bytes of the request."""
        head = b"POST /%d HTTP/1.1\r\nhost: x\r\n%b" % (place, b"x-direct: 1\r\n" if self.is_direct else b"")
        if not self.is_chunked:
            return head + b"content-length: %d\r\n\r\n" % len(self.body) + self.body
        chunks = b"".join(b"1\r\n%c\r\n" % each for each in self.body)
        return head + b"transfer-encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


REQUESTS = st.builds(Sent, st.binary(max_size=9), st.booleans(), st.booleans(), st.booleans())


@example([Sent(b"ab", False, True, False), Sent(b"cd", False, False, True)], [60], False)
@scaled_examples(150)
@given(st.lists(REQUESTS, min_size=1, max_size=4), st.lists(st.integers(0, 500), max_size=6), st.booleans())
def test_requests_in_any_pieces_are_answered_in_order(sent: list[Sent], cuts: list[int], is_eager: bool) -> None:
    """Each gets its own body, and none begins before the response to the one before it."""
    exchanges.clear()
    peer, answered = connect(), 0

    def answer() -> None:
        nonlocal answered
        while answered < len(exchanges):
            assert len(exchanges) == answered + 1, "a request began before the response to the one before it"
            exchange, request = exchanges[answered], sent[answered]
            if not request.is_early and not {"whole", "end"} & set(exchange.events):
                return
            answered += 1
            exchange.respond()
            peer.end_iteration()

    text = b"".join(request.text(place) for place, request in enumerate(sent))
    edges = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    for begin, end in itertools.pairwise(edges):
        # A socket that is not read keeps its bytes.
        left = text[begin:end]
        while left:
            if not peer.transport.reads:
                peer.end_iteration()
                answer()
                assert peer.transport.reads, "it does not read on"
            buffer = peer.connection.get_buffer(-1)
            count = min(len(buffer), len(left), 7 if is_eager else len(left))
            buffer[:count] = left[:count]
            peer.connection.buffer_updated(count)
            left = left[count:]
            answer()
    for _ in sent:
        peer.end_iteration()
        answer()

    assert [exchange.head.path for exchange in exchanges] == [b"/%d" % place for place in range(len(sent))]
    assert peer.transport.written == b"".join(b"</%d>" % place for place in range(len(sent)))
    for exchange, request in zip(exchanges, sent, strict=True):
        assert exchange.body == request.body or (request.is_early and request.body.startswith(exchange.body))
    assert (peer.state.total_requests, peer.transport.is_closing(), peer.transport.reads) == (len(sent), False, True)


def test_one_pipelined_request_begins_in_each_iteration(peer: Peer) -> None:
    """A flood of quick requests on one connection must not delay the others."""
    peer.send(GET.replace(b"\r\n\r\n", b"\r\nx-quick: 1\r\n\r\n") * 3)
    counts = [len(exchanges)]
    for _ in range(2):
        scheduled = [timer for timer in peer.clock.timers if not timer.is_cancelled and timer.when() == 0]
        for timer in scheduled:
            timer.is_cancelled = True
            timer.callback()
        counts.append(len(exchanges))

    assert counts == [1, 2, 3]


@pytest.mark.parametrize(("is_encrypted", "limits"), [(False, (0, 0)), (True, (65536, 0))])
def test_writing_pauses_with_the_first_unsent_byte(is_encrypted: bool, limits: tuple[int, int]) -> None:
    """One unsent byte keeps a whole tensor in memory; TLS keeps a copy of its own instead."""
    assert connect(is_encrypted=is_encrypted).transport.limits == limits


def test_a_repeated_head_is_not_parsed_again(peer: Peer) -> None:
    """Also if it first came on another connection; its body is that of this request."""
    for body in (b"12345", b"67890"):
        peer.send(POST + body)
        exchanges[-1].respond()
    other = connect(peer.context)
    other.send(POST + b"abc")
    other.send(b"de")

    assert exchanges[0].head is exchanges[1].head is exchanges[2].head
    assert [exchange.body for exchange in exchanges] == [b"12345", b"67890", b"abcde"]


@pytest.mark.parametrize(
    ("sent", "seconds", "status"),
    [
        (b"", HEADER_TIMEOUT_S, b""),
        (b"\r\n", HEADER_TIMEOUT_S, b""),
        (GET[:1], HEADER_TIMEOUT_S, b"408"),
        (GET[:-1], HEADER_TIMEOUT_S, b"408"),
        (GET, KEEP_ALIVE_S, b""),
    ],
)
def test_a_silent_client_is_disconnected_in_time(peer: Peer, sent: bytes, seconds: float, status: bytes) -> None:
    """A client that has begun a request gets an error first, and time to read it."""
    peer.send(sent)
    if exchanges:
        exchanges[0].respond()
        peer.end_iteration()

    peer.advance(seconds - 0.01)
    before = (peer.transport.is_closing(), peer.transport.has_ended)
    peer.advance(0.02)

    assert before == (False, False)
    if status:
        assert peer.transport.written.startswith(b"HTTP/1.1 " + status)
        assert peer.metrics.calls == [("body_too_slow", 408)]
        assert (peer.transport.has_ended, peer.transport.is_closing()) == (True, False)
        peer.advance(LINGER_S)
    assert peer.transport.is_closing()


def test_a_request_that_is_answered_has_no_timeout_of_heads(peer: Peer) -> None:
    """The response may take minutes."""
    peer.send(GET)
    peer.advance(1000)

    assert not peer.transport.is_closing()
    exchanges[0].respond()
    assert peer.transport.written == b"</a>"


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"\x16\x03\x01\x02\x00", "malformed_request"),
        (b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 2000, "headers_too_large"),
        (CHUNKED + b"zz\r\n", "malformed_request"),
    ],
)
def test_invalid_input_gets_an_error_and_ends_the_connection(peer: Peer, sent: bytes, code: str) -> None:
    """Nothing behind it can be parsed; and the client gets time to read the error, which a reset would destroy."""
    peer.send(sent)

    assert peer.transport.written.count(b"HTTP/1.1 4") == 1
    assert code.encode() in peer.transport.written
    assert b"connection: close\r\n" in peer.transport.written
    assert [call[0] for call in peer.metrics.calls] == [code]
    assert [exchange.events for exchange in exchanges] == (
        [["start", "disconnect"]] if sent.startswith(CHUNKED) else []
    )
    written = peer.transport.written
    peer.send(GET * 3)
    assert (peer.transport.written, peer.transport.has_ended, peer.transport.is_closing()) == (written, True, False)
    peer.advance(LINGER_S)
    assert peer.transport.is_closing()
    assert peer.context.partial_head_budget.held_bytes == 0


def test_no_second_response_follows_one_that_has_begun(peer: Peer) -> None:
    """An error for the rest of the body would be read as the response to the next request."""
    peer.send(CHUNKED)
    peer.connection.begin_response()
    peer.send(b"zz\r\n")
    assert peer.transport.written == b""

    peer.connection.send_response(b"<whole>", keeps_alive=True)
    peer.connection.end_response(keeps_alive=True)

    assert (peer.transport.written, peer.transport.has_ended) == (b"<whole>", True)


def test_the_rest_of_a_refused_body_is_discarded(peer: Peer) -> None:
    """The connection continues behind it; a rest that does not come ends it."""
    peer.send(POST + b"12")
    exchanges[0].respond()
    peer.send(b"345" + GET)
    exchanges[1].respond()
    peer.send(POST)
    exchanges[2].respond()

    assert [exchange.body for exchange in exchanges] == [b"12", b"", b""]
    peer.advance(LINGER_S - 0.01)
    assert not peer.transport.is_closing()
    peer.advance(0.02)
    assert peer.transport.is_closing()
    assert peer.transport.written == b"</p></a></p>"


def test_a_refused_body_on_a_connection_that_closes_is_received_to_its_end(peer: Peer) -> None:
    """If the connection closed earlier, the kernel would reset it, and the client would lose the response."""
    peer.send(POST + b"12")
    exchanges[0].respond(keeps_alive=False)

    assert (peer.transport.has_ended, peer.transport.is_closing()) == (True, False)
    peer.send(b"345")
    assert peer.transport.is_closing()


@pytest.mark.parametrize(
    ("sent", "stage", "events"),
    [
        (b"", None, None),
        (GET[:9], "headers", None),
        (POST + b"12", "body", ["start", "disconnect"]),
        (GET, "waiting", ["whole", "disconnect"]),
    ],
)
def test_a_disconnect_is_counted_by_its_stage_and_releases_everything(
    peer: Peer, sent: bytes, stage: str | None, events: list[str] | None
) -> None:
    """What stayed would be held for ever: nobody else ends a request whose client is gone."""
    peer.send(sent)
    assert peer.connection in peer.state.connections
    assert peer.metrics.open_connections == 1

    peer.connection.connection_lost(None)

    assert peer.metrics.calls == ([("disconnect", stage)] if stage else [])
    assert peer.metrics.open_connections == 0
    assert [exchange.events for exchange in exchanges] == ([events] if events else [])
    assert peer.state.connections == set()
    assert not peer.connection.is_busy
    assert peer.context.partial_head_budget.held_bytes == 0
    assert peer.clock.next_at == float("inf")


def test_a_shutdown_ends_an_idle_connection_at_once_and_a_busy_one_after_its_response() -> None:
    """Pipelined requests behind the current one are not begun."""
    exchanges.clear()
    idle, partial, busy = connect(), connect(), connect()
    partial.send(GET[:9])
    busy.send(GET * 2)
    for each in (idle, partial, busy):
        each.connection.shutdown()

    assert [each.transport.is_closing() for each in (idle, partial, busy)] == [True, True, False]
    exchanges[0].respond()
    busy.end_iteration()
    assert busy.transport.is_closing()
    assert (len(exchanges), busy.transport.written) == (1, b"</a>")


@pytest.mark.parametrize(("sent", "events"), [(POST + b"12", ["start", "shutdown"]), (GET, ["whole"]), (b"", None)])
def test_only_an_incomplete_body_is_refused_at_the_end_of_the_grace_period(
    peer: Peer, sent: bytes, events: list[str] | None
) -> None:
    """Requests that are computed are cancelled by their tasks."""
    peer.send(sent)

    peer.connection.refuse_draining()

    assert [exchange.events for exchange in exchanges] == ([events] if events else [])


def test_no_request_begins_while_responses_are_unread(peer: Peer) -> None:
    """A client that sends requests and reads nothing would fill the memory with responses."""
    peer.send(GET)
    exchanges[0].respond()
    peer.transport.unsent = 100
    peer.connection.pause_writing()
    peer.send(GET)
    peer.end_iteration()
    assert (len(exchanges), peer.transport.reads) == (1, False)

    peer.transport.unsent = 0
    peer.connection.resume_writing()

    assert (len(exchanges), peer.transport.reads) == (2, True)
    peer.connection.pause_writing()
    peer.connection.resume_writing()
    assert exchanges[1].events == ["whole", "resumed"]


@pytest.mark.parametrize("reads_some", [True, False])
def test_a_connection_that_reads_nothing_is_aborted(peer: Peer, reads_some: bool) -> None:
    """Whether a request is in progress or not."""
    peer.send(GET)
    exchanges[0].respond()
    peer.transport.unsent = 100
    peer.connection.pause_writing()

    peer.transport.unsent -= reads_some
    peer.advance(STALL_TIMEOUT_S)

    assert peer.transport.is_aborted != reads_some


def test_responses_of_one_iteration_are_sent_at_its_end_and_keep_their_order(peer: Peer) -> None:
    """The first is sent at once; one that closes its connection, too, behind those that wait."""
    other = connect(peer.context)
    other.connection.loop = peer.clock.as_loop
    for each in (peer, other):
        each.send(GET)
        exchanges[-1].respond()
    assert (peer.transport.written, other.transport.written) == (b"</a>", b"")

    other.send(POST + b"12345")
    exchanges[-1].respond(keeps_alive=False)

    assert other.transport.written == b"</a></p>"
    assert other.transport.is_closing()


def test_it_needs_our_configuration() -> None:
    """uvicorn's own has no limits and no metrics."""
    config: Any = object()

    with pytest.raises(AssertionError, match="without our configuration"):
        Connection(config, ServerState(), {}, FakeClock().as_loop)
