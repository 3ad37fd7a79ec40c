"""Starting and stopping the service, as a process and on a Unix socket."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import httpx

from poolhouse.rest.app import create_app
from poolhouse.rest.server import Server, make_server
from poolhouse.settings import Settings
from tests.rest.serving import PATIENCE_S

RUN = """
from poolhouse.rest.server import run
from poolhouse.settings import Settings

run(Settings(port=0, device=["cpu"]))
"""


def test_one_line_says_where_the_service_is_and_a_signal_ends_it() -> None:
    """Port 0 is for tests and demos, so the line must name the real port; SIGTERM is how platforms stop it."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", RUN], stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        url = next(word for word in line.split() if word.startswith("http://"))
        with httpx.Client(trust_env=False, timeout=PATIENCE_S) as client:
            alive = client.get(f"{url}/livez").status_code
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
        process.wait(PATIENCE_S)

    assert alive == 200
    assert f"{url}/docs" in line
    assert "cpu" in line
    assert rest == ""
    assert process.returncode == 0


def test_a_unix_socket_serves(tmp_path: Path) -> None:
    """Callers of the same pod save the network."""
    path = tmp_path / "poolhouse.sock"
    settings = Settings.model_validate({"uds": str(path)})
    ready = threading.Event()

    def note(server: Server) -> None:
        ready.set()

    server = make_server(settings, create_app(settings), note)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert ready.wait(PATIENCE_S)
    try:
        transport = httpx.HTTPTransport(uds=str(path))
        with httpx.Client(transport=transport, base_url="http://local", timeout=PATIENCE_S) as client:
            answer = client.get("/livez")
        assert server.url == f"unix:{path}"
    finally:
        server.should_exit = True
        thread.join(PATIENCE_S)

    assert answer.status_code == 200
