"""A coroutine that is run at once, as far as it goes without waiting. What has to wait becomes awaitable.

Python 3.12 has this as an eager task; here it is for 3.11 too, and without a task for what never waits. Until it
waits for the first time there is no current task: what needs one, as ``asyncio.timeout`` does, first awaits
:func:`turn`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Generator
from functools import partial
from types import coroutine
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Begun(Generic[Result]):
    """A begun coroutine; awaiting it gives its result.

    Args:
        started: what was not awaited yet. What it raises before it waits is raised here.

    Attributes:
        over: whether it has ended without waiting.
    """

    def __init__(self, started: Awaitable[Result]) -> None:
        self._steps = started.__await__()
        self.over = False
        try:
            self._waits_for = next(self._steps)
        except StopIteration as done:
            self.over = True
            self.result: Result = done.value

    def __await__(self) -> Generator[object, object, Result]:
        if self.over:
            return self.result
        waits_for = self.__dict__.pop("_waits_for")
        while True:
            try:
                sent = yield waits_for
            except BaseException as error:  # a timeout or a cancellation goes to whoever waits inside
                step = partial(self._steps.throw, error)
            else:
                step = partial(self._steps.send, sent)
            # An error knows this frame: what the frame holds of it, or of the future that had it, would be a circle.
            del waits_for
            try:
                waits_for = step()
            except StopIteration as done:
                result: Result = done.value
                return result
            finally:
                del step

    async def rest(self) -> Result:
        """The same as a coroutine, which is what a task is made of."""
        return await self


async def turn() -> None:
    """Comes back within a task: at once, or where there is none yet when the event loop comes round to it."""
    if asyncio.current_task() is None:
        await _turn()


@coroutine
def _turn() -> Generator[None, None, None]:
    yield
