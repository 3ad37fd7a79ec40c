"""The two clients: thin drivers of one flow. One blocks its thread, the other its task."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable, Generator, Iterable, Mapping, Sequence
from threading import Event
from typing import TYPE_CHECKING, Literal, Self, overload

from poolhouse.client import calls
from poolhouse.client.base import BaseClient, make_options, normalize_timeout_s
from poolhouse.client.concurrent_map import AnyPooled, MapOptions, Progress, map_in_tasks, map_in_threads
from poolhouse.client.endpoint import client_headers
from poolhouse.client.errors import ConnectionFailed
from poolhouse.client.exchange import DEFAULT_MAX_RESPONSE_BYTES, Request, Response, Sleep
from poolhouse.client.flow import Options
from poolhouse.client.operators import TAKES_INDICES, AsyncOperators, Operators
from poolhouse.client.results import OperatorSummary, Plan
from poolhouse.client.transports.factory import (
    make_async_local_transport,
    make_async_transport,
    make_local_transport,
    make_transport,
    resolve_endpoint,
)
from poolhouse.client.transports.sockets import TransferCallback

if TYPE_CHECKING:
    import httpx

    from poolhouse.client.transports.httpx_transport import AsyncTransport, Transport


class Client(BaseClient["Transport"], Operators):
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
            URL counts where ``base_url`` is not given. Make it with a :class:`DeadlineTransport`: with another one, a
            server that sends a head byte by byte can outlast ``timeout``.
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
        max_answer_bytes: int = DEFAULT_MAX_RESPONSE_BYTES,
        uds: str | None = None,
        http_client: httpx.Client | None = None,
        on_transfer: TransferCallback | None = None,
    ) -> None:
        place = resolve_endpoint(base_url, uds, http_client, "Client")
        super().__init__(
            place.prefix, make_options(timeout, connect_timeout, read_timeout, max_retries, api_key, max_answer_bytes)
        )
        self._transport = make_transport(place, http_client, on_transfer)

    @classmethod
    def local(cls, *, timeout: float | None = 60.0) -> Self:
        """A client of a service in this process: the real one, without a socket. For tests of what calls it.

        Raises:
            ModuleNotFoundError: without the server extra.
        """
        return cls._with_transport(make_local_transport(), timeout)

    @classmethod
    def _with_transport(cls, transport: Transport, timeout: float | None) -> Self:
        made = object.__new__(cls)
        BaseClient.__init__(made, "", Options(normalize_timeout_s(timeout), headers=client_headers(None)))
        made._transport = transport
        return made

    def pool(
        self,
        operator: str,
        input: object,  # noqa: A002, torch's name for it
        indices: object = None,
        **fields: object,
    ) -> AnyPooled:
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

    @overload
    def map(
        self,
        operator: str,
        inputs: Iterable[object],
        *,
        concurrency: int = 8,
        progress: Progress | None = None,
        return_exceptions: Literal[False] = False,
        **fields: object,
    ) -> Generator[AnyPooled, None, None]: ...

    @overload
    def map(
        self,
        operator: str,
        inputs: Iterable[object],
        *,
        concurrency: int = 8,
        progress: Progress | None = None,
        return_exceptions: bool,
        **fields: object,
    ) -> Generator[AnyPooled | Exception, None, None]: ...

    def map(
        self,
        operator: str,
        inputs: Iterable[object],
        *,
        concurrency: int = 8,
        progress: Progress | None = None,
        return_exceptions: bool = False,
        **fields: object,
    ) -> Generator[AnyPooled | Exception, None, None]:
        """Pool each of many, several at a time, and give the answers in order.

        At most ``concurrency`` inputs are taken ahead of the answer that is waited for. Leaving the loop, or an
        error, begins nothing more and breaks off what has begun. An error names its input: ``input_index`` counts
        from 0.

        Args:
            operator: its name.
            inputs: one input each, as :meth:`pool` takes them.
            concurrency: calls at a time, at least 1.
            progress: told after each answer how many there were.
            return_exceptions: give an error in the place of its answer and go on, as ``asyncio.gather`` does.
            fields: the spec.
        """
        self._raise_if_closed()
        options = MapOptions(concurrency, progress, return_exceptions)

        def pool(given: object, stopped: Event) -> AnyPooled:
            return self._pool(operator, {"input": given}, fields, stopped)

        return map_in_threads(pool, inputs, options, self._transport.interrupt)

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
        request = calls.plan_request(operator, shape, dtype, fields, with_indices=takes_indices)
        return calls.read_plan(self._call(request))

    def operators(self) -> tuple[OperatorSummary, ...]:
        """All operators of the service, in short."""
        return calls.read_summaries(self._call(calls.catalogue_request()))

    def operator(self, name: str) -> calls.Document:
        """Everything there is to know of one operator: fields, element types, meaning, an example."""
        return calls.read_document(self._call(calls.catalogue_request(name)))

    def close(self) -> None:
        """Close all connections. Calls that wait are answered yet; further ones are refused with a RuntimeError."""
        self._transport.close()

    def __enter__(self) -> Self:
        self._raise_if_closed()
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def _pool(
        self,
        operator: str,
        inputs: Mapping[str, object],
        fields: Mapping[str, object],
        stopped: Event | None = None,
    ) -> AnyPooled:
        question = calls.PoolCall(operator, inputs, fields)
        return question.read_result(self._call(question.request, stopped))

    def _call(self, request: Request, stopped: Event | None = None) -> Response:
        flow = self._start_flow(request)
        try:
            todo = next(flow)
            while True:
                if stopped is not None and stopped.is_set():
                    raise ConnectionFailed("The map was left before this call was answered.")
                if isinstance(todo, Sleep):
                    if stopped is None:
                        time.sleep(todo.seconds)
                    else:
                        stopped.wait(todo.seconds)
                    todo = flow.send(None)
                    continue
                self._raise_if_closed()
                try:
                    answer = self._transport.exchange(todo)
                except ConnectionFailed as failure:
                    todo = flow.throw(failure)
                else:
                    todo = flow.send(answer)
        except StopIteration as done:
            final: Response = done.value
            return final


class AsyncClient(BaseClient["AsyncTransport"], AsyncOperators):
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
        max_answer_bytes: int = DEFAULT_MAX_RESPONSE_BYTES,
        uds: str | None = None,
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        place = resolve_endpoint(base_url, uds, http_client, "AsyncClient")
        super().__init__(
            place.prefix, make_options(timeout, connect_timeout, read_timeout, max_retries, api_key, max_answer_bytes)
        )
        self._transport = make_async_transport(place, http_client)

    @classmethod
    def local(cls, *, timeout: float | None = 60.0) -> Self:
        """A client of a service in this process: the real one, without a socket. For tests of what calls it.

        Raises:
            ModuleNotFoundError: without the server extra.
        """
        return cls._with_transport(make_async_local_transport(), timeout)

    @classmethod
    def _with_transport(cls, transport: AsyncTransport, timeout: float | None) -> Self:
        made = object.__new__(cls)
        BaseClient.__init__(made, "", Options(normalize_timeout_s(timeout), headers=client_headers(None)))
        made._transport = transport
        return made

    async def pool(
        self,
        operator: str,
        input: object,  # noqa: A002, torch's name for it
        indices: object = None,
        **fields: object,
    ) -> AnyPooled:
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

    @overload
    def map(
        self,
        operator: str,
        inputs: Iterable[object] | AsyncIterable[object],
        *,
        concurrency: int = 8,
        progress: Progress | None = None,
        return_exceptions: Literal[False] = False,
        **fields: object,
    ) -> AsyncGenerator[AnyPooled, None]: ...

    @overload
    def map(
        self,
        operator: str,
        inputs: Iterable[object] | AsyncIterable[object],
        *,
        concurrency: int = 8,
        progress: Progress | None = None,
        return_exceptions: bool,
        **fields: object,
    ) -> AsyncGenerator[AnyPooled | Exception, None]: ...

    def map(
        self,
        operator: str,
        inputs: Iterable[object] | AsyncIterable[object],
        *,
        concurrency: int = 8,
        progress: Progress | None = None,
        return_exceptions: bool = False,
        **fields: object,
    ) -> AsyncGenerator[AnyPooled | Exception, None]:
        """Pool each of many, several at a time, and give the answers in order.

        At most ``concurrency`` inputs are taken ahead of the answer that is waited for. An error, or closing the
        iterator, cancels what has begun; wrap it in ``contextlib.aclosing`` where the loop may be left early. An error
        names its input: ``input_index`` counts from 0.

        Args:
            operator: its name.
            inputs: one input each, as :meth:`pool` takes them; an async iterable works too.
            concurrency: calls at a time, at least 1.
            progress: told after each answer how many there were.
            return_exceptions: give an error in the place of its answer and go on, as ``asyncio.gather`` does.
            fields: the spec.
        """
        self._raise_if_closed()
        options = MapOptions(concurrency, progress, return_exceptions)

        async def pool(given: object) -> AnyPooled:
            return await self._pool(operator, {"input": given}, fields)

        return map_in_tasks(pool, inputs, options)

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
        request = calls.plan_request(operator, shape, dtype, fields, with_indices=takes_indices)
        return calls.read_plan(await self._call(request))

    async def operators(self) -> tuple[OperatorSummary, ...]:
        """All operators of the service, in short."""
        return calls.read_summaries(await self._call(calls.catalogue_request()))

    async def operator(self, name: str) -> calls.Document:
        """Everything there is to know of one operator: fields, element types, meaning, an example."""
        return calls.read_document(await self._call(calls.catalogue_request(name)))

    async def aclose(self) -> None:
        """Close all connections. Calls that wait are answered yet; further ones are refused with a RuntimeError."""
        await self._transport.aclose()

    async def __aenter__(self) -> Self:
        self._raise_if_closed()
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self.aclose()

    async def _pool(self, operator: str, inputs: Mapping[str, object], fields: Mapping[str, object]) -> AnyPooled:
        question = calls.PoolCall(operator, inputs, fields)
        return question.read_result(await self._call(question.request))

    async def _call(self, request: Request) -> Response:
        flow = self._start_flow(request)
        try:
            todo = next(flow)
            while True:
                if isinstance(todo, Sleep):
                    await asyncio.sleep(todo.seconds)
                    todo = flow.send(None)
                    continue
                self._raise_if_closed()
                try:
                    answer = await self._transport.exchange(todo)
                except ConnectionFailed as failure:
                    todo = flow.throw(failure)
                else:
                    todo = flow.send(answer)
        except StopIteration as done:
            final: Response = done.value
            return final
