"""How long one step of a blocking socket may take, and whether a kept connection is still open.

On POSIX the kernel keeps the time of a socket that blocks in the kernel. On other systems, and where gevent or eventlet
have put sockets of theirs in the place of Python's, the socket itself keeps it: those make the file descriptor
non-blocking under a socket that seems to block, wait in an event loop of their own, and so never learn of a timeout
that only the kernel was told.
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
"""The part of the time left after which the kernel ends a step: it need seldom be told anew, and is never late."""
_EARLY_MIN_S: Final = 0.02
# Joined once: these are enumerations, which take a microsecond or two.
_PEEK: Final = int(socket.MSG_PEEK)
_PEEK_NONBLOCKING: Final = int(socket.MSG_PEEK | getattr(socket, "MSG_DONTWAIT", 0))


def blocks_in_kernel(connection: socket.socket) -> bool:
    """Whether a step of this socket, whose timeout is None, waits in the kernel."""
    return os.name == "posix" and os.get_blocking(connection.fileno())


def is_still_open(connection: socket.socket) -> bool:
    """Whether a connection on which nothing is expected is silent; does not wait.

    One on which something can be read has been closed by the server, or is out of step.
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
    """Bounds each step of one connection.

    Python's own timeouts make a socket non-blocking and poll around each step, which costs a quarter of the time of a
    large body. The kernel's timeout is set early rather than late, so that it need not be set for each step; and it
    begins anew whenever some bytes have moved, so the caller looks at the time after each step.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._kernel_timeout_s = 0.0
        connection.settimeout(None)
        self._uses_kernel_timeout = blocks_in_kernel(connection)

    def run_once(
        self, connection: socket.socket, operation: Callable[[Buffer], int], buffer: Buffer, deadline: float
    ) -> int:
        """Send or receive what can be, once.

        Raises:
            TimeoutError: nothing could be until then.
        """
        while (left_s := deadline - time.monotonic()) > 0:
            self._set_timeout(connection, left_s)
            try:
                return operation(buffer)
            except BlockingIOError:  # what the kernel says when its time is up
                continue
        raise TimeoutError

    def _set_timeout(self, connection: socket.socket, left_s: float) -> None:
        if not self._uses_kernel_timeout:
            connection.settimeout(left_s)
        elif not _EARLY_FRACTION * _EARLY_FRACTION * left_s <= self._kernel_timeout_s <= left_s:
            self._kernel_timeout_s = left_s * _EARLY_FRACTION if left_s > _EARLY_MIN_S else left_s
            # All zeros would mean for ever.
            whole, part = divmod(max(1, round(self._kernel_timeout_s * 1e6)), 1_000_000)
            timeval = struct.pack("@ll", whole, part)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeval)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeval)
