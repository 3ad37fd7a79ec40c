"""The server: uvicorn with our HTTP protocol, our sockets, reload on SIGHUP and a drain before shutdown."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import math
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Sequence
from time import monotonic
from types import FrameType

import uvicorn
from starlette.types import ASGIApp
from uvicorn.config import Config

from poolhouse.models import GENERIC, VERSION
from poolhouse.rest.admin import admin_app
from poolhouse.rest.app import INFER_PATH, POOL_PATH, POOLINGS_PATH, VERSIONED_INFER_PATH, App
from poolhouse.rest.cors import cors_headers
from poolhouse.rest.grpc_port import GrpcPort, MakeGrpcPort, load_grpc
from poolhouse.rest.http.connection import Connection
from poolhouse.rest.http.response_progress import response_limits
from poolhouse.rest.http.server_context import DirectRoute, ServerConfig, ServerContext
from poolhouse.rest.listening import BACKLOG, Listeners, listening_fault, open_listeners, reachable_url
from poolhouse.rest.tls import load_certificate, ssl_context_of
from poolhouse.settings import Settings

# Longer than the minute for which load balancers keep idle connections, so that they close them first.
_KEEP_ALIVE_S = 75

_log = logging.getLogger("poolhouse.server")


class Server(uvicorn.Server):
    """uvicorn's server, with a drain before shutdown.

    After the first signal it keeps listening and refuses new requests with 503, so that load balancers and readiness
    probes notice. This takes at least ``drain_delay_s`` of the settings, and lasts until the admitted requests have
    finished, at most ``grace_period_s``.

    Args:
        config: of the public port.
        app: the application.
        on_ready: called once with the server, when it accepts connections.
        listeners: the open sockets; the server closes them at its end.
        settings: of the service.
        admin: the configuration of the admin port; None if there is none.
        make_grpc: makes the gRPC server; None if there is none.
    """

    def __init__(
        self,
        config: ServerConfig,
        app: App,
        on_ready: Callable[[Server], None],
        listeners: Listeners,
        settings: Settings,
        admin: ServerConfig | None = None,
        make_grpc: MakeGrpcPort | None = None,
    ) -> None:
        super().__init__(config)
        self._admin = admin
        self._make_grpc = make_grpc
        self._grpc: GrpcPort | None = None
        self._listeners = listeners
        self._app = app
        self._settings = settings
        self._on_ready = on_ready
        self._stop_requested_at: float | None = None
        self._listener_stays_s = 0.0
        # By Ctrl-C; on_tick then logs what the drain waits for.
        self._interrupted = False

    @property
    def url(self) -> str:
        """The URL of the service from this machine, with the actual port if port 0 was requested."""
        scheme = "https" if self.config.ssl is not None else "http"
        return reachable_url(self._listeners.public[0], self.config.host, scheme)

    @property
    def admin_port(self) -> int | None:
        """The admin port; None if there is none."""
        if self._admin is None:
            return None
        port: int = self._listeners.admin[0].getsockname()[1]
        return port

    @property
    def grpc_port(self) -> int | None:
        """The port of gRPC; None if there is none."""
        return None if self._grpc is None else self._grpc.port

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until a signal, then close the sockets."""
        try:
            await super().serve(sockets)
        finally:
            self._listeners.close()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start and call ``on_ready``. uvicorn's own method opens other sockets and has no TLS handshake timeout."""
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            sys.exit("poolhouse cannot start; see the log for the reason")
        if self._make_grpc is not None:
            try:
                self._grpc = self._make_grpc(self._app.service)
            except ValueError as error:
                await self.lifespan.shutdown()
                sys.exit(f"poolhouse cannot start: {error}")
        self.servers = []
        await self._listen(self.config, self._listeners.public)
        if self._admin is not None:
            self._admin.load()
            await self._listen(self._admin, self._listeners.admin)
        if self._grpc is not None:
            await self._grpc.start()
        self.started = True
        if self._settings.api_keys_file is not None or self.config.ssl is not None:
            # Without keys and certificate SIGHUP keeps its default action, as when a terminal closes: exit.
            with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
                asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self.reload)
        # The objects created so far stay alive, so exclude them, all of torch, from garbage collections.
        gc.collect()
        gc.freeze()
        self._on_ready(self)

    async def _listen(self, config: Config, sockets: Sequence[socket.socket]) -> None:
        state = self.lifespan.state if config is self.config else {}

        def make_connection() -> Connection:
            return Connection(config, self.server_state, state)

        loop = asyncio.get_running_loop()
        # During the handshake there is no protocol object yet that could enforce the timeout.
        handshake_s = None if config.ssl is None else self._settings.header_timeout_s
        for each in sockets:
            try:
                # Not by uvloop, which ignores an error here and would accept no connections.
                each.listen(BACKLOG)
            except OSError as error:
                # Although the port is bound, another process may have called listen() on it first.
                await self.lifespan.shutdown()
                url = reachable_url(each, config.host, "http")
                sys.exit(f"poolhouse cannot start: cannot listen on {url}: {listening_fault(error)}")
            create_server = loop.create_unix_server if each.family == socket.AF_UNIX else loop.create_server
            server = await create_server(
                make_connection, sock=each, ssl=config.ssl, backlog=BACKLOG, ssl_handshake_timeout=handshake_s
            )
            # uvicorn closes the servers in this list at shutdown.
            self.servers.append(server)

    def reload(self) -> None:
        """Reload the API keys, and the TLS certificate with its key."""
        if self._app.authorization is not None:
            self._app.authorization.reload()
        if isinstance(self.config.ssl, ssl.SSLContext):
            try:
                load_certificate(self.config.ssl, self._settings)
            except ValueError as error:
                _log.error("The TLS certificate was not reloaded, the old one stays in use: %s", error)
            else:
                if self._grpc is not None:
                    self._grpc.reload()
                _log.info("TLS certificate reloaded.")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Start the drain. Further signals change nothing, except that a second Ctrl-C stops at once."""
        # uvicorn would close the listener now, and exit by raising the signal again, which looks like a failure.
        if self._stop_requested_at is None:
            self._interrupted = sig == signal.SIGINT
            # guard: first-signal-drains
            self._start_drain(self._settings.drain_delay_s if sig == signal.SIGTERM else 0.0)
        elif sig == signal.SIGINT:
            self.should_exit = self.force_exit = True
            # Otherwise the lifespan's shutdown would wait for the batches on the devices.
            self._app.service.pooling.drain(0.0)

    def _start_drain(self, listen_s: float) -> None:
        self._stop_requested_at = monotonic()
        self._listener_stays_s = listen_s
        self._app.service.pooling.drain(self._settings.grace_period_s)

    async def on_tick(self, counter: int) -> bool:
        """Whether to shut down now; uvicorn calls this ten times a second."""
        if self._interrupted and (requests := self._busy_connections):
            # Not logged in the signal handler, which may interrupt the writing of another log line.
            _log.info("finishing %d request%s; Ctrl-C again stops now", requests, "" if requests == 1 else "s")
        self._interrupted = False
        return await super().on_tick(counter) or self._is_drained()

    def _is_drained(self) -> bool:
        if self._stop_requested_at is None:
            return False
        waited_s = monotonic() - self._stop_requested_at
        # guard: grace-period-ends-drain
        if waited_s >= self._settings.grace_period_s:
            return True
        is_busy = self._busy_connections or (self._grpc is not None and self._grpc.is_busy)
        # guard: listener-stays-for-requests
        return waited_s >= self._listener_stays_s and not is_busy

    @property
    def _busy_connections(self) -> int:
        """The number of connections with a request in progress."""
        return sum(connection.is_busy for connection in self._connections)

    @property
    def _connections(self) -> list[Connection]:
        return [each for each in self.server_state.connections if isinstance(each, Connection)]

    def _refuse_draining(self) -> None:
        for connection in self._connections:
            connection.refuse_draining()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the listener, and end all requests within the rest of the grace period."""
        if self._stop_requested_at is None:
            self._start_drain(0.0)
        assert self._stop_requested_at is not None
        ends_at = self._stop_requested_at + self._settings.grace_period_s
        if self._grpc is not None:
            await self._grpc.stop(0.0 if self.force_exit else max(0.0, ends_at - monotonic()))
        timeout_s = max(0, math.floor(ends_at - monotonic()))
        self.config.timeout_graceful_shutdown = timeout_s
        # uvicorn cancels the tasks of requests then. A request whose body is still being received has no task.
        asyncio.get_running_loop().call_later(timeout_s, self._refuse_draining)
        await super().shutdown(sockets)
        if self.force_exit:
            # uvicorn skips this after a forced exit, and cancels the lifespan task, which logs a traceback.
            await self.lifespan.shutdown()


def make_server(
    settings: Settings, app: App, on_ready: Callable[[Server], None], listeners: Listeners | None = None
) -> Server:
    """A server for this application, not yet started.

    Args:
        settings: addresses, TLS and the limits of connections.
        app: from :func:`poolhouse.rest.app.create_app`.
        on_ready: called once with the server, when it accepts connections.
        listeners: the sockets to listen on; None opens those that the settings name.

    Raises:
        ValueError: the certificate cannot be used, or an address is not available.
    """
    config = _config(app, settings, settings.host)
    # Middleware that was added to the application must see every request, so nothing may bypass it then.
    direct = () if app.has_custom_middleware else _direct_routes(app)
    config.server_context = _server_context(app, settings, direct)
    config.ssl_context = ssl_context_of(settings)
    admin = None
    if settings.admin_port is not None:
        admin_application = admin_app(app.service)
        admin = _config(admin_application, settings, settings.admin_host)
        admin.server_context = _server_context(admin_application, settings, ())
    make_grpc = load_grpc(settings)
    return Server(config, app, on_ready, listeners or open_listeners(settings), settings, admin, make_grpc)


def _direct_routes(app: App) -> tuple[DirectRoute, ...]:
    current = VERSIONED_INFER_PATH.replace("{version}", VERSION)
    return (
        DirectRoute(POOL_PATH, app.pool_handler),
        DirectRoute(INFER_PATH, app.infer_handler),
        DirectRoute(current, app.infer_handler, VERSIONED_INFER_PATH),
        DirectRoute(POOLINGS_PATH, app.poolings_handler, name=GENERIC),
    )


def _config(app: ASGIApp, settings: Settings, host: str) -> ServerConfig:
    return ServerConfig(
        app,
        host=host,
        http=Connection,  # type: ignore[arg-type]  # uvicorn's annotation excludes BufferedProtocol
        ws="none",
        lifespan="on",
        loop="auto" if sys.platform == "win32" else "uvloop",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        root_path=settings.root_path,
        timeout_keep_alive=_KEEP_ALIVE_S,
    )


def _server_context(app: App, settings: Settings, routes: tuple[DirectRoute, ...]) -> ServerContext:
    return ServerContext(
        app=app,
        accounting=app.service.accounting,
        metrics=app.service.metrics,
        response_limits=response_limits(settings),
        max_header_bytes=settings.max_header_bytes,
        header_timeout_s=settings.header_timeout_s,
        keep_alive_s=_KEEP_ALIVE_S,
        stall_timeout_s=settings.body_timeout_s,
        routes=routes,
        root_path=settings.root_path,
        cors_headers=cors_headers(settings.cors_origins),
    )
