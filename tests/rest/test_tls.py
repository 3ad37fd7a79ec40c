"""TLS terminated by the service itself, for deployments without a proxy."""

from __future__ import annotations

import shutil
import signal
import socket
import ssl
import subprocess
from pathlib import Path
from time import monotonic

import httpx
import numpy as np
import psutil
import pytest

from poolhouse.rest.tls import ssl_context_of
from poolhouse.settings import Settings
from tests.rest.gated_service import parse_metrics
from tests.rest.live_server import IMAGE, POOL, WAIT_TIMEOUT_S, run_live_server
from tests.rest.measured_process import SLACK_BYTES
from tests.rest.service_process import service_process

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="needs openssl to make certificates (Debian: apt-get install openssl)"
)


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A self-signed certificate for this name, and its key."""
    folder.mkdir(exist_ok=True)
    made, key = folder / "cert.pem", folder / "key.pem"
    words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names = ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    subprocess.run(["openssl", *words, *names, "-keyout", key, "-out", made], check=True, capture_output=True)
    return made, key


def trusting_context(made: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(made))


def served_certificate(port: int, made: Path) -> bool:
    """Whether this port presents exactly this certificate."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=WAIT_TIMEOUT_S) as connection,
        trusting_context(made).wrap_socket(connection, server_hostname="localhost") as secured,
    ):
        return secured.getpeercert(binary_form=True) == ssl.PEM_cert_to_DER_cert(made.read_text())


def test_small_and_large_bodies_work_over_tls(tmp_path: Path) -> None:
    """Over TLS large bodies are received and sent by other code than without."""
    made, key = certificate(tmp_path, "pools")
    settings = Settings.model_validate({"port": 0, "tls_certificate": str(made), "tls_key": str(key)})
    large = np.random.default_rng(1).standard_normal((4, 8, 256, 256), dtype=np.float32)
    with (
        run_live_server(settings) as server,
        httpx.Client(verify=trusting_context(made), timeout=WAIT_TIMEOUT_S, trust_env=False) as client,
    ):
        small = client.post(f"https://127.0.0.1:{server.port}{POOL}", json={"input": IMAGE, "kernel_size": 2})
        response = client.post(
            f"https://127.0.0.1:{server.port}/v1/pool/global_max_pool2d",
            params={"shape": "4,8,256,256", "dtype": "float32"},
            content=large.tobytes(),
            headers={"Content-Type": "application/octet-stream"},
        )

    assert server.url.startswith("https://")
    assert small.json()["output"]["data"] == [[[[6, 8], [14, 16]]]]
    assert np.array_equal(np.frombuffer(response.content, np.float32), large.max((2, 3)).ravel())


@pytest.mark.slow
def test_a_response_is_encrypted_as_it_is_read(tmp_path: Path) -> None:
    """Encrypting all of it at once would be a second copy that is not counted, made on the event loop."""
    made, key = certificate(tmp_path, "pools")
    count = 100 << 20
    head = (
        f"POST /v1/pool/max_pool2d?shape=100,1024,1024&dtype=uint8&kernel_size=1 HTTP/1.1\r\nHost: x\r\n"
        f"Content-Type: application/octet-stream\r\nContent-Length: {count}\r\nConnection: close\r\n\r\n"
    )
    with (
        service_process(tls_certificate=str(made), tls_key=str(key)) as running,
        httpx.Client(base_url=running.server.url, verify=trusting_context(made), trust_env=False) as client,
        socket.create_connection(("127.0.0.1", running.server.port), timeout=WAIT_TIMEOUT_S) as plain,
        trusting_context(made).wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        process = psutil.Process(running.process.pid)
        client.get("/metrics")
        idle_bytes = process.memory_info().rss
        connection.sendall(head.encode() + bytes(count))
        response = bytearray(connection.recv(15))
        held = parse_metrics(client.get("/metrics").text)["poolhouse_held_bytes", frozenset()]
        taken = process.memory_info().rss - idle_bytes
        while piece := connection.recv(1 << 20):
            response += piece

    assert response.startswith(b"HTTP/1.1 200 ")
    assert len(response) > count
    assert taken <= held + SLACK_BYTES


def test_clients_need_a_certificate_if_a_client_ca_is_set(tmp_path: Path) -> None:
    """For deployments that authenticate clients by certificate."""
    made, key = certificate(tmp_path / "server", "pools")
    known, known_key = certificate(tmp_path / "client", "client")
    unknown, unknown_key = certificate(tmp_path / "unknown", "unknown")
    settings = Settings.model_validate(
        {"port": 0, "tls_certificate": str(made), "tls_key": str(key), "tls_client_ca": str(known)}
    )

    def ask(own: tuple[Path, Path] | None, port: int) -> int:
        context = trusting_context(made)
        if own is not None:
            context.load_cert_chain(*own)
        with httpx.Client(verify=context, timeout=WAIT_TIMEOUT_S, trust_env=False) as client:
            return client.get(f"https://localhost:{port}/livez").status_code

    with run_live_server(settings) as server:
        assert ask((known, known_key), server.port) == 200
        for own in (None, (unknown, unknown_key)):
            with pytest.raises((httpx.ReadError, httpx.ConnectError, httpx.RemoteProtocolError)):
                ask(own, server.port)


def test_a_signal_reloads_the_certificate_and_an_invalid_one_is_ignored(tmp_path: Path) -> None:
    """Certificates are renewed every few weeks, and the service runs for longer."""
    used, used_key = tmp_path / "used.pem", tmp_path / "used-key.pem"
    old, old_key = certificate(tmp_path / "old", "old")
    new, new_key = certificate(tmp_path / "new", "new")
    shutil.copy(old, used)
    shutil.copy(old_key, used_key)
    with service_process(tls_certificate=str(used), tls_key=str(used_key)) as service:
        port = service.server.port
        before = served_certificate(port, old)
        # The key does not match the certificate.
        shutil.copy(new, used)
        service.process.send_signal(signal.SIGHUP)
        complained = service.next_log_line()
        kept = served_certificate(port, old)
        shutil.copy(new_key, used_key)
        service.process.send_signal(signal.SIGHUP)
        log_line = service.next_log_line()
        after = served_certificate(port, new)

    assert before
    assert "the old one stays" in complained
    assert kept
    assert "reloaded" in log_line
    assert after


def test_a_silent_handshake_ends_at_the_header_timeout(tmp_path: Path) -> None:
    """During the handshake there is no protocol object, so no other limit applies; uvicorn would allow it a minute."""
    made, key = certificate(tmp_path, "pools")
    settings = Settings.model_validate(
        {"port": 0, "tls_certificate": str(made), "tls_key": str(key), "header_timeout_s": 0.3}
    )
    with run_live_server(settings) as server, server.connect() as silent, server.connect() as halfway:
        halfway.sendall(b"\x16\x03\x01")

        started = monotonic()
        assert silent.recv(1) == b""
        assert halfway.recv(1) == b""
        waited_s = monotonic() - started

    assert waited_s < WAIT_TIMEOUT_S / 2


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"tls_key": "key.pem"}, "need tls_certificate"),
        ({"tls_client_ca": "ca.pem"}, "need tls_certificate"),
        ({"tls_certificate": "gone.pem"}, "cannot be used"),
    ],
)
def test_invalid_tls_settings_fail_the_start(settings: dict[str, str], says: str) -> None:
    """And not when the first client connects."""
    with pytest.raises(ValueError, match=says):
        ssl_context_of(Settings.model_validate(settings))


def test_old_versions_of_tls_are_refused(tmp_path: Path) -> None:
    """TLS 1.0 and 1.1 were deprecated in 2021 (RFC 8996)."""
    made, key = certificate(tmp_path, "pools")
    context = ssl_context_of(Settings.model_validate({"tls_certificate": str(made), "tls_key": str(key)}))

    assert context is not None
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
