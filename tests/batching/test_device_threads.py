"""The threads of a device: in order, and never in the way of letting go."""

from __future__ import annotations

import threading
import weakref

from poolhouse.batching.device_threads import DeviceThreads

WAIT_TIMEOUT_S = 20.0


def test_one_thread_runs_its_tasks_in_order() -> None:
    """What was handed first is done first."""
    done: list[int] = []
    over = threading.Event()

    def work(task: int) -> bool:
        done.append(task)
        if task == 9:
            over.set()
        return True

    threads = DeviceThreads("fake", 1, work)
    for task in range(10):
        threads.submit(task)

    assert over.wait(WAIT_TIMEOUT_S)
    assert done == list(range(10))
    assert threads.shutdown() == []


def test_shutdown_returns_unstarted_tasks_without_waiting() -> None:
    """The engine sends it elsewhere, while a thread is stuck in what it had begun."""
    begun, gate = threading.Event(), threading.Event()
    done: list[str] = []

    def work(task: str) -> bool:
        begun.set()
        assert gate.wait(WAIT_TIMEOUT_S)
        done.append(task)
        return True

    threads = DeviceThreads("fake", 1, work)
    for task in ("stuck", "next", "last"):
        threads.submit(task)
    assert begun.wait(WAIT_TIMEOUT_S)

    assert threads.shutdown() == ["next", "last"]
    gate.set()
    ended = [thread for thread in threading.enumerate() if thread.name == "pool-fake-0"]
    for thread in ended:
        thread.join(WAIT_TIMEOUT_S)
    assert done == ["stuck"]


def test_a_thread_whose_device_broke_starts_no_other_task() -> None:
    """The next batch would break on it too; untouched, it can go to another device."""
    asked = threading.Event()

    def work(task: str) -> bool:
        asked.set()
        return False

    threads = DeviceThreads("broken", 1, work)
    threads.submit("breaks")
    threads.submit("next")
    assert asked.wait(WAIT_TIMEOUT_S)
    for thread in [thread for thread in threading.enumerate() if thread.name == "pool-broken-0"]:
        thread.join(WAIT_TIMEOUT_S)

    assert threads.shutdown() == ["next"]


def test_a_thread_forgets_a_finished_task() -> None:
    """The tensors of the last request before the night would be kept until the morning."""

    class Task:
        pass

    forgotten = threading.Event()
    task = Task()
    watch = weakref.ref(task, lambda _: forgotten.set())
    threads = DeviceThreads[Task]("forgets", 1, lambda _: True)

    threads.submit(task)
    del task

    assert forgotten.wait(WAIT_TIMEOUT_S)
    assert watch() is None
    threads.shutdown()


def test_as_many_tasks_run_at_once_as_there_are_threads() -> None:
    """Two tasks that wait for each other end, on a threads of two."""
    meeting = threading.Barrier(3)

    def work(task: int) -> bool:
        meeting.wait(WAIT_TIMEOUT_S)
        return True

    threads = DeviceThreads("pair", 2, work)
    threads.submit(1)
    threads.submit(2)

    meeting.wait(WAIT_TIMEOUT_S)
    threads.shutdown()
    for thread in [thread for thread in threading.enumerate() if thread.name.startswith("pool-pair")]:
        thread.join(WAIT_TIMEOUT_S)
    assert not any(thread.name.startswith("pool-pair") for thread in threading.enumerate())


def test_threads_are_daemons() -> None:
    """One stuck in a kernel must not hold up the exit of the service."""
    gate, seen = threading.Event(), threading.Event()
    daemons: list[bool] = []

    def work(task: int) -> bool:
        daemons.append(threading.current_thread().daemon)
        seen.set()
        return gate.wait(WAIT_TIMEOUT_S)

    threads = DeviceThreads("stuck", 1, work)
    threads.submit(1)

    assert seen.wait(WAIT_TIMEOUT_S)
    assert daemons == [True]
    gate.set()
    threads.shutdown()
