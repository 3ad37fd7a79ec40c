"""Timeouts of a socket's steps: the kernel keeps them where the socket waits there, and elsewhere the socket itself."""

from __future__ import annotations

import os
import socket
import struct
import time

import pytest

from poolhouse.client.transports.socket_timeout import Buffer, SocketTimeout, is_still_open

IN_KERNEL = pytest.mark.skipif(os.name != "posix", reason="needs a kernel that keeps timeouts of sockets")


class RecordingSocket(socket.socket):
    """A socket that notes how long its kernel was told to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def setsockopt(self, *given: object) -> None:
        """Note the time, in seconds."""
        assert isinstance(given[2], bytes)
        whole, micro = struct.unpack("@ll", given[2])
        self.seconds.append(whole + micro / 1e6)


@IN_KERNEL
def test_the_kernel_is_never_told_to_wait_longer_than_there_is_time() -> None:
    """One that was told before a longer step would end the next one when its deadline is long over."""

    def step(_: object) -> int:
        latest.append(connection.seconds[-1])
        return 1

    latest = list[float]()
    times_s = (60.0, 59.0, 50.0, 49.0, 40.0, 30.0, 5.0, 60.0, 0.5)
    with RecordingSocket() as connection:
        timeout = SocketTimeout(connection)
        for left_s in times_s:
            timeout.run_once(connection, step, b"", time.monotonic() + left_s)

    for left_s, told_s in zip(times_s, latest, strict=True):
        assert left_s / 2 < told_s <= left_s
    assert len(connection.seconds) < 2 * len(latest), "each is a call to the kernel, and sets two times"


@IN_KERNEL
def test_a_kernel_that_ends_a_wait_early_does_not_end_the_step() -> None:
    """It is told too little so that we look at the time, and there is some left."""
    early = iter([True, True, False])

    def step(_: object) -> int:
        if next(early):
            raise BlockingIOError
        return 7

    with RecordingSocket() as connection:
        assert SocketTimeout(connection).run_once(connection, step, b"", time.monotonic() + 60) == 7
        with pytest.raises(TimeoutError):
            SocketTimeout(connection).run_once(connection, step, b"", time.monotonic())


class SocketWithoutKernelTimeout(socket.socket):
    """A socket as gevent has it: it seems to block, its file descriptor does not, and its timeout is its own."""

    own_timeout: float | None = None

    def settimeout(self, value: float | None) -> None:
        """Told to the event loop, of which the kernel knows nothing."""
        self.own_timeout = value
        super().settimeout(0.0)


@IN_KERNEL
def test_a_socket_that_waits_elsewhere_is_told_the_time_itself() -> None:
    """A timeout that only the kernel was told would never end its wait."""
    told: list[float | None] = []

    def step(_: Buffer) -> int:
        told.append(connection.own_timeout)
        return 1

    with SocketWithoutKernelTimeout() as connection:
        timeout = SocketTimeout(connection)
        for left_s in (60.0, 5.0):
            timeout.run_once(connection, step, b"", time.monotonic() + left_s)

    for left_s, told_s in zip((60.0, 5.0), told, strict=True):
        assert told_s is not None
        assert left_s / 2 < told_s <= left_s


@pytest.mark.parametrize("waits", ["in the kernel", "elsewhere"])
def test_an_idle_connection_is_looked_at_without_waiting(waits: str) -> None:
    """Silent means open; what can be read there is the server's end, or out of step."""
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
