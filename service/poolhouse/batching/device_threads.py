"""The threads of one device: as many as it works on at once, and such as can be left behind when it hangs.

Not an executor of the standard library: the interpreter waits at its end for every thread of those, so a process
with one stuck in a kernel would never exit. These are daemons.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Generic, TypeVar

from poolhouse.batching.priority import give_way_to_event_loop

Task = TypeVar("Task")


class DeviceThreads(Generic[Task]):
    """Threads that do what they are handed, in order; they start with the first task.

    Args:
        name: of the device, for the threads' names.
        size: how many threads.
        work: does a task; false when its thread shall take no other.
    """

    def __init__(self, name: str, size: int, work: Callable[[Task], bool]) -> None:
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._work = work
        # guard: device-threads-are-daemons
        self._threads = [Thread(target=self._go, name=f"pool-{name}-{number}", daemon=True) for number in range(size)]
        self._started = False

    def hand(self, task: Task) -> None:
        """Puts a task in line."""
        if not self._started:
            for thread in self._threads:
                thread.start()
            self._started = True
        self._tasks.put(task)

    def leave(self) -> list[Task]:
        """Lets the threads go, each when it has done what it does now.

        Returns:
            the tasks that were not begun, and now never will be, in order.
        """
        unbegun: list[Task] = []
        try:
            while True:
                task = self._tasks.get_nowait()
                if task is not None:
                    # guard: shutdown-returns-unstarted-tasks
                    unbegun.append(task)
        except Empty:
            for _ in self._threads:
                self._tasks.put(None)
            return unbegun

    def _go(self) -> None:
        # guard: device-threads-yield
        give_way_to_event_loop()
        # guard: thread-obeys-device-fault
        while (task := self._tasks.get()) is not None and self._work(task):
            # guard: thread-forgets-task
            del task  # or it would live until the next one comes
