"""Daemon threads for one device, one for each batch that it runs at once; they are abandoned if it hangs.

Not an executor of the standard library: the interpreter waits for all threads of an executor at exit, so a thread
that hangs in a kernel would keep the process from exiting.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Generic, TypeVar

from poolhouse.batching.thread_priority import lower_thread_priority

Task = TypeVar("Task")


class DeviceThreads(Generic[Task]):
    """Threads that take tasks in order; they start with the first task.

    Args:
        name: of the device, for the names of the threads.
        size: the number of threads.
        work: runs a task; returns False if its thread must not take another one.
    """

    def __init__(self, name: str, size: int, work: Callable[[Task], bool]) -> None:
        self._name = name
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
            The tasks that no thread has started, in order; they are not run.
        """
        unstarted: list[Task] = []
        try:
            while True:
                task = self._tasks.get_nowait()
                if task is not None:
                    # guard: shutdown-returns-unstarted-tasks
                    unstarted.append(task)
        except Empty:
            for _ in self._threads:
                self._tasks.put(None)
            return unstarted

    def recreate(self) -> DeviceThreads[Task]:
        """New threads for the same device; these are shut down, or abandoned if they hang."""
        return DeviceThreads(self._name, len(self._threads), self._work)

    def _run_thread(self) -> None:
        # guard: device-threads-yield
        lower_thread_priority()
        # guard: thread-obeys-device-fault
        while (task := self._tasks.get()) is not None and self._work(task):
            # guard: thread-forgets-task
            del task  # or the variable would hold it until the next task
