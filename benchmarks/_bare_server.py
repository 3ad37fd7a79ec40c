"""A bare uvloop protocol that serves raw 2×2 max pooling and nothing else. Its only argument is the port.

It shows how fast a Python event loop can serve this work, and is no server to use: it checks nothing, and supports one
operator, one element type and requests with a Content-Length. Its responses have the headers of ours.

A head is parsed once and then recognised by its bytes. A body that fits into the receive buffer is pooled there; a
larger one is received directly into a buffer of its length, which is reused for the next request of that length.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import math
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from itertools import count
from typing import Final, cast

import numpy as np
import numpy.typing as npt
import uvloop

Floats = npt.NDArray[np.float32]
Pool = Callable[[Floats, Floats], object]
"""Writes the maxima of planes of shape (planes, H, W) into an output of shape (planes, H // 2, W // 2)."""

_RECEIVE_BYTES: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Head:
    """A parsed request head.

    Attributes:
        request_head: its bytes, with the empty line at the end.
        body_bytes: the length of the body.
        input_shape: the shape of the input with N and C as one axis.
        output_shape: the shape of the output, likewise.
        response_head: the head of the response without the headers that change with each request.
    """

    request_head: bytes
    body_bytes: int
    input_shape: tuple[int, int, int]
    output_shape: tuple[int, int, int]
    response_head: bytes


@lru_cache(maxsize=64)
def parse_head(text: bytes) -> Head:
    """Parse a head that ends with an empty line and whose target has ``shape=N,C,H,W``."""
    length = re.search(rb"\r\ncontent-length: *([0-9]+)\r\n", text, re.IGNORECASE)
    shape = re.search(rb"[?&]shape=([0-9,]+)", text)
    assert length is not None, text
    assert shape is not None, text
    *batch, height, width = (int(size) for size in shape[1].split(b","))
    output_shape = (math.prod(batch), height // 2, width // 2)
    size = 4 * math.prod(output_shape)
    tensor = {"name": "output", "dtype": "float32", "shape": [*batch, *output_shape[1:]], "start": 0, "end": size}
    response_head = (
        f"HTTP/1.1 200 OK\r\ndate: {formatdate(usegmt=True)}\r\ncontent-type: application/octet-stream\r\n"
        f"content-length: {size}\r\ntensor-metadata: {json.dumps([tensor], separators=(',', ':'))}\r\n"
    )
    return Head(text, int(length[1]), (output_shape[0], height, width), output_shape, response_head.encode())


def pool_by_slices(planes: Floats, pooled: Floats) -> None:
    """Pool with numpy slices; needs an even number of rows and columns."""
    rows = np.maximum(planes[:, 0::2], planes[:, 1::2])
    np.maximum(rows[..., 0::2], rows[..., 1::2], out=pooled)


def _pool_by_loop(planes: Floats, pooled: Floats) -> None:
    for plane in range(pooled.shape[0]):
        for row in range(pooled.shape[1]):
            upper, lower, out = planes[plane, 2 * row], planes[plane, 2 * row + 1], pooled[plane, row]
            for column in range(out.shape[0]):
                # NaN wins: no comparison with NaN is true, and NaN is unequal to itself.
                a, b = upper[2 * column], upper[2 * column + 1]
                c, d = lower[2 * column], lower[2 * column + 1]
                left = a if a > c or a != a else c
                right = b if b > d or b != b else d
                out[column] = left if left > right or left != left else right


def choose_pool_function() -> tuple[str, Pool]:
    """The pooling function and its name: a loop compiled by numba if that is installed, else numpy slices."""
    try:
        numba = importlib.import_module("numba")
    except ImportError:
        return "numpy slices", pool_by_slices
    return "a compiled loop", numba.njit(_pool_by_loop)


class BareServerProtocol(asyncio.BufferedProtocol):
    """One connection."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._received = bytearray(_RECEIVE_BYTES)
        self._view = memoryview(self._received)
        self._filled_bytes = 0
        self._head: Head | None = None
        # The body being received outside the receive buffer, and a buffer for the next one.
        self._large_body: memoryview | None = None
        self._reusable_buffer: memoryview | None = None
        self._ids = count()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have this interface, but are not instances of the class.
        self._transport = cast("asyncio.Transport", transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        return (self._view if self._large_body is None else self._large_body)[self._filled_bytes :]

    def buffer_updated(self, nbytes: int) -> None:
        self._filled_bytes += nbytes
        if self._large_body is None:
            while self._filled_bytes and self._answer_buffered_request():
                pass
        elif self._filled_bytes == len(self._large_body):
            assert self._head is not None
            self._reusable_buffer, self._large_body, self._filled_bytes = self._large_body, None, 0
            self._send_response(self._head, self._reusable_buffer)

    def _answer_buffered_request(self) -> bool:
        """Answer the first request in the receive buffer; returns whether it was complete."""
        head = self._head
        # The buffer keeps older bytes after the received ones, often of the same head.
        if (
            head is None
            or self._filled_bytes < len(head.request_head)
            or not self._received.startswith(head.request_head)
        ):
            end = self._received.find(b"\r\n\r\n", 0, self._filled_bytes)
            if end < 0:
                return False
            head = self._head = parse_head(bytes(self._view[: end + 4]))
        start, end = len(head.request_head), len(head.request_head) + head.body_bytes
        if end > _RECEIVE_BYTES:
            self._receive_large_body(head)
            return False
        if self._filled_bytes < end:
            return False
        self._send_response(head, self._view[start:end])
        self._received[: self._filled_bytes - end] = self._received[end : self._filled_bytes]
        self._filled_bytes -= end
        return True

    def _receive_large_body(self, head: Head) -> None:
        reusable = self._reusable_buffer
        fits = reusable is not None and len(reusable) == head.body_bytes
        self._large_body = reusable if fits else memoryview(bytearray(head.body_bytes))
        assert self._large_body is not None
        received_bytes = self._filled_bytes - len(head.request_head)
        self._large_body[:received_bytes] = self._view[len(head.request_head) : self._filled_bytes]
        self._filled_bytes = received_bytes

    def _send_response(self, head: Head, body: memoryview) -> None:
        start = time.perf_counter()
        output = np.empty(head.output_shape, np.float32)
        self._pool(np.frombuffer(body, np.float32).reshape(head.input_shape), output)
        compute_ms = 1e3 * (time.perf_counter() - start)
        headers = b"server-timing: compute;dur=%.3f\r\nx-request-id: %016x\r\n\r\n" % (compute_ms, next(self._ids))
        if output.nbytes < _RECEIVE_BYTES:
            self._transport.write(head.response_head + headers + output.tobytes())
        else:
            self._transport.write(head.response_head + headers)
            self._transport.write(output.data.cast("B"))


async def _serve(port: int) -> None:
    _, pool = choose_pool_function()
    # Compile before the first request: once for aligned memory, once for a body after a head of any length.
    buffer = bytearray(4 * 4 + 1)
    for offset in (0, 1):
        planes = np.frombuffer(memoryview(buffer)[offset : offset + 16], np.float32).reshape(1, 2, 2)
        pool(planes, np.empty((1, 1, 1), np.float32))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: BareServerProtocol(pool), "127.0.0.1", port)
    print(f"ready on {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
