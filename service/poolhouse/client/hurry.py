"""One deadline for all that httpx's blocking client does for a call: for whom it only knows a time for each step.

httpx gives each read and each write as long as it is told, so a server from which a byte comes now and then outlasts
every deadline. All of them pass through the network backend of its pools of connections, and this is one around that:
it gives each step the time that is left. httpx has no public word for a backend, so the pools are found where they are
kept; in a client that keeps none there, such as one of a test, the times of httpx are what remains. The asyncio client
needs none of this, for a task can be cancelled.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

import httpx

_PART_BYTES: Final = 32 * 1024
"""What is written at once: a write goes on for as long as there is more of it, each time with the same patience."""


class _Stream(Protocol):
    """A connection, as httpcore has it."""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes: ...

    def write(self, buffer: bytes, timeout: float | None = None) -> None: ...

    def close(self) -> None: ...

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> _Stream: ...

    def get_extra_info(self, info: str) -> object: ...


class _Backend(Protocol):
    """What connects, as httpcore has it."""

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, **further: object) -> _Stream: ...

    def connect_unix_socket(self, path: str, timeout: float | None = None, **further: object) -> _Stream: ...

    def sleep(self, seconds: float) -> None: ...


class _Now(threading.local):
    """When the call of this thread must be over, by ``time.monotonic()``."""

    until: float | None = None

    def at_most(self, timeout: float | None) -> float | None:
        """How long a step may take that was given so long.

        Raises:
            httpx.TimeoutException: none is left. A step that finds bytes waiting would never notice: a server that
                sends one interim answer after another has them ready.
        """
        if self.until is None:
            return timeout
        left_s = self.until - time.monotonic()
        if left_s <= 0:
            raise httpx.ReadTimeout("the deadline of the call has passed")
        return left_s if timeout is None else min(timeout, left_s)


_NOW: Final = _Now()


@contextmanager
def hurried(until: float | None) -> Iterator[None]:
    """What this thread does in the block with a client of :func:`hurry` ends by then; None for no deadline."""
    _NOW.until = until
    try:
        yield
    finally:
        _NOW.until = None


def hurry(client: httpx.Client) -> None:
    """Lets this client keep to :func:`hurried`; nothing where it already does, or keeps no connections of its own."""
    for transport in (client._transport, *client._mounts.values()):
        pool = getattr(transport, "_pool", None)
        backend: _Backend | None = getattr(pool, "_network_backend", None)
        if pool is not None and backend is not None and not isinstance(backend, _HurriedBackend):
            pool._network_backend = _HurriedBackend(backend)


class _HurriedBackend:
    def __init__(self, backend: _Backend) -> None:
        self._backend = backend

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, **further: object) -> _Stream:
        return _HurriedStream(self._backend.connect_tcp(host, port, _NOW.at_most(timeout), **further))

    def connect_unix_socket(self, path: str, timeout: float | None = None, **further: object) -> _Stream:
        return _HurriedStream(self._backend.connect_unix_socket(path, _NOW.at_most(timeout), **further))

    def sleep(self, seconds: float) -> None:
        self._backend.sleep(seconds)


class _HurriedStream:
    def __init__(self, stream: _Stream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _NOW.at_most(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if len(buffer) <= _PART_BYTES:
            self._stream.write(buffer, _NOW.at_most(timeout))
            return
        for start in range(0, len(buffer), _PART_BYTES):
            self._stream.write(buffer[start : start + _PART_BYTES], _NOW.at_most(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> _Stream:
        return _HurriedStream(self._stream.start_tls(ssl_context, server_hostname, _NOW.at_most(timeout)))

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)
