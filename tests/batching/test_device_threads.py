"""The threads of a device run tasks in order, and their shutdown never waits."""

from __future__ import annotations

import threading
import weakref

from poolhouse.batching.device_threads import DeviceThreads

WAIT_TIMEOUT_S = 20.0


def test_one_thread_runs_its_tasks_in_order() -> None:
    """Batches of one device end in the order in which they were handed over."""
    done: list[int] = []
    finished = threading.Event()

    def work(task: int) -> bool:
        done.append(task)
        if task == 9:
            finished.set()
        return True

    threads = DeviceThreads("fake", 1, work)
    for task in range(10):
        threads.submit(task)

    assert finished.wait(WAIT_TIMEOUT_S)
    assert done == list(range(10))
    assert threads.shutdown() == []


def test_shutdown_returns_unstarted_tasks_without_waiting() -> None:
    """The engine moves them to another device while a thread still hangs in its task."""
    started, gate = threading.Event(), threading.Event()
    done: list[str] = []

    def work(task: str) -> bool:
        started.set()
        assert gate.wait(WAIT_TIMEOUT_S)
        done.append(task)
        return True

    threads = DeviceThreads("fake", 1, work)
    for task in ("stuck", "next", "last"):
        threads.submit(task)
    assert started.wait(WAIT_TIMEOUT_S)

    assert threads.shutdown() == ["next", "last"]
    gate.set()
    remaining = [thread for thread in threading.enumerate() if thread.name == "pool-fake-0"]
    for thread in remaining:
        thread.join(WAIT_TIMEOUT_S)
    assert done == ["stuck"]


def test_a_thread_whose_device_broke_starts_no_other_task() -> None:
    """The next batch would fail too; if it has not started, another device can run it."""
    started = threading.Event()

    def work(task: str) -> bool:
        started.set()
        return False

    threads = DeviceThreads("broken", 1, work)
    threads.submit("breaks")
    threads.submit("next")
    assert started.wait(WAIT_TIMEOUT_S)
    for thread in [thread for thread in threading.enumerate() if thread.name == "pool-broken-0"]:
        thread.join(WAIT_TIMEOUT_S)

    assert threads.shutdown() == ["next"]


def test_a_thread_forgets_a_finished_task() -> None:
    """Otherwise an idle service would keep the tensors of its last request."""

    class Task:
        pass

    forgotten = threading.Event()
    task = Task()
    reference = weakref.ref(task, lambda _: forgotten.set())
    threads = DeviceThreads[Task]("forgets", 1, lambda _: True)

    threads.submit(task)
    del task

    assert forgotten.wait(WAIT_TIMEOUT_S)
    assert reference() is None
    threads.shutdown()


def test_as_many_tasks_run_at_once_as_there_are_threads() -> None:
    """Two tasks that wait for each other end if there are two threads."""
    barrier = threading.Barrier(3)

    def work(task: int) -> bool:
        barrier.wait(WAIT_TIMEOUT_S)
        return True

    threads = DeviceThreads("pair", 2, work)
    threads.submit(1)
    threads.submit(2)

    barrier.wait(WAIT_TIMEOUT_S)
    threads.shutdown()
    for thread in [thread for thread in threading.enumerate() if thread.name.startswith("pool-pair")]:
        thread.join(WAIT_TIMEOUT_S)
    assert not any(thread.name.startswith("pool-pair") for thread in threading.enumerate())


def test_threads_are_daemons() -> None:
    """A thread that hangs in a kernel must not prevent the exit of the process."""
    gate, started = threading.Event(), threading.Event()
    daemons: list[bool] = []

    def work(task: int) -> bool:
        daemons.append(threading.current_thread().daemon)
        started.set()
        return gate.wait(WAIT_TIMEOUT_S)

    threads = DeviceThreads("stuck", 1, work)
    threads.submit(1)

    assert started.wait(WAIT_TIMEOUT_S)
    assert daemons == [True]
    gate.set()
    threads.shutdown()
