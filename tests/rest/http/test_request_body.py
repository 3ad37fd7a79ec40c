"""Reading bodies from scripted ASGI messages, without a socket."""

from __future__ import annotations

import asyncio
import gzip
import sys
import tracemalloc
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message, Receive

from poolhouse.errors import DeadlinePassed, Malformed, TooLarge, TooSlow
from poolhouse.rest.http.accounting import ClientDisconnected
from poolhouse.rest.http.request_body import read_body
from poolhouse.rest.http.transfer_limits import TransferLimits
from poolhouse.wire.inflate import Inflater
from tests.hypothesis_profiles import scaled_examples

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LIMITS = TransferLimits(1000, 20.0, "Send less.")
COMPRESS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "zstd": zstd.compress}


def scripted_receive(pieces: Iterable[bytes]) -> Receive:
    """An ASGI ``receive`` that returns these pieces, then the end."""
    remaining = iter(pieces)

    async def receive() -> Message:
        piece = next(remaining, None)
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    return receive


def read(
    pieces: Sequence[bytes], limits: TransferLimits = LIMITS, length: int | None = None, encoding: str | None = None
) -> bytes:
    """The body that is read from these pieces."""
    inflater = Inflater(encoding, limits.limit_bytes) if encoding else None
    return bytes(asyncio.run(read_body(scripted_receive(pieces), limits, length=length, inflater=inflater)))


def split_at(body: bytes, positions: Iterable[int]) -> list[bytes]:
    """The body, split at these positions."""
    edges = [0, *sorted(position % (len(body) + 1) for position in positions), len(body)]
    return [body[begin:end] for begin, end in pairwise(edges)]


@given(st.binary(max_size=1000), st.lists(st.integers(0, 1000), max_size=6), st.booleans())
@scaled_examples(60)
def test_a_body_in_any_pieces_is_the_same_body(body: bytes, positions: list[int], has_length: bool) -> None:
    """The network splits bodies anywhere; a chunked body is read like one of known length."""
    assert read(split_at(body, positions), length=len(body) if has_length else None) == body


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
@given(st.binary(max_size=1000), st.lists(st.integers(0, 1000), max_size=4))
@scaled_examples(30)
def test_a_compressed_body_is_decompressed(encoding: str, body: bytes, positions: list[int]) -> None:
    """Codecs never see the compression."""
    compressed = COMPRESS[encoding](body)

    assert read(split_at(compressed, positions), length=len(compressed), encoding=encoding) == body


@pytest.mark.parametrize("pieces", [1, 3])
@pytest.mark.parametrize("has_length", [True, False])
def test_the_limit_is_exact(has_length: bool, pieces: int) -> None:
    """Neither off by one nor dependent on the pieces."""
    limits = TransferLimits(900, 20.0, "Send less.")
    for size, fits in ((899, True), (900, True), (901, False)):
        body = bytes(size)
        parts = split_at(body, [300, 600][: pieces - 1])
        length = size if has_length else None
        if fits:
            assert read(parts, limits, length) == body
        else:
            with pytest.raises(TooLarge, match=r"900 bytes\. Send less") as caught:
                read(parts, limits, length)
            assert caught.value.limit_bytes == 900


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_the_limit_applies_to_the_decompressed_body(encoding: str) -> None:
    """A compression bomb is small on the wire."""
    limits = TransferLimits(1 << 20, 20.0, "Send less.")
    assert read([COMPRESS[encoding](bytes(1 << 20))], limits, encoding=encoding) == bytes(1 << 20)

    with pytest.raises(TooLarge, match="Send less") as caught:
        read([COMPRESS[encoding](bytes((1 << 20) + 1))], limits, encoding=encoding)

    assert caught.value.limit_bytes == 1 << 20


def test_a_length_over_the_limit_reads_nothing() -> None:
    """A client gets the error before it sends a gigabyte."""

    async def never() -> Message:
        raise AssertionError("the body was read")

    with pytest.raises(TooLarge, match="has 1001 bytes"):
        asyncio.run(read_body(never, LIMITS, length=1001))


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_truncated_compressed_body_is_refused(encoding: str) -> None:
    """Half of a tensor must not be pooled as if it were complete."""
    compressed = COMPRESS[encoding](bytes(range(256)))

    with pytest.raises(Malformed):
        read([compressed[: len(compressed) // 2]], encoding=encoding)


@pytest.mark.parametrize("sent", [0, 9, 11, 30])
@pytest.mark.parametrize("pieces", [1, 4])
def test_a_wrong_content_length_is_refused(sent: int, pieces: int) -> None:
    """ASGI servers differ in what they let pass, so it is checked here."""
    body = bytes(sent)

    with pytest.raises(Malformed, match="Content-Length says"):
        read(split_at(body, [3, 5, 7][: pieces - 1]), length=10)


def test_a_body_in_one_message_is_not_copied() -> None:
    """Nearly every small request arrives in one message."""
    body = bytes(100)

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    assert asyncio.run(read_body(receive, LIMITS, length=100)).obj is body


def test_an_announced_length_allocates_no_memory() -> None:
    """Clients that announce gigabytes and send nothing must not exhaust the machine."""
    limits = TransferLimits(1 << 40, 20.0, "Send less.")
    before = psutil.Process().memory_info().rss
    after: list[int] = []
    sent = iter([b"x", b"y"])

    async def receive() -> Message:
        piece = next(sent, None)
        if piece is None:
            after.append(psutil.Process().memory_info().rss)
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": piece, "more_body": True}

    with pytest.raises(ClientDisconnected):
        asyncio.run(read_body(receive, limits, length=1 << 30))

    assert after[0] - before < 64 << 20


def test_tiny_pieces_take_no_more_memory_than_their_bytes() -> None:
    """A chunked body of single bytes must not be kept as a list of objects."""
    count = 50_000
    limits = TransferLimits(count, 20.0, "Send less.")
    receive = scripted_receive(b"x" for _ in range(count))
    tracemalloc.start()
    try:
        body = asyncio.run(read_body(receive, limits, length=None))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert bytes(body) == b"x" * count
    assert peak < 4 * count + 500_000


def test_tiny_pieces_set_few_timers() -> None:
    """A timer for each piece would accumulate until its due time."""
    count, timer_count = 20_000, 0
    limits = TransferLimits(count, 20.0, "Send less.", min_bytes_per_s=1)

    async def go() -> memoryview:
        loop = asyncio.get_running_loop()
        set_timer = loop.call_at

        def counted(*args: Any, **kwargs: Any) -> asyncio.TimerHandle:
            nonlocal timer_count
            timer_count += 1
            return set_timer(*args, **kwargs)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(loop, "call_at", counted)
            return await read_body(delayed(scripted_receive(b"x" for _ in range(count))), limits, length=None)

    body = asyncio.run(go())

    assert len(body) == count
    # One at the start, and one per eighth of the stall timeout that the test takes.
    assert 1 <= timer_count <= 20


def delayed(receive: Receive) -> Receive:
    """The same messages, each an iteration of the event loop later."""

    async def later() -> Message:
        await asyncio.sleep(0)
        return await receive()

    return later


async def _stalled_after(pieces: list[bytes]) -> Callable[[], Awaitable[Message]]:
    never_set = asyncio.Event()

    async def receive() -> Message:
        if not pieces:
            await never_set.wait()
        return {"type": "http.request", "body": pieces.pop(0), "more_body": True}

    return receive


@pytest.mark.parametrize("length", [None, 10])
@pytest.mark.parametrize("pieces", [[], [b"abc"]])
def test_a_stalled_body_is_refused(pieces: list[bytes], length: int | None) -> None:
    """A client that stops in the middle would hold its memory for ever."""

    async def go() -> None:
        receive = await _stalled_after(list(pieces))
        await read_body(receive, TransferLimits(1000, 0.01, "Send less."), length=length)

    with pytest.raises(TooSlow, match=r"0\.01 s"):
        asyncio.run(go())


def test_a_deadline_ends_the_reading_of_a_body() -> None:
    """After the deadline, the client no longer waits for the response."""

    async def go() -> None:
        receive = await _stalled_after([b"abc"])
        deadline = asyncio.get_running_loop().time() + 0.01
        async with asyncio.timeout(5):
            await read_body(receive, LIMITS, length=10, deadline=deadline)

    with pytest.raises(DeadlinePassed):
        asyncio.run(go())


@pytest.mark.parametrize("before", [0, 2])
def test_a_disconnect_raises_client_disconnected(before: int) -> None:
    """So that no response is written, and nothing is logged as an error."""
    pieces = [b"x"] * before

    async def receive() -> Message:
        if not pieces:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": pieces.pop(), "more_body": True}

    with pytest.raises(ClientDisconnected):
        asyncio.run(read_body(receive, LIMITS, length=10))
