"""Responses under concurrent load equal pooling in process, bit for bit."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from random import Random
from threading import Lock
from urllib.parse import urlencode

import numpy as np
import pytest
import torch
from torch.nn import functional

from poolhouse.backend.conversion import torch_dtype
from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.service import PoolingService
from poolhouse.settings import Settings
from poolhouse.tensors import Message, Tensor
from poolhouse.wire.codecs import CODEC_BY_MEDIA_TYPE
from tests.hostile.random_requests import codecs_for, encode_body
from tests.hostile.server_process import HttpConnection, Reply, ServerProcess, server_process
from tests.operators.random_cases import OPERATORS, Case, as_numbers, random_case, round_to_type

CLIENTS = 16
CASES_PER_CLIENT = 40
SEED = 1998
# torch has the same names for every field of these, and its results are exact.
EQUAL_TO_TORCH = ("max_pool1d", "max_pool2d", "max_pool3d")
# The service of this process works with one event loop at a time.
_in_process_lock = Lock()


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    """A server with default settings, on the CPU: requests run inline, in a thread, and in batches with others."""
    with server_process(device="cpu") as running:
        yield running


@pytest.fixture(scope="module")
def pooling() -> PoolingService:
    """The same service, in this process."""
    return PoolingService.from_settings(Settings.model_validate({"device": "cpu", "inline_work": 50_000_000_000}))


def cases_of(seed: int) -> Iterator[Case]:
    """Cases of every operator in turn; random operators have a seed."""
    random = Random(seed)
    for index in range(CASES_PER_CLIENT):
        found = None
        while found is None:
            found = random_case(random, OPERATORS[(index + seed) % len(OPERATORS)], common=False)
        yield found


def read(reply: Reply) -> Mapping[str, Tensor]:
    """The tensors of a response, decoded by the codec of its media type, which names tensors as in a request."""
    codec = CODEC_BY_MEDIA_TYPE[reply.headers["content-type"]]
    if codec.name == "raw":
        rows = json.loads(reply.headers["tensor-metadata"])
        return {row["name"]: raw_tensor(row, reply.body) for row in rows}
    if codec.name == "json":
        document = json.loads(reply.body)
        return {
            name: codec.decode(memoryview(json.dumps({"input": entry}).encode()), {}, 2**30).tensors["input"]
            for name, entry in document.items()
        }
    tensors = codec.decode(memoryview(reply.body), {}, 2**30).tensors
    return {"output": tensors["input"]} if codec.name == "npy" else tensors


def raw_tensor(row: Mapping[str, object], body: bytes) -> Tensor:
    """One tensor of a raw response, whose header has its position."""
    start, end, shape = row["start"], row["end"], row["shape"]
    assert isinstance(start, int)
    assert isinstance(end, int)
    assert isinstance(shape, list)
    dtype = ELEMENT_TYPES[str(row["dtype"])]
    return Tensor(dtype, np.frombuffer(body[start:end], dtype.storage).reshape(shape))


async def in_process(pooling: PoolingService, case: Case, spec: Mapping[str, object]) -> Mapping[str, Tensor]:
    prepared = pooling.prepare(case.spec.name, Message(case.tensors, json_fields=spec))
    lease = pooling.admission.admit(prepared.plan.held_bytes)
    try:
        return (await pooling.pool(prepared, lease)).tensors
    finally:
        lease.release()


def find_mismatch(connection: HttpConnection, pooling: PoolingService, case: Case, random: Random) -> str | None:
    """Send one case in a format that can carry it; return the difference from pooling in process, or None."""
    spec = case.spec.field_values()
    codec = random.choice(codecs_for(case.tensors))
    body, query = encode_body(codec, case.tensors, spec)
    target = f"/v1/pool/{case.spec.name}?{urlencode(query, safe=',')}"
    reply = connection.send("POST", target, {"Content-Type": codec.media_types[0]}, body)
    description = f"{codec.name}: {case!r}"[:600]
    if reply.status != 200:
        return f"{reply.status} {reply.body[:300]!r} to {description}"
    found = read(reply)
    with _in_process_lock:
        expected = asyncio.run(in_process(pooling, case, spec))
    if reply.headers["content-type"] == "application/json":
        found, expected = (dict(zip(each, map(with_one_nan, each.values()), strict=True)) for each in (found, expected))
    if not same_bits(found, expected):
        return f"the response differs from pooling in process: {description}"
    if case.spec.name in EQUAL_TO_TORCH and not equals_torch(case, found["output"]):
        return f"the response differs from torch: {description}"
    return None


def same_bits(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    """Whether two results agree in names, metadata and every bit; the order of names depends on the format."""
    return one.keys() == other.keys() and all(
        one[name].metadata == other[name].metadata and one[name].array.tobytes() == other[name].array.tobytes()
        for name in one
    )


def with_one_nan(tensor: Tensor) -> Tensor:
    """The tensor with one bit pattern for all NaNs: ``NaN`` in JSON has no sign or payload."""
    if tensor.dtype.kind != "float":
        return tensor
    array = tensor.array.copy()
    array[np.isnan(as_numbers(tensor))] = round_to_type(np.array(np.nan), tensor.dtype)
    return Tensor(tensor.dtype, array)


def equals_torch(case: Case, output: Tensor) -> bool:
    """Whether torch gives the same result, if it supports the case: float32 or float64, and a non-empty batch."""
    given = case.tensors["input"]
    if given.dtype.name not in ("float32", "float64") or 0 in given.shape:
        return True
    fields = {**case.spec.field_values(), "return_indices": False}
    expected: torch.Tensor = getattr(functional, case.spec.name)(torch.from_numpy(given.array.copy()), **fields)
    assert expected.dtype == torch_dtype(output.dtype)
    return np.array_equal(expected.numpy(), output.array, equal_nan=True)


def run(server: ServerProcess, pooling: PoolingService, seed: int) -> list[str]:
    """Send all cases of one seed over one connection."""
    random = Random(seed)
    with server.http_connection() as connection:
        return [wrong for case in cases_of(seed) if (wrong := find_mismatch(connection, pooling, case, random))]


def test_every_response_equals_pooling_in_process_bit_for_bit(server: ServerProcess, pooling: PoolingService) -> None:
    """Concurrent clients send every operator, type and format; no other request, codec or thread changes a bit."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        faults = [
            fault for found in pool.map(lambda n: run(server, pooling, SEED + n), range(CLIENTS)) for fault in found
        ]

    assert not faults, "\n".join(
        [f"{len(faults)} of {CLIENTS * CASES_PER_CLIENT} responses differ, of which:", *faults[:5]]
    )


def test_large_concurrent_bodies_do_not_mix(server: ServerProcess) -> None:
    """Their buffers are reused; reused too early, a client would get the elements of another."""

    def compare_responses(seed: int) -> list[bool]:
        equal = []
        generator = np.random.default_rng(seed)
        query = urlencode({"kernel_size": 2, "dtype": "float32", "shape": "4,16,128,128"})
        with server.http_connection() as connection:
            for _ in range(12):
                x = generator.standard_normal((4, 16, 128, 128), dtype=np.float32)
                headers = {"content-type": "application/octet-stream"}
                reply = connection.send("POST", f"/v1/pool/max_pool2d?{query}", headers, x.tobytes())
                expected = functional.max_pool2d(torch.from_numpy(x), 2).numpy()
                equal.append(reply.body == expected.tobytes())
        return equal

    with ThreadPoolExecutor(6) as threads:
        assert all(all(each) for each in threads.map(compare_responses, range(6)))
