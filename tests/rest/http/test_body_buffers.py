"""Buffers reserve their bytes before they allocate them, and release what they do not use."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.errors import Malformed, TooLarge, Unavailable
from poolhouse.rest.http.body_buffers import FixedBuffer, GrowingBuffer, InflatingBuffer
from poolhouse.rest.http.transfer_limits import TransferLimits
from poolhouse.wire.inflate import Inflater
from tests.hypothesis_profiles import scaled_examples

LIMITS = TransferLimits(3 << 20, 10, "Send less.")


async def run_here(step: Callable[[], bool]) -> bool:
    """Run a step of an inflating buffer in this thread."""
    return step()


@scaled_examples(60)
@given(st.lists(st.sampled_from([0, 1, 1000, 65_536, 300_000, 1 << 20]), max_size=8))
def test_a_growing_buffer_has_its_bytes_reserved(sizes: list[int]) -> None:
    """Memory beyond the reserved would not count against the budget."""
    reserved, body = [0], b""
    buffer = GrowingBuffer(LIMITS, lambda nbytes, _: reserved.append(nbytes))

    for i, size in enumerate(sizes):
        piece = bytes([i + 1]) * size
        if len(body) + size > LIMITS.limit_bytes:
            with pytest.raises(TooLarge, match=f"has at least {len(body) + size} bytes"):
                asyncio.run(buffer.add(piece))
            continue
        asyncio.run(buffer.add(piece))
        body += piece
        assert len(body) <= reserved[-1] <= LIMITS.limit_bytes

    assert bytes(buffer.finish()) == body
    assert reserved[-1] == len(body)


def test_a_refused_reservation_leaves_the_body_as_it_was() -> None:
    """The bytes do not fit into memory, so nothing may be allocated for them."""

    def reserve(nbytes: int, _: int) -> None:
        if nbytes > 65_536:
            raise Unavailable("overloaded", "Full.")

    buffer = GrowingBuffer(LIMITS, reserve)
    asyncio.run(buffer.add(b"a"))

    with pytest.raises(Unavailable):
        asyncio.run(buffer.add(bytes(70_000)))

    assert bytes(buffer.finish()) == b"a"


def test_a_fixed_buffer_tells_how_much_of_it_is_filled() -> None:
    """The fraction decides which body is preempted."""
    buffer = FixedBuffer(4)

    asyncio.run(buffer.add(b"abc"))
    assert buffer.filled_fraction == 0.75
    asyncio.run(buffer.add(b"d"))

    assert bytes(buffer.finish()) == b"abcd"
    assert FixedBuffer(0).filled_fraction == 0


@pytest.mark.parametrize("size", [0, 100, 2 << 20, 3 << 20])
def test_a_compressed_body_is_inflated_within_what_is_reserved(size: int) -> None:
    """A small piece may inflate to megabytes; the step in the thread must not pass the reservation."""
    reserved = list[int]()
    buffer = InflatingBuffer(
        Inflater("gzip", LIMITS.limit_bytes), LIMITS, run_here, lambda nbytes, _: reserved.append(nbytes)
    )

    asyncio.run(buffer.add(gzip.compress(bytes(size))))

    assert bytes(buffer.finish()) == bytes(size)
    assert max(reserved) <= LIMITS.limit_bytes
    assert reserved[-1] == size


def test_a_bomb_is_refused_with_the_advice_of_its_body() -> None:
    """The inflater knows the limit, but not what the client can do."""
    buffer = InflatingBuffer(Inflater("gzip", LIMITS.limit_bytes), LIMITS, run_here, lambda *_: None)

    with pytest.raises(TooLarge, match=r"is too large when decompressed.*Send less\."):
        asyncio.run(buffer.add(gzip.compress(bytes(LIMITS.limit_bytes + 1))))


def test_an_incomplete_compressed_body_is_refused() -> None:
    """Its part would be pooled as if it were the whole."""
    buffer = InflatingBuffer(Inflater("gzip", LIMITS.limit_bytes), LIMITS, run_here, lambda *_: None)
    asyncio.run(buffer.add(gzip.compress(b"abc")[:-1]))

    with pytest.raises(Malformed):
        buffer.finish()
