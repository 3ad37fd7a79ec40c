"""The blocking transport on scripted connections: partial sends, closed connections, interrupts; no network."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from poolhouse.client.errors import ConnectionFailed, TimedOut
from poolhouse.client.exchange import Request, Send, Timeouts
from poolhouse.client.transports import connection_pool, sockets
from poolhouse.client.transports.sockets import SocketTransport

RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
TIMEOUTS = Timeouts(5, 5, None)


class Connection(socket.socket):
    """A socket that plays a server.

    Args:
        response: what it sends; after it, the end of the stream.
        accepted: the number of bytes that it accepts before it closes.
        per_send: the most that one ``send`` takes.
        is_reset: whether the connection is reset after the response.

    Attributes:
        sent: the bytes that it accepted.
        sizes: the number of bytes given to each ``send``.
        is_closed: whether it was closed here.
        before_receive: called before each receive.
    """

    def __init__(
        self, response: bytes = RESPONSE, accepted: int = 2**40, per_send: int = 2**40, *, is_reset: bool = False
    ) -> None:
        super().__init__()
        self._response = response
        self._is_reset = is_reset
        self._accepted = accepted
        self._per_send = per_send
        self.sent = b""
        self.sizes: list[int] = []
        self.is_closed = False
        self.before_receive: Callable[[], None] = lambda: None

    def setsockopt(self, *arguments: object) -> None:
        """Ignore the option."""

    def send(self, *arguments: object) -> int:
        """Accept a part of the bytes."""
        data = arguments[0]
        assert isinstance(data, bytes | memoryview)
        if len(self.sent) >= self._accepted:
            raise BrokenPipeError
        self.sizes.append(len(data))
        count = min(len(data), self._per_send)
        self.sent += bytes(data[:count])
        return count

    def recv_into(self, *arguments: object) -> int:
        """Give at most five bytes of the response."""
        self.before_receive()
        buffer = arguments[0]
        assert isinstance(buffer, memoryview)
        if self._is_reset and not self._response:
            raise ConnectionResetError
        part, self._response = self._response[:5], self._response[5:]
        buffer[: len(part)] = part
        return len(part)

    def shutdown(self, how: int) -> None:
        """End the stream."""
        self._response = b""

    def close(self) -> None:
        """Record the close."""
        self.is_closed = True
        super().close()


class Network:
    """The connections that a transport opens, one after the other."""

    def __init__(self) -> None:
        self.next: list[Connection | OSError] = []

    def connect(self, address: tuple[str, int], timeout: float) -> Connection:
        """Open the next connection."""
        assert (address, timeout) == (("h", 1), TIMEOUTS.connect_s)
        found = self.next.pop(0)
        if isinstance(found, OSError):
            raise found
        return found


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    """The network of the test."""
    network = Network()
    monkeypatch.setattr(socket, "create_connection", network.connect)
    monkeypatch.setattr(connection_pool, "is_still_open", lambda _: True)
    return network


@pytest.fixture
def transport() -> Iterator[SocketTransport]:
    """A transport, closed after the test."""
    transport = SocketTransport("http://h:1")
    yield transport
    transport.close()


def post(body: bytes = b"") -> Send:
    """A request with a body."""
    return Send(Request("POST", "/p", (), (memoryview(body),)), TIMEOUTS)


@pytest.mark.parametrize("per_send", [1, 7, 1000, 2**40])
def test_a_partial_send_is_continued_where_it_ended(
    network: Network, transport: SocketTransport, per_send: int
) -> None:
    """The kernel takes as much as fits into its buffer."""
    connection = Connection(per_send=per_send)
    network.next = [connection]
    body = bytes(range(256))

    response = transport.exchange(post(body))

    assert response.text == "ok"
    assert connection.sent == b"POST /p HTTP/1.1\r\nHost: h:1\r\nContent-Length: 256\r\n\r\n" + body
    assert not connection.is_closed, "kept for the next request"


@pytest.mark.parametrize(("uds", "largest"), [(None, 1024 * 1024), ("/run/s", 32 * 1024)])
@pytest.mark.usefixtures("network")
def test_a_large_body_is_sent_in_parts(uds: str | None, largest: int) -> None:
    """The kernel restarts its timeout for each part of a Unix socket's send, so a larger one could outlast a call."""
    transport, connection = SocketTransport("http://h:1", uds), Connection()
    transport._connection_pool.release(connection, can_reuse=True)

    transport.exchange(post(bytes(1024 * 1024 + 1)))

    assert max(connection.sizes) == largest
    assert connection.sent.endswith(b"\r\n\r\n" + bytes(1024 * 1024 + 1))
    transport.close()


def test_the_callback_gets_totals_of_both_directions(network: Network) -> None:
    """The command line shows them as progress."""
    totals: dict[str, list[int]] = {"sent": [], "received": []}
    transport, connection = (
        SocketTransport("http://h:1", None, lambda way, total: totals[way].append(total)),
        Connection(),
    )
    network.next = [connection]

    transport.exchange(post(bytes(2 * 1024 * 1024)))

    assert totals["sent"] == sorted(totals["sent"])
    assert (len(totals["sent"]), totals["sent"][-1]) == (3, len(connection.sent))
    assert totals["received"] == [*range(5, len(RESPONSE), 5), len(RESPONSE)]
    transport.close()


def test_a_response_is_read_though_the_server_stopped_reading(network: Network, transport: SocketTransport) -> None:
    """It says why; the rest of the body was not sent, so the connection ends."""
    connection = Connection(accepted=100, per_send=50)
    network.next = [connection]

    assert transport.exchange(post(bytes(1000))).text == "ok"

    assert connection.is_closed
    assert transport._connection_pool.acquire() is None


def test_a_closed_connection_is_replaced_once(network: Network, transport: SocketTransport) -> None:
    """Its server may have closed it while it was idle; a new one that is closed is a failure."""
    idle, idle_too = Connection(b""), Connection(b"")
    replacement, closed = Connection(), Connection(b"")
    transport._connection_pool.release(idle, can_reuse=True)
    network.next = [replacement, closed]

    assert transport.exchange(post(b"x")).text == "ok"
    assert replacement.sent == idle.sent
    assert idle.is_closed

    transport._connection_pool.acquire()
    transport._connection_pool.release(idle_too, can_reuse=True)
    with pytest.raises(ConnectionFailed, match="closed the connection without a response"):
        transport.exchange(post(b"x"))
    assert network.next == []
    replacement.close()


@pytest.mark.usefixtures("network")
def test_a_response_that_was_begun_is_not_requested_again(transport: SocketTransport) -> None:
    """The server has worked for it, and may fail again at the same place."""
    connection = Connection(RESPONSE[:-1])
    transport._connection_pool.release(connection, can_reuse=True)

    with pytest.raises(ConnectionFailed, match="before it had sent the whole response"):
        transport.exchange(post())

    assert connection.is_closed


def test_a_reset_before_any_byte_is_like_a_close(network: Network, transport: SocketTransport) -> None:
    """The server may have closed the connection just as the request was sent."""
    network.next = [Connection()]
    transport._connection_pool.release(Connection(b"", is_reset=True), can_reuse=True)

    assert transport.exchange(post()).text == "ok"
    assert network.next == []


@pytest.mark.parametrize("size", [1, len(RESPONSE) - 1])
@pytest.mark.usefixtures("network")
def test_a_response_that_was_reset_is_not_requested_again(transport: SocketTransport, size: int) -> None:
    """As one that ends early."""
    connection = Connection(RESPONSE[:size], is_reset=True)
    transport._connection_pool.release(connection, can_reuse=True)

    with pytest.raises(ConnectionFailed, match="reset the connection before it had sent the whole response"):
        transport.exchange(post())

    assert connection.is_closed


def test_an_interrupted_exchange_is_not_sent_again(network: Network, transport: SocketTransport) -> None:
    """Without a new connection: the thread should end. Other threads go on."""
    connection = Connection()
    thread = threading.get_ident()
    connection.before_receive = lambda: transport.interrupt({thread, thread + 1})
    transport._connection_pool.release(connection, can_reuse=True)

    with pytest.raises(ConnectionFailed):
        transport.exchange(post())

    transport.interrupt({thread})
    transport._connection_pool.release(Connection(b""), can_reuse=True)
    network.next = [Connection()]
    assert transport.exchange(post()).text == "ok", "an interrupt ends only the exchange in progress"


@pytest.mark.parametrize(
    ("failure", "text"),
    [(TimeoutError(), "did not accept a connection in time"), (OSError("no such host"), "no such host")],
)
def test_a_failed_connection_names_the_address(
    network: Network, transport: SocketTransport, failure: OSError, text: str
) -> None:
    """The message tells what to check, and the call can be retried."""
    network.next = [failure]

    with pytest.raises(ConnectionFailed, match=f"^http://h:1 .*{text}") as caught:
        transport.exchange(post())

    assert not isinstance(caught.value, TimedOut)


@pytest.mark.parametrize("timeouts", [Timeouts(5, 0, None), Timeouts(5, 5, 0)], ids=["next byte", "whole exchange"])
def test_an_operation_ends_at_the_earlier_of_both_timeouts(
    transport: SocketTransport, network: Network, timeouts: Timeouts
) -> None:
    """A server that sends a byte now and then keeps within the one, a slow one within the other."""
    network.next = [connection := Connection()]

    with pytest.raises(TimedOut, match="did not respond in time"):
        transport.exchange(post()._replace(timeouts=timeouts))

    assert connection.is_closed
    assert sockets._io_deadline(Timeouts(5, 5, None), time.monotonic() + 1) < time.monotonic() + 2
    assert sockets._io_deadline(Timeouts(5, 1, None), time.monotonic() + 5) < time.monotonic() + 2
