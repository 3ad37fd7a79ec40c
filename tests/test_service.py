"""The use case: what is refused when, and that a plan is what pooling gives."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping

import numpy as np
import pytest

from poolhouse.backend.devices import Device
from poolhouse.backend.torch_worker import TorchWorker
from poolhouse.dtypes import ELEMENT_TYPES, INT64
from poolhouse.errors import DeadlinePassed, NotFound, PoolhouseError, Unavailable, Unprocessable
from poolhouse.operators.operator import Operator
from poolhouse.service import SEED_HEADER, PoolingService, PoolResult, PreparedRequest
from poolhouse.tensors import Message, Tensor, TensorMetadata
from tests.operators.random_cases import CATALOGUE, CPU, LIMITS, OPERATORS

every_operator = pytest.mark.parametrize("member", OPERATORS, ids=lambda member: member.name)
FLOAT32 = ELEMENT_TYPES["float32"]


def make_pooling_service(inline_steps: int = 0) -> PoolingService:
    """All operators on the CPU; made inside a loop, as the engine needs."""
    return PoolingService(CATALOGUE, (CPU,), LIMITS, capacity_bytes=2**30, inline_steps=inline_steps)


async def pool_and_release(service: PoolingService, prepared: PreparedRequest) -> PoolResult:
    """The answer, with the lease given back."""
    lease = service.admission.admit(prepared.plan.input_bytes)
    try:
        return await service.pool(prepared, lease)
    finally:
        lease.release()


def message_for(member: type[Operator], lead: tuple[int, ...] = (2, 3), place: int = 0) -> Message:
    """A sample of the operator as a message."""
    sample = member.samples[place]
    shape = (*lead, *sample.spatial[-member.rank :])
    dtype = ELEMENT_TYPES[sample.dtype]
    rng = np.random.default_rng(4)
    tensors = {"input": Tensor(dtype, rng.integers(0, 2, shape).astype(dtype.storage))}
    if "indices" in member.inputs:
        tensors["indices"] = Tensor(INT64, np.zeros(shape, dtype=np.int64))
    return Message(tensors, dict(sample.fields))


def input_metadata_of(message: Message) -> Mapping[str, TensorMetadata]:
    """What a plan is asked with."""
    return {name: tensor.metadata for name, tensor in message.tensors.items()}


@every_operator
@pytest.mark.parametrize("inline_steps", [-1, 2**60], ids=["on a thread", "where it is"])
def test_a_plan_is_what_pooling_gives(member: type[Operator], inline_steps: int) -> None:
    """Callers size their buffers by it, for every sample."""

    async def both() -> None:
        service = make_pooling_service(inline_steps)
        for place in range(len(member.samples)):
            message = message_for(member, place=place)
            plan = service.plan(member.name, input_metadata_of(message), message.json_fields, message.text_fields)
            prepared = service.prepare(member.name, message)

            answer = await pool_and_release(service, prepared)

            given = {
                name: {"dtype": tensor.dtype.name, "shape": list(tensor.shape), "bytes": tensor.array.nbytes}
                for name, tensor in answer.tensors.items()
            }
            assert plan["outputs"] == given
            assert list(prepared.outputs) == list(given)
            assert plan["input_bytes"] == sum(tensor.array.nbytes for tensor in message.tensors.values())
        assert (service.status.held_bytes, service.status.job_count) == (0, 0)
        await service.stop()

    asyncio.run(both())


@every_operator
def test_plan_and_prepare_refuse_alike(member: type[Operator]) -> None:
    """A plan that says yes to what pooling refuses is worse than none."""

    async def both() -> None:
        service = make_pooling_service()
        for refusal in member.refusals:
            shape = (1, 1, *refusal.spatial[-member.rank :])
            dtype = ELEMENT_TYPES[refusal.dtype]
            tensors = {"input": Tensor(dtype, np.zeros(shape, dtype.storage))}
            if "indices" in member.inputs:
                tensors["indices"] = Tensor(INT64, np.zeros(shape, dtype=np.int64))
            message = Message(tensors, dict(refusal.fields))

            with pytest.raises(Unprocessable) as planned:
                service.plan(member.name, input_metadata_of(message), message.json_fields, message.text_fields)
            with pytest.raises(Unprocessable) as prepared:
                service.prepare(member.name, message)

            assert planned.value.code == prepared.value.code == refusal.code
            assert planned.value.detail == prepared.value.detail
            assert planned.value.problems == prepared.value.problems
        await service.stop()

    asyncio.run(both())


@every_operator
def test_preparing_is_quick(member: type[Operator]) -> None:
    """It runs on the loop before anything else can, for every request; a millisecond is already much."""

    async def prepared() -> float:
        service = make_pooling_service()
        message = message_for(member)
        service.prepare(member.name, message)
        took = []
        for channels in range(1, 21):
            # Another shape each time, so that nothing is remembered.
            other = message_for(member, lead=(1, channels))
            started = time.perf_counter()
            service.prepare(member.name, other)
            took.append(time.perf_counter() - started)
        await service.stop()
        return min(took)

    assert asyncio.run(prepared()) < 0.001


def test_preparing_changes_nothing_and_pools_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is refused must have cost nothing; what is admitted waits for its turn."""

    async def prepared() -> None:
        service = make_pooling_service()
        message = message_for(CATALOGUE.find("max_pool2d"))
        before = message.tensors["input"].array.tobytes()

        prepared = service.prepare("max_pool2d", message)

        assert message.tensors["input"].array.tobytes() == before
        assert prepared.tensors["input"] is message.tensors["input"]
        assert (service.status.held_bytes, service.status.job_count) == (0, 0)
        await service.stop()

    monkeypatch.setattr("poolhouse.backend.torch_worker.pool_on_cpu", None)
    asyncio.run(prepared())


def test_a_drawn_seed_is_named_and_gives_the_same_answer_again() -> None:
    """Randomness that cannot be repeated cannot be debugged."""

    async def twice() -> None:
        service = make_pooling_service()
        array = np.random.default_rng(6).random((2, 3, 16, 16)).astype(np.float32)
        tensors = {"input": Tensor(FLOAT32, array)}
        fields: dict[str, object] = {"kernel_size": 2, "output_size": 7}
        drawn = service.prepare("fractional_max_pool2d", Message(tensors, fields))
        seed = int(drawn.headers[SEED_HEADER])

        again = service.prepare("fractional_max_pool2d", Message(tensors, {**fields, "seed": seed}))
        one, other = await pool_and_release(service, drawn), await pool_and_release(service, again)
        others = {
            service.prepare("fractional_max_pool2d", Message(tensors, fields)).headers[SEED_HEADER] for _ in range(20)
        }

        assert again.headers == drawn.headers == one.headers
        assert one.tensors["output"].array.tobytes() == other.tensors["output"].array.tobytes()
        assert len(others) == 20
        await service.stop()

    asyncio.run(twice())


def test_what_is_not_random_names_no_seed() -> None:
    """A header that says nothing would be read as something."""

    async def prepared() -> None:
        service = make_pooling_service()
        for member in OPERATORS:
            if "seed" not in {field.name for field in member.fields()}:
                assert service.prepare(member.name, message_for(member)).headers == {}
        await service.stop()

    asyncio.run(prepared())


def test_an_index_outside_its_plane_is_refused_before_anything_waits() -> None:
    """On a GPU it would end the process's device; large requests are looked at off the loop."""

    async def pooled(side: int) -> PoolhouseError:
        service = make_pooling_service()
        indices = np.zeros((1, 1, side, side), dtype=np.int64)
        indices[..., -1, -1] = 2**32 + 3
        tensors = {
            "input": Tensor(FLOAT32, np.ones(indices.shape, dtype=np.float32)),
            "indices": Tensor(INT64, indices),
        }
        prepared = service.prepare("max_unpool2d", Message(tensors, {"kernel_size": 2}))
        with pytest.raises(Unprocessable) as refused:
            await pool_and_release(service, prepared)
        assert (service.status.held_bytes, service.status.job_count) == (0, 0)
        await service.stop()
        return refused.value

    for side in (2, 400):
        assert asyncio.run(pooled(side)).code == "index_out_of_range"


def test_an_unknown_operator_is_refused_by_both() -> None:
    """With the same nearest names."""

    async def asked() -> None:
        service = make_pooling_service()
        for ask in (
            lambda: service.prepare("maxpool2d", Message({})),
            lambda: service.plan("maxpool2d", {}, {}, {}),
        ):
            with pytest.raises(NotFound, match="did you mean max_pool2d"):
                ask()
        await service.stop()

    asyncio.run(asked())


def test_equal_questions_of_different_types_are_different_questions() -> None:
    """Plans are remembered; True and 1 are one key to Python and two fields to us."""

    async def asked() -> None:
        service = make_pooling_service()
        message = message_for(CATALOGUE.find("max_pool2d"))
        service.prepare("max_pool2d", Message(message.tensors, {"kernel_size": 1}))
        for wrong in (True, "1"):
            with pytest.raises(Unprocessable):
                service.prepare("max_pool2d", Message(message.tensors, {"kernel_size": wrong}))
        await service.stop()

    asyncio.run(asked())


# ---- what is looked at before anything waits


def test_a_small_body_with_a_large_answer_needs_memory_for_the_answer() -> None:
    """Sixteen bytes may ask for a gigabyte; by the length of the body alone it would always fit."""

    async def pooled(inline_steps: int) -> None:
        service = PoolingService(CATALOGUE, (CPU,), LIMITS, capacity_bytes=10_000, inline_steps=inline_steps)
        other = service.admission.admit(5_000)
        message = Message({"input": Tensor(FLOAT32, np.ones((1, 1, 2, 2), np.float32))}, {"output_size": 100})
        prepared = service.prepare("adaptive_avg_pool2d", message)
        lease = service.admission.admit(16)

        for _ in range(2):
            with pytest.raises(Unavailable) as refused:
                service.pool_inline(prepared, lease) if inline_steps > 0 else await service.pool(prepared, lease)
            assert refused.value.code == "overloaded"
            assert service.status.held_bytes == 5_016
        other.release()
        lease.release()
        assert (service.status.held_bytes, service.status.lease_count) == (0, 0)
        await service.stop()

    for inline_steps in (-1, 2**60):
        asyncio.run(pooled(inline_steps))


def bad_indices(side: int) -> Message:
    """An unpooling whose last index lies far outside."""
    indices = np.zeros((1, 1, side, side), dtype=np.int64)
    indices[..., -1, -1] = 2**32 + 3
    tensors = {"input": Tensor(FLOAT32, np.ones(indices.shape, np.float32)), "indices": Tensor(INT64, indices)}
    return Message(tensors, {"kernel_size": 2})


def test_an_index_outside_its_plane_is_refused_by_inline_pooling_too() -> None:
    """A tiny request runs at once, where nothing else would look at it."""

    async def pooled() -> None:
        service = make_pooling_service(inline_steps=2**60)
        prepared, lease = service.prepare("max_unpool2d", bad_indices(2)), service.admission.admit(48)
        with pytest.raises(Unprocessable) as refused:
            service.pool_inline(prepared, lease)
        assert refused.value.code == "index_out_of_range"
        lease.release()
        await service.stop()

    asyncio.run(pooled())


def test_nothing_is_pooled_inline_without_memory_or_while_draining() -> None:
    """Nothing is held for it, so it must fit into what is left; and a stop would never see its end."""

    async def pooled() -> None:
        service = PoolingService(CATALOGUE, (CPU,), LIMITS, capacity_bytes=10_000, inline_steps=2**60)
        message = Message({"input": Tensor(FLOAT32, np.ones((1, 1, 4, 4), np.float32))}, {"kernel_size": 2})
        prepared = service.prepare("max_pool2d", message)
        other = service.admission.admit(10_001 - prepared.held_bytes)
        assert service.pool_unreserved(prepared.plan, prepared.tensors, 0) is None
        other.release()
        assert service.pool_unreserved(prepared.plan, prepared.tensors, 10_001 - prepared.held_bytes) is not None
        other = service.admission.admit(1)
        assert service.pool_unreserved(prepared.plan, prepared.tensors, 10_000 - prepared.held_bytes) is None
        other.release()

        ran = service.pool_unreserved(prepared.plan, prepared.tensors, 0)
        assert ran is not None
        assert ran[0].output_tensors()["output"].array.tolist() == [[[[1, 1], [1, 1]]]]
        assert b"".join(ran[0].output_chunks()) == np.ones(4, np.float32).tobytes()
        assert (service.status.held_bytes, service.status.lease_count) == (0, 0)

        service.drain()
        assert service.pool_unreserved(prepared.plan, prepared.tensors, 0) is None
        await service.stop()

    asyncio.run(pooled())


def test_many_indices_are_looked_at_off_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred million of them take a while, and everyone else's requests are on the loop."""
    member, threads = CATALOGUE.find("max_unpool2d"), list[threading.Thread]()
    check = member.check_elements

    def noted(self: Operator, tensors: Mapping[str, Tensor]) -> None:
        threads.append(threading.current_thread())
        check(self, tensors)

    async def pooled(side: int) -> None:
        service = make_pooling_service()
        with pytest.raises(Unprocessable):
            await pool_and_release(service, service.prepare("max_unpool2d", bad_indices(side)))
        await service.stop()

    monkeypatch.setattr(member, "check_elements", noted)
    for side in (2, 400):
        asyncio.run(pooled(side))

    assert threads[0] is threading.main_thread()
    assert threads[1] is not threading.main_thread()


def test_bytes_that_are_looked_at_stay_held_though_the_caller_has_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread cannot be stopped in the middle; what it reads must not be lent to others."""
    member, begun, gate = CATALOGUE.find("max_unpool2d"), threading.Event(), threading.Event()

    def held_up(self: Operator, tensors: Mapping[str, Tensor]) -> None:
        begun.set()
        assert gate.wait(20)

    async def left() -> None:
        service = make_pooling_service()
        caller = asyncio.ensure_future(pool_and_release(service, service.prepare("max_unpool2d", bad_indices(400))))
        while not begun.is_set():  # noqa: ASYNC110, it is set by a thread
            await asyncio.sleep(0)

        caller.cancel()
        await asyncio.wait([caller])
        held = service.status.lease_count
        gate.set()
        while service.status.lease_count:  # noqa: ASYNC110, it falls when a thread ends
            await asyncio.sleep(0)

        assert held == 1
        assert service.status.held_bytes == 0
        await service.stop()

    monkeypatch.setattr(member, "check_elements", held_up)
    asyncio.run(left())


def test_a_deadline_that_passes_while_indices_are_looked_at_is_answered_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller's patience does not depend on what takes so long."""
    member, gate = CATALOGUE.find("max_unpool2d"), threading.Event()

    def held_up(self: Operator, tensors: Mapping[str, Tensor]) -> None:
        assert gate.wait(20)

    async def late() -> None:
        service = make_pooling_service()
        prepared = service.prepare("max_unpool2d", bad_indices(400))
        lease = service.admission.admit(prepared.plan.held_bytes)
        with pytest.raises(DeadlinePassed):
            await service.pool(prepared, lease, asyncio.get_running_loop().time() + 0.02)
        assert not gate.is_set()
        gate.set()
        lease.release()
        while service.status.lease_count:  # noqa: ASYNC110, it falls when a thread ends
            await asyncio.sleep(0)
        await service.stop()

    monkeypatch.setattr(member, "check_elements", held_up)
    asyncio.run(late())


def test_nothing_runs_on_the_loop_for_another_device() -> None:
    """The loop would wait for the way to the device and back, and everyone with it."""

    async def asked(name: str) -> bool:
        device = Device(name, "a fake", 65_535)
        service = PoolingService(
            CATALOGUE,
            (device,),
            LIMITS,
            capacity_bytes=2**30,
            inline_steps=2**60,
            make_worker=lambda _: TorchWorker(CPU),
        )
        prepared = service.prepare("max_pool2d", message_for(CATALOGUE.find("max_pool2d")))
        lease = service.admission.admit(prepared.plan.held_bytes)
        answer = service.pool_inline(prepared, lease)
        lease.release()
        await service.stop()
        return answer is not None

    assert [asyncio.run(asked(name)) for name in ("cpu", "cuda:0", "mps")] == [True, False, False]
