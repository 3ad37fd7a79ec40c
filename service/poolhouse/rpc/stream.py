"""``ModelStreamInfer``: many requests and their responses on one call, in the same order.

Each message is a request of its own: it is authorized, reserves memory and is counted like a call of ``ModelInfer``,
and an error concerns it alone. Opening the stream is counted as a request too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import grpc
import grpc.aio

from poolhouse.errors import Unavailable
from poolhouse.rest.http.headers import Headers
from poolhouse.rpc.calls import Calls, headers_of
from poolhouse.rpc.exchange import Context, Exchange, text_of
from poolhouse.rpc.inference import FINAL_RESPONSE, Inference
from poolhouse.rpc.messages import CLASSES
from poolhouse.rpc.receiving import Receiver
from poolhouse.rpc.response_message import Chunk, stream_chunks, stream_error

MAX_PENDING: Final = 16
"""The most requests of one stream that are worked on at once; then the client must read before more are received."""
MAX_STREAMS: Final = 64
"""While a stream waits for a message, gRPC may receive one of any size for it, and the service cannot count it yet."""
_IS_FINAL: Final[bytes] = CLASSES["ModelInferResponse"](
    parameters={FINAL_RESPONSE: CLASSES["InferParameter"](bool_param=True)}
).SerializeToString()

_Pending = tuple[Exchange, asyncio.Task[bytes]]


class StreamInference:
    """Responds to streams.

    Args:
        path: of the method.
        calls: begins and finishes requests.
        receiver: inflates messages.
        inference: pools.
    """

    def __init__(self, path: str, calls: Calls, receiver: Receiver, inference: Inference) -> None:
        self._path = path
        self._calls = calls
        self._receiver = receiver
        self._inference = inference
        self._streams = 0

    def handler(self) -> grpc.RpcMethodHandler[bytes, bytes]:
        """The handler of the method."""
        return grpc.stream_stream_rpc_method_handler(self._handle)

    async def _handle(self, _messages: object, context: Context) -> None:
        headers = headers_of(context)
        await self._open(context, headers)
        self._streams += 1
        queue = asyncio.Queue[_Pending | None]()
        try:
            async with asyncio.TaskGroup() as group:
                slots = asyncio.Semaphore(MAX_PENDING)
                group.create_task(self._write(context, queue, slots))
                while True:
                    # guard: stream-has-bounded-concurrency
                    await slots.acquire()
                    message = await context.read()
                    if not isinstance(message, bytes):
                        break
                    exchange = self._calls.begin(self._path, headers, context.time_remaining())
                    task = asyncio.create_task(self._respond(message, exchange, headers))
                    # The task alone refers to the message now.
                    del message
                    queue.put_nowait((exchange, task))
                queue.put_nowait(None)
        finally:
            self._streams -= 1
            await self._cancel_pending(queue)

    async def _open(self, context: Context, headers: Headers) -> None:
        exchange = self._calls.begin(self._path, headers, context.time_remaining())
        try:
            self._calls.authorize(exchange, headers)
            if self._streams >= MAX_STREAMS:
                raise Unavailable(
                    "overloaded",
                    f"The service has {MAX_STREAMS} streams, the most; use ModelInfer, or try again later.",
                    retry_after_s=1,
                )
            exchange.record.status = 200
        except Exception as raised:  # the client gets a status for any of them, and a bug is logged
            await self._calls.abort(context, exchange, self._calls.refuse(exchange, raised))
        finally:
            self._calls.finish(exchange)

    async def _respond(self, message: bytes, exchange: Exchange, headers: Headers) -> bytes:
        self._calls.authorize(exchange, headers)
        exchange.admit()
        inflated = self._receiver.inflated(message, exchange)
        del message
        return await self._inference.infer(await inflated, exchange, _join)

    async def _write(self, context: Context, queue: asyncio.Queue[_Pending | None], slots: asyncio.Semaphore) -> None:
        while (pending := await queue.get()) is not None:
            exchange, task = pending
            try:
                try:
                    response = await task
                    exchange.record.status = 200
                except Exception as raised:  # it ends this request, and not the other ones of the stream
                    response = stream_error(text_of(self._calls.refuse(exchange, raised)), exchange.message_id)
                exchange.record.sent_bytes = len(response)
                del pending, task
                await context.write(response)
            except asyncio.CancelledError:
                self._calls.disconnect(exchange)
                raise
            finally:
                self._calls.finish(exchange)
                slots.release()

    async def _cancel_pending(self, queue: asyncio.Queue[_Pending | None]) -> None:
        """End the requests whose responses nobody reads any more."""
        while not queue.empty():
            pending = queue.get_nowait()
            if pending is not None:
                exchange, task = pending
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                self._calls.disconnect(exchange)
                self._calls.finish(exchange)


def _join(response: Sequence[Chunk]) -> bytes:
    return b"".join(stream_chunks([*response, _IS_FINAL]))
