"""Whatever travels over the wire, in whatever company, is what pooling gives in process, to the last bit."""

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

CALLERS = 16
CASES_PER_CALLER = 40
SEED = 1998
# Where torch has every field under the same name, and is right to the last bit.
LIKE_TORCH = ("max_pool1d", "max_pool2d", "max_pool3d")
# The pooling of this process belongs to one event loop at a time.
_one_at_a_time = Lock()


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    """A server with its own defaults, on the device of this process: requests run inline, in the thread, and joined
    with others."""
    with server_process(device="cpu") as running:
        yield running


@pytest.fixture(scope="module")
def pooling() -> PoolingService:
    """The same pooling, in this process."""
    return PoolingService.from_settings(Settings.model_validate({"device": "cpu", "inline_work": 50_000_000_000}))


def cases_of(seed: int) -> Iterator[Case]:
    """Cases of every operator in turn, seeded where they are random."""
    random = Random(seed)
    for index in range(CASES_PER_CALLER):
        found = None
        while found is None:
            found = random_case(random, OPERATORS[(index + seed) % len(OPERATORS)])
        yield found


def read(reply: Reply) -> Mapping[str, Tensor]:
    """The tensors of an answer, read by the codec of its own media type, which knows tensors as a request's."""
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
    """One tensor of an answer of raw elements, as its header says where it lies."""
    start, end, shape = row["start"], row["end"], row["shape"]
    assert isinstance(start, int)
    assert isinstance(end, int)
    assert isinstance(shape, list)
    dtype = ELEMENT_TYPES[str(row["dtype"])]
    return Tensor(dtype, np.frombuffer(body[start:end], dtype.storage).reshape(shape))


async def in_process(pooling: PoolingService, drawn: Case, spec: Mapping[str, object]) -> Mapping[str, Tensor]:
    prepared = pooling.prepare(drawn.spec.name, Message(drawn.tensors, json_fields=spec))
    lease = pooling.admission.admit(prepared.plan.held_bytes)
    try:
        return (await pooling.pool(prepared, lease)).tensors
    finally:
        lease.release()


def find_mismatch(caller: HttpConnection, pooling: PoolingService, drawn: Case, random: Random) -> str | None:
    """Sends one case in a format that can carry it; what differs from pooling in process, or None."""
    spec = drawn.spec.field_values()
    codec = random.choice(codecs_for(drawn.tensors))
    body, query = encode_body(codec, drawn.tensors, spec)
    target = f"/v1/pool/{drawn.spec.name}?{urlencode(query, safe=',')}"
    reply = caller.send("POST", target, {"Content-Type": codec.media_types[0]}, body)
    told = f"{codec.name}: {drawn!r}"[:600]
    if reply.status != 200:
        return f"{reply.status} {reply.body[:300]!r} to {told}"
    found = read(reply)
    with _one_at_a_time:
        wanted = asyncio.run(in_process(pooling, drawn, spec))
    if reply.headers["content-type"] == "application/json":
        found, wanted = (dict(zip(each, map(one_nan, each.values()), strict=True)) for each in (found, wanted))
    if not same_bits(found, wanted):
        return f"other bits over the wire than in process: {told}"
    if drawn.spec.name in LIKE_TORCH and not equals_torch(drawn, found["output"]):
        return f"other numbers than torch: {told}"
    return None


def same_bits(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    """Whether two answers agree in names, metadata_by_name and every bit; each format has its own order of names."""
    return one.keys() == other.keys() and all(
        one[name].metadata == other[name].metadata and one[name].array.tobytes() == other[name].array.tobytes()
        for name in one
    )


def one_nan(tensor: Tensor) -> Tensor:
    """The tensor with every NaN the same one: the word ``NaN`` of JSON says nothing of sign and payload."""
    if tensor.dtype.kind != "float":
        return tensor
    array = tensor.array.copy()
    array[np.isnan(as_numbers(tensor))] = round_to_type(np.array(np.nan), tensor.dtype)
    return Tensor(tensor.dtype, array)


def equals_torch(drawn: Case, output: Tensor) -> bool:
    """Whether torch gives the same, where it has an answer: float32 and float64, and a batch that is not empty."""
    given = drawn.tensors["input"]
    if given.dtype.name not in ("float32", "float64") or 0 in given.shape:
        return True
    fields = {**drawn.spec.field_values(), "return_indices": False}
    wanted: torch.Tensor = getattr(functional, drawn.spec.name)(torch.from_numpy(given.array.copy()), **fields)
    assert wanted.dtype == torch_dtype(output.dtype)
    return np.array_equal(wanted.numpy(), output.array, equal_nan=True)


def run(server: ServerProcess, pooling: PoolingService, seed: int) -> list[str]:
    """One caller's share, over one connection."""
    random = Random(seed)
    with server.http_connection() as caller:
        return [wrong for drawn in cases_of(seed) if (wrong := find_mismatch(caller, pooling, drawn, random))]


def test_every_answer_over_the_wire_is_the_one_in_process_bit_for_bit(
    server: ServerProcess, pooling: PoolingService
) -> None:
    """Sixteen callers at once with every operator, type and format: no neighbour, codec or thread changes a bit."""
    with ThreadPoolExecutor(CALLERS) as pool:
        faults = [
            fault for found in pool.map(lambda n: run(server, pooling, SEED + n), range(CALLERS)) for fault in found
        ]

    assert not faults, "\n".join(
        [f"{len(faults)} of {CALLERS * CASES_PER_CALLER} answers differ, of which:", *faults[:5]]
    )


def test_bodies_of_megabytes_side_by_side_stay_apart(server: ServerProcess) -> None:
    """Their memory is used again from request to request: too early, and a client gets what another one sent."""

    def answers(seed: int) -> list[bool]:
        equal = []
        generator = np.random.default_rng(seed)
        query = urlencode({"kernel_size": 2, "dtype": "float32", "shape": "4,16,128,128"})
        with server.http_connection() as caller:
            for _ in range(12):
                x = generator.standard_normal((4, 16, 128, 128), dtype=np.float32)
                headers = {"content-type": "application/octet-stream"}
                reply = caller.send("POST", f"/v1/pool/max_pool2d?{query}", headers, x.tobytes())
                right = functional.max_pool2d(torch.from_numpy(x), 2).numpy()
                equal.append(reply.body == right.tobytes())
        return equal

    with ThreadPoolExecutor(6) as threads:
        assert all(all(each) for each in threads.map(answers, range(6)))
