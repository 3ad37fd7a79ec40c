"""The health check connects to the address of the service, and succeeds only if it is ready."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from poolhouse.health import main, make_connection
from poolhouse.rest.app import create_app
from poolhouse.rest.server import make_server
from poolhouse.settings import Settings
from tests.rest.live_server import WAIT_TIMEOUT_S, run_live_server


def test_a_ready_service_is_healthy(capsys: pytest.CaptureFixture[str]) -> None:
    """Orchestrators show this line."""
    with run_live_server(Settings.model_validate({"port": 0})) as server:
        assert main({"POOLHOUSE_PORT": str(server.port), "POOLHOUSE_HOST": "0.0.0.0"}) == 0

    assert '"status":"ready"' in capsys.readouterr().out


def test_an_absent_service_is_unhealthy(capsys: pytest.CaptureFixture[str]) -> None:
    """The service may not have started yet; the container engine repeats the check."""
    with run_live_server(Settings.model_validate({"port": 0})) as server:
        port = server.port

    assert main({"POOLHOUSE_PORT": str(port)}) == 1
    assert "no response" in capsys.readouterr().out


@pytest.mark.parametrize("status", [503, None])
def test_a_service_that_is_not_ready_is_unhealthy(status: int | None) -> None:
    """A response that is not HTTP counts as a failure, too."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if status is None:
                self.wfile.write(b"nonsense\r\n\r\n")
            else:
                self.send_response(status)
                self.end_headers()

        def log_message(self, *args: object) -> None:
            """Print nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        assert main({"POOLHOUSE_PORT": str(server.server_port)}) == 1
        thread.join(WAIT_TIMEOUT_S)


def test_the_response_cannot_control_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Another process may use the port."""
    sent = "\x1b[2J\x9b31m\u202e\n".encode()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def respond() -> None:
            for start in (b"HTTP/1.1 503 No\r\n\r\n", b""):
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(start + sent)

        thread = threading.Thread(target=respond)
        thread.start()
        for _ in range(2):
            assert main({"POOLHOUSE_PORT": str(listener.getsockname()[1])}) == 1
        thread.join(WAIT_TIMEOUT_S)

    printed = capsys.readouterr().out
    assert printed.startswith("503 \\x1b[2J")
    assert printed.replace("\n", "").isprintable()


def test_a_unix_socket_is_supported(tmp_path: Path) -> None:
    """A sidecar may have no TCP port."""
    path = str(tmp_path / "poolhouse.sock")
    settings = Settings.model_validate({"uds": path})
    ready = threading.Event()
    server = make_server(settings, create_app(settings), lambda _: ready.set())
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert ready.wait(WAIT_TIMEOUT_S)

    assert main({"POOLHOUSE_UDS": path}) == 0

    server.should_exit = True
    thread.join(WAIT_TIMEOUT_S)


@pytest.mark.parametrize(
    ("environ", "kind", "host", "port"),
    [
        ({}, "HTTPConnection", "127.0.0.1", 8000),
        ({"POOLHOUSE_HOST": "::", "POOLHOUSE_PORT": "9"}, "HTTPConnection", "localhost", 9),
        ({"POOLHOUSE_HOST": "10.0.0.1"}, "HTTPConnection", "10.0.0.1", 8000),
        ({"POOLHOUSE_TLS_CERTIFICATE": "x"}, "HTTPSConnection", "127.0.0.1", 8000),
        ({"POOLHOUSE_TLS_CERTIFICATE": "x", "POOLHOUSE_ADMIN_PORT": "81"}, "HTTPConnection", "127.0.0.1", 81),
        ({"POOLHOUSE_ADMIN_HOST": "0.0.0.0", "POOLHOUSE_ADMIN_PORT": "81"}, "HTTPConnection", "127.0.0.1", 81),
    ],
)
def test_it_connects_where_the_same_variables_make_the_service_listen(
    environ: dict[str, str], kind: str, host: str, port: int
) -> None:
    """The health check needs no configuration of its own."""
    found = make_connection(environ)

    assert (type(found).__name__, found.host, found.port) == (kind, host, port)


def test_it_imports_the_standard_library_only() -> None:
    """It runs every few seconds next to a busy service, so its start must be cheap."""
    code = (
        "import sys, poolhouse.health; print([m for m in ('numpy', 'pydantic', 'httpx', 'torch') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ran.stdout == "[]\n"
