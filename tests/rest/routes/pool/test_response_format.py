"""The text of a response counts: it is limited and charged by its length, not by the bytes of its elements."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from poolhouse.dtypes import ELEMENT_TYPES, INT64
from poolhouse.errors import Unprocessable
from poolhouse.operators.catalogue import discover
from poolhouse.operators.plan import Limits
from poolhouse.operators.planner import Planner
from poolhouse.rest.routes.pool import response_format as response_formats
from poolhouse.rest.routes.pool.response_format import response_format
from poolhouse.settings import Settings
from poolhouse.tensors import Message, Tensor, TensorMetadata
from poolhouse.wire.json.codec import JSON, JsonCodec
from tests.rest.gated_service import becomes_true, post_zeros, run_gated_service
from tests.rest.live_server import WAIT_TIMEOUT_S, LiveServer, run_live_server

RAW = {"Content-Type": "application/octet-stream", "Accept": "application/json"}
CAPACITY_BYTES = 1 << 20


@pytest.fixture(scope="module")
def live_server() -> Iterator[LiveServer]:
    """A service with default settings except for the largest response."""
    with run_live_server(Settings.model_validate({"port": 0, "max_output_bytes": 1 << 24})) as server:
        yield server


@pytest.fixture
def client(live_server: LiveServer) -> Iterator[httpx.Client]:
    """An HTTP client of that server."""
    with live_server.client() as http:
        yield http


def test_an_empty_response_of_many_lists_is_refused(client: httpx.Client) -> None:
    """Two hundred million pairs of brackets have no bytes of elements, and took 15 GB."""
    body = {"input": [[[1]]], "output_size": [200_000_000, 0]}

    response = client.post("/v1/pool/adaptive_max_pool2d", json=body)

    assert (response.status_code, response.json()["code"]) == (422, "output_too_large")
    assert "application/octet-stream" in response.json()["detail"]
    assert response.json()["limit_bytes"] == 1 << 20


@pytest.mark.parametrize("accept", ["application/json", "*/*"])
def test_an_empty_batch_is_refused_as_text_and_accepted_as_binary(client: httpx.Client, accept: str) -> None:
    """A query of sixty bytes determines the length of the text."""
    query = "shape=20000000,0,4&dtype=float32&kernel_size=2"

    response = client.post(f"/v1/pool/max_pool1d?{query}", headers={**RAW, "Accept": accept})

    if accept == "*/*":
        assert (response.status_code, response.content) == (200, b"")
        assert "20000000" in response.headers["tensor-metadata"]
    else:
        assert (response.status_code, response.json()["code"]) == (422, "output_too_large")


def test_an_empty_response_of_few_lists_is_sent(client: httpx.Client) -> None:
    """An empty batch is valid in every format."""
    response = client.post("/v1/pool/max_pool1d?shape=3,0,4&dtype=float32&kernel_size=2", headers=RAW)

    assert response.json()["output"]["data"] == [[], [], []]


@pytest.mark.parametrize(("dtype", "count"), [("bool", 3 << 20), ("float16", 1 << 20), ("int64", 1 << 20)])
def test_the_error_for_too_long_a_text_names_the_binary_types(client: httpx.Client, dtype: str, count: int) -> None:
    """Its elements are under the limit: a boolean of one byte is printed in six."""
    query = f"shape=1,1,{count}&dtype={dtype}&kernel_size=1"
    body = bytes(count * ELEMENT_TYPES[dtype].itemsize)

    as_text = client.post(f"/v1/pool/max_pool1d?{query}", headers=RAW, content=body)
    as_binary = client.post(f"/v1/pool/max_pool1d?{query}", headers={**RAW, "Accept": "*/*"}, content=body)

    assert (as_text.status_code, as_text.json()["code"]) == (422, "output_too_large")
    assert "application/x-npz" in as_text.json()["detail"]
    assert (as_binary.status_code, as_binary.content) == (200, body)


@pytest.mark.parametrize(
    ("more", "status"),
    [("Accept: application/json", b"503"), ("Accept-Encoding: gzip", b"503"), ("Expect: 100-continue", b"100")],
)
def test_the_text_is_charged_before_the_body_is_read(more: str, status: bytes) -> None:
    """A third of a megabyte of booleans becomes two megabytes of text, more than the budget; a compressed response
    needs its uncompressed bytes too."""
    head = (
        "POST /v1/pool/max_pool1d?shape=300,1000&dtype=bool&kernel_size=1 HTTP/1.1\r\nHost: x\r\n"
        f"Content-Type: application/octet-stream\r\nContent-Length: 300000\r\n{more}\r\n\r\n"
    )
    with (
        # The elements, and eight bytes of intermediate results for each, take three megabytes.
        run_gated_service(capacity_bytes=3_200_000) as service,
        ThreadPoolExecutor(1) as threads,
        service.gate.closed(),
        service.server.client() as client,
        service.server.connect() as connection,
    ):
        waiting = threads.submit(lambda: post_zeros(client, (1, 1, 8, 8)).status_code)
        assert becomes_true(lambda: service.pooling.status.job_count == 1)
        connection.sendall(head.encode())

        response = connection.recv(12)

        service.gate.open()
        assert waiting.result(WAIT_TIMEOUT_S) == 200
    assert response == b"HTTP/1.1 " + status


@pytest.mark.parametrize(
    ("query", "nbytes", "is_long"),
    [
        ("shape=200000,0,4&dtype=float32&kernel_size=2", 0, True),
        ("shape=1,1,60000&dtype=bool&kernel_size=1", 60_000, True),
        ("shape=1,1,9&dtype=float32&kernel_size=1", 36, False),
    ],
)
def test_long_texts_are_encoded_off_the_event_loop(
    monkeypatch: pytest.MonkeyPatch, client: httpx.Client, query: str, nbytes: int, is_long: bool
) -> None:
    """By the length of the text: an empty response has no elements, and the text of booleans is six times as long as
    they."""
    threads = list[str]()

    def record(owner: object, name: str) -> None:
        encode = getattr(owner, name)

        def recorded(*given: Any) -> object:
            threads.append(threading.current_thread().name)
            return encode(*given)

        monkeypatch.setattr(owner, name, recorded)

    record(JsonCodec, "encode")
    record(response_formats, "encode_short_lists")

    response = client.post(f"/v1/pool/max_pool1d?{query}", headers=RAW, content=bytes(nbytes))

    assert response.status_code == 200
    assert [name.startswith("offload-") for name in threads] == [is_long]


def test_an_encoded_text_is_charged_by_its_real_length() -> None:
    """The bound applies before encoding; a slow reader is not charged for digits that were not needed."""
    count = 8_000_000
    with run_gated_service(capacity_bytes=1 << 28) as service, service.server.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(
            f"POST /v1/pool/max_pool1d?shape=1,1,{count}&dtype=uint8&kernel_size=1 HTTP/1.1\r\nHost: x\r\n"
            "Content-Type: application/octet-stream\r\nAccept: application/json\r\n"
            f"Content-Length: {count}\r\n\r\n".encode()
            + bytes(count)
        )
        assert connection.recv(15) == b"HTTP/1.1 200 OK"
        printed = service.pooling.status.held_bytes

    assert 2 * count <= printed < 2.1 * count


@given(st.sampled_from(sorted(ELEMENT_TYPES)), st.lists(st.integers(0, 40), min_size=2, max_size=4), st.booleans())
def test_no_response_text_is_longer_than_its_bound(dtype: str, shape: list[int], is_base64: bool) -> None:
    """The length of small responses is computed exactly, and that of large ones is not underestimated."""
    metadata = TensorMetadata(ELEMENT_TYPES[dtype], (*shape, 1 + shape[0] % 3))
    rank = min(len(metadata.shape) - 1, 3)
    encoding = "base64" if is_base64 else "list"
    try:
        plan = PLANNER.plan(f"max_pool{rank}d", {"kernel_size": 1, "return_indices": True}, {}, {"input": metadata})
    except Unprocessable:
        assume(False)
    array = np.full(metadata.shape, -77, np.int8).astype(metadata.dtype.storage)
    indices = np.full(metadata.shape, 2**62, np.int64)
    response = Message(
        {"output": Tensor(metadata.dtype, array), "indices": Tensor(INT64, indices)}, json_encoding=encoding
    )

    bound = response_format(JSON, plan, encoding, 1 << 30, is_compressed=False)

    assert JSON.encode(response).nbytes <= bound.text_bytes
    assert bound.extra_bytes == bound.text_bytes
    assert response_format(JSON, plan, encoding, 1 << 30, is_compressed=True).extra_bytes >= 2 * bound.text_bytes


PLANNER = Planner(discover(), Limits(max_output_bytes=1 << 30, max_steps=10**12))
