"""Run long steps (decoding, checking, encoding) in a few threads, so that they do not block the event loop.

The rules:

- a step holds the caller's lease until it ends, even if the client has disconnected: a thread cannot be stopped, and
  the memory that it reads or writes must not be reserved for another request;
- when the deadline passes, the caller gets an error at once; a step that has not started by then never starts;
- steps wait for a thread. Steps that hold the GIL gain nothing from more threads, and delay the event loop;
- after ``long_s`` a step no longer occupies a slot, so it cannot block the queue.

Not asyncio's default executor: its threads are shared with all other code, and the process waits for them at exit.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final, Generic, TypeVar

from poolhouse.batching.memory import Lease
from poolhouse.batching.thread_priority import lower_thread_priority
from poolhouse.errors import deadline_error

Result = TypeVar("Result")

_log = logging.getLogger("poolhouse.batching")

_LONG_S: Final = 5.0


@dataclass(slots=True, eq=False)
class _Step(Generic[Result]):
    """A step, and the future that its caller awaits."""

    work: Callable[[], Result]
    lease: Lease
    loop: asyncio.AbstractEventLoop
    result: asyncio.Future[Result]
    slot_timer: asyncio.TimerHandle | None = None


class OffloadPool:
    """Threads for steps of one kind; they start on demand.

    Args:
        name: of the kind, for the names of the threads.
        size: the number of steps that run at once.
        long_s: a step that takes longer no longer counts, so another one may start.
    """

    def __init__(self, name: str, size: int, long_s: float = _LONG_S) -> None:
        self._name = name
        self._size = size
        self._long_s = long_s
        self._waiting: deque[_Step[Any]] = deque()  # of results of any kind
        self._slot_holders: set[_Step[Any]] = set()
        self._tasks: SimpleQueue[_Step[Any] | None] = SimpleQueue()
        self._idle = self._threads = 0

    async def run(
        self, work: Callable[[], Result], lease: Lease, activity: str, deadline: float | None = None
    ) -> Result:
        """Run one step in a thread.

        Args:
            work: the step.
            lease: of the bytes that the step uses; retained until it ends, even if the caller is cancelled.
            activity: for the text of an error: "while {activity}".
            deadline: in the event loop's time; None for no deadline.

        Returns:
            The result of the step; an exception of the step is raised.

        Raises:
            DeadlinePassed: the deadline passed before the step ended.
        """
        loop = asyncio.get_running_loop()
        step: _Step[Result] = _Step(work, lease, loop, loop.create_future())
        # guard: offloaded-step-retains-lease
        lease.retain()
        self._waiting.append(step)
        try:
            self._dispatch()
            # Not bound to a name: it refers to the task, the task to the error, and its traceback to this frame.
            # guard: deadline-covers-offloaded-steps
            async with asyncio.timeout_at(deadline):
                return await step.result
        except TimeoutError:
            if step.result.done() and not step.result.cancelled():
                raise  # raised by the step
            raise deadline_error(f"passed while {activity}") from None
        finally:
            # guard: abandoned-step-is-not-started
            if step in self._waiting:
                self._waiting.remove(step)
                lease.release()
            # Break the cycle from the future to the error, its traceback and this frame: it could keep gigabytes.
            del step

    def shutdown(self) -> None:
        """End the threads, each after its current step; steps that have not started are cancelled."""
        for step in self._waiting:
            step.result.cancel()
        for _ in range(self._threads):
            self._tasks.put(None)
        self._idle = self._threads = 0

    def _dispatch(self) -> None:
        # guard: offloaded-steps-have-limit
        while self._waiting and len(self._slot_holders) < self._size:
            if not self._idle:
                # Before the step is taken: if no thread can be started, its caller gets the error.
                Thread(target=self._run_thread, name=f"offload-{self._name}-{self._threads}", daemon=True).start()
                self._threads += 1
                self._idle += 1
            step = self._waiting.popleft()
            self._idle -= 1
            self._slot_holders.add(step)
            step.slot_timer = step.loop.call_later(self._long_s, self._free_slot, step)
            self._tasks.put(step)

    def _run_thread(self) -> None:
        # guard: offload-threads-yield
        lower_thread_priority()
        while (step := self._tasks.get()) is not None:
            self._run_step(step)
            del step  # or the variable would hold it until the next step

    def _run_step(self, step: _Step[Any]) -> None:
        result = error = None
        try:
            result = step.work()
        except BaseException as raised:
            error = raised
        try:
            step.loop.call_soon_threadsafe(self._on_step_done, step, result, error)
        except RuntimeError:
            _log.debug("the event loop was closed while a step ran")
        finally:
            # guard: refused-step-is-forgotten
            del step, error  # the traceback of the error refers to this frame

    def _on_step_done(self, step: _Step[Any], result: object, error: BaseException | None) -> None:
        assert step.slot_timer is not None
        step.slot_timer.cancel()
        self._idle += 1
        self._slot_holders.discard(step)
        step.lease.release()
        if not step.result.done():
            if error is None:
                step.result.set_result(result)
            else:
                step.result.set_exception(error)
        self._dispatch()

    def _free_slot(self, step: _Step[Any]) -> None:
        _log.warning("a step of the offload pool %r takes more than %g s", self._name, self._long_s)
        # guard: long-step-frees-its-slot
        self._slot_holders.discard(step)
        self._dispatch()
