"""Running the service: uvicorn with our protocol, one friendly line when it is ready."""

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

from poolhouse.rest.admin import admin_app
from poolhouse.rest.app import POOL_PATH, App, create_app
from poolhouse.rest.cors import cors_headers
from poolhouse.rest.http.connection import Connection
from poolhouse.rest.http.deadlines import response_limits
from poolhouse.rest.http.server_context import DirectRoute, ServerConfig, ServerContext
from poolhouse.rest.listening import BACKLOG, Listeners, listening_fault, open_listeners, reachable_url
from poolhouse.rest.observability import logs
from poolhouse.rest.observability.line_writer import STANDARD_OUTPUT, LineWriter, descriptor_writer, fill_closed_streams
from poolhouse.rest.tls import load_certificate, ssl_context_of
from poolhouse.service import PoolingService
from poolhouse.settings import Settings
from poolhouse.version import __version__

# Longer than the minute for which load balancers keep their connections, so that they close first.
_KEEP_ALIVE_S = 75
_GIL_SWITCH_INTERVAL_S = 0.0005

_log = logging.getLogger("poolhouse.server")


class Server(uvicorn.Server):
    """uvicorn's server, which tells where it listens, and stops without a caller noticing.

    Told to stop, it goes on listening and answers 503 to what is new, so that load balancers and readiness probes
    see it go: for the settings' drain_delay_s, and on while admitted requests are not answered, within grace_period_s.

    Args:
        config: the configuration.
        app: the application, which turns new requests away once it is told to.
        on_ready: called once with the server, when it accepts connections.
        listeners: the open sockets; they are closed when the server has ended.
        settings: of the service.
        admin: the configuration of the admin port, where there is one.
    """

    def __init__(
        self,
        config: ServerConfig,
        app: App,
        on_ready: Callable[[Server], None],
        listeners: Listeners,
        settings: Settings,
        admin: ServerConfig | None = None,
    ) -> None:
        super().__init__(config)
        self._admin = admin
        self._listeners = listeners
        self._app = app
        self._settings = settings
        self._on_ready = on_ready
        self._stop_requested_at: float | None = None
        self._listener_stays_s = 0.0
        # By a person at a terminal, who has not been told yet what is waited for.
        self._interrupted = False

    @property
    def url(self) -> str:
        """Where to call the service from this machine; with the real port if port 0 was asked for."""
        scheme = "https" if self.config.ssl is not None else "http"
        return reachable_url(self._listeners.public[0], self.config.host, scheme)

    @property
    def admin_port(self) -> int | None:
        """The port of the admin routes; None where they are on the public one."""
        if self._admin is None:
            return None
        port: int = self._listeners.admin[0].getsockname()[1]
        return port

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until told to stop; then there is nothing left of the sockets."""
        try:
            await super().serve(sockets)
        finally:
            self._listeners.close()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell. In place of uvicorn's, which opens sockets of its own and knows no limit for handshakes."""
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            sys.exit("poolhouse cannot start: the log says why")
        self.servers = []
        await self._listen(self.config, self._listeners.public)
        if self._admin is not None:
            self._admin.load()
            await self._listen(self._admin, self._listeners.admin)
        self.started = True
        if self._settings.api_keys_file is not None or self.config.ssl is not None:
            # Else the signal ends the process, as it does others that a closed terminal leaves behind.
            with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
                asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self.reload)
        # What the start has made stays: the collector need not look through all of torch again and again.
        gc.collect()
        gc.freeze()
        self._on_ready(self)

    async def _listen(self, config: Config, sockets: Sequence[socket.socket]) -> None:
        state = self.lifespan.state if config is self.config else {}

        def make_connection() -> Connection:
            return Connection(config, self.server_state, state)

        loop = asyncio.get_running_loop()
        # A connection that says nothing during its handshake has no protocol yet that could count its seconds.
        handshake_s = None if config.ssl is None else self._settings.header_timeout_s
        for each in sockets:
            try:
                # Not left to uvloop, which passes over a refusal here and serves nobody.
                each.listen(BACKLOG)
            except OSError as refused:
                # Bound long ago, and still another one was sooner to listen.
                await self.lifespan.shutdown()
                place = reachable_url(each, config.host, "http")
                sys.exit(f"poolhouse cannot start: {place} cannot be listened on: {listening_fault(refused)}")
            make = loop.create_unix_server if each.family == socket.AF_UNIX else loop.create_server
            server = await make(
                make_connection, sock=each, ssl=config.ssl, backlog=BACKLOG, ssl_handshake_timeout=handshake_s
            )
            # With the others it is closed when the service stops.
            self.servers.append(server)

    def reload(self) -> None:
        """Read again what may change while the service runs: the API keys, and the certificate with its key."""
        if self._app.authorization is not None:
            self._app.authorization.reload()
        if isinstance(self.config.ssl, ssl.SSLContext):
            try:
                load_certificate(self.config.ssl, self._settings)
            except ValueError as wrong:
                _log.error("The certificate was not reloaded, the old one stays: %s", wrong)
            else:
                _log.info("TLS certificate reloaded.")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain. Said twice it changes nothing, but for a person at a terminal who will not wait."""
        # uvicorn would close the listener now, and in the end die of the signal; to stop when told is no failure.
        if self._stop_requested_at is None:
            self._interrupted = sig == signal.SIGINT
            # guard: first-signal-drains
            self._start_drain(self._settings.drain_delay_s if sig == signal.SIGTERM else 0.0)
        elif sig == signal.SIGINT:
            self.should_exit = self.force_exit = True
            # Else the application's end would wait for what the devices are at.
            self._app.service.pooling.drain(0.0)

    def _start_drain(self, listen_s: float) -> None:
        self._stop_requested_at = monotonic()
        self._listener_stays_s = listen_s
        self._app.service.pooling.drain(self._settings.grace_period_s)

    async def on_tick(self, counter: int) -> bool:
        """Whether the listener closes now; asked ten times a second."""
        if self._interrupted and (requests := self._busy_connections):
            # Not where the signal comes: it may come in the middle of another line.
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
        # guard: listener-stays-for-requests
        return waited_s >= self._listener_stays_s and not self._busy_connections

    @property
    def _busy_connections(self) -> int:
        """Connections on which a request is being received or answered."""
        return sum(connection.is_busy for connection in self._connections)

    @property
    def _connections(self) -> list[Connection]:
        return [each for each in self.server_state.connections if isinstance(each, Connection)]

    def _refuse_draining(self) -> None:
        for connection in self._connections:
            connection.refuse_draining()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the listener, and what is left within what is left of the grace period."""
        if self._stop_requested_at is None:
            self._start_drain(0.0)
        assert self._stop_requested_at is not None
        left_s = self._settings.grace_period_s - (monotonic() - self._stop_requested_at)
        timeout_s = max(0, math.floor(left_s))
        self.config.timeout_graceful_shutdown = timeout_s
        # uvicorn cancels the tasks of requests then; one whose body is still coming has none.
        asyncio.get_running_loop().call_later(timeout_s, self._refuse_draining)
        await super().shutdown(sockets)
        if self.force_exit:
            # Left out by uvicorn, and then cancelled, which ends the application as well, but with a traceback.
            await self.lifespan.shutdown()


def make_server(
    settings: Settings, app: App, on_ready: Callable[[Server], None], listeners: Listeners | None = None
) -> Server:
    """A server of this app that is ready to be run.

    Args:
        settings: where to listen, and the limits of a connection.
        app: from :func:`poolhouse.rest.app.create_app`.
        on_ready: called once with the server, when it accepts connections.
        listeners: the sockets to listen on; None opens those that the settings name.

    Raises:
        ValueError: where the certificate cannot be used, or an address cannot be listened on.
    """
    config = _config(app, settings, settings.host)
    # What somebody has put around the application is for every request.
    direct = () if app.has_custom_middleware else (DirectRoute(POOL_PATH, app.pool_handler),)
    config.server_context = _server_context(app, settings, direct)
    config.ssl_context = ssl_context_of(settings)
    admin = None
    if settings.admin_port is not None:
        serves = admin_app(app.service)
        admin = _config(serves, settings, settings.admin_host)
        admin.server_context = _server_context(serves, settings, ())
    return Server(config, app, on_ready, listeners or open_listeners(settings), settings, admin)


def _config(serves: ASGIApp, settings: Settings, host: str) -> ServerConfig:
    return ServerConfig(
        serves,
        host=host,
        http=Connection,  # type: ignore[arg-type]  # uvicorn names only protocols that get no buffers
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


def run(settings: Settings, pooling: PoolingService | None = None, listeners: Listeners | None = None) -> None:
    """Run the service until it is told to stop.

    Args:
        settings: everything that can be set.
        pooling: None makes one from the settings.
        listeners: the sockets to listen on; None opens those that the settings name.
    """
    fill_closed_streams()
    close_logs = logs.configure_logging(settings)
    # The line of the start too: its reader may be one who never reads.
    output = LineWriter(descriptor_writer(STANDARD_OUTPUT))

    def announce(server: Server) -> None:
        devices = ", ".join(str(device["name"]) for device in app.service.pooling.devices())
        place = server.url
        docs = f"  docs: {place}/docs" if place.startswith("http") else ""
        line = f"poolhouse {__version__} is ready: {place}{docs}  device: {devices}{_admin_note(server)}"
        if settings.log_format == "json":
            _log.info("%s", line)
        else:
            output.put(line)

    try:
        try:
            app = create_app(settings, pooling)
            server = make_server(settings, app, announce, listeners)
        except ValueError as wrong:
            sys.exit(f"poolhouse cannot start: {wrong}")
        # A device's thread takes the lock back after every operation. At Python's 5 ms each of these would wait for
        # whatever the event loop is doing, and a busy door would starve the device.
        sys.setswitchinterval(_GIL_SWITCH_INTERVAL_S)
        server.run()
    finally:
        close_logs()
        output.close()


def _admin_note(server: Server) -> str:
    """Where the admin routes are, for the line that tells of the start."""
    return "" if server.admin_port is None else f"  admin: port {server.admin_port}"
