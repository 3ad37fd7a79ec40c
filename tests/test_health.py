"""The container's health check asks where the service listens, and says yes only when it is ready."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from poolhouse.health import connection, main
from poolhouse.rest.app import create_app
from poolhouse.rest.server import make_server
from poolhouse.settings import Settings
from tests.rest.live_server import WAIT_TIMEOUT_S, run_live_server


def test_a_ready_service_is_healthy(capsys: pytest.CaptureFixture[str]) -> None:
    """What orchestrators show of it is this one line."""
    with run_live_server(Settings.model_validate({"port": 0})) as server:
        assert main({"POOLHOUSE_PORT": str(server.port), "POOLHOUSE_HOST": "0.0.0.0"}) == 0

    assert '"status":"ready"' in capsys.readouterr().out


def test_an_absent_service_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    """It may not have come up yet; the engine asks again."""
    with run_live_server(Settings.model_validate({"port": 0})) as server:
        port = server.port

    assert main({"POOLHOUSE_PORT": str(port)}) == 1
    assert "no response" in capsys.readouterr().out


@pytest.mark.parametrize("answered", [503, None])
def test_a_service_that_is_not_ready_is_not_healthy(answered: int | None) -> None:
    """Also one whose answer is none that HTTP knows."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if answered is None:
                self.wfile.write(b"nonsense\r\n\r\n")
            else:
                self.send_response(answered)
                self.end_headers()

        def log_message(self, *args: object) -> None:
            """Quietly."""

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        assert main({"POOLHOUSE_PORT": str(server.server_port)}) == 1
        thread.join(WAIT_TIMEOUT_S)


def test_whatever_answers_does_not_command_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Another process may have the port."""
    said = "\x1b[2J\x9b31m\u202e\n".encode()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            for start in (b"HTTP/1.1 503 No\r\n\r\n", b""):
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(start + said)

        thread = threading.Thread(target=answer)
        thread.start()
        for _ in range(2):
            assert main({"POOLHOUSE_PORT": str(listener.getsockname()[1])}) == 1
        thread.join(WAIT_TIMEOUT_S)

    shown = capsys.readouterr().out
    assert shown.startswith("503 \\x1b[2J")
    assert shown.replace("\n", "").isprintable()


def test_a_unix_socket_is_asked(tmp_path: Path) -> None:
    """A sidecar has no port at all."""
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
def test_it_asks_where_the_same_variables_put_the_service(
    environ: dict[str, str], kind: str, host: str, port: int
) -> None:
    """One environment for both: nothing to keep in step by hand."""
    asked = connection(environ)

    assert (type(asked).__name__, asked.host, asked.port) == (kind, host, port)


def test_it_needs_nothing_but_the_standard_library() -> None:
    """It runs every few seconds, beside a busy service."""
    code = (
        "import sys, poolhouse.health; print([m for m in ('numpy', 'pydantic', 'httpx', 'torch') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ran.stdout == "[]\n"
