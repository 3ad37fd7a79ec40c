"""What is run at once, as far as it goes: the same as a task, but for what never waits."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from poolhouse.rest.begun import Begun, turn


def test_what_never_waits_is_over_at_once() -> None:
    """A refusal, or a tiny request, needs no task and no turn of the event loop; here there is not even a loop."""

    async def answer() -> int:
        return 7

    begun = Begun(answer())

    assert begun.over
    assert begun.result == 7


def test_what_raises_before_it_waits_raises_at_once() -> None:
    """Whoever begins it must hear of it; there is no task that could."""

    async def fail() -> None:
        raise LookupError("nothing here")

    with pytest.raises(LookupError, match="nothing here"):
        Begun(fail())


def test_what_waits_goes_on_in_the_task_that_awaits_it() -> None:
    """Results, errors and cancellation reach it as they reach any coroutine."""
    told: list[str] = []
    came = asyncio.Event()

    async def patient(news: asyncio.Future[str]) -> str:
        told.append(await news)
        came.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            told.append("cancelled")
            raise
        return "never"

    async def main() -> None:
        news: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        begun = Begun(patient(news))
        assert not begun.over
        task = asyncio.create_task(begun.rest())
        news.set_result("came")
        await came.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())

    assert told == ["came", "cancelled"]


def test_after_a_turn_there_is_a_task() -> None:
    """A timeout needs the task that it is to cancel."""

    async def timed() -> bool:
        await turn()
        async with asyncio.timeout(60):
            await asyncio.sleep(0)
            return asyncio.current_task() is not None

    async def main() -> tuple[bool, bool]:
        loop, found = asyncio.get_running_loop(), loop_free_result()
        # From a callback, as a protocol begins its requests: no task runs there.
        loop.call_soon(lambda: found.set_result(Begun(timed())))
        begun = await found
        return begun.over, await asyncio.create_task(begun.rest())

    def loop_free_result() -> asyncio.Future[Begun[bool]]:
        return asyncio.get_running_loop().create_future()

    assert asyncio.run(main()) == (False, True)


def test_what_failed_is_not_held_by_a_circle() -> None:
    """The error of a body of a gigabyte holds frames that hold the body: it must go when it has been answered."""

    class Large:
        pass

    async def read(coming: list[asyncio.Future[None]], large: Large) -> None:
        await coming.pop()

    async def main() -> weakref.ref[Large]:
        news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        large = Large()
        seen = weakref.ref(large)
        begun = Begun(read([news], large))
        del large
        news.set_exception(LookupError())
        del news
        task = asyncio.create_task(begun.rest())
        del begun
        await asyncio.wait((task,))
        assert isinstance(task.exception(), LookupError)
        return seen

    gc.disable()
    try:
        seen = asyncio.run(main())
        assert seen() is None
    finally:
        gc.enable()
