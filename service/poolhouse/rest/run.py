"""Run the service in this process: set up logging, start the server, announce it in one line."""

from __future__ import annotations

import logging
import sys

from poolhouse.rest.app import create_app
from poolhouse.rest.listening import Listeners
from poolhouse.rest.observability import logs
from poolhouse.rest.observability.line_writer import STANDARD_OUTPUT, LineWriter, descriptor_writer, fill_closed_streams
from poolhouse.rest.server import Server, make_server
from poolhouse.service import PoolingService
from poolhouse.settings import Settings
from poolhouse.version import __version__

_GIL_SWITCH_INTERVAL_S = 0.0005

_log = logging.getLogger("poolhouse.server")


def run(settings: Settings, pooling: PoolingService | None = None, listeners: Listeners | None = None) -> None:
    """Run the service until a signal stops it.

    Args:
        settings: of the service.
        pooling: None makes one from the settings.
        listeners: the sockets to listen on; None opens those that the settings name.
    """
    fill_closed_streams()
    close_logs = logs.configure_logging(settings)
    # The reader of standard output may never read, and printing must not block.
    output = LineWriter(descriptor_writer(STANDARD_OUTPUT))

    def announce(server: Server) -> None:
        devices = ", ".join(str(device["name"]) for device in app.service.pooling.status.devices())
        url = server.url
        docs = f"  docs: {url}/docs" if url.startswith("http") else ""
        line = f"poolhouse {__version__} is ready: {url}{docs}  device: {devices}{_port_notes(server)}"
        if settings.log_format == "json":
            _log.info("%s", line)
        else:
            output.put(line)

    try:
        try:
            app = create_app(settings, pooling)
            server = make_server(settings, app, announce, listeners)
        except ValueError as error:
            sys.exit(f"poolhouse cannot start: {error}")
        # A device thread reacquires the GIL after each operation. With Python's default of 5 ms it would wait that long
        # each time while the event loop is busy, and the device would idle.
        sys.setswitchinterval(_GIL_SWITCH_INTERVAL_S)
        server.run()
    finally:
        close_logs()
        output.close()


def _port_notes(server: Server) -> str:
    """The part of the announcement about the other ports."""
    ports = {"admin": server.admin_port, "grpc": server.grpc_port}
    return "".join([f"  {name}: port {port}" for name, port in ports.items() if port is not None])
