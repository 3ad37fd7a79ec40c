"""Messages are received a bounded number at a time, and inflated within the memory that is reserved for them."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from poolhouse.batching.memory import Lease, MemoryBudget
from poolhouse.errors import Malformed, TooLarge, TooSlow, Unavailable
from poolhouse.rest.observability.request_record import RequestRecord
from poolhouse.rpc.receiving import SLACK_BYTES, Receiver
from poolhouse.settings import Settings

SLOW = 4
LIMIT = SLACK_BYTES + 1024


class FakeCall:
    """A call whose message a test delivers, and its exchange, which notes what is reserved."""

    def __init__(self) -> None:
        self.record = RequestRecord("POST", "/", b"id")
        self.admitted = Lease(MemoryBudget(1), 0)
        self.reserved: list[int] = []
        self.message = asyncio.get_running_loop().create_future()

    async def read(self) -> Any:
        return await self.message

    def reserve(self, nbytes: int) -> None:
        self.reserved.append(nbytes)


async def run_here(work: Callable[[], bytes], _lease: Lease) -> bytes:
    return work()


def receiver(contended_s: float = 0.02) -> Receiver:
    """A receiver of the fewest slow messages."""
    settings = Settings.model_validate({"max_body_bytes": 1024, "max_queue_bytes": 1})
    return Receiver(settings.model_copy(update={"contended_body_timeout_s": contended_s}), run_here, moment_s=0.001)


def receive(tested: Receiver, call: FakeCall) -> Awaitable[bytes]:
    """Receive the message of a call."""
    return tested.receive(call, call)  # type: ignore[arg-type]


def inflate(message: bytes) -> tuple[bytes, list[int]]:
    """The inflated message, and what was reserved for it."""

    async def run() -> tuple[bytes, list[int]]:
        call = FakeCall()
        found = await receiver().inflated(message, call)  # type: ignore[arg-type]
        assert call.record.received_bytes == len(message)
        return found, call.reserved

    return asyncio.run(run())


def test_slow_messages_hold_up_no_others() -> None:
    """Clients that send nothing must neither lock out all others, nor make gRPC hold any number of messages."""

    async def run() -> None:
        tested = receiver(contended_s=3600)
        calls = [FakeCall() for _ in range(2 * SLOW)]
        tasks = [asyncio.ensure_future(receive(tested, each)) for each in calls]
        refused, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        while len(refused) < SLOW:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_EXCEPTION)
            refused |= done
        new = FakeCall()
        new.message.set_result(b"new")

        assert await receive(tested, new) == b"new"
        assert len(pending) == SLOW
        assert all(isinstance(each.exception(), Unavailable) for each in refused)
        for each in calls:
            if not each.message.done():
                each.message.set_result(b"late")
        assert [await each for each in pending] == [b"late"] * SLOW

    asyncio.run(run())


def test_the_slowest_message_ends_when_its_time_is_over_and_another_needs_its_place() -> None:
    """Alone, a slow client harms nobody, and is not ended."""

    async def run() -> None:
        tested = receiver(contended_s=0.02)
        calls = [FakeCall() for _ in range(SLOW + 1)]
        tasks = [asyncio.ensure_future(receive(tested, each)) for each in calls[:-1]]
        _, pending = await asyncio.wait(tasks, timeout=0.05)
        assert len(pending) == SLOW

        tasks.append(asyncio.ensure_future(receive(tested, calls[-1])))
        with pytest.raises(TooSlow):
            await tasks[0]
        for each in calls[1:]:
            each.message.set_result(b"late")

        assert await asyncio.gather(*tasks[1:]) == [b"late"] * SLOW

    asyncio.run(run())


def test_a_call_without_a_message_is_refused() -> None:
    """gRPC ends the stream of messages then."""

    async def run() -> None:
        call = FakeCall()
        call.message.set_result(object())
        with pytest.raises(Malformed):
            await receive(receiver(), call)

    asyncio.run(run())


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress])
@pytest.mark.parametrize("nbytes", [0, 1, 5000, LIMIT])
def test_memory_is_reserved_before_a_message_is_inflated(compress: Callable[[bytes], bytes], nbytes: int) -> None:
    """A short message may inflate to a thousand times its length."""
    whole = bytes(nbytes)

    found, reserved = inflate(compress(whole))

    assert found == whole
    assert max(reserved) >= 2 * nbytes
    assert reserved == sorted(reserved)


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress])
def test_a_damaged_or_long_message_is_refused(compress: Callable[[bytes], bytes]) -> None:
    """What cannot be inflated is not a message, and a bomb ends at the limit."""
    for damaged in (compress(b"x" * 100)[:-1], compress(b"x" * 100) + b"y", compress(b"x" * 100)[:5]):
        with pytest.raises(Malformed):
            inflate(damaged)
    with pytest.raises(TooLarge):
        inflate(compress(bytes(LIMIT + 1)))


def test_other_messages_are_left_as_they_are() -> None:
    """No message of the protocol begins like a compressed one."""
    assert inflate(b"\x0a\x01a") == (b"\x0a\x01a", [])
    assert inflate(b"") == (b"", [])
