"""API keys over HTTP: which requests are authorized, and how the others are refused before their body is sent."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pytest

from poolhouse import Client, Unauthorized
from poolhouse.rest.auth.authorization import PUBLIC_PATHS
from poolhouse.service import PoolingService
from poolhouse.settings import Settings
from tests.rest.gated_service import becomes_true
from tests.rest.live_server import IMAGE, POOL, WAIT_TIMEOUT_S, LiveServer, run_live_server
from tests.rest.service_process import service_process

KEY, OTHER = "correct-horse-battery", "staple-of-the-second"
FILE = f"""
[vision]
key = "{KEY}"

[slow]
key = "{OTHER}"
requests_per_s = 0.001
burst = 20
"""
BODY = {"input": IMAGE, "kernel_size": 2}


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server with two keys."""
    file = tmp_path_factory.mktemp("keys") / "keys.toml"
    file.write_text(FILE)
    with run_live_server(Settings.model_validate({"port": 0, "api_keys_file": str(file)})) as server:
        yield server


def test_a_valid_key_is_authorized(keyed: LiveServer) -> None:
    """The scheme is case-insensitive (RFC 9110 section 11.1)."""
    with keyed.client() as client:
        responses = [
            client.post(POOL, json=BODY, headers={"Authorization": f"{word} {KEY}"}) for word in ("Bearer", "bearer")
        ]

    assert [response.status_code for response in responses] == [200, 200]


@pytest.mark.parametrize("path", [POOL, "/v1/plan/max_pool2d", "/v1/operators", "/version", "/metrics", "/nope"])
@pytest.mark.parametrize("given", [{}, {"Authorization": f"Basic {KEY}"}, {"Authorization": KEY}, {"X-API-Key": KEY}])
def test_requests_without_a_key_are_refused(keyed: LiveServer, path: str, given: dict[str, str]) -> None:
    """Unknown paths are refused too: a client without a key learns only how to send one."""
    with keyed.client() as client:
        response = client.post(path, json=BODY, headers=given)

    assert response.status_code == 401
    assert response.json()["code"] == "missing_key"
    assert response.headers["www-authenticate"] == 'Bearer realm="poolhouse"'


@pytest.mark.parametrize("key", [KEY[:-1], KEY + "x", KEY.upper(), OTHER[::-1], "é" * 20])
def test_a_wrong_key_is_refused(keyed: LiveServer, key: str) -> None:
    """RFC 6750 defines the error code, which tells a client library to get another key."""
    with keyed.client() as client:
        response = client.post(POOL, json=BODY, headers=[(b"Authorization", f"Bearer {key}".encode())])

    challenge = response.headers["www-authenticate"]
    assert response.status_code == 401
    assert response.json()["code"] == "wrong_key"
    assert challenge.startswith('Bearer realm="poolhouse", error="invalid_token", error_description="')
    assert key not in response.text + challenge


@pytest.mark.parametrize("path", sorted(PUBLIC_PATHS))
def test_probes_and_documentation_need_no_key(keyed: LiveServer, path: str) -> None:
    """Orchestrators and readers of the documentation have no key."""
    with keyed.client() as client:
        assert client.get(path).status_code in (200, 307)


def test_a_request_without_a_key_gets_no_suggestion(keyed: LiveServer) -> None:
    """A suggestion costs work, and the documentation needs no key."""
    with keyed.client() as client:
        without = client.get("/docs/v1/pool/adaptive_max_pool2x").json()["detail"]
        within = client.get("/v1/pools/adaptive_max_pool2x", headers=bearer(KEY)).json()["detail"]

    assert without.endswith(". /openapi.json lists the paths, and /docs shows them.")
    assert "/v1/pool/adaptive_max_pool2d" in within


def test_a_request_without_a_key_is_refused_before_its_body(keyed: LiveServer) -> None:
    """A gigabyte sent by a client without a key must not be received."""
    head = f"POST {POOL} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-npy\r\nContent-Length: 1000000000\r\n\r\n"
    with keyed.connect() as connection:
        connection.sendall(head.encode())
        response = connection.recv(1 << 16)

    assert response.startswith(b"HTTP/1.1 401 ")


def test_a_quota_of_requests_is_exact_under_concurrency(keyed: LiveServer) -> None:
    """Requests are counted in one thread: of 64 concurrent requests exactly the burst of 20 is admitted."""
    barrier = threading.Barrier(64)

    def ask() -> httpx.Response:
        with keyed.client() as client:
            barrier.wait(WAIT_TIMEOUT_S)
            return client.post(POOL, json=BODY, headers=bearer(OTHER))

    with ThreadPoolExecutor(64) as clients:
        responses = [future.result() for future in [clients.submit(ask) for _ in range(64)]]

    statuses = [response.status_code for response in responses]
    assert statuses.count(200) == 20
    assert statuses.count(429) == 44
    refused = next(response for response in responses if response.status_code == 429)
    assert refused.json()["code"] == "quota_exceeded"
    assert 900 <= int(refused.headers["retry-after"]) <= 1001
    with keyed.client() as client:
        assert client.post(POOL, json=BODY, headers=bearer(KEY)).status_code == 200, "another key is not touched"


SIDE_BY_SIDE = 8
RAW = f"HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Type: application/octet-stream\r\n"
CHUNKED = f"POST /v1/pool/global_max_pool2d?shape=1,1,512,512&dtype=uint8 {RAW}Transfer-Encoding: chunked\r\n\r\n"
SMALL = f"POST /v1/pool/adaptive_max_pool2d?shape=1,1,1,1&dtype=uint8&output_size=512 {RAW}Content-Length: 1\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "pieces"),
    [
        pytest.param(CHUNKED, [b"4000\r\n" + bytes(0x4000) + b"\r\n"] * 16 + [b"0\r\n\r\n"], id="chunked bodies"),
        pytest.param(SMALL, [b"7"], id="responses"),
    ],
)
def test_concurrent_requests_cannot_circumvent_a_quota_of_bytes(tmp_path: Path, head: str, pieces: list[bytes]) -> None:
    """All requests are admitted before their bytes are known: 256 KiB each, of which the quota has 4 KiB. Only one
    request may overdraw it."""
    file = tmp_path / "keys.toml"
    file.write_text(f'[thin]\nkey = "{KEY}"\nbytes_per_s = "4KiB"\n')
    settings = Settings.model_validate({"port": 0, "device": "cpu", "api_keys_file": str(file)})
    pooling = PoolingService.from_settings(settings)
    with run_live_server(settings, pooling) as thin, ExitStack() as open_connections:
        connections = [open_connections.enter_context(thin.connect()) for _ in range(SIDE_BY_SIDE)]
        for connection in connections:
            connection.sendall(head.encode())
        assert becomes_true(lambda: pooling.status.lease_count == SIDE_BY_SIDE)
        for piece in pieces:
            for connection in connections:
                # A client that is refused while it sends may be disconnected.
                with suppress(OSError):
                    connection.sendall(piece)
        responses = [connection.recv(65536) for connection in connections]

    statuses = sorted(int(response.split()[1]) for response in responses)
    assert statuses == [200] + [429] * (SIDE_BY_SIDE - 1)
    for response in responses:
        assert (b"retry-after: " in response) == (response.split()[1] == b"429")


def test_metrics_have_the_names_of_keys(keyed: LiveServer) -> None:
    """Usage is counted for each key by its name, without the key itself."""
    with keyed.client() as client:
        client.post(POOL, json=BODY, headers=bearer(KEY))
        page = client.get("/metrics", headers=bearer(KEY)).text

    assert 'poolhouse_key_requests_total{key="vision"}' in page
    assert 'poolhouse_key_bytes_total{key="vision"}' in page
    assert KEY not in page


def test_our_client_sends_its_key(keyed: LiveServer) -> None:
    """The client raises the server's error classes."""
    with Client(keyed.url, KEY) as client:
        assert client.max_pool2d(IMAGE, 2).output == [[[[6, 8], [14, 16]]]]
    for key, code in ((None, "missing_key"), ("not-one-of-them-at-all", "wrong_key")):
        with Client(keyed.url, key) as client, pytest.raises(Unauthorized) as refused:
            client.max_pool2d(IMAGE, 2)
        assert refused.value.code == code


def test_probes_below_a_root_path_need_no_key() -> None:
    """The probes need no key behind a proxy with a path prefix either."""
    settings = Settings.model_validate({"port": 0, "api_keys": f"a={KEY}", "root_path": "/pooling"})
    with run_live_server(settings) as server, server.client() as client:
        assert client.get("/livez").status_code == 200
        assert client.get("/v1/operators").status_code == 401


def test_a_signal_reloads_the_keys_and_an_invalid_file_is_ignored(tmp_path: Path) -> None:
    """A key is revoked without a restart. A typing error in the file must neither lock all clients out nor open the
    service."""
    file = tmp_path / "keys.toml"
    file.write_text(f'[vision]\nkey = "{KEY}"\n')
    with service_process(api_keys_file=str(file)) as service, service.server.client() as client:

        def statuses() -> list[int]:
            return [client.get("/v1/operators", headers=bearer(key)).status_code for key in (KEY, OTHER)]

        before = statuses()
        file.write_text(f'[vision]\nkey = "{OTHER}"\n')
        service.process.send_signal(signal.SIGHUP)
        log_line = service.next_log_line()
        replaced = statuses()
        file.write_text("[vision\n")
        service.process.send_signal(signal.SIGHUP)
        first_error = service.next_log_line()
        file.write_text(f'[vision]\nkey = "{OTHER}"\nmore = {5_000 * "["}\n')
        service.process.send_signal(signal.SIGHUP)
        second_error = service.next_log_line()
        kept = statuses()

    assert before == [200, 401]
    assert "reloaded: vision" in log_line
    assert replaced == [401, 200]
    assert "the old ones stay" in first_error
    assert "the old ones stay" in second_error
    assert kept == [401, 200]
    assert KEY not in log_line + first_error
    assert OTHER not in log_line + first_error


def test_a_service_with_unreadable_keys_does_not_start(tmp_path: Path) -> None:
    """Serving without keys would be the worst failure."""
    with (
        pytest.raises(ValueError, match="cannot be read"),
        run_live_server(Settings.model_validate({"port": 0, "api_keys_file": str(tmp_path / "gone.toml")})),
    ):
        pass
