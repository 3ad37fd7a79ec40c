"""Timeouts of blocking socket operations, and the check whether an idle connection is still open.

On POSIX the kernel enforces the timeout of a socket that blocks in the kernel. On other systems, and where gevent or
eventlet have replaced Python's sockets, the socket itself enforces it. Those libraries make the file descriptor
non-blocking under a socket that seems to block, and wait in their own event loop, so a kernel timeout has no effect.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Callable
from typing import Final

Buffer = bytes | memoryview

_EARLY_FRACTION: Final = 0.8
"""The kernel timeout as a fraction of the time left: it is never late, and seldom has to be set again."""
_EARLY_MIN_S: Final = 0.02
# Combined once: these are enumerations, whose operators take a microsecond or two.
_PEEK: Final = int(socket.MSG_PEEK)
_PEEK_NONBLOCKING: Final = int(socket.MSG_PEEK | getattr(socket, "MSG_DONTWAIT", 0))


def blocks_in_kernel(connection: socket.socket) -> bool:
    """Whether an operation of this socket, whose timeout is None, waits in the kernel."""
    return os.name == "posix" and os.get_blocking(connection.fileno())


def is_still_open(connection: socket.socket) -> bool:
    """Whether an idle connection is open and has nothing to read; does not block.

    If something can be read, the server has closed the connection or has sent bytes that belong to no request.
    """
    flags = _PEEK
    if blocks_in_kernel(connection):
        flags = _PEEK_NONBLOCKING
    else:
        connection.setblocking(False)
    try:
        connection.recv(1, flags)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


class SocketTimeout:
    """Limits the time of each operation of one connection.

    Python's own timeouts make a socket non-blocking and poll around each operation, which costs a quarter of the time
    of a large body. The kernel timeout is set too short rather than too long, so that it need not be set for each
    operation. The kernel restarts it whenever some bytes have moved, so :meth:`run_once` is called once for each part.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._kernel_timeout_s = 0.0
        connection.settimeout(None)
        self._uses_kernel_timeout = blocks_in_kernel(connection)

    def run_once(
        self, connection: socket.socket, operation: Callable[[Buffer], int], buffer: Buffer, deadline: float
    ) -> int:
        """Send or receive once, as many bytes as possible.

        Raises:
            TimeoutError: no byte was sent or received before the deadline.
        """
        while (left_s := deadline - time.monotonic()) > 0:
            self._set_timeout(connection, left_s)
            try:
                return operation(buffer)
            except BlockingIOError:  # the kernel timeout has passed
                continue
        raise TimeoutError

    def _set_timeout(self, connection: socket.socket, left_s: float) -> None:
        if not self._uses_kernel_timeout:
            connection.settimeout(left_s)
        elif not _EARLY_FRACTION * _EARLY_FRACTION * left_s <= self._kernel_timeout_s <= left_s:
            self._kernel_timeout_s = left_s * _EARLY_FRACTION if left_s > _EARLY_MIN_S else left_s
            # A timeval of zero would mean no timeout.
            seconds, microseconds = divmod(max(1, round(self._kernel_timeout_s * 1e6)), 1_000_000)
            timeval = struct.pack("@ll", seconds, microseconds)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeval)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeval)
