"""The two clients: thin drivers of one flow. One blocks its thread, the other its task."""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Generator,
    Iterable,
    Mapping,
    Sequence,
)
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from threading import Event, get_ident
from typing import TYPE_CHECKING, Final, Self

from poolhouse.client import questions
from poolhouse.client.direct import Transferred
from poolhouse.client.errors import ConnectionFailed
from poolhouse.client.exchange import MOST_BYTES, Answer, Pause, Request
from poolhouse.client.flow import Flow, Options, call
from poolhouse.client.misnamed import Misnamed
from poolhouse.client.operators import TAKES_INDICES, AsyncOperators, Operators
from poolhouse.client.pooled import OperatorLine, Plan, Pooled
from poolhouse.client.retry import Budget, RetryPolicy
from poolhouse.client.settings import headers_of
from poolhouse.client.ways import async_local_way, async_way_to, local_way, place_beside, way_to

if TYPE_CHECKING:
    import httpx

    from poolhouse.client.transport import AsyncTransport, Transport

Progress = Callable[[int], None]
"""Told how many answers have come."""


_NOT_GIVEN: Final = -1.0
_AGAIN_S: Final = 0.05
_LONGEST_S: Final = 366 * 86_400.0
"""Beyond this a number of seconds means "for ever", and not every clock of the kernel can count it."""


class _Common(Misnamed):
    """What both clients know: where, how, and what is left of the budget."""

    def __init__(self, prefix: str, options: Options) -> None:
        self._prefix = prefix
        self._options = options
        self._budget = Budget()

    def _flow(self, request: Request) -> Flow:
        placed = replace(request, target=self._prefix + request.target) if self._prefix else request
        return call(placed, self._options, self._budget, now=time.monotonic, chance=random.random)

    def with_options(self, *, timeout: float | None = _NOT_GIVEN, max_retries: int | None = None) -> Self:
        """A client that shares this one's connections and budget, and differs in these options.

        Close the first one; closing this one closes both.

        Args:
            timeout: a call's deadline in seconds; None for none; not given, as it was.
            max_retries: retries after the first try; not given, as it was.
        """
        options = self._options
        # A negative number is no deadline that anyone means, so it can stand for "not given", where None cannot.
        if timeout != _NOT_GIVEN:
            options = replace(options, timeout_s=_deadline_s(timeout))
        if max_retries is not None:
            options = replace(options, retry=replace(options.retry, most=max_retries))
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin._options = options
        return twin

    def __deepcopy__(self, memo: Mapping[int, object]) -> Self:
        # Models are copied whole, and a connection cannot be: the copy calls through the same one.
        return self


def _options(
    timeout: float | None,
    connect_timeout: float,
    read_timeout: float,
    max_retries: int,
    api_key: str | None,
    max_answer_bytes: int,
) -> Options:
    if max_answer_bytes < 1:
        raise ValueError(f"max_answer_bytes is {max_answer_bytes}; give a number of bytes above 0")
    return Options(
        _deadline_s(timeout),
        _seconds("connect_timeout", connect_timeout),
        _seconds("read_timeout", read_timeout),
        RetryPolicy(most=max_retries),
        headers_of(api_key),
        max_answer_bytes,
    )


def _seconds(name: str, given: float) -> float:
    # None is what others take for "as long as it needs", so it is told apart before it is compared with a number.
    if given is None or not given > 0:
        raise ValueError(f"{name} is {given}; give a number of seconds above 0")
    return min(given, _LONGEST_S)


def _deadline_s(given: float | None) -> float | None:
    return None if given is None or given >= _LONGEST_S else _seconds("timeout", given)


class Client(_Common, Operators):
    """Calls a poolhouse service and waits for the answers. Threads may share it.

    Args:
        base_url: such as ``http://localhost:8000`` or ``unix:/run/poolhouse.sock``; else ``POOLHOUSE_URL``, else
            this machine's port 8000.
        api_key: sent as a bearer token; else ``POOLHOUSE_API_KEY``.
        timeout: seconds that a call may take, retries included, and the server is told; None for ever.
        connect_timeout: seconds that a connection may take.
        read_timeout: seconds that an answer may stand still.
        max_retries: retries of a call whose connection failed or that was answered with 408, 429, 502, 503 or 504.
        max_answer_bytes: the largest answer that is taken; a larger one is an :class:`UnexpectedAnswer`.
        uds: path of a Unix socket.
        http_client: an httpx client of your own, with your proxies and certificates; closed with this one. Its base
            URL counts where ``base_url`` is not given.
        transferred: told how many bytes of a call were sent or received so far, where no httpx client stands between.
    """

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        timeout: float | None = 60.0,
        connect_timeout: float = 5.0,
        read_timeout: float = 60.0,
        max_retries: int = 2,
        max_answer_bytes: int = MOST_BYTES,
        uds: str | None = None,
        http_client: httpx.Client | None = None,
        transferred: Transferred | None = None,
    ) -> None:
        place = place_beside(base_url, uds, http_client, "Client")
        super().__init__(
            place.prefix, _options(timeout, connect_timeout, read_timeout, max_retries, api_key, max_answer_bytes)
        )
        self._transport = way_to(place, http_client, transferred)

    @classmethod
    def local(cls, *, timeout: float | None = 60.0) -> Self:
        """A client of a service in this process: the real one, without a socket. For tests of what calls it.

        Raises:
            ModuleNotFoundError: without the server extra.
        """
        return cls._over(local_way(), timeout)

    @classmethod
    def _over(cls, transport: Transport, timeout: float | None) -> Self:
        made = object.__new__(cls)
        _Common.__init__(made, "", Options(_deadline_s(timeout), headers=headers_of(None)))
        made._transport = transport
        return made

    def pool(
        self,
        operator: str,
        input: object,  # noqa: A002, torch's name for it
        indices: object = None,
        **fields: object,
    ) -> Pooled[object, object | None]:
        """Pool by an operator whose name is known only when it runs; the typed methods are better elsewhere.

        Args:
            operator: its name, ``max_pool2d``.
            input: numpy, torch, nested lists, or anything with ``__dlpack__`` or ``__array__``.
            indices: for unpooling.
            fields: the spec.

        Raises:
            PoolhouseError: the server's refusal, or :class:`ConnectionFailed`.
        """
        inputs = {"input": input} if indices is None else {"input": input, "indices": indices}
        return self._pool(operator, inputs, fields)

    def map(
        self,
        operator: str,
        inputs: Iterable[object],
        *,
        concurrency: int = 8,
        progress: Progress | None = None,
        **fields: object,
    ) -> Generator[Pooled[object, object | None], None, None]:
        """Pool each of many, several at a time, and give the answers in order.

        At most ``concurrency`` inputs are taken ahead of the answer that is waited for. Leaving the loop, or an
        error, begins nothing more and breaks off what has begun.

        Args:
            operator: its name.
            inputs: one input each, as :meth:`pool` takes them.
            concurrency: calls at a time, at least 1.
            progress: told after each answer how many there were.
            fields: the spec.
        """
        if concurrency < 1:
            raise ValueError(f"concurrency is {concurrency}; at least 1 call is made at a time")
        stopped = Event()

        def one(given: object) -> Pooled[object, object | None]:
            return self._pool(operator, {"input": given}, fields, stopped)

        waiting: deque[Future[Pooled[object, object | None]]] = deque()
        names: set[int] = set()
        with ThreadPoolExecutor(concurrency, "poolhouse-map", lambda: names.add(get_ident())) as threads:
            try:
                done = 0
                for each in inputs:
                    waiting.append(threads.submit(one, each))
                    if len(waiting) < concurrency:
                        continue
                    done += 1
                    yield _told(waiting[0].result(), done, progress)
                    waiting.popleft()
                while waiting:
                    done += 1
                    yield _told(waiting[0].result(), done, progress)
                    waiting.popleft()
            finally:
                stopped.set()
                threads.shutdown(wait=False, cancel_futures=True)
                begun = {call for call in waiting if not call.done()}
                while begun:
                    self._transport.interrupt(names)
                    # One that was about to send when it was interrupted has sent since, and is interrupted again.
                    begun = wait(begun, _AGAIN_S).not_done

    def plan(self, operator: str, shape: Sequence[int], dtype: object = "float32", **fields: object) -> Plan:
        """What pooling an input of this shape would give and cost; computes nothing.

        Args:
            operator: its name.
            shape: of the input, ``(N, C, *spatial)``.
            dtype: of the input: its name, or numpy's or torch's own.
            fields: the spec.

        Raises:
            PoolhouseError: the refusal that pooling would meet.
        """
        takes_indices = operator in TAKES_INDICES
        request = questions.plan_request(operator, shape, dtype, fields, with_indices=takes_indices)
        return questions.read_plan(self._call(request))

    def operators(self) -> tuple[OperatorLine, ...]:
        """All operators of the service, in short."""
        return questions.read_lines(self._call(questions.catalogue_request()))

    def operator(self, name: str) -> questions.Document:
        """Everything there is to know of one operator: fields, element types, meaning, an example."""
        return questions.read_document(self._call(questions.catalogue_request(name)))

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def _pool(
        self,
        operator: str,
        inputs: Mapping[str, object],
        fields: Mapping[str, object],
        stopped: Event | None = None,
    ) -> Pooled[object, object | None]:
        question = questions.PoolQuestion(operator, inputs, fields)
        return question.read(self._call(question.request, stopped))

    def _call(self, request: Request, stopped: Event | None = None) -> Answer:
        flow = self._flow(request)
        try:
            todo = next(flow)
            while True:
                if stopped is not None and stopped.is_set():
                    raise ConnectionFailed("The map was left before this call was answered.")
                if isinstance(todo, Pause):
                    if stopped is None:
                        time.sleep(todo.seconds)
                    else:
                        stopped.wait(todo.seconds)
                    todo = flow.send(None)
                    continue
                try:
                    answer = self._transport.exchange(todo)
                except ConnectionFailed as failure:
                    todo = flow.throw(failure)
                else:
                    todo = flow.send(answer)
        except StopIteration as done:
            final: Answer = done.value
            return final


class AsyncClient(_Common, AsyncOperators):
    """Calls a poolhouse service from asyncio. Tasks of one loop may share it; a cancelled call is given up.

    Args:
        base_url: such as ``http://localhost:8000`` or ``unix:/run/poolhouse.sock``; else ``POOLHOUSE_URL``, else
            this machine's port 8000.
        api_key: sent as a bearer token; else ``POOLHOUSE_API_KEY``.
        timeout: seconds that a call may take, retries included, and the server is told; None for ever.
        connect_timeout: seconds that a connection may take.
        read_timeout: seconds that an answer may stand still.
        max_retries: retries of a call whose connection failed or that was answered with 408, 429, 502, 503 or 504.
        max_answer_bytes: the largest answer that is taken; a larger one is an :class:`UnexpectedAnswer`.
        uds: path of a Unix socket.
        http_client: an httpx client of your own, with your proxies and certificates; closed with this one. Its base
            URL counts where ``base_url`` is not given.
    """

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        timeout: float | None = 60.0,
        connect_timeout: float = 5.0,
        read_timeout: float = 60.0,
        max_retries: int = 2,
        max_answer_bytes: int = MOST_BYTES,
        uds: str | None = None,
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        place = place_beside(base_url, uds, http_client, "AsyncClient")
        super().__init__(
            place.prefix, _options(timeout, connect_timeout, read_timeout, max_retries, api_key, max_answer_bytes)
        )
        self._transport = async_way_to(place, http_client)

    @classmethod
    def local(cls, *, timeout: float | None = 60.0) -> Self:
        """A client of a service in this process: the real one, without a socket. For tests of what calls it.

        Raises:
            ModuleNotFoundError: without the server extra.
        """
        return cls._over(async_local_way(), timeout)

    @classmethod
    def _over(cls, transport: AsyncTransport, timeout: float | None) -> Self:
        made = object.__new__(cls)
        _Common.__init__(made, "", Options(_deadline_s(timeout), headers=headers_of(None)))
        made._transport = transport
        return made

    async def pool(
        self,
        operator: str,
        input: object,  # noqa: A002, torch's name for it
        indices: object = None,
        **fields: object,
    ) -> Pooled[object, object | None]:
        """Pool by an operator whose name is known only when it runs; the typed methods are better elsewhere.

        Args:
            operator: its name, ``max_pool2d``.
            input: numpy, torch, nested lists, or anything with ``__dlpack__`` or ``__array__``.
            indices: for unpooling.
            fields: the spec.

        Raises:
            PoolhouseError: the server's refusal, or :class:`ConnectionFailed`.
        """
        inputs = {"input": input} if indices is None else {"input": input, "indices": indices}
        return await self._pool(operator, inputs, fields)

    async def map(
        self,
        operator: str,
        inputs: Iterable[object] | AsyncIterable[object],
        *,
        concurrency: int = 8,
        progress: Progress | None = None,
        **fields: object,
    ) -> AsyncGenerator[Pooled[object, object | None], None]:
        """Pool each of many, several at a time, and give the answers in order.

        At most ``concurrency`` inputs are taken ahead of the answer that is waited for. An error, or closing the
        iterator, cancels what has begun; wrap it in ``contextlib.aclosing`` where the loop may be left early.

        Args:
            operator: its name.
            inputs: one input each, as :meth:`pool` takes them; an async iterable works too.
            concurrency: calls at a time, at least 1.
            progress: told after each answer how many there were.
            fields: the spec.
        """
        if concurrency < 1:
            raise ValueError(f"concurrency is {concurrency}; at least 1 call is made at a time")
        waiting: deque[asyncio.Task[Pooled[object, object | None]]] = deque()
        done = 0
        try:
            async for each in _each(inputs):
                waiting.append(asyncio.create_task(self._pool(operator, {"input": each}, fields)))
                if len(waiting) < concurrency:
                    continue
                done += 1
                yield _told(await waiting[0], done, progress)
                waiting.popleft()
            while waiting:
                done += 1
                yield _told(await waiting[0], done, progress)
                waiting.popleft()
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def plan(self, operator: str, shape: Sequence[int], dtype: object = "float32", **fields: object) -> Plan:
        """What pooling an input of this shape would give and cost; computes nothing.

        Args:
            operator: its name.
            shape: of the input, ``(N, C, *spatial)``.
            dtype: of the input: its name, or numpy's or torch's own.
            fields: the spec.

        Raises:
            PoolhouseError: the refusal that pooling would meet.
        """
        takes_indices = operator in TAKES_INDICES
        request = questions.plan_request(operator, shape, dtype, fields, with_indices=takes_indices)
        return questions.read_plan(await self._call(request))

    async def operators(self) -> tuple[OperatorLine, ...]:
        """All operators of the service, in short."""
        return questions.read_lines(await self._call(questions.catalogue_request()))

    async def operator(self, name: str) -> questions.Document:
        """Everything there is to know of one operator: fields, element types, meaning, an example."""
        return questions.read_document(await self._call(questions.catalogue_request(name)))

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self.aclose()

    async def _pool(
        self, operator: str, inputs: Mapping[str, object], fields: Mapping[str, object]
    ) -> Pooled[object, object | None]:
        question = questions.PoolQuestion(operator, inputs, fields)
        return question.read(await self._call(question.request))

    async def _call(self, request: Request) -> Answer:
        flow = self._flow(request)
        try:
            todo = next(flow)
            while True:
                if isinstance(todo, Pause):
                    await asyncio.sleep(todo.seconds)
                    todo = flow.send(None)
                    continue
                try:
                    answer = await self._transport.exchange(todo)
                except ConnectionFailed as failure:
                    todo = flow.throw(failure)
                else:
                    todo = flow.send(answer)
        except StopIteration as done:
            final: Answer = done.value
            return final


def _told(answer: Pooled[object, object | None], done: int, progress: Progress | None) -> Pooled[object, object | None]:
    if progress is not None:
        progress(done)
    return answer


async def _each(inputs: Iterable[object] | AsyncIterable[object]) -> AsyncIterator[object]:
    if isinstance(inputs, AsyncIterable):
        async for each in inputs:
            yield each
    else:
        for each in inputs:
            yield each
