"""Transport for httpx's blocking client that enforces one deadline on a whole call.

httpx has timeouts for single reads and writes only, so a server that sends a byte now and then never exceeds them.
httpcore, below httpx, lets its caller choose the network backend that performs every read and write. The backend here
limits each of them to the time left of the call. The deadline is an extension of the request. The asyncio client does
not need this, since a task can be cancelled.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

import httpcore
import httpx

DEADLINE: Final = "poolhouse.deadline"
"""The extension of a request with the deadline of its call: a time of ``time.monotonic()``, or None."""

_WRITE_BYTES: Final = 32 * 1024
"""The most that is written at once: httpcore restarts the timeout for each part of a write."""

_HTTPX_LIMITS: Final = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=5.0)
"""The defaults of httpx."""

_HTTPX_ERRORS: Final[dict[type[Exception], type[httpx.TransportError]]] = {
    httpcore.ConnectTimeout: httpx.ConnectTimeout,
    httpcore.ReadTimeout: httpx.ReadTimeout,
    httpcore.WriteTimeout: httpx.WriteTimeout,
    httpcore.PoolTimeout: httpx.PoolTimeout,
    httpcore.ConnectError: httpx.ConnectError,
    httpcore.ReadError: httpx.ReadError,
    httpcore.WriteError: httpx.WriteError,
    httpcore.ProxyError: httpx.ProxyError,
    httpcore.UnsupportedProtocol: httpx.UnsupportedProtocol,
    httpcore.LocalProtocolError: httpx.LocalProtocolError,
    httpcore.RemoteProtocolError: httpx.RemoteProtocolError,
}
"""The error of httpx for each of httpcore; a transport of httpx must raise errors of httpx."""

_SocketOption = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]


class DeadlineTransport(httpx.BaseTransport):
    """Transport for an httpx client of your own that ends a call at its deadline, whatever the server sends.

    ``httpx.Client(transport=DeadlineTransport())``. It does not read a proxy from the environment; pass it here.

    Args:
        verify: a TLS context; True for the certificates that httpx trusts, False to trust every server.
        proxy: the address of a proxy, or an ``httpx.Proxy`` with headers or a TLS context.
        uds: path of a Unix socket to connect to instead of the host.
        limits: on connections; by default those of httpx.
        http2: whether to offer HTTP/2, which needs the ``h2`` package.
    """

    def __init__(
        self,
        verify: ssl.SSLContext | bool = True,
        proxy: httpx.Proxy | str | None = None,
        *,
        uds: str | None = None,
        limits: httpx.Limits = _HTTPX_LIMITS,
        http2: bool = False,
    ) -> None:
        self._pool = _make_pool(
            httpx.create_ssl_context(verify=verify),
            httpx.Proxy(proxy) if isinstance(proxy, str) else proxy,
            uds,
            limits,
            http2,
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.SyncByteStream), "a blocking client has a blocking request stream"
        deadline = request.extensions.get(DEADLINE)
        sent = httpcore.Request(
            request.method,
            _core_url(request.url),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        with _enforce_deadline(deadline), _translate_errors():
            response = self._pool.handle_request(sent)
        assert isinstance(response.stream, Iterable), "a blocking pool has blocking response streams"
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_ResponseStream(response, response.stream, deadline),
            extensions=response.extensions,
        )

    def close(self) -> None:
        self._pool.close()


def _make_pool(
    context: ssl.SSLContext, proxy: httpx.Proxy | None, uds: str | None, limits: httpx.Limits, http2: bool
) -> httpcore.ConnectionPool:
    backend = _DeadlineBackend()
    if proxy is None:
        return httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            http2=http2,
            uds=uds,
            network_backend=backend,
        )
    if proxy.url.scheme in ("socks5", "socks5h"):
        return httpcore.SOCKSProxy(
            _core_url(proxy.url),
            proxy_auth=proxy.raw_auth,
            ssl_context=context,
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            http2=http2,
            network_backend=backend,
        )
    return httpcore.HTTPProxy(
        _core_url(proxy.url),
        proxy_auth=proxy.raw_auth,
        proxy_headers=proxy.headers.raw,
        ssl_context=context,
        proxy_ssl_context=proxy.ssl_context,
        max_connections=limits.max_connections,
        max_keepalive_connections=limits.max_keepalive_connections,
        keepalive_expiry=limits.keepalive_expiry,
        http2=http2,
        network_backend=backend,
    )


def _core_url(url: httpx.URL) -> httpcore.URL:
    return httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)


class _ResponseStream(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response, parts: Iterable[bytes], deadline: float | None) -> None:
        self._response = response
        self._parts = parts
        self._deadline = deadline

    def __iter__(self) -> Iterator[bytes]:
        parts = iter(self._parts)
        while True:
            # Set for each part, not for the whole loop: between two parts the thread may make another call.
            with _enforce_deadline(self._deadline), _translate_errors():
                part = next(parts, None)
            if part is None:
                return
            yield part

    def close(self) -> None:
        self._response.close()


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except tuple(_HTTPX_ERRORS) as fault:
        raise next(error for core_error, error in _HTTPX_ERRORS.items() if isinstance(fault, core_error))(
            str(fault)
        ) from fault


class _ThreadDeadline(threading.local):
    """The deadline of the call that this thread makes; a network backend does not know its request."""

    deadline: float | None = None

    def time_left_s(self, timeout: float | None) -> float | None:
        """The time for an operation: that of httpcore, at most the time left of the call.

        Raises:
            httpcore.ReadTimeout: no time is left. A read that finds bytes at once would never time out, as with a
                server that sends one interim response after another.
        """
        if self.deadline is None:
            return timeout
        left_s = self.deadline - time.monotonic()
        if left_s <= 0:
            raise httpcore.ReadTimeout("the deadline of the call has passed")
        return left_s if timeout is None else min(timeout, left_s)


_THREAD_DEADLINE: Final = _ThreadDeadline()


@contextmanager
def _enforce_deadline(deadline: float | None) -> Iterator[None]:
    """Enforce the deadline on this thread's network operations within the block."""
    outer = _THREAD_DEADLINE.deadline
    _THREAD_DEADLINE.deadline = deadline
    try:
        yield
    finally:
        _THREAD_DEADLINE.deadline = outer


class _DeadlineBackend(httpcore.NetworkBackend):
    """httpcore's own backend, with each operation limited to the time left of the call."""

    def __init__(self) -> None:
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[_SocketOption] | None = None,
    ) -> httpcore.NetworkStream:
        left_s = _THREAD_DEADLINE.time_left_s(timeout)
        return _DeadlineStream(self._backend.connect_tcp(host, port, left_s, local_address, socket_options))

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[_SocketOption] | None = None
    ) -> httpcore.NetworkStream:
        return _DeadlineStream(
            self._backend.connect_unix_socket(path, _THREAD_DEADLINE.time_left_s(timeout), socket_options)
        )

    def sleep(self, seconds: float) -> None:
        self._backend.sleep(seconds)


class _DeadlineStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _THREAD_DEADLINE.time_left_s(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if len(buffer) <= _WRITE_BYTES:
            self._stream.write(buffer, _THREAD_DEADLINE.time_left_s(timeout))
            return
        for start in range(0, len(buffer), _WRITE_BYTES):
            self._stream.write(buffer[start : start + _WRITE_BYTES], _THREAD_DEADLINE.time_left_s(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _DeadlineStream(
            self._stream.start_tls(ssl_context, server_hostname, _THREAD_DEADLINE.time_left_s(timeout))
        )

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)
