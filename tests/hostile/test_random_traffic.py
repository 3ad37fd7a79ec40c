"""Thousands of hostile, damaged, random and valid requests in one run, which the service must survive."""

from __future__ import annotations

import json
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException

import pytest

from tests.hostile.hostile_bodies import LIMIT_BYTES
from tests.hostile.random_mixture import requests
from tests.hostile.random_regions import LABEL, client_regions
from tests.hostile.random_requests import Request
from tests.hostile.server_process import HttpConnection, Reply, ServerProcess, poll_until_at_most, server_process

CLIENTS = 8
SEED = 2013
BACK_WITHIN_BYTES = 32 * 2**20

# A random spec may need any amount of work; the limit keeps one request from occupying the service.
LIMITS: dict[str, str | int | float] = {
    "shared_memory": "true",
    "max_body_bytes": LIMIT_BYTES,
    "max_json_bytes": LIMIT_BYTES,
    "max_output_bytes": 4 * LIMIT_BYTES,
    "max_work": 20_000_000,
}


def find_fault(request: Request, reply: Reply) -> str | None:
    """What is wrong with the response, as a sentence; None if nothing is."""
    described = f"{request.label}: {request.method} {request.target[:200]} {request.headers} {request.body[:200]!r}"
    if request.must_succeed and reply.status != 200:
        return f"{reply.status} {reply.body[:300]!r} to {described}"
    # Clients of the Open Inference Protocol learn by 501 that a part of it is not supported.
    if not (200 <= reply.status < 500 or (reply.status == 501 and f"{request.target}/".startswith("/v2/"))):
        return f"{reply.status} {reply.body[:300]!r} to {described}"
    if reply.status >= 400 and request.method != "HEAD" and not is_refusal(request.target, reply):
        return f"no refusal but {reply.body[:300]!r} to {described}"
    if reply.status == 200 and request.find_fault is not None and (fault := request.find_fault(reply)) is not None:
        return f"{fault} in {reply.body[:300]!r} to {described}"
    return None


def is_refusal(target: str, reply: Reply) -> bool:
    """Whether this is a refusal in the form of its protocol."""
    document = json.loads(reply.body)
    if f"{target}/".startswith("/v2/"):
        is_text = isinstance(document.get("error"), str) and reply.headers["content-type"] == "application/json"
        return is_text and "content-encoding" not in reply.headers
    return bool(document.get("status") == reply.status)


def send_all(server: ServerProcess, seed: int, count: int) -> tuple[Counter[str | int], list[str]]:
    """Send a seed's requests over one persistent connection.

    Returns:
        the count of each status, and that of successful requests with shared memory; the faults.
    """
    seen: Counter[str | int] = Counter()
    faults: list[str] = []
    with server.http_connection() as client, client_regions(f"client-{seed}") as regions:
        for request in requests(seed, count, regions):
            try:
                reply = send(client, request)
            except (HTTPException, OSError) as fault:
                faults.append(f"{fault!r} to {request.label}: {request.target[:200]} {request.body[:200]!r}")
                client.close()
                continue
            seen[reply.status] += 1
            seen[LABEL] += request.label == LABEL and reply.status == 200
            if fault_found := find_fault(request, reply):
                faults.append(fault_found)
    return seen, faults


def send(client: HttpConnection, request: Request) -> Reply:
    return client.send(request.method, request.target, request.headers, request.body)


def run(server: ServerProcess, seed: int, count: int) -> tuple[Counter[str | int], list[str]]:
    """Send the mix from all clients at once."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        parts = [pool.submit(send_all, server, seed + index, count // CLIENTS) for index in range(CLIENTS)]
        results = [part.result() for part in parts]
    return sum((seen for seen, _ in results), Counter[str | int]()), [
        fault for _, faults in results for fault in faults
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="the memory bound is for Linux")
def test_some_hundred_random_requests_leave_the_service_unharmed() -> None:
    """A shorter run, for every change."""
    assert_service_is_unharmed(400)


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.skipif(sys.platform != "linux", reason="the memory bound is for Linux")
def test_ten_thousand_random_requests_leave_the_service_unharmed() -> None:
    """All requests get a response, and the process stays alive, ready, and within its memory."""
    assert_service_is_unharmed(10_000)


def assert_service_is_unharmed(count: int) -> None:
    """Start a service, send it this many requests of the mix, and compare it before and after."""
    with server_process(**LIMITS, device="cpu") as server:
        run(server, SEED - CLIENTS, min(count, 1_000))
        warm = server.resident_bytes

        seen, faults = run(server, SEED, count)
        held = poll_until_at_most(lambda: server.resident_bytes, warm + BACK_WITHIN_BYTES, within_s=10)
        ready = server.readiness_status()

    shared = seen.pop(LABEL)
    memory = f"{warm / 2**20:.1f} MiB before, {held / 2**20:.1f} MiB after"
    print(f"{dict(sorted(seen.items()))}, {shared} with shared memory; {memory}")
    assert not faults, "\n".join([f"{len(faults)} faults, of which:", *faults[:10]])
    assert seen.total() == count
    assert shared > 0
    assert ready == 200
    assert abs(held - warm) <= BACK_WITHIN_BYTES
