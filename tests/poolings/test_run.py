"""Running several poolings: each result is that of its pooling alone."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Mapping
from random import Random

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.backend.devices import Device
from poolhouse.backend.payload import Payload
from poolhouse.backend.torch_worker import TorchWorker
from poolhouse.batching.fair_queue import Batch
from poolhouse.dtypes import ELEMENT_TYPES, FLOAT32
from poolhouse.errors import DeadlinePassed, PoolhouseError, Unavailable, Unprocessable
from poolhouse.poolings.card import poolings_card
from poolhouse.poolings.message import read_request
from poolhouse.poolings.run import SEEDS_HEADER, PreparedPoolings, plan_with, prepare_poolings, run_all, run_inline
from poolhouse.poolings.tensors import GivenTensors
from poolhouse.service import WARNING_HEADER, PoolingService, PoolResult
from poolhouse.tensors import Message, Tensor
from tests.hypothesis_profiles import MANY_REJECTED, scaled_examples
from tests.operators.random_cases import (
    CATALOGUE,
    CPU,
    LIMITS,
    OPERATORS,
    random_elements,
    random_fields,
    random_shape,
)

MAX = {"operator": "max_pool2d", "kernel_size": 2}
CHAIN: list[dict[str, object]] = [
    {**MAX, "name": "a", "return_indices": True},
    {"operator": "avg_pool2d", "name": "b", "of": "a", "kernel_size": 2},
    {"operator": "max_unpool2d", "name": "c", "of": "a", "kernel_size": 2},
    {"operator": "global_max_pool2d", "name": "d", "of": "a.indices"},
]


def make_service(inline_steps: int = 0, capacity_bytes: int = 2**30) -> PoolingService:
    """A service with all operators on the CPU; it needs a running event loop."""
    return PoolingService(CATALOGUE, (CPU,), LIMITS, capacity_bytes=capacity_bytes, inline_steps=inline_steps)


def image(*shape: int) -> Tensor:
    """An image of random floats."""
    return Tensor(FLOAT32, np.random.default_rng(3).standard_normal(shape).astype(np.float32))


def prepared_of(
    service: PoolingService, poolings: object, tensors: Mapping[str, Tensor], *, are_named: bool = False
) -> PreparedPoolings:
    """The prepared request of a list."""
    request = read_request(Message(tensors, {"poolings": poolings}), CATALOGUE, are_named=are_named)
    metadata = GivenTensors(
        {name: each.metadata for name, each in request.given.inputs.items()},
        {name: each.metadata for name, each in request.given.companions.items()},
        request.given.has_one_input,
    )
    return prepare_poolings(plan_with(service, request.poolings, metadata), tensors)


async def pool(service: PoolingService, prepared: PreparedPoolings) -> PoolResult:
    """Run all poolings with a lease, and release it."""
    lease = service.admission.admit(prepared.plan.input_bytes)
    try:
        return run_inline(service, prepared, lease) or await run_all(service, prepared, lease)
    finally:
        lease.release()


async def pool_alone(
    service: PoolingService, operator: str, fields: Mapping[str, object], **tensors: Tensor
) -> PoolResult:
    """Pool by one operator."""
    prepared = service.prepare(operator, Message(tensors, fields))
    lease = service.admission.admit(0)
    try:
        return await service.pool(prepared, lease)
    finally:
        lease.release()


async def until_waiting(service: PoolingService, jobs: int) -> None:
    """Let the event loop go on until that number of jobs is submitted."""
    for _ in range(1000):
        if service.status.job_count == jobs:
            return
        await asyncio.sleep(0)
    raise AssertionError(f"{service.status.job_count} jobs wait")


def elements(tensor: Tensor) -> tuple[str, tuple[int, ...], bytes]:
    """Type, shape and bits of a tensor."""
    return tensor.dtype.name, tensor.shape, tensor.array.tobytes()


def random_poolings(random: Random, rank: int, service: PoolingService, tensor: Tensor) -> list[dict[str, object]]:
    """Poolings of this tensor that are not refused alone."""
    found: list[dict[str, object]] = []
    members = [each for each in OPERATORS if each.rank == rank and each.inputs == ("input",)]
    for number, member in enumerate(random.sample(members, 12)):
        fields = random_fields(random, member)
        if "seed" in {field.name for field in member.fields()}:
            fields["seed"] = number
        try:
            service.prepare(member.name, Message({"input": tensor}, fields))
        except PoolhouseError:
            continue
        found.append({"operator": member.name, "name": f"p{number}", **fields})
    return found


@scaled_examples(60, *MANY_REJECTED)
@given(st.integers(0, 2**32), st.sampled_from((1, 2, 3)), st.sampled_from(("float32", "bfloat16", "int16", "uint8")))
def test_several_in_one_request_equal_each_alone(seed: int, rank: int, dtype: str) -> None:
    """Bit for bit, for one input and for several, in threads and on the event loop."""
    random = Random(seed)
    kind = ELEMENT_TYPES[dtype]

    async def check() -> None:
        for inline_steps in (-1, 2**60):
            service = make_service(inline_steps)
            inputs = {
                name: Tensor(kind, random_elements(random, kind, random_shape(random, rank))) for name in ("u", "v")
            }
            poolings = random_poolings(random, rank, service, inputs["u"])
            if not poolings:
                continue
            alone = {}
            for each in poolings:
                fields = {name: value for name, value in each.items() if name not in ("operator", "name")}
                result = await pool_alone(service, str(each["operator"]), fields, input=inputs["u"])
                for position, (output, tensor) in enumerate(result.tensors.items()):
                    alone[str(each["name"]) + (f".{output}" if position else "")] = elements(tensor)

            together = await pool(service, prepared_of(service, poolings, {"input": inputs["u"]}))

            assert {name: elements(each) for name, each in together.tensors.items()} == alone
            named = {"u": inputs["u"], "again": inputs["u"]}
            both = await pool(service, prepared_of(service, poolings, named, are_named=True))
            assert {name: elements(each) for name, each in both.tensors.items()} == {
                f"{name}.{output}": each for name in named for output, each in alone.items()
            }
            await service.stop(1)

    asyncio.run(check())


@pytest.mark.parametrize("inline_steps", [-1, 2**60], ids=["in threads", "inline"])
def test_a_chain_equals_calls_one_after_another(inline_steps: int) -> None:
    """Each link gets what the client would have sent."""

    async def check() -> None:
        service, tensor = make_service(inline_steps), image(2, 3, 8, 12)
        chain = await pool(service, prepared_of(service, CHAIN, {"input": tensor}))
        first = (
            await pool_alone(service, "max_pool2d", {"kernel_size": 2, "return_indices": True}, input=tensor)
        ).tensors
        output, indices = first["output"], first["indices"]
        mean = await pool_alone(service, "avg_pool2d", {"kernel_size": 2}, input=output)
        sparse = await pool_alone(service, "max_unpool2d", {"kernel_size": 2}, input=output, indices=indices)
        last = await pool_alone(service, "global_max_pool2d", {}, input=indices)
        expected = {
            "a": output,
            "a.indices": indices,
            **{name: each.tensors["output"] for name, each in (("b", mean), ("c", sparse), ("d", last))},
        }
        assert {name: elements(each) for name, each in chain.tensors.items()} == {
            name: elements(each) for name, each in expected.items()
        }
        await service.stop(1)

    asyncio.run(check())


@pytest.mark.parametrize("inline_steps", [-1, 2**60], ids=["in threads", "inline"])
def test_a_plan_describes_the_result(inline_steps: int) -> None:
    """Names, order, types and shapes; also where not all is returned."""

    async def check() -> None:
        service = make_service(inline_steps)
        poolings = [{**each, "returned": each["name"] != "a"} for each in CHAIN]
        inputs = {"u": image(2, 3, 8, 12), "v": image(3, 4, 4), "empty": image(0, 3, 8, 8)}
        prepared = prepared_of(service, poolings, inputs, are_named=True)
        result = await pool(service, prepared)
        assert [(name, each.metadata) for name, each in result.tensors.items()] == [*prepared.plan.outputs.items()]
        card = poolings_card(prepared.plan, ("cpu",))
        assert card["output_bytes"] == sum(each.metadata.nbytes for each in result.tensors.values())
        assert list(card["outputs"]) == list(result.tensors)  # type: ignore[call-overload]
        assert (service.status.held_bytes, service.status.lease_count) == (0, 0)
        await service.stop(1)

    asyncio.run(check())


def test_seeds_and_warnings_are_in_headers() -> None:
    """A drawn seed can be given again."""

    async def check() -> None:
        service = make_service(2**60)
        fractional = {"operator": "fractional_max_pool2d", "name": "f", "kernel_size": 2, "output_size": 3}
        tensors = {"input": image(1, 2, 8, 8)}
        drawn = await pool(service, prepared_of(service, [fractional], tensors))
        seed = int(drawn.headers[SEEDS_HEADER].removeprefix('{"f":').removesuffix("}"))
        again = await pool(service, prepared_of(service, [{**fractional, "seed": seed}], tensors))
        assert elements(drawn.tensors["f"]) == elements(again.tensors["f"])
        wide = {"input": Tensor(ELEMENT_TYPES["uint8"], np.zeros((1, 224, 224, 3), np.uint8))}
        assert prepared_of(service, [{**MAX, "name": "m"}], wide).headers[WARNING_HEADER].startswith('"m: ')
        assert not prepared_of(service, [MAX], tensors).headers
        await service.stop(1)

    asyncio.run(check())


class CountingWorker(TorchWorker):
    """Counts the jobs of each batch, once a gate is open."""

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.sizes: list[int] = []
        self.gate = threading.Event()

    def run(self, batch: Batch[Payload]) -> None:
        """See :meth:`poolhouse.batching.worker.Worker.run`."""
        self.gate.wait(20)
        self.sizes.append(len(batch.slices))
        super().run(batch)


def test_inputs_of_one_batch_key_are_pooled_together() -> None:
    """The engine batches them while the device is busy with the first."""
    workers: list[CountingWorker] = []

    def make_worker(device: Device) -> CountingWorker:
        workers.append(CountingWorker(device))
        return workers[-1]

    async def check() -> None:
        service = PoolingService(
            CATALOGUE, (CPU,), LIMITS, capacity_bytes=2**30, inline_steps=-1, make_worker=make_worker
        )
        inputs = {f"i{number}": image(2, 3, 16, 16) for number in range(20)}
        prepared = prepared_of(service, [MAX], inputs, are_named=True)
        assert len(prepared.plan.batch_keys) == 1
        pooling = asyncio.ensure_future(pool(service, prepared))
        await until_waiting(service, 20)
        workers[0].gate.set()
        result = await pooling
        assert len(result.tensors) == 20
        assert result.share is not None
        assert result.share.batches == pytest.approx(len(workers[0].sizes))
        await service.stop(1)

    asyncio.run(check())
    assert sum(workers[0].sizes) == 20
    assert len(workers[0].sizes) < 20


def test_many_tiny_poolings_do_not_run_on_the_event_loop() -> None:
    """Together they would block it for long."""

    async def check() -> None:
        x = image(1, 1, 8, 8)
        steps = prepared_of(make_service(), [MAX], {"input": x}).plan.steps
        service = make_service(inline_steps=4 * steps)
        for count, runs_inline in ((1, True), (8, False)):
            poolings = [{**MAX, "name": f"p{each}"} for each in range(count)]
            lease = service.admission.admit(0)
            found = run_inline(service, prepared_of(service, poolings, {"input": x}), lease)
            lease.release()
            assert (found is not None) == runs_inline
        await service.stop(1)

    asyncio.run(check())


def test_outputs_between_links_are_let_go() -> None:
    """Only the response, and the next link, need them."""
    inputs: list[weakref.ref[npt.NDArray[np.generic]]] = []
    alive: list[int] = []

    class NotingWorker(TorchWorker):
        def run(self, batch: Batch[Payload]) -> None:
            alive.append(sum(each() is not None for each in inputs))
            inputs.append(weakref.ref(batch.slices[0].job.payload.tensors["input"].array))
            super().run(batch)

    async def check() -> None:
        service = PoolingService(
            CATALOGUE, (CPU,), LIMITS, capacity_bytes=2**30, inline_steps=-1, make_worker=NotingWorker
        )
        links = [{**MAX, "name": f"p{each}", "of": f"p{each - 1}", "returned": each == 5} for each in range(1, 6)]
        poolings = [{**MAX, "name": "p0", "returned": False}, *links]
        result = await pool(service, prepared_of(service, poolings, {"input": image(1, 1, 64, 64)}))
        assert [tensor.shape for tensor in result.tensors.values()] == [(1, 1, 1, 1)]
        await service.stop(1)

    asyncio.run(check())
    # The input of the request, and at most the link before.
    assert len(alive) == 6
    assert max(alive) <= 2


def test_one_refusal_refuses_all_and_releases_the_lease() -> None:
    """Indices of the request may be outside of their plane, which is known only when they are read."""

    async def check() -> None:
        small = image(1, 1, 2, 2)
        bad = Tensor(ELEMENT_TYPES["int64"], np.full((1, 1, 2, 2), 99, np.int64))
        poolings = [{"operator": "max_unpool2d", "name": "u", "kernel_size": 2}, {**MAX, "name": "m"}]
        for inline_steps in (-1, 2**60):
            service = make_service(inline_steps)
            with pytest.raises(Unprocessable) as refusal:
                await pool(service, prepared_of(service, poolings, {"input": small, "indices": bad}))
            assert refusal.value.code == "index_out_of_range"
            assert refusal.value.problems[0].pointer == "/poolings/0"
            # A thread may still pool another one.
            await service.stop(5)
            assert (service.status.held_bytes, service.status.lease_count) == (0, 0)

    asyncio.run(check())


def test_the_sum_must_fit_into_the_memory() -> None:
    """One lease for everything, before anything is allocated."""

    async def check() -> None:
        service = make_service(-1, capacity_bytes=200_000)
        other = service.admission.admit(100_000)
        prepared = prepared_of(
            service,
            [{**MAX, "name": f"p{each}", "kernel_size": 1} for each in range(8)],
            {"input": image(1, 1, 64, 64)},
        )
        with pytest.raises(Unavailable) as refusal:
            await pool(service, prepared)
        assert refusal.value.code == "overloaded"
        other.release()
        await service.stop(1)

    asyncio.run(check())


def test_one_deadline_for_all() -> None:
    """It has passed for each of them."""

    async def check() -> None:
        service = make_service(-1)
        prepared = prepared_of(service, CHAIN, {"input": image(1, 1, 64, 64)})
        lease = service.admission.admit(0)
        with pytest.raises(DeadlinePassed):
            await run_all(service, prepared, lease, asyncio.get_running_loop().time() - 1)
        lease.release()
        await service.stop(1)

    asyncio.run(check())


def test_cancellation_ends_all() -> None:
    """When the client goes, nothing of its request stays in the queue."""
    workers: list[CountingWorker] = []

    def make_worker(device: Device) -> CountingWorker:
        workers.append(CountingWorker(device))
        return workers[-1]

    async def check() -> None:
        service = PoolingService(
            CATALOGUE, (CPU,), LIMITS, capacity_bytes=2**30, inline_steps=-1, make_worker=make_worker
        )
        poolings = [{**MAX, "name": f"p{each}", "kernel_size": each + 1} for each in range(8)]
        pooling = asyncio.ensure_future(pool(service, prepared_of(service, poolings, {"input": image(1, 1, 64, 64)})))
        await until_waiting(service, 8)
        pooling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await pooling
        assert service.status.job_count == 0
        workers[0].gate.set()
        await service.stop(5)

    asyncio.run(check())
