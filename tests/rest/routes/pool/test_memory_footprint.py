"""What a request keeps of its body beside the tensors is charged."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given

from poolhouse.rest.routes.pool import memory_footprint
from poolhouse.rest.routes.pool.memory_footprint import retained_bytes
from poolhouse.settings import Settings
from poolhouse.tensors import Message, Tensor
from poolhouse.wire.npy import NpyCodec
from tests.rest.gated_service import becomes_true, post_zeros, run_gated_service
from tests.rest.live_server import WAIT_TIMEOUT_S, LiveServer, run_live_server
from tests.wire.tensor_strategies import tensors


@pytest.fixture(scope="module")
def live_server() -> Iterator[LiveServer]:
    """A service with default settings."""
    with run_live_server(Settings.model_validate({"port": 0})) as server:
        yield server


@pytest.fixture
def client(live_server: LiveServer) -> Iterator[httpx.Client]:
    """An HTTP client of that server."""
    with live_server.client() as http:
        yield http


@given(tensors())
def test_only_the_parts_of_a_body_outside_tensors_are_charged(tensor: Tensor) -> None:
    """A view keeps the whole body, a copy nothing of it; and a device gets no read-only memory."""
    nbytes = tensor.metadata.nbytes
    body = bytearray(nbytes + 100)
    view = Tensor(tensor.dtype, np.frombuffer(body, np.uint8, nbytes).view(tensor.dtype.storage).reshape(tensor.shape))
    frozen = Tensor(tensor.dtype, np.frombuffer(bytes(body[:nbytes]), tensor.dtype.storage).reshape(tensor.shape))

    whole = memoryview(body)
    charged = retained_bytes({"input": view, "indices": tensor}, whole)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory_footprint, "_SMALL_BYTES", 0)
        assert retained_bytes({"input": tensor}, whole) == 0
        assert retained_bytes({"input": frozen}, whole) == nbytes
        if nbytes:
            assert retained_bytes({"input": view}, whole) == 100
            assert retained_bytes({"input": view, "indices": tensor}, whole) == 100
    # For a small body this is not computed, and the charge is an upper bound.
    assert charged >= 100


def npy_of(array: npt.NDArray[np.generic]) -> bytes:
    """The array as numpy saves it."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


X = np.zeros((4, 300, 300), np.float32)


@pytest.mark.parametrize(
    ("array", "is_long"),
    [(X, False), (np.asfortranarray(X), True), (X.astype(">f4"), True), (X.astype(bool), True), (X[:1, :9], False)],
)
def test_elements_in_another_order_are_copied_off_the_event_loop(
    monkeypatch: pytest.MonkeyPatch, client: httpx.Client, array: npt.NDArray[np.generic], is_long: bool
) -> None:
    """A gigabyte in Fortran order would block the loop for seconds; a view needs no thread."""
    threads = list[str]()
    decode = NpyCodec.decode

    def recorded(self: NpyCodec, *given: Any) -> Message:
        threads.append(threading.current_thread().name)
        return decode(self, *given)

    monkeypatch.setattr(NpyCodec, "decode", recorded)

    response = client.post(
        "/v1/pool/max_pool2d?kernel_size=2", content=npy_of(array), headers={"Content-Type": "application/x-npy"}
    )

    assert response.status_code == 200
    assert [name.startswith("offload-") for name in threads] == [is_long]


def test_a_copy_of_the_body_is_charged_in_addition() -> None:
    """Both exist while the copy is made; a third of the budget each, with the other request, is too much."""
    body = npy_of(np.zeros((40, 100, 100), ">f4").swapaxes(1, 2))
    path, headers = "/v1/pool/avg_pool2d?kernel_size=100", {"Content-Type": "application/x-npy"}
    with (
        run_gated_service(capacity_bytes=2 * len(body)) as service,
        ThreadPoolExecutor(1) as threads,
        service.gate.closed(),
        service.server.client() as client,
        service.server.client() as other,
    ):
        waiting = threads.submit(lambda: post_zeros(client, (1, 1, 8, 8)).status_code)
        assert becomes_true(lambda: service.pooling.status.job_count == 1)
        refused = other.post(path, content=body, headers=headers)
        service.gate.open()
        assert waiting.result(WAIT_TIMEOUT_S) == 200
        assert becomes_true(lambda: service.pooling.status.lease_count == 0)
        alone = other.post(path, content=body, headers=headers)

    assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
    assert alone.status_code == 200
