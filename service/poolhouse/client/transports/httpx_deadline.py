"""A transport for httpx's blocking client that holds a whole call to one deadline.

httpx has a timeout for each read and each write only, so a server that sends a byte now and then outlasts all of them.
Every read and write passes through the network backend of httpcore's connection pool, which httpcore lets its caller
choose. The backend here gives each of them the time that is left of the call. The deadline travels with the request,
as an extension of it. The asyncio client needs none of this, since a task can be cancelled.
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
"""The extension of a request that says when its call must be over: a number by ``time.monotonic()``, or None."""

_WRITE_BYTES: Final = 32 * 1024
"""At most this is written at once: a write lasts until all of it is sent, and each of its parts gets the same time."""

_HTTPX_LIMITS: Final = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=5.0)
"""As httpx has them."""

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
"""httpx's error for each of httpcore's; a transport of httpx raises those of httpx alone."""

_SocketOption = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]


class DeadlineTransport(httpx.BaseTransport):
    """Connections for an httpx client of your own; it then keeps a call's deadline whatever the server sends.

    ``httpx.Client(transport=DeadlineTransport())``. It reads no proxy from the environment; name it here.

    Args:
        verify: a context for TLS; True for the certificates that httpx trusts, False to trust every server.
        proxy: the address of a proxy, or an ``httpx.Proxy`` with headers or a context of its own.
        uds: path of a Unix socket, which is connected to in place of the host.
        limits: on connections; as httpx has them.
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
        assert isinstance(request.stream, httpx.SyncByteStream), "a blocking client sends blocking streams"
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
        assert isinstance(response.stream, Iterable), "a blocking pool answers with blocking streams"
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
            # Not around the whole loop: between two parts the thread may make another call.
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
        raise next(error for of_core, error in _HTTPX_ERRORS.items() if isinstance(fault, of_core))(
            str(fault)
        ) from fault


class _ThreadDeadline(threading.local):
    """The deadline of the call that this thread makes: a network backend is not told for which request it works."""

    deadline: float | None = None

    def time_left_s(self, timeout: float | None) -> float | None:
        """The time for a step that httpcore gives ``timeout``.

        Raises:
            httpcore.ReadTimeout: no time is left. A step that finds bytes waiting would never notice: a server that
                sends one interim answer after another has them ready.
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
    """Steps of this thread in the block end by the deadline."""
    before = _THREAD_DEADLINE.deadline
    _THREAD_DEADLINE.deadline = deadline
    try:
        yield
    finally:
        _THREAD_DEADLINE.deadline = before


class _DeadlineBackend(httpcore.NetworkBackend):
    """httpcore's own backend, with less time for each step."""

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
