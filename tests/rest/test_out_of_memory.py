"""On a system with less memory than the settings allow, requests are refused with 503 and the process survives."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable

import httpx
import psutil
import pytest

from tests.rest.live_server import IMAGE, POOL
from tests.rest.service_process import service_process

MIB = 1 << 20
LEFT_BYTES = 24 * MIB
"""The free address space: enough for an error response, too little for the request."""

RAW = {"Content-Type": "application/octet-stream"}
JSON = {"Content-Type": "application/json"}


def raw(client: httpx.Client) -> httpx.Response:
    query = "?kernel_size=1&dtype=uint8&shape=1,8192,16384"
    return client.post(POOL + query, content=bytes(128 * MIB), headers=RAW)


def deflated(client: httpx.Client) -> httpx.Response:
    query = "?kernel_size=1&dtype=uint8&shape=1,8192,16384"
    return client.post(
        POOL + query, content=gzip.compress(bytes(128 * MIB)), headers=RAW | {"Content-Encoding": "gzip"}
    )


def numbers(client: httpx.Client) -> httpx.Response:
    text = b'{"kernel_size": 1, "input": {"dtype": "float64", "shape": [1, 2000, 4000], "data": ['
    return client.post(POOL, content=text + b",".join([b"1"] * 8_000_000) + b"]}}", headers=JSON)


def large_response(client: httpx.Client) -> httpx.Response:
    query = "?output_size=8192,8192&dtype=float32&shape=1,1,1,1"
    return client.post("/v1/pool/adaptive_avg_pool2d" + query, content=bytes(4), headers=RAW)


@pytest.mark.skipif(sys.platform != "linux", reason="limits of another process are set as Linux does it")
@pytest.mark.parametrize(
    "ask", [raw, *(pytest.param(each, marks=pytest.mark.slow) for each in (deflated, numbers, large_response))]
)
def test_a_request_without_system_memory_is_refused(ask: Callable[[httpx.Client], httpx.Response]) -> None:
    """It was a 500, as for a bug; on another machine, or later, the request may well succeed."""
    with service_process() as running, running.server.client() as client:
        small = {"input": IMAGE, "kernel_size": 2}
        # The threads and buffers of the first requests have been allocated.
        assert client.post(POOL, json=small).status_code == 200
        process = psutil.Process(running.process.pid)
        process.rlimit(psutil.RLIMIT_AS, (process.memory_info().vms + LEFT_BYTES, psutil.RLIM_INFINITY))

        refused = ask(client)
        meanwhile = client.post(POOL, json=small)

        process.rlimit(psutil.RLIMIT_AS, (psutil.RLIM_INFINITY, psutil.RLIM_INFINITY))
        assert (refused.status_code, refused.json()["code"]) == (503, "overloaded"), refused.text
        assert int(refused.headers["Retry-After"]) >= 1
        assert json.loads(meanwhile.content)["output"]["shape"] == [1, 1, 2, 2]
        assert client.post(POOL, json=small).status_code == 200
        assert "Traceback" not in running.log_until_stopped()
