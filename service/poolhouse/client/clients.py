"""The blocking and the asyncio client. Each drives the flow of its calls over a transport."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable, Generator, Iterable, Mapping, Sequence
from threading import Event
from typing import TYPE_CHECKING, Literal, Self, overload

from poolhouse.client import calls
from poolhouse.client.adapters import Adapters, AsyncAdapters
from poolhouse.client.base import BaseClient, make_options
from poolhouse.client.companions import join_tensors, split_keywords
from poolhouse.client.concurrent_map import AnyPooled, MapOptions, Progress, map_in_tasks, map_in_threads
from poolhouse.client.errors import ConnectionFailed
from poolhouse.client.exchange import DEFAULT_MAX_RESPONSE_BYTES, Request, Response, Sleep
from poolhouse.client.operators import AsyncOperators, Operators
from poolhouse.client.plans import PlannedTensors, plan_request, read_plan
from poolhouse.client.results import OperatorSummary, Plan, Trace
from poolhouse.client.several import AsyncPoolsMany, PoolsMany
from poolhouse.client.traces import TraceCall
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

    from poolhouse.client.transports.protocols import AsyncTransport, Transport


class Client(BaseClient["Transport"], Operators, Adapters, PoolsMany):
    """Blocking client of a poolhouse service. Threads may share it.

    Args:
        base_url: ``http://localhost:8000`` or ``unix:/run/poolhouse.sock``. By default ``POOLHOUSE_URL``, else
            port 8000 of this machine.
        api_key: sent as a bearer token. By default ``POOLHOUSE_API_KEY``.
        timeout: deadline of a call in seconds, retries included, which is also sent to the server; None for none.
        connect_timeout: seconds for opening a connection.
        read_timeout: seconds for the next byte of a response.
        max_retries: retries of a call if the connection fails, or the status is 408, 429, 502, 503 or 504.
        max_answer_bytes: the largest response that is accepted; a larger one raises :class:`UnexpectedAnswer`.
        uds: path of a Unix socket.
        http_client: an httpx client of your own, with your proxies and certificates; closed with this one. Its
            ``base_url`` is used if this one's is not given. Make it with a :class:`DeadlineTransport`: with another
            transport, a server that sends a head byte by byte can exceed ``timeout``.
        on_transfer: called with ``"sent"`` or ``"received"`` and the number of bytes of a call so far; only without
            httpx.
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
        endpoint = resolve_endpoint(base_url, uds, http_client, "Client")
        super().__init__(
            endpoint.prefix,
            make_options(timeout, connect_timeout, read_timeout, max_retries, api_key, max_answer_bytes),
            make_transport(endpoint, http_client, on_transfer),
        )

    @staticmethod
    def _make_local_transport() -> Transport:
        return make_local_transport()

    def pool(
        self,
        operator: str,
        input: object,  # noqa: A002, torch's name for it
        indices: object = None,
        **fields: object,
    ) -> AnyPooled:
        """Pool by an operator that is named at run time; the operators' own methods have precise types.

        Args:
            operator: its name, ``max_pool2d``.
            input: a numpy array, a torch tensor, nested lists, or an object with ``__dlpack__`` or ``__array__``.
            indices: for unpooling.
            fields: the spec; and the tensors that the operator takes beside the input, by their names:
                ``mask=mask``, ``spans=[[0, 5]]``.

        Raises:
            PoolhouseError: the server's refusal, or :class:`ConnectionFailed`.
        """
        tensors, fields = split_keywords(operator, {"indices": indices, **fields})
        return self._pool(operator, {"input": input, **tensors}, fields)

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
        """Pool several inputs concurrently and yield the results in order.

        At most ``concurrency`` inputs are read ahead of the next result. Leaving the loop, or an error, ends the calls
        that have started and starts no others. ``input_index`` of an error is the position of its input, from 0.

        Args:
            operator: its name.
            inputs: inputs as for :meth:`pool`, or tensors by name: ``{"input": x, "mask": mask}``.
            concurrency: calls at a time, at least 1.
            progress: called after each result with the number of results.
            return_exceptions: yield an error in place of its result and go on, as ``asyncio.gather`` does.
            fields: the spec, and tensors that are the same for every input.
        """
        self._raise_if_closed()
        options = MapOptions(concurrency, progress, return_exceptions)
        tensors, fields = split_keywords(operator, fields)

        def pool(each: object, stopped: Event) -> AnyPooled:
            return self._pool(operator, join_tensors(each, tensors), fields, stopped)

        return map_in_threads(pool, inputs, options, self._transport.interrupt)

    def plan(
        self,
        operator: str,
        shape: Sequence[int],
        dtype: object = "float32",
        *,
        tensors: PlannedTensors | None = None,
        **fields: object,
    ) -> Plan:
        """Plan pooling of an input of this shape: output shapes and costs, without data.

        Args:
            operator: its name.
            shape: of the input, ``(N, C, *spatial)``.
            dtype: of the input: its name, or a dtype of numpy or torch.
            tensors: the shapes of those beside the input, by their names: ``{"spans": (500, 2)}``; or pairs of shape
                and element type: ``{"mask": (mask.shape, mask.dtype)}``. Indices have the shape of the input if they
                are not given.
            fields: the spec.

        Raises:
            PoolhouseError: the refusal that pooling would raise.
        """
        return read_plan(self._call(plan_request(operator, shape, dtype, fields, tensors)))

    def trace(
        self,
        operator: str,
        input: object,  # noqa: A002, torch's name for it
        indices: object = None,
        **fields: object,
    ) -> Trace:
        """Pool a small input, and say for each output element which elements it was pooled from, and how.

        Args:
            operator: its name.
            input: as for :meth:`pool`; at most 16,384 elements.
            indices: for unpooling.
            fields: the spec, and the tensors that the operator takes beside the input.

        Raises:
            TooLarge: ``trace_too_large``; pool without a trace.
            PoolhouseError: the refusal that pooling would raise.
        """
        tensors, fields = split_keywords(operator, {"indices": indices, **fields})
        call = TraceCall(operator, {"input": input, **tensors}, fields)
        return call.read_result(self._call(call.request))

    def operators(self) -> tuple[OperatorSummary, ...]:
        """The summaries of all operators of the service."""
        return calls.read_summaries(self._call(calls.catalogue_request()))

    def operator(self, name: str) -> calls.Document:
        """The full description of one operator: meaning, fields, element types, an example."""
        return calls.read_document(self._call(calls.catalogue_request(name)))

    def close(self) -> None:
        """Close all connections. Calls in progress still get their responses; later ones raise a RuntimeError."""
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
        call = calls.PoolCall(operator, inputs, fields)
        return call.read_result(self._call(call.request, stopped))

    def _call(self, request: Request, stopped: Event | None = None) -> Response:
        flow = self._start_flow(request)
        try:
            step = next(flow)
            while True:
                if stopped is not None and stopped.is_set():
                    raise ConnectionFailed("The map ended before this call had a response.")
                if isinstance(step, Sleep):
                    if stopped is None:
                        time.sleep(step.seconds)
                    else:
                        stopped.wait(step.seconds)
                    step = flow.send(None)
                    continue
                self._raise_if_closed()
                try:
                    response = self._transport.exchange(step)
                except ConnectionFailed as failure:
                    step = flow.throw(failure)
                else:
                    step = flow.send(response)
        except StopIteration as done:
            final: Response = done.value
            return final


class AsyncClient(BaseClient["AsyncTransport"], AsyncOperators, AsyncAdapters, AsyncPoolsMany):
    """Asyncio client of a poolhouse service. Tasks of one event loop may share it.

    Cancelling a call closes its connection.

    Args:
        base_url: ``http://localhost:8000`` or ``unix:/run/poolhouse.sock``. By default ``POOLHOUSE_URL``, else
            port 8000 of this machine.
        api_key: sent as a bearer token. By default ``POOLHOUSE_API_KEY``.
        timeout: deadline of a call in seconds, retries included, which is also sent to the server; None for none.
        connect_timeout: seconds for opening a connection.
        read_timeout: seconds for the next byte of a response.
        max_retries: retries of a call if the connection fails, or the status is 408, 429, 502, 503 or 504.
        max_answer_bytes: the largest response that is accepted; a larger one raises :class:`UnexpectedAnswer`.
        uds: path of a Unix socket.
        http_client: an httpx client of your own, with your proxies and certificates; closed with this one. Its
            ``base_url`` is used if this one's is not given.
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
        endpoint = resolve_endpoint(base_url, uds, http_client, "AsyncClient")
        super().__init__(
            endpoint.prefix,
            make_options(timeout, connect_timeout, read_timeout, max_retries, api_key, max_answer_bytes),
            make_async_transport(endpoint, http_client),
        )

    @staticmethod
    def _make_local_transport() -> AsyncTransport:
        return make_async_local_transport()

    async def pool(
        self,
        operator: str,
        input: object,  # noqa: A002, torch's name for it
        indices: object = None,
        **fields: object,
    ) -> AnyPooled:
        """Pool by an operator that is named at run time; the operators' own methods have precise types.

        Args:
            operator: its name, ``max_pool2d``.
            input: a numpy array, a torch tensor, nested lists, or an object with ``__dlpack__`` or ``__array__``.
            indices: for unpooling.
            fields: the spec; and the tensors that the operator takes beside the input, by their names:
                ``mask=mask``, ``spans=[[0, 5]]``.

        Raises:
            PoolhouseError: the server's refusal, or :class:`ConnectionFailed`.
        """
        tensors, fields = split_keywords(operator, {"indices": indices, **fields})
        return await self._pool(operator, {"input": input, **tensors}, fields)

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
        """Pool several inputs concurrently and yield the results in order.

        At most ``concurrency`` inputs are read ahead of the next result. An error, or closing the iterator, cancels the
        calls that have started; use ``contextlib.aclosing`` if the loop may end early. ``input_index`` of an error is
        the position of its input, from 0.

        Args:
            operator: its name.
            inputs: inputs as for :meth:`pool`, or tensors by name: ``{"input": x, "mask": mask}``; an async iterable
                works too.
            concurrency: calls at a time, at least 1.
            progress: called after each result with the number of results.
            return_exceptions: yield an error in place of its result and go on, as ``asyncio.gather`` does.
            fields: the spec, and tensors that are the same for every input.
        """
        self._raise_if_closed()
        options = MapOptions(concurrency, progress, return_exceptions)
        tensors, fields = split_keywords(operator, fields)

        async def pool(each: object) -> AnyPooled:
            return await self._pool(operator, join_tensors(each, tensors), fields)

        return map_in_tasks(pool, inputs, options)

    async def plan(
        self,
        operator: str,
        shape: Sequence[int],
        dtype: object = "float32",
        *,
        tensors: PlannedTensors | None = None,
        **fields: object,
    ) -> Plan:
        """Plan pooling of an input of this shape: output shapes and costs, without data.

        Args:
            operator: its name.
            shape: of the input, ``(N, C, *spatial)``.
            dtype: of the input: its name, or a dtype of numpy or torch.
            tensors: the shapes of those beside the input, by their names: ``{"spans": (500, 2)}``; or pairs of shape
                and element type: ``{"mask": (mask.shape, mask.dtype)}``. Indices have the shape of the input if they
                are not given.
            fields: the spec.

        Raises:
            PoolhouseError: the refusal that pooling would raise.
        """
        return read_plan(await self._call(plan_request(operator, shape, dtype, fields, tensors)))

    async def trace(
        self,
        operator: str,
        input: object,  # noqa: A002, torch's name for it
        indices: object = None,
        **fields: object,
    ) -> Trace:
        """Pool a small input, and say for each output element which elements it was pooled from, and how.

        Args:
            operator: its name.
            input: as for :meth:`pool`; at most 16,384 elements.
            indices: for unpooling.
            fields: the spec, and the tensors that the operator takes beside the input.

        Raises:
            TooLarge: ``trace_too_large``; pool without a trace.
            PoolhouseError: the refusal that pooling would raise.
        """
        tensors, fields = split_keywords(operator, {"indices": indices, **fields})
        call = TraceCall(operator, {"input": input, **tensors}, fields)
        return call.read_result(await self._call(call.request))

    async def operators(self) -> tuple[OperatorSummary, ...]:
        """The summaries of all operators of the service."""
        return calls.read_summaries(await self._call(calls.catalogue_request()))

    async def operator(self, name: str) -> calls.Document:
        """The full description of one operator: meaning, fields, element types, an example."""
        return calls.read_document(await self._call(calls.catalogue_request(name)))

    async def aclose(self) -> None:
        """Close all connections. Calls in progress still get their responses; later ones raise a RuntimeError."""
        await self._transport.aclose()

    async def __aenter__(self) -> Self:
        self._raise_if_closed()
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self.aclose()

    async def _pool(self, operator: str, inputs: Mapping[str, object], fields: Mapping[str, object]) -> AnyPooled:
        call = calls.PoolCall(operator, inputs, fields)
        return call.read_result(await self._call(call.request))

    async def _call(self, request: Request) -> Response:
        flow = self._start_flow(request)
        try:
            step = next(flow)
            while True:
                if isinstance(step, Sleep):
                    await asyncio.sleep(step.seconds)
                    step = flow.send(None)
                    continue
                self._raise_if_closed()
                try:
                    response = await self._transport.exchange(step)
                except ConnectionFailed as failure:
                    step = flow.throw(failure)
                else:
                    step = flow.send(response)
        except StopIteration as done:
            final: Response = done.value
            return final
