"""Running the service: uvicorn with our protocol, one friendly line when it is ready."""

from __future__ import annotations

import gc
import logging
import math
import signal
import socket
import sys
from collections.abc import Callable
from time import monotonic
from types import FrameType

import uvicorn

from poolhouse.pooling import Pooling
from poolhouse.rest.app import App, create_app
from poolhouse.rest.protocol import Protocol, ServerConfig
from poolhouse.settings import Settings
from poolhouse.version import __version__

# Longer than the minute for which load balancers keep their connections, so that they close first.
_KEEP_ALIVE_S = 75
_SWITCH_S = 0.0005


class Server(uvicorn.Server):
    """uvicorn's server, which tells where it listens, and stops without a caller noticing.

    Told to stop, it goes on listening and answers 503 to what is new, so that load balancers and readiness probes
    see it go: for the settings' drain_s, and on while admitted requests are not answered, within grace_period_s.

    Args:
        config: the configuration.
        app: the application, which turns new requests away once it is told to.
        on_ready: called once with the server, when it accepts connections.
    """

    def __init__(self, config: ServerConfig, app: App, on_ready: Callable[[Server], None]) -> None:
        super().__init__(config)
        self._app = app
        self._settings = config.settings
        self._on_ready = on_ready
        self._told_at: float | None = None
        self._listen_s = 0.0

    @property
    def url(self) -> str:
        """Where to call the service; with the real port if port 0 was asked for."""
        if self.config.uds is not None:
            return f"unix:{self.config.uds}"
        listening: socket.socket = self.servers[0].sockets[0]
        port: int = listening.getsockname()[1]
        host = "localhost" if self.config.host in ("0.0.0.0", "::") else self.config.host
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell."""
        await super().startup(sockets)
        # What the start has made stays: the collector need not look through all of torch again and again.
        gc.collect()
        gc.freeze()
        if self.started:
            self._on_ready(self)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain. Said twice it changes nothing, but for a person at a terminal who will not wait."""
        # uvicorn would close the listener now, and in the end die of the signal; to stop when told is no failure.
        if self._told_at is None:
            self._tell_to_stop(self._settings.drain_s if sig == signal.SIGTERM else 0.0)
        elif sig == signal.SIGINT:
            self.should_exit = self.force_exit = True

    def _tell_to_stop(self, listen_s: float) -> None:
        self._told_at = monotonic()
        self._listen_s = listen_s
        self._app.pooling.drain(self._settings.grace_period_s)

    async def on_tick(self, counter: int) -> bool:
        """Whether the listener closes now; asked ten times a second."""
        return await super().on_tick(counter) or self._drained()

    def _drained(self) -> bool:
        if self._told_at is None:
            return False
        waited_s = monotonic() - self._told_at
        if waited_s >= self._settings.grace_period_s:
            return True
        return waited_s >= self._listen_s and not self.server_state.tasks

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the listener, and what is left within what is left of the grace period."""
        if self._told_at is None:
            self._tell_to_stop(0.0)
        assert self._told_at is not None
        left_s = self._settings.grace_period_s - (monotonic() - self._told_at)
        self.config.timeout_graceful_shutdown = max(0, math.floor(left_s))
        await super().shutdown(sockets)


def make_server(settings: Settings, app: App, on_ready: Callable[[Server], None]) -> Server:
    """A server of this app that is ready to be run.

    Args:
        settings: where to listen, and the limits of a connection.
        app: from :func:`poolhouse.rest.app.create_app`.
        on_ready: called once with the server, when it accepts connections.
    """
    config = ServerConfig(
        app,
        host=settings.host,
        port=settings.port,
        uds=settings.uds,
        http=Protocol,
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
    config.settings = settings
    config.metrics = app.metrics
    return Server(config, app, on_ready)


def run(settings: Settings, pooling: Pooling | None = None) -> None:
    """Run the service until it is told to stop.

    Args:
        settings: everything that can be set.
        pooling: None makes one from the settings.
    """
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if settings.log_level == "info":
        # Its information is about itself; ours says the same in one line.
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    try:
        pooled = pooling or Pooling.from_settings(settings)
    except ValueError as absent:
        sys.exit(f"poolhouse cannot start: {absent}")

    def announce(server: Server) -> None:
        devices = ", ".join(str(device["name"]) for device in pooled.devices())
        place = server.url
        print(f"poolhouse {__version__} is ready: {place}  docs: {place}/docs  device: {devices}", flush=True)

    # A device's thread takes the lock back after every operation. At Python's 5 ms each of these would wait for
    # whatever the event loop is doing, and a busy door would starve the device.
    sys.setswitchinterval(_SWITCH_S)
    server = make_server(settings, create_app(settings, pooled), announce)
    server.run()
