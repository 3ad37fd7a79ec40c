"""Running the service: uvicorn with our protocol, one friendly line when it is ready."""

from __future__ import annotations

import logging
import math
import socket
import sys
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from poolhouse.pooling import Pooling
from poolhouse.rest.app import create_app
from poolhouse.rest.protocol import Protocol, ServerConfig
from poolhouse.settings import Settings
from poolhouse.version import __version__

# Longer than the minute for which load balancers keep their connections, so that they close first.
_KEEP_ALIVE_S = 75


class Server(uvicorn.Server):
    """uvicorn's server, which tells where it listens.

    Args:
        config: the configuration.
        on_ready: called once with the server, when it accepts connections.
    """

    def __init__(self, config: ServerConfig, on_ready: Callable[[Server], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

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
        if self.started:
            self._on_ready(self)


def make_server(settings: Settings, app: ASGIApp, on_ready: Callable[[Server], None]) -> Server:
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
        timeout_graceful_shutdown=math.ceil(settings.grace_period_s),
    )
    config.settings = settings
    return Server(config, on_ready)


def run(settings: Settings) -> None:
    """Run the service until it is told to stop."""
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if settings.log_level == "info":
        # Its information is about itself; ours says the same in one line.
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    try:
        pooling = Pooling.from_settings(settings)
    except ValueError as absent:
        sys.exit(f"poolhouse cannot start: {absent}")

    def announce(server: Server) -> None:
        devices = ", ".join(str(device["name"]) for device in pooling.devices())
        place = server.url
        print(f"poolhouse {__version__} is ready: {place}  docs: {place}/docs  device: {devices}", flush=True)

    server = make_server(settings, create_app(settings, pooling), announce)
    try:
        server.run()
    except KeyboardInterrupt:
        # uvicorn has stopped in good order and hands the signal on; a traceback would only alarm.
        return
