"""PoolingService: preparing, planning, pooling, and the order of the checks."""

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
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.service import SEED_HEADER, PoolingService, PoolResult, PreparedRequest
from poolhouse.tensors import Message, Tensor, TensorMetadata
from tests.operators.random_cases import CATALOGUE, COVERED, CPU, LIMITS, OPERATORS

every_operator = pytest.mark.parametrize("member", COVERED, ids=lambda member: member.name)
FLOAT32 = ELEMENT_TYPES["float32"]


def make_pooling_service(inline_steps: int = 0) -> PoolingService:
    """A service with all operators on the CPU; the engine needs a running event loop."""
    return PoolingService(CATALOGUE, (CPU,), LIMITS, capacity_bytes=2**30, inline_steps=inline_steps)


async def pool_and_release(service: PoolingService, prepared: PreparedRequest) -> PoolResult:
    """Pool a request with a lease, and release it."""
    lease = service.admission.admit(prepared.plan.input_bytes)
    try:
        return await service.pool(prepared, lease)
    finally:
        lease.release()


def message_for(member: type[PlaneOperator], lead: tuple[int, ...] = (2, 3), index: int = 0) -> Message:
    """A message with a sample of the operator."""
    sample = member.samples[index]
    shape = (*lead, *sample.spatial[-member.rank :])
    dtype = ELEMENT_TYPES[sample.dtype]
    rng = np.random.default_rng(4)
    tensors = {"input": Tensor(dtype, rng.integers(0, 2, shape).astype(dtype.storage))}
    if "indices" in member.inputs:
        tensors["indices"] = Tensor(INT64, np.zeros(shape, dtype=np.int64))
    return Message(tensors, dict(sample.fields))


def input_metadata_of(message: Message) -> Mapping[str, TensorMetadata]:
    """The metadata of the tensors of a message."""
    return {name: tensor.metadata for name, tensor in message.tensors.items()}


@every_operator
@pytest.mark.parametrize("inline_steps", [-1, 2**60], ids=["in a thread", "inline"])
def test_a_plan_describes_the_result(member: type[PlaneOperator], inline_steps: int) -> None:
    """Clients allocate their buffers by the plan."""

    async def check() -> None:
        service = make_pooling_service(inline_steps)
        for index in range(len(member.samples)):
            message = message_for(member, index=index)
            plan = service.plan(member.name, input_metadata_of(message), message.json_fields, message.text_fields)
            prepared = service.prepare(member.name, message)

            result = await pool_and_release(service, prepared)

            outputs = {
                name: {"dtype": tensor.dtype.name, "shape": list(tensor.shape), "bytes": tensor.array.nbytes}
                for name, tensor in result.tensors.items()
            }
            assert plan["outputs"] == outputs
            assert list(prepared.outputs) == list(outputs)
            assert plan["input_bytes"] == sum(tensor.array.nbytes for tensor in message.tensors.values())
        assert (service.status.held_bytes, service.status.job_count) == (0, 0)
        await service.stop()

    asyncio.run(check())


@every_operator
def test_plan_and_prepare_raise_the_same_errors(member: type[PlaneOperator]) -> None:
    """A plan that accepts what pooling refuses would mislead the client."""

    async def check() -> None:
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

    asyncio.run(check())


@every_operator
def test_preparing_is_fast(member: type[PlaneOperator]) -> None:
    """Every request is prepared on the event loop, which must not wait milliseconds for it."""

    async def prepared() -> float:
        service = make_pooling_service()
        message = message_for(member)
        service.prepare(member.name, message)
        seconds = []
        for channels in range(1, 21):
            # A new shape each time, so that no plan is cached.
            other = message_for(member, lead=(1, channels))
            started = time.thread_time()
            service.prepare(member.name, other)
            seconds.append(time.thread_time() - started)
        await service.stop()
        return min(seconds)

    assert asyncio.run(prepared()) < 0.003


def test_preparing_neither_reserves_nor_pools(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused request must not cost memory or computation."""

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


def test_a_chosen_seed_is_in_the_headers_and_reproduces_the_result() -> None:
    """A client must be able to reproduce a random result."""

    async def check() -> None:
        service = make_pooling_service()
        array = np.random.default_rng(6).random((2, 3, 16, 16)).astype(np.float32)
        tensors = {"input": Tensor(FLOAT32, array)}
        fields: dict[str, object] = {"kernel_size": 2, "output_size": 7}
        first = service.prepare("fractional_max_pool2d", Message(tensors, fields))
        seed = int(first.headers[SEED_HEADER])

        again = service.prepare("fractional_max_pool2d", Message(tensors, {**fields, "seed": seed}))
        one, other = await pool_and_release(service, first), await pool_and_release(service, again)
        others = {
            service.prepare("fractional_max_pool2d", Message(tensors, fields)).headers[SEED_HEADER] for _ in range(20)
        }

        assert again.headers == first.headers == one.headers
        assert one.tensors["output"].array.tobytes() == other.tensors["output"].array.tobytes()
        assert len(others) == 20
        await service.stop()

    asyncio.run(check())


def test_an_operator_without_randomness_has_no_seed_header() -> None:
    """A seed that has no effect would mislead the client."""

    async def prepared() -> None:
        service = make_pooling_service()
        for member in OPERATORS:
            if "seed" not in {field.name for field in member.fields()}:
                assert service.prepare(member.name, message_for(member)).headers == {}
        await service.stop()

    asyncio.run(prepared())


def test_an_index_outside_its_plane_is_refused_before_queueing() -> None:
    """On a GPU such an index would make the device unusable for the whole process."""

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


def test_prepare_and_plan_refuse_an_unknown_operator() -> None:
    """Both suggest the same names."""

    async def check() -> None:
        service = make_pooling_service()
        for call in (
            lambda: service.prepare("maxpool2d", Message({})),
            lambda: service.plan("maxpool2d", {}, {}, {}),
        ):
            with pytest.raises(NotFound, match="did you mean max_pool2d"):
                call()
        await service.stop()

    asyncio.run(check())


def test_equal_values_of_different_types_are_different_fields() -> None:
    """Plans are cached, and in Python True and 1 are the same dictionary key."""

    async def check() -> None:
        service = make_pooling_service()
        message = message_for(CATALOGUE.find("max_pool2d"))
        service.prepare("max_pool2d", Message(message.tensors, {"kernel_size": 1}))
        for wrong in (True, "1"):
            with pytest.raises(Unprocessable):
                service.prepare("max_pool2d", Message(message.tensors, {"kernel_size": wrong}))
        await service.stop()

    asyncio.run(check())


# ---- checks before a job is queued


def test_a_small_body_with_a_large_response_needs_memory_for_the_response() -> None:
    """A body of 16 bytes may result in a gigabyte, so the length of the body is not enough to admit it."""

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
    """A message for unpooling whose last index is far outside of its plane."""
    indices = np.zeros((1, 1, side, side), dtype=np.int64)
    indices[..., -1, -1] = 2**32 + 3
    tensors = {"input": Tensor(FLOAT32, np.ones(indices.shape, np.float32)), "indices": Tensor(INT64, indices)}
    return Message(tensors, {"kernel_size": 2})


def test_inline_pooling_refuses_an_index_outside_its_plane() -> None:
    """The inline path does not use the checks of the other one."""

    async def pooled() -> None:
        service = make_pooling_service(inline_steps=2**60)
        prepared, lease = service.prepare("max_unpool2d", bad_indices(2)), service.admission.admit(48)
        with pytest.raises(Unprocessable) as refused:
            service.pool_inline(prepared, lease)
        assert refused.value.code == "index_out_of_range"
        lease.release()
        await service.stop()

    asyncio.run(pooled())


def test_no_request_is_pooled_inline_without_memory_or_while_draining() -> None:
    """Such a request has no lease, so it must fit into the free memory; and a draining service must not start it."""

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


def test_many_indices_are_checked_off_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checking a hundred million indices takes long, and would delay all other requests."""
    member, threads = CATALOGUE.find("max_unpool2d"), list[threading.Thread]()
    check = member.check_elements

    def recording_check(self: PlaneOperator, tensors: Mapping[str, Tensor]) -> None:
        threads.append(threading.current_thread())
        check(self, tensors)

    async def pooled(side: int) -> None:
        service = make_pooling_service()
        with pytest.raises(Unprocessable):
            await pool_and_release(service, service.prepare("max_unpool2d", bad_indices(side)))
        await service.stop()

    monkeypatch.setattr(member, "check_elements", recording_check)
    for side in (2, 400):
        asyncio.run(pooled(side))

    assert threads[0] is threading.main_thread()
    assert threads[1] is not threading.main_thread()


def test_a_check_of_indices_keeps_the_lease_after_a_disconnect(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread cannot be stopped, and the memory that it reads must not be reserved for other requests."""
    member, started, gate = CATALOGUE.find("max_unpool2d"), threading.Event(), threading.Event()

    def blocked_check(self: PlaneOperator, tensors: Mapping[str, Tensor]) -> None:
        started.set()
        assert gate.wait(20)

    async def disconnect() -> None:
        service = make_pooling_service()
        request = asyncio.ensure_future(pool_and_release(service, service.prepare("max_unpool2d", bad_indices(400))))
        while not started.is_set():  # noqa: ASYNC110, a thread sets it
            await asyncio.sleep(0)

        request.cancel()
        await asyncio.wait([request])
        lease_count = service.status.lease_count
        gate.set()
        while service.status.lease_count:  # noqa: ASYNC110, it changes when a thread ends
            await asyncio.sleep(0)

        assert lease_count == 1
        assert service.status.held_bytes == 0
        await service.stop()

    monkeypatch.setattr(member, "check_elements", blocked_check)
    asyncio.run(disconnect())


def test_a_deadline_ends_the_wait_for_a_check_of_indices(monkeypatch: pytest.MonkeyPatch) -> None:
    """The deadline holds for every step of a request."""
    member, gate = CATALOGUE.find("max_unpool2d"), threading.Event()

    def blocked_check(self: PlaneOperator, tensors: Mapping[str, Tensor]) -> None:
        assert gate.wait(20)

    async def check() -> None:
        service = make_pooling_service()
        prepared = service.prepare("max_unpool2d", bad_indices(400))
        lease = service.admission.admit(prepared.plan.held_bytes)
        with pytest.raises(DeadlinePassed):
            await service.pool(prepared, lease, asyncio.get_running_loop().time() + 0.02)
        assert not gate.is_set()
        gate.set()
        lease.release()
        while service.status.lease_count:  # noqa: ASYNC110, it changes when a thread ends
            await asyncio.sleep(0)
        await service.stop()

    monkeypatch.setattr(member, "check_elements", blocked_check)
    asyncio.run(check())


def test_only_the_cpu_pools_inline() -> None:
    """The event loop, and so every request, would wait for the transfers to another device."""

    async def pools_inline(name: str) -> bool:
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
        result = service.pool_inline(prepared, lease)
        lease.release()
        await service.stop()
        return result is not None

    assert [asyncio.run(pools_inline(name)) for name in ("cpu", "cuda:0", "mps")] == [True, False, False]
