"""The use case: what is refused when, and that a plan is what pooling gives."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

import numpy as np
import pytest

from poolhouse.dtypes import ELEMENT_TYPES, INT64
from poolhouse.errors import NotFound, PoolhouseError, Unprocessable
from poolhouse.operators.operator import Operator
from poolhouse.pooling import SEED_HEADER, Answer, Pooling, Ticket
from poolhouse.tensors import Message, Outline, Tensor
from tests.operators.drawing import CATALOGUE, CPU, LIMITS, OPERATORS

every_operator = pytest.mark.parametrize("member", OPERATORS, ids=lambda member: member.name)
FLOAT32 = ELEMENT_TYPES["float32"]


def a_house(inline_steps: int = 0) -> Pooling:
    """All operators on the CPU; made inside a loop, as the engine needs."""
    return Pooling(CATALOGUE, (CPU,), LIMITS, room_bytes=2**30, inline_steps=inline_steps)


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

    monkeypatch.setattr(CATALOGUE.find("max_pool2d"), "run", None)
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
    """Plans are remembered; True, 1 and 1.0 are one key to Python and three fields to us."""

    async def asked() -> None:
        house = a_house()
        message = message_for(CATALOGUE.find("max_pool2d"))
        house.prepare("max_pool2d", Message(message.tensors, {"kernel_size": 1}))
        for wrong in (True, 1.0, "1"):
            with pytest.raises(Unprocessable):
                house.prepare("max_pool2d", Message(message.tensors, {"kernel_size": wrong}))
        await house.stop()

    asyncio.run(asked())
