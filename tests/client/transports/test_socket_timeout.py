"""Timeouts of socket operations, enforced by the kernel, or by the socket where it does not wait in the kernel."""

from __future__ import annotations

import os
import socket
import struct
import time

import pytest

from poolhouse.client.transports.socket_timeout import Buffer, SocketTimeout, is_still_open

IN_KERNEL = pytest.mark.skipif(os.name != "posix", reason="needs a kernel with socket timeouts")


class RecordingSocket(socket.socket):
    """A socket that records the kernel timeouts that are set."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def setsockopt(self, *arguments: object) -> None:
        """Record the timeout in seconds."""
        assert isinstance(arguments[2], bytes)
        seconds, microseconds = struct.unpack("@ll", arguments[2])
        self.seconds.append(seconds + microseconds / 1e6)


@IN_KERNEL
def test_a_kernel_timeout_is_never_longer_than_the_time_left() -> None:
    """A timeout that was set for an earlier operation would end the next one after its deadline."""

    def operation(_: object) -> int:
        latest.append(connection.seconds[-1])
        return 1

    latest = list[float]()
    times_s = (60.0, 59.0, 50.0, 49.0, 40.0, 30.0, 5.0, 60.0, 0.5)
    with RecordingSocket() as connection:
        timeout = SocketTimeout(connection)
        for left_s in times_s:
            timeout.run_once(connection, operation, b"", time.monotonic() + left_s)

    for left_s, timeout_s in zip(times_s, latest, strict=True):
        assert left_s / 2 < timeout_s <= left_s
    assert len(connection.seconds) < 2 * len(latest), (
        "not set for each operation; each time it is set for sending and receiving"
    )


@IN_KERNEL
def test_an_early_kernel_timeout_does_not_end_the_operation() -> None:
    """The kernel timeout is shorter than the time left, so the operation is repeated."""
    early = iter([True, True, False])

    def operation(_: object) -> int:
        if next(early):
            raise BlockingIOError
        return 7

    with RecordingSocket() as connection:
        assert SocketTimeout(connection).run_once(connection, operation, b"", time.monotonic() + 60) == 7
        with pytest.raises(TimeoutError):
            SocketTimeout(connection).run_once(connection, operation, b"", time.monotonic())


class SocketWithoutKernelTimeout(socket.socket):
    """A socket as gevent's: it seems to block, its file descriptor does not, and it enforces its timeout itself."""

    own_timeout: float | None = None

    def settimeout(self, value: float | None) -> None:
        """Record the timeout, and make the file descriptor non-blocking."""
        self.own_timeout = value
        super().settimeout(0.0)


@IN_KERNEL
def test_the_timeout_is_set_on_a_socket_that_does_not_wait_in_the_kernel() -> None:
    """A kernel timeout would never end its wait."""
    timeouts_s: list[float | None] = []

    def operation(_: Buffer) -> int:
        timeouts_s.append(connection.own_timeout)
        return 1

    with SocketWithoutKernelTimeout() as connection:
        timeout = SocketTimeout(connection)
        for left_s in (60.0, 5.0):
            timeout.run_once(connection, operation, b"", time.monotonic() + left_s)

    for left_s, timeout_s in zip((60.0, 5.0), timeouts_s, strict=True):
        assert timeout_s is not None
        assert left_s / 2 < timeout_s <= left_s


@pytest.mark.parametrize("waits", ["in the kernel", "elsewhere"])
def test_an_idle_connection_is_checked_without_blocking(waits: str) -> None:
    """It is open if nothing can be read; else the server has closed it or sent bytes that belong to no request."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(None)
        if waits == "elsewhere":
            os.set_blocking(ours.fileno(), False)

        assert is_still_open(ours)
        theirs.sendall(b"x")
        assert not is_still_open(ours)
        assert ours.recv(1) == b"x"
        theirs.close()
        assert not is_still_open(ours)
