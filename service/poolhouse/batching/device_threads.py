"""Daemon threads for one device, one for each batch that it works on at once; they are abandoned if it hangs.

Not an executor of the standard library: at exit the interpreter waits for all threads of an executor, so a process
with a thread that hangs in a kernel would never end.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Generic, TypeVar

from poolhouse.batching.priority import give_way_to_event_loop

Task = TypeVar("Task")


class DeviceThreads(Generic[Task]):
    """Threads that work on tasks in order; they start with the first task.

    Args:
        name: of the device, for the threads' names.
        size: how many threads.
        work: does a task; returns False if its thread must take no other.
    """

    def __init__(self, name: str, size: int, work: Callable[[Task], bool]) -> None:
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._work = work
        # guard: device-threads-are-daemons
        self._threads = [
            Thread(target=self._run_thread, name=f"pool-{name}-{number}", daemon=True) for number in range(size)
        ]
        self._started = False

    def submit(self, task: Task) -> None:
        """Queue a task."""
        if not self._started:
            for thread in self._threads:
                thread.start()
            self._started = True
        self._tasks.put(task)

    def shutdown(self) -> list[Task]:
        """End the threads, each after its current task.

        Returns:
            the tasks that had not started, and never will, in order.
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

    def _run_thread(self) -> None:
        # guard: device-threads-yield
        give_way_to_event_loop()
        # guard: thread-obeys-device-fault
        while (task := self._tasks.get()) is not None and self._work(task):
            # guard: thread-forgets-task
            del task  # or it would live until the next one comes
