"""The idle connections of a client: which is reused, which is closed, how many are kept."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator

import pytest

from poolhouse.client.errors import ConnectionFailed, TimedOut
from poolhouse.client.transports import connection_pool
from poolhouse.client.transports.connection_pool import ConnectionPool, disable_nagle

MAX_IDLE = 32


class Connection(socket.socket):
    """A socket without a connection.

    Attributes:
        is_open: whether its server has not closed it.
        is_closed: whether it was closed here.
        options: the options that were set.
    """

    def __init__(self, family: int = socket.AF_INET) -> None:
        super().__init__(family)
        super().close()  # the file descriptor is not needed
        self.is_open = True
        self.is_closed = False
        self.options: list[tuple[object, ...]] = []

    def setsockopt(self, *arguments: object) -> None:
        """Record the option."""
        self.options.append(arguments)

    def close(self) -> None:
        """Record the close."""
        self.is_closed = True


class Clock:
    """A monotonic clock that a test sets."""

    now = 1000.0

    def monotonic(self) -> float:
        """The time in seconds."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time of the pool, whose connections say themselves whether they are open."""
    clock = Clock()
    monkeypatch.setattr(connection_pool, "time", clock)
    monkeypatch.setattr(connection_pool, "is_still_open", lambda connection: connection.is_open)
    return clock


@pytest.fixture
def pool() -> Iterator[ConnectionPool]:
    """A pool, closed after the test."""
    pool = ConnectionPool("http://h:1", None)
    yield pool
    pool.close()


@pytest.mark.usefixtures("clock")
def test_the_most_recently_used_connection_is_reused_first(pool: ConnectionPool) -> None:
    """The others are then idle for longer, and are closed."""
    first, second = Connection(), Connection()
    for connection in (first, second):
        pool.release(connection, can_reuse=True)

    assert [pool.acquire() for _ in range(3)] == [second, first, None]
    assert not first.is_closed


@pytest.mark.usefixtures("clock")
def test_a_connection_that_cannot_be_reused_is_closed(pool: ConnectionPool) -> None:
    """Its response was not read to the end, or its server will close it."""
    connection = Connection()

    pool.release(connection, can_reuse=False)

    assert connection.is_closed
    assert pool.acquire() is None


@pytest.mark.usefixtures("clock")
def test_connections_that_the_server_closed_are_skipped(pool: ConnectionPool) -> None:
    """They are closed here too; else their file descriptors would be held."""
    living, closed, closed_too = Connection(), Connection(), Connection()
    for connection in (living, closed, closed_too):
        pool.release(connection, can_reuse=True)
    closed.is_open = closed_too.is_open = False

    assert pool.acquire() is living
    assert [closed.is_closed, closed_too.is_closed, living.is_closed] == [True, True, False]


@pytest.mark.parametrize(("idle_s", "is_reused"), [(59.9, True), (60.0, False)])
def test_a_connection_that_was_idle_for_a_minute_is_closed(
    clock: Clock, pool: ConnectionPool, idle_s: float, is_reused: bool
) -> None:
    """Many servers close it at about that time, and a request in that moment would be lost."""
    connection = Connection()
    pool.release(connection, can_reuse=True)

    clock.now += idle_s

    assert (pool.acquire() is connection) == is_reused
    assert connection.is_closed == (not is_reused)


@pytest.mark.usefixtures("clock")
def test_the_number_of_idle_connections_has_a_limit(pool: ConnectionPool) -> None:
    """A map of a thousand calls at once must not hold a thousand connections of the server afterwards."""
    connections = [Connection() for _ in range(MAX_IDLE + 1)]

    for connection in connections:
        pool.release(connection, can_reuse=True)

    assert [connection.is_closed for connection in connections] == [False] * MAX_IDLE + [True]


@pytest.mark.usefixtures("clock")
def test_a_closed_pool_closes_each_connection(pool: ConnectionPool) -> None:
    """The idle ones at once, those in use when their response was read."""
    used, idle = Connection(), Connection()
    pool.release(idle, can_reuse=True)

    pool.close()
    assert pool.closed
    assert [idle.is_closed, used.is_closed] == [True, False]
    pool.release(used, can_reuse=True)

    assert used.is_closed
    assert pool.acquire() is None


@pytest.mark.usefixtures("clock")
def test_a_forked_process_abandons_the_idle_connections_and_a_held_lock(pool: ConnectionPool) -> None:
    """Its parent uses the connections, and a thread of the parent that held the lock does not exist here."""
    idle = Connection()
    pool.release(idle, can_reuse=True)

    with pool._lock:
        connection_pool._abandon_pools_after_fork()

        assert pool.acquire() is None
        assert idle.is_closed
        assert not pool.closed


@pytest.mark.parametrize(
    ("origin", "uds", "host", "address"),
    [
        ("http://h", None, "h", ("h", 80)),
        ("http://ann:secret@h:81", None, "h:81", ("h", 81)),
        ("http://[::1]:81", None, "[::1]:81", ("::1", 81)),
        ("http://localhost", "/run/s", "localhost", ("localhost", 80)),
    ],
)
def test_the_host_is_that_of_the_address(origin: str, uds: str | None, host: str, address: tuple[str, int]) -> None:
    """A password would be sent in the header ``Host``."""
    pool = ConnectionPool(origin, uds)

    assert (pool.host, pool.address, pool.uds) == (host, address, uds)


@pytest.mark.parametrize(
    ("failure", "error_class", "text"),
    [
        (TimeoutError(), TimedOut, "did not respond in time"),
        (TimeoutError(errno.ETIMEDOUT, "timed out"), TimedOut, "did not respond in time"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), ConnectionFailed, "Connection refused"),
        (OSError("no address"), ConnectionFailed, "no address"),
    ],
    ids=repr,
)
def test_a_failed_operation_names_the_address(failure: OSError, error_class: type[ConnectionFailed], text: str) -> None:
    """A program may have clients of several services; a socket is named by its path."""
    for pool, origin in (
        (ConnectionPool("http://h:1", None), "http://h:1"),
        (ConnectionPool("http://localhost", "/run/s"), "unix:/run/s"),
    ):
        error = pool.connection_error(failure)

        assert type(error) is error_class
        assert str(error).startswith(origin)
        assert text in str(error)
        assert type(pool.connect_timeout_error()) is ConnectionFailed, "retried, unlike a request that was sent"
        assert str(pool.connect_timeout_error()).startswith(origin)


def test_small_packets_are_sent_at_once() -> None:
    """Over TCP; a Unix socket does not know the option, and refuses it."""
    over_tcp, over_uds = Connection(), Connection(socket.AF_UNIX)

    disable_nagle(over_tcp)
    disable_nagle(over_uds)

    assert over_tcp.options == [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
    assert over_uds.options == []
