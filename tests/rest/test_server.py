"""Starting and stopping the service, as a process and on a Unix socket."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from poolhouse.rest.app import create_app
from poolhouse.rest.listening import open_listeners
from poolhouse.rest.server import Server, make_server
from poolhouse.settings import Settings
from tests.rest.live_server import WAIT_TIMEOUT_S

RUN = """
from poolhouse.rest.run import run
from poolhouse.settings import Settings

run(Settings(port=0, device=["cpu"]))
"""


def test_one_line_has_the_address_and_a_signal_stops_the_service() -> None:
    """Tests and demos use port 0, so the line must have the actual port; platforms stop services with SIGTERM."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", RUN], stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        url = next(word for word in line.split() if word.startswith("http://"))
        with httpx.Client(trust_env=False, timeout=WAIT_TIMEOUT_S) as client:
            alive = client.get(f"{url}/livez").status_code
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
        process.wait(WAIT_TIMEOUT_S)

    assert alive == 200
    assert f"{url}/docs" in line
    assert "cpu" in line
    assert rest == ""
    assert process.returncode == 0


def test_a_bound_port_on_which_another_process_listens_fails_the_start() -> None:
    """A bound port can still be taken: of two services that start together both can bind it, and uvloop would let
    the second one run although no client can reach it."""
    settings = Settings.model_validate({"port": 0, "device": "cpu"})
    listeners = open_listeners(settings)
    with socket.socket() as sooner:
        sooner.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sooner.bind(listeners.public[0].getsockname())
        sooner.listen()
        server = make_server(settings, create_app(settings), lambda _: pytest.fail("it started"), listeners)

        with pytest.raises(
            SystemExit, match=r"poolhouse cannot start: cannot listen on http://127\.0\.0\.1:\d+: another process"
        ):
            server.run()


def test_a_failed_start_has_a_documented_exit_code() -> None:
    """uvicorn would exit with 3, which is not among our documented exit codes."""

    async def fails() -> None:
        raise RuntimeError("no device at all")

    settings = Settings.model_validate({"port": 0, "device": "cpu"})
    app = create_app(settings)
    app.service.pooling.start = fails  # type: ignore[method-assign]  # the fault is the point
    server = make_server(settings, app, lambda _: pytest.fail("it started"))

    with pytest.raises(SystemExit, match="poolhouse cannot start; see the log"):
        server.run()


def test_requests_over_a_unix_socket_are_served(tmp_path: Path) -> None:
    """Clients in the same pod avoid the network."""
    path = tmp_path / "poolhouse.sock"
    settings = Settings.model_validate({"uds": str(path)})
    ready = threading.Event()

    def note(server: Server) -> None:
        ready.set()

    server = make_server(settings, create_app(settings), note)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert ready.wait(WAIT_TIMEOUT_S)
    try:
        transport = httpx.HTTPTransport(uds=str(path))
        with httpx.Client(transport=transport, base_url="http://local", timeout=WAIT_TIMEOUT_S) as client:
            response = client.get("/livez")
        assert server.url == f"unix:{path}"
    finally:
        server.should_exit = True
        thread.join(WAIT_TIMEOUT_S)

    assert response.status_code == 200
    assert not path.exists()
