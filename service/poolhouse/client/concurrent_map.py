"""Concurrent calls for many inputs, with the results in order: the implementation of ``map`` of both clients."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Collection,
    Coroutine,
    Generator,
    Iterable,
)
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Final

from poolhouse.client.results import Pooled
from poolhouse.errors import PoolhouseError

Progress = Callable[[int], None]
"""Called with the number of results so far."""

AnyPooled = Pooled[object, object | None]

_INTERRUPT_INTERVAL_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class MapOptions:
    """Options of a map.

    Attributes:
        concurrency: calls at a time, at least 1.
        progress: called after each result with the number of results.
        return_exceptions: whether an exception takes the place of its result, as in ``asyncio.gather``.
    """

    concurrency: int
    progress: Progress | None
    return_exceptions: bool

    def __post_init__(self) -> None:
        if self.concurrency < 1:
            raise ValueError(f"concurrency is {self.concurrency}; give at least 1")


class _Outcomes:
    """Counts the results of a map, and names the input of an error."""

    def __init__(self, options: MapOptions) -> None:
        self._options = options
        self._index = 0

    def record_result(self, result: AnyPooled) -> AnyPooled:
        """Record the next result and return it."""
        self._advance()
        return result

    def record_error(self, error: Exception) -> Exception:
        """Record an error as the next result; raise it unless ``return_exceptions`` is set."""
        error.add_note(f"This was input {self._index} of a map.")
        if isinstance(error, PoolhouseError):
            error.input_index = self._index
        if not self._options.return_exceptions:
            raise error
        self._advance()
        return error

    def _advance(self) -> None:
        self._index += 1
        if self._options.progress is not None:
            self._options.progress(self._index)


def map_in_threads(
    pool: Callable[[object, threading.Event], AnyPooled],
    inputs: Iterable[object],
    options: MapOptions,
    interrupt: Callable[[Collection[int]], None],
) -> Generator[AnyPooled | Exception, None, None]:
    """Pool inputs in threads and yield the results in order.

    Args:
        pool: pools one input; it ends early once the event is set.
        inputs: read as they are needed.
        options: of the map.
        interrupt: ends the exchanges of these threads.
    """
    stopped = threading.Event()
    outcomes = _Outcomes(options)
    waiting: deque[Future[AnyPooled]] = deque()
    thread_ids: set[int] = set()

    def first() -> AnyPooled | Exception:
        try:
            result = waiting[0].result()
        except Exception as fault:  # raised again with its input's index, or returned if the caller asked for that
            return outcomes.record_error(fault)
        return outcomes.record_result(result)

    with ThreadPoolExecutor(
        options.concurrency, "poolhouse-map", lambda: thread_ids.add(threading.get_ident())
    ) as threads:
        try:
            for each in inputs:
                waiting.append(threads.submit(pool, each, stopped))
                if len(waiting) == options.concurrency:
                    yield first()
                    waiting.popleft()
            while waiting:
                yield first()
                waiting.popleft()
        finally:
            stopped.set()
            threads.shutdown(wait=False, cancel_futures=True)
            unfinished = {call for call in waiting if not call.done()}
            while unfinished:
                interrupt(thread_ids)
                # A call that had no connection yet when it was interrupted has one now, so it is interrupted again.
                unfinished = wait(unfinished, _INTERRUPT_INTERVAL_S).not_done


async def map_in_tasks(
    pool: Callable[[object], Coroutine[object, object, AnyPooled]],
    inputs: Iterable[object] | AsyncIterable[object],
    options: MapOptions,
) -> AsyncGenerator[AnyPooled | Exception, None]:
    """Pool inputs in tasks and yield the results in order.

    Args:
        pool: pools one input.
        inputs: read as they are needed.
        options: of the map.
    """
    outcomes = _Outcomes(options)
    waiting: deque[asyncio.Task[AnyPooled]] = deque()

    async def first() -> AnyPooled | Exception:
        try:
            result = await waiting[0]
        except Exception as fault:  # raised again with its input's index, or returned if the caller asked for that
            return outcomes.record_error(fault)
        return outcomes.record_result(result)

    try:
        async for each in _iterate(inputs):
            waiting.append(asyncio.create_task(pool(each)))
            if len(waiting) == options.concurrency:
                yield await first()
                waiting.popleft()
        while waiting:
            yield await first()
            waiting.popleft()
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def _iterate(inputs: Iterable[object] | AsyncIterable[object]) -> AsyncIterator[object]:
    if isinstance(inputs, AsyncIterable):
        async for each in inputs:
            yield each
    else:
        for each in inputs:
            yield each
