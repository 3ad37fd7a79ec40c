"""The use case: what is refused when, and that a plan is what pooling gives."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping

import numpy as np
import pytest

from poolhouse.backend.devices import Device
from poolhouse.backend.worker import TorchWorker
from poolhouse.dtypes import ELEMENT_TYPES, INT64
from poolhouse.errors import DeadlinePassed, NotFound, PoolhouseError, Unavailable, Unprocessable
from poolhouse.operators.operator import Operator
from poolhouse.pooling import SEED_HEADER, Answer, Pooling, Ticket
from poolhouse.tensors import Message, Outline, Tensor
from tests.operators.drawing import CATALOGUE, CPU, LIMITS, OPERATORS

every_operator = pytest.mark.parametrize("member", OPERATORS, ids=lambda member: member.name)
FLOAT32 = ELEMENT_TYPES["float32"]


def a_house(inline_steps: int = 0) -> Pooling:
    """All operators on the CPU; made inside a loop, as the engine needs."""
    return Pooling(CATALOGUE, (CPU,), LIMITS, capacity_bytes=2**30, inline_steps=inline_steps)


async def answer_to(house: Pooling, ticket: Ticket) -> Answer:
    """The answer, with the lease given back."""
    lease = house.admit(ticket.plan.input_bytes)
    try:
        return await house.pool(ticket, lease)
    finally:
        lease.release()


def message_for(member: type[Operator], lead: tuple[int, ...] = (2, 3), place: int = 0) -> Message:
    """A sample of the operator as a message."""
    sample = member.samples[place]
    shape = (*lead, *sample.spatial[-member.rank :])
    dtype = ELEMENT_TYPES[sample.dtype]
    chance = np.random.default_rng(4)
    tensors = {"input": Tensor(dtype, chance.integers(0, 2, shape).astype(dtype.storage))}
    if "indices" in member.inputs:
        tensors["indices"] = Tensor(INT64, np.zeros(shape, dtype=np.int64))
    return Message(tensors, dict(sample.fields))


def outlines_of(message: Message) -> Mapping[str, Outline]:
    """What a plan is asked with."""
    return {name: tensor.outline for name, tensor in message.tensors.items()}


@every_operator
@pytest.mark.parametrize("inline_steps", [-1, 2**60], ids=["on a thread", "where it is"])
def test_a_plan_is_what_pooling_gives(member: type[Operator], inline_steps: int) -> None:
    """Callers size their buffers by it, for every sample."""

    async def both() -> None:
        house = a_house(inline_steps)
        for place in range(len(member.samples)):
            message = message_for(member, place=place)
            plan = house.plan(member.name, outlines_of(message), message.values, message.texts)
            ticket = house.prepare(member.name, message)

            answer = await answer_to(house, ticket)

            given = {
                name: {"dtype": tensor.dtype.name, "shape": list(tensor.shape), "bytes": tensor.array.nbytes}
                for name, tensor in answer.tensors.items()
            }
            assert plan["outputs"] == given
            assert list(ticket.outputs) == list(given)
            assert plan["input_bytes"] == sum(tensor.array.nbytes for tensor in message.tensors.values())
        assert (house.held_bytes, house.jobs) == (0, 0)
        await house.stop()

    asyncio.run(both())


@every_operator
def test_plan_and_prepare_refuse_alike(member: type[Operator]) -> None:
    """A plan that says yes to what pooling refuses is worse than none."""

    async def both() -> None:
        house = a_house()
        for refusal in member.refusals:
            shape = (1, 1, *refusal.spatial[-member.rank :])
            dtype = ELEMENT_TYPES[refusal.dtype]
            tensors = {"input": Tensor(dtype, np.zeros(shape, dtype.storage))}
            if "indices" in member.inputs:
                tensors["indices"] = Tensor(INT64, np.zeros(shape, dtype=np.int64))
            message = Message(tensors, dict(refusal.fields))

            with pytest.raises(Unprocessable) as planned:
                house.plan(member.name, outlines_of(message), message.values, message.texts)
            with pytest.raises(Unprocessable) as prepared:
                house.prepare(member.name, message)

            assert planned.value.code == prepared.value.code == refusal.code
            assert planned.value.detail == prepared.value.detail
            assert planned.value.problems == prepared.value.problems
        await house.stop()

    asyncio.run(both())


@every_operator
def test_preparing_is_quick(member: type[Operator]) -> None:
    """It runs on the loop before anything else can, for every request; a millisecond is already much."""

    async def prepared() -> float:
        house = a_house()
        message = message_for(member)
        house.prepare(member.name, message)
        took = []
        for channels in range(1, 21):
            # Another shape each time, so that nothing is remembered.
            other = message_for(member, lead=(1, channels))
            started = time.perf_counter()
            house.prepare(member.name, other)
            took.append(time.perf_counter() - started)
        await house.stop()
        return min(took)

    assert asyncio.run(prepared()) < 0.001


def test_preparing_changes_nothing_and_pools_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is refused must have cost nothing; what is admitted waits for its turn."""

    async def prepared() -> None:
        house = a_house()
        message = message_for(CATALOGUE.find("max_pool2d"))
        before = message.tensors["input"].array.tobytes()

        ticket = house.prepare("max_pool2d", message)

        assert message.tensors["input"].array.tobytes() == before
        assert ticket.tensors["input"] is message.tensors["input"]
        assert (house.held_bytes, house.jobs) == (0, 0)
        await house.stop()

    monkeypatch.setattr("poolhouse.backend.worker.pool_on_cpu", None)
    asyncio.run(prepared())


def test_a_drawn_seed_is_named_and_gives_the_same_answer_again() -> None:
    """Randomness that cannot be repeated cannot be debugged."""

    async def twice() -> None:
        house = a_house()
        array = np.random.default_rng(6).random((2, 3, 16, 16)).astype(np.float32)
        tensors = {"input": Tensor(FLOAT32, array)}
        fields: dict[str, object] = {"kernel_size": 2, "output_size": 7}
        drawn = house.prepare("fractional_max_pool2d", Message(tensors, fields))
        seed = int(drawn.headers[SEED_HEADER])

        again = house.prepare("fractional_max_pool2d", Message(tensors, {**fields, "seed": seed}))
        one, other = await answer_to(house, drawn), await answer_to(house, again)
        others = {
            house.prepare("fractional_max_pool2d", Message(tensors, fields)).headers[SEED_HEADER] for _ in range(20)
        }

        assert again.headers == drawn.headers == one.headers
        assert one.tensors["output"].array.tobytes() == other.tensors["output"].array.tobytes()
        assert len(others) == 20
        await house.stop()

    asyncio.run(twice())


def test_what_is_not_random_names_no_seed() -> None:
    """A header that says nothing would be read as something."""

    async def prepared() -> None:
        house = a_house()
        for member in OPERATORS:
            if "seed" not in {field.name for field in member.fields()}:
                assert house.prepare(member.name, message_for(member)).headers == {}
        await house.stop()

    asyncio.run(prepared())


def test_an_index_outside_its_plane_is_refused_before_anything_waits() -> None:
    """On a GPU it would end the process's device; large requests are looked at off the loop."""

    async def pooled(side: int) -> PoolhouseError:
        house = a_house()
        indices = np.zeros((1, 1, side, side), dtype=np.int64)
        indices[..., -1, -1] = 2**32 + 3
        tensors = {
            "input": Tensor(FLOAT32, np.ones(indices.shape, dtype=np.float32)),
            "indices": Tensor(INT64, indices),
        }
        ticket = house.prepare("max_unpool2d", Message(tensors, {"kernel_size": 2}))
        with pytest.raises(Unprocessable) as refused:
            await answer_to(house, ticket)
        assert (house.held_bytes, house.jobs) == (0, 0)
        await house.stop()
        return refused.value

    for side in (2, 400):
        assert asyncio.run(pooled(side)).code == "index_out_of_range"


def test_an_unknown_operator_is_refused_by_both() -> None:
    """With the same nearest names."""

    async def asked() -> None:
        house = a_house()
        for ask in (
            lambda: house.prepare("maxpool2d", Message({})),
            lambda: house.plan("maxpool2d", {}, {}, {}),
        ):
            with pytest.raises(NotFound, match="did you mean max_pool2d"):
                ask()
        await house.stop()

    asyncio.run(asked())


def test_equal_questions_of_different_types_are_different_questions() -> None:
    """Plans are remembered; True and 1 are one key to Python and two fields to us."""

    async def asked() -> None:
        house = a_house()
        message = message_for(CATALOGUE.find("max_pool2d"))
        house.prepare("max_pool2d", Message(message.tensors, {"kernel_size": 1}))
        for wrong in (True, "1"):
            with pytest.raises(Unprocessable):
                house.prepare("max_pool2d", Message(message.tensors, {"kernel_size": wrong}))
        await house.stop()

    asyncio.run(asked())


# ---- what is looked at before anything waits


def test_a_small_body_with_a_large_answer_needs_room_for_the_answer() -> None:
    """Sixteen bytes may ask for a gigabyte; by the length of the body alone it would always fit."""

    async def pooled(inline_steps: int) -> None:
        house = Pooling(CATALOGUE, (CPU,), LIMITS, capacity_bytes=10_000, inline_steps=inline_steps)
        other = house.admit(5_000)
        message = Message({"input": Tensor(FLOAT32, np.ones((1, 1, 2, 2), np.float32))}, {"output_size": 100})
        ticket = house.prepare("adaptive_avg_pool2d", message)
        lease = house.admit(16)

        for _ in range(2):
            with pytest.raises(Unavailable) as refused:
                house.pool_inline(ticket, lease) if inline_steps > 0 else await house.pool(ticket, lease)
            assert refused.value.code == "overloaded"
            assert house.held_bytes == 5_016
        other.release()
        lease.release()
        assert (house.held_bytes, house.held_requests) == (0, 0)
        await house.stop()

    for inline_steps in (-1, 2**60):
        asyncio.run(pooled(inline_steps))


def bad_indices(side: int) -> Message:
    """An unpooling whose last index lies far outside."""
    indices = np.zeros((1, 1, side, side), dtype=np.int64)
    indices[..., -1, -1] = 2**32 + 3
    tensors = {"input": Tensor(FLOAT32, np.ones(indices.shape, np.float32)), "indices": Tensor(INT64, indices)}
    return Message(tensors, {"kernel_size": 2})


def test_an_index_outside_its_plane_is_refused_on_the_short_way_too() -> None:
    """A tiny request runs at once, where nothing else would look at it."""

    async def pooled() -> None:
        house = a_house(inline_steps=2**60)
        ticket, lease = house.prepare("max_unpool2d", bad_indices(2)), house.admit(48)
        with pytest.raises(Unprocessable) as refused:
            house.pool_inline(ticket, lease)
        assert refused.value.code == "index_out_of_range"
        lease.release()
        await house.stop()

    asyncio.run(pooled())


def test_nothing_is_pooled_at_once_without_room_or_while_the_service_stops() -> None:
    """Nothing is held for it, so it must fit into what is left; and a stop would never see its end."""

    async def pooled() -> None:
        house = Pooling(CATALOGUE, (CPU,), LIMITS, capacity_bytes=10_000, inline_steps=2**60)
        message = Message({"input": Tensor(FLOAT32, np.ones((1, 1, 4, 4), np.float32))}, {"kernel_size": 2})
        ticket = house.prepare("max_pool2d", message)
        other = house.admit(10_001 - ticket.held_bytes)
        assert house.pool_at_once(ticket.plan, ticket.tensors, 0) is None
        other.release()
        assert house.pool_at_once(ticket.plan, ticket.tensors, 10_001 - ticket.held_bytes) is not None
        other = house.admit(1)
        assert house.pool_at_once(ticket.plan, ticket.tensors, 10_000 - ticket.held_bytes) is None
        other.release()

        ran = house.pool_at_once(ticket.plan, ticket.tensors, 0)
        assert ran is not None
        assert ran[0].output_tensors()["output"].array.tolist() == [[[[1, 1], [1, 1]]]]
        assert b"".join(ran[0].output_chunks()) == np.ones(4, np.float32).tobytes()
        assert (house.held_bytes, house.held_requests) == (0, 0)

        house.drain()
        assert house.pool_at_once(ticket.plan, ticket.tensors, 0) is None
        await house.stop()

    asyncio.run(pooled())


def test_many_indices_are_looked_at_off_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred million of them take a while, and everyone else's requests are on the loop."""
    member, threads = CATALOGUE.find("max_unpool2d"), list[threading.Thread]()
    check = member.check_elements

    def noted(self: Operator, tensors: Mapping[str, Tensor]) -> None:
        threads.append(threading.current_thread())
        check(self, tensors)

    async def pooled(side: int) -> None:
        house = a_house()
        with pytest.raises(Unprocessable):
            await answer_to(house, house.prepare("max_unpool2d", bad_indices(side)))
        await house.stop()

    monkeypatch.setattr(member, "check", noted)
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
        house = a_house()
        caller = asyncio.ensure_future(answer_to(house, house.prepare("max_unpool2d", bad_indices(400))))
        while not begun.is_set():  # noqa: ASYNC110, it is set by a thread
            await asyncio.sleep(0)

        caller.cancel()
        await asyncio.wait([caller])
        held = house.held_requests
        gate.set()
        while house.held_requests:  # noqa: ASYNC110, it falls when a thread ends
            await asyncio.sleep(0)

        assert held == 1
        assert house.held_bytes == 0
        await house.stop()

    monkeypatch.setattr(member, "check", held_up)
    asyncio.run(left())


def test_a_deadline_that_passes_while_indices_are_looked_at_is_answered_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller's patience does not depend on what takes so long."""
    member, gate = CATALOGUE.find("max_unpool2d"), threading.Event()

    def held_up(self: Operator, tensors: Mapping[str, Tensor]) -> None:
        assert gate.wait(20)

    async def late() -> None:
        house = a_house()
        ticket = house.prepare("max_unpool2d", bad_indices(400))
        lease = house.admit(ticket.plan.held_bytes)
        with pytest.raises(DeadlinePassed):
            await house.pool(ticket, lease, asyncio.get_running_loop().time() + 0.02)
        assert not gate.is_set()
        gate.set()
        lease.release()
        while house.held_requests:  # noqa: ASYNC110, it falls when a thread ends
            await asyncio.sleep(0)
        await house.stop()

    monkeypatch.setattr(member, "check", held_up)
    asyncio.run(late())


def test_nothing_runs_on_the_loop_for_another_device() -> None:
    """The loop would wait for the way to the device and back, and everyone with it."""

    async def asked(name: str) -> bool:
        device = Device(name, "a fake", 65_535)
        house = Pooling(
            CATALOGUE,
            (device,),
            LIMITS,
            capacity_bytes=2**30,
            inline_steps=2**60,
            make_worker=lambda _: TorchWorker(CPU),
        )
        ticket = house.prepare("max_pool2d", message_for(CATALOGUE.find("max_pool2d")))
        lease = house.admit(ticket.plan.held_bytes)
        answer = house.pool_inline(ticket, lease)
        lease.release()
        await house.stop()
        return answer is not None

    assert [asyncio.run(asked(name)) for name in ("cpu", "cuda:0", "mps")] == [True, False, False]
