"""The routes of shared memory where it is turned off, and those of GPUs; tests/open_inference has all others."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import httpx
import pytest
from starlette.testclient import TestClient

from poolhouse.rest.app import create_app
from poolhouse.settings import Settings

KINDS = ["systemsharedmemory", "cudasharedmemory"]
PATHS = [
    *(("GET", path) for path in ("status", "region/r/status")),
    *(("POST", path) for path in ("region/r/register", "region/r/unregister", "unregister")),
]
HANDLE = base64.b64encode(bytes(range(64))).decode()


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    """A client of a service with shared memory."""
    with TestClient(create_app(Settings.model_validate({"device": "cpu", "shared_memory": True}))) as client:
        yield client


def refusal(response: httpx.Response) -> str:
    """What the response says is wrong."""
    assert response.headers["content-type"] == "application/json"
    error: str = response.json()["error"]
    return error


@pytest.mark.parametrize("kind", KINDS)
def test_every_route_is_refused_where_shared_memory_is_off(client: httpx.Client, kind: str) -> None:
    """It is off by default: whoever reaches the service could read the memory of its machine."""
    for method, path in PATHS:
        response = client.request(method, f"/v2/{kind}/{path}", content=None if method == "GET" else b"{}")

        assert (response.status_code, response.json()["code"]) == (501, "unsupported"), path
        assert "POOLHOUSE_SHARED_MEMORY" in refusal(response)


def test_inference_is_refused_where_shared_memory_is_off(client: httpx.Client) -> None:
    """The refusal says so, and not that the region is unknown."""
    source = {"shared_memory_region": "r", "shared_memory_byte_size": 16}
    entry = {"name": "input", "shape": [1, 1, 2, 2], "datatype": "FP32", "parameters": source}
    document = {"inputs": [entry], "parameters": {"kernel_size": 2}}

    response = client.post("/v2/models/max_pool2d/infer", json=document)

    assert response.status_code == 501
    assert "POOLHOUSE_SHARED_MEMORY" in refusal(response)


def test_no_region_of_a_gpu_is_registered(http: httpx.Client) -> None:
    """A valid registration is refused for what it is, and tools that unregister everything at their end succeed."""
    body = {"raw_handle": {"b64": HANDLE}, "device_id": 0, "byte_size": 4096}

    refused = http.post("/v2/cudasharedmemory/region/r/register", json=body)

    assert (refused.status_code, "GPU" in refusal(refused)) == (501, True)
    assert http.get("/v2/cudasharedmemory/status").json() == []
    missing = http.get("/v2/cudasharedmemory/region/r/status")
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_region")
    for path in ("region/r/unregister", "unregister"):
        assert http.post(f"/v2/cudasharedmemory/{path}").status_code == 200


BAD_HANDLES: list[object] = [None, "x", [], {}, {"b64": None}, {"b64": 5}, {"b64": ""}]


@pytest.mark.parametrize(
    "changed",
    [
        *({"raw_handle": handle} for handle in BAD_HANDLES),
        *(
            {"raw_handle": {"b64": text}}
            for text in (HANDLE[:-4], HANDLE + "AAAA", HANDLE[:-1], "é" * 88, f" {HANDLE}")
        ),
        *({"byte_size": size} for size in (None, -1, 2**63, 1.5, "1", True)),
        *({"device_id": device} for device in (-1, "0", 0.0, True)),
        {"key": "/x"},
    ],
    ids=lambda changed: json.dumps(changed)[:40],
)
def test_an_invalid_registration_of_a_gpu_is_refused(http: httpx.Client, changed: dict[str, object]) -> None:
    """A handle has exactly 64 bytes; less or more would be read as another structure."""
    body = {"raw_handle": {"b64": HANDLE}, "device_id": 0, "byte_size": 4096} | changed

    response = http.post("/v2/cudasharedmemory/region/r/register", json=body)

    assert (response.status_code, bool(refusal(response))) == (400, True)
