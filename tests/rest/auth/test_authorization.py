"""Keys on the wire: who gets in, who does not, and what they are told before they send anything."""

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
from tests.rest.live_server import IMAGE, POOL, WAIT_TIMEOUT_S, LiveServer, read_all, run_live_server
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


def test_a_key_opens(keyed: LiveServer) -> None:
    """The scheme's case does not matter, as HTTP has it."""
    with keyed.client() as client:
        answers = [
            client.post(POOL, json=BODY, headers={"Authorization": f"{word} {KEY}"}) for word in ("Bearer", "bearer")
        ]

    assert [answer.status_code for answer in answers] == [200, 200]


@pytest.mark.parametrize("path", [POOL, "/v1/plan/max_pool2d", "/v1/operators", "/version", "/metrics", "/nope"])
@pytest.mark.parametrize("given", [{}, {"Authorization": f"Basic {KEY}"}, {"Authorization": KEY}, {"X-API-Key": KEY}])
def test_without_a_key_nothing_opens(keyed: LiveServer, path: str, given: dict[str, str]) -> None:
    """Not even what does not exist: a stranger learns nothing but how to present a key."""
    with keyed.client() as client:
        answer = client.post(path, json=BODY, headers=given)

    assert answer.status_code == 401
    assert answer.json()["code"] == "missing_key"
    assert answer.headers["www-authenticate"] == 'Bearer realm="poolhouse"'


@pytest.mark.parametrize("key", [KEY[:-1], KEY + "x", KEY.upper(), OTHER[::-1], "é" * 20])
def test_a_wrong_key_is_refused(keyed: LiveServer, key: str) -> None:
    """RFC 6750 has a status for it, and a word that tells a client library to fetch another key."""
    with keyed.client() as client:
        answer = client.post(POOL, json=BODY, headers=[(b"Authorization", f"Bearer {key}".encode())])

    challenge = answer.headers["www-authenticate"]
    assert answer.status_code == 401
    assert answer.json()["code"] == "wrong_key"
    assert challenge.startswith('Bearer realm="poolhouse", error="invalid_token", error_description="')
    assert key not in answer.text + challenge


@pytest.mark.parametrize("path", sorted(PUBLIC_PATHS))
def test_probes_and_pages_stay_open(keyed: LiveServer, path: str) -> None:
    """Orchestrators and readers have no key."""
    with keyed.client() as client:
        assert client.get(path).status_code in (200, 307)


def test_a_request_without_a_key_gets_no_suggestion(keyed: LiveServer) -> None:
    """A suggestion costs work, and the pages need no key."""
    with keyed.client() as client:
        without = client.get("/docs/v1/pool/adaptive_max_pool2x").json()["detail"]
        within = client.get("/v1/pools/adaptive_max_pool2x", headers=bearer(KEY)).json()["detail"]

    assert without.endswith(". /openapi.json lists the paths, and /docs shows them.")
    assert "/v1/pool/adaptive_max_pool2d" in within


def test_who_has_no_key_is_refused_before_the_body(keyed: LiveServer) -> None:
    """A stranger's gigabyte costs nobody anything."""
    head = f"POST {POOL} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-npy\r\nContent-Length: 1000000000\r\n\r\n"
    with keyed.connect() as connection:
        connection.sendall(head.encode())
        answer = read_all(connection)

    assert answer.startswith(b"HTTP/1.1 401 ")


def test_a_quota_is_exact_however_many_ask_at_once(keyed: LiveServer) -> None:
    """Counted at the door, in one thread: 64 callers at once get the burst of 20 and not one more."""
    together = threading.Barrier(64)

    def ask() -> httpx.Response:
        with keyed.client() as client:
            together.wait(WAIT_TIMEOUT_S)
            return client.post(POOL, json=BODY, headers=bearer(OTHER))

    with ThreadPoolExecutor(64) as callers:
        answers = [asked.result() for asked in [callers.submit(ask) for _ in range(64)]]

    statuses = [answer.status_code for answer in answers]
    assert statuses.count(200) == 20
    assert statuses.count(429) == 44
    refused = next(answer for answer in answers if answer.status_code == 429)
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
        pytest.param(SMALL, [b"7"], id="answers"),
    ],
)
def test_requests_side_by_side_are_no_way_around_a_quota_of_bytes(
    tmp_path: Path, head: str, pieces: list[bytes]
) -> None:
    """All have been let in before a byte is known of what they move: 256 KiB each, of which the quota has 4. One may
    take more than there is, as it might alone."""
    file = tmp_path / "keys.toml"
    file.write_text(f'[thin]\nkey = "{KEY}"\nbytes_per_s = "4KiB"\n')
    settings = Settings.model_validate({"port": 0, "device": "cpu", "api_keys_file": str(file)})
    pooling = PoolingService.from_settings(settings)
    with run_live_server(settings, pooling) as thin, ExitStack() as open_connections:
        connections = [open_connections.enter_context(thin.connect()) for _ in range(SIDE_BY_SIDE)]
        for connection in connections:
            connection.sendall(head.encode())
        assert becomes_true(lambda: pooling.lease_count == SIDE_BY_SIDE)
        for piece in pieces:
            for connection in connections:
                # Who is refused in the middle may be cut off.
                with suppress(OSError):
                    connection.sendall(piece)
        answers = [connection.recv(65536) for connection in connections]

    statuses = sorted(int(answer.split()[1]) for answer in answers)
    assert statuses == [200] + [429] * (SIDE_BY_SIDE - 1)
    for answer in answers:
        assert (b"retry-after: " in answer) == (answer.split()[1] == b"429")


def test_the_metrics_know_keys_by_name(keyed: LiveServer) -> None:
    """Who pays for what, without the keys themselves."""
    with keyed.client() as client:
        client.post(POOL, json=BODY, headers=bearer(KEY))
        page = client.get("/metrics", headers=bearer(KEY)).text

    assert 'poolhouse_key_requests_total{key="vision"}' in page
    assert 'poolhouse_key_bytes_total{key="vision"}' in page
    assert KEY not in page


def test_our_client_brings_its_key(keyed: LiveServer) -> None:
    """And raises the server's own classes."""
    with Client(keyed.url, KEY) as client:
        assert client.max_pool2d(IMAGE, 2).output == [[[[6, 8], [14, 16]]]]
    for key, code in ((None, "missing_key"), ("not-one-of-them-at-all", "wrong_key")):
        with Client(keyed.url, key) as client, pytest.raises(Unauthorized) as refused:
            client.max_pool2d(IMAGE, 2)
        assert refused.value.code == code


def test_under_a_root_path_the_probes_stay_open() -> None:
    """A proxy that serves us below a path must still see that we live."""
    settings = Settings.model_validate({"port": 0, "api_keys": f"a={KEY}", "root_path": "/pooling"})
    with run_live_server(settings) as server, server.client() as client:
        assert client.get("/livez").status_code == 200
        assert client.get("/v1/operators").status_code == 401


def test_a_signal_reloads_the_file_and_a_broken_one_changes_nothing(tmp_path: Path) -> None:
    """Keys are withdrawn in minutes, not in restarts; a slip of the pen must not lock everybody out, or in."""
    file = tmp_path / "keys.toml"
    file.write_text(f'[vision]\nkey = "{KEY}"\n')
    with service_process(api_keys_file=str(file)) as service, service.server.client() as client:

        def statuses() -> list[int]:
            return [client.get("/v1/operators", headers=bearer(key)).status_code for key in (KEY, OTHER)]

        before = statuses()
        file.write_text(f'[vision]\nkey = "{OTHER}"\n')
        service.process.send_signal(signal.SIGHUP)
        said = service.next_log_line()
        replaced = statuses()
        file.write_text("[vision\n")
        service.process.send_signal(signal.SIGHUP)
        complained = service.next_log_line()
        file.write_text(f'[vision]\nkey = "{OTHER}"\nmore = {5_000 * "["}\n')
        service.process.send_signal(signal.SIGHUP)
        complained_again = service.next_log_line()
        kept = statuses()

    assert before == [200, 401]
    assert "reloaded: vision" in said
    assert replaced == [401, 200]
    assert "the old ones stay" in complained
    assert "the old ones stay" in complained_again
    assert kept == [401, 200]
    assert KEY not in said + complained
    assert OTHER not in said + complained


def test_a_service_with_unreadable_keys_does_not_start(tmp_path: Path) -> None:
    """Open to everybody would be the worst way to fail."""
    with (
        pytest.raises(ValueError, match="cannot be read"),
        run_live_server(Settings.model_validate({"port": 0, "api_keys_file": str(tmp_path / "gone.toml")})),
    ):
        pass
