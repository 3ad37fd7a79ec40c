"""Connections of a client to one address, kept open between requests."""

from __future__ import annotations

import os
import socket
import threading
import time
from typing import Final
from urllib.parse import urlsplit
from weakref import WeakSet

from poolhouse.client.errors import ConnectionFailed, TimedOut
from poolhouse.client.transports.socket_timeout import is_still_open

_MAX_IDLE: Final = 32
_MAX_IDLE_S: Final = 60.0
"""Many servers close a connection that was idle for longer."""


class ConnectionPool:
    """Idle connections to one address; the most recently used is reused first. Safe to share between threads.

    Args:
        origin: ``http://host:port``.
        uds: path of a Unix socket to connect to instead.
    """

    def __init__(self, origin: str, uds: str | None) -> None:
        parts = urlsplit(origin)
        self.origin = f"unix:{uds}" if uds else origin
        self.uds = uds
        self.host = parts.netloc.rpartition("@")[2]
        self.address = (parts.hostname or "localhost", parts.port or 80)
        self.closed = False
        self._idle: list[tuple[socket.socket, float]] = []
        self._lock = threading.Lock()
        _POOLS.add(self)

    def acquire(self) -> socket.socket | None:
        """Take an idle connection that is still open, or None."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                found, since = self._idle.pop()
            if time.monotonic() - since < _MAX_IDLE_S and is_still_open(found):
                return found
            found.close()

    def release(self, connection: socket.socket, can_reuse: bool) -> None:
        """Keep a connection for the next request if it can be reused and the pool is not full, else close it."""
        if can_reuse:
            with self._lock:
                if not self.closed and len(self._idle) < _MAX_IDLE:
                    self._idle.append((connection, time.monotonic()))
                    return
        connection.close()

    def close(self) -> None:
        """Close the idle connections now, and each other connection when its response was read."""
        self.closed = True
        self._close_idle()

    def abandon_idle(self) -> None:
        """Close this process's copies of the idle connections after a fork; the parent goes on using them."""
        # Another thread of the parent may have held the lock.
        self._lock = threading.Lock()
        self._close_idle()

    def _close_idle(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection, _ in idle:
            connection.close()

    def connect_timeout_error(self) -> ConnectionFailed:
        """The error for a connection that was not accepted in time."""
        return ConnectionFailed(f"{self.origin} did not accept a connection in time; check that it is running.")

    def connection_error(self, failure: OSError) -> ConnectionFailed:
        """The error for a socket operation that failed."""
        if isinstance(failure, TimeoutError):
            return TimedOut(f"{self.origin} did not respond in time; give the call a longer timeout.")
        return ConnectionFailed(f"{self.origin} gave no response: {failure.strerror or failure}.")


_POOLS: Final[WeakSet[ConnectionPool]] = WeakSet()


def _abandon_pools_after_fork() -> None:
    # On a connection that two processes share, each would read responses of the other.
    for pool in list(_POOLS):
        pool.abandon_idle()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_abandon_pools_after_fork)


def disable_nagle(connection: socket.socket) -> None:
    """Send small packets at once: the last packet of a body would wait for the server to acknowledge the first."""
    if connection.family != getattr(socket, "AF_UNIX", None):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
