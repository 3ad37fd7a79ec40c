"""Buffers are reused only after their last view is freed, and the pool keeps a limited number of bytes."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.buffers import MAX_IDLE_BYTES, MIN_POOLED_BYTES, BufferPool, empty
from tests.hypothesis_profiles import scaled_examples

MIB = 1 << 20


def address(view: memoryview) -> int:
    return np.frombuffer(view, np.uint8).ctypes.data


@given(st.lists(st.tuples(st.integers(1, 8), st.booleans()), max_size=12))
@scaled_examples(30)
def test_no_two_buffers_share_memory(steps: list[tuple[int, bool]]) -> None:
    """Otherwise a response could contain the elements of another client."""
    pool, held = BufferPool(), list[memoryview]()
    for number, (size, releases) in enumerate(steps):
        if releases and held:
            held.pop(0)
        view = pool.acquire(size * MIN_POOLED_BYTES)
        view[:] = bytes([number]) * len(view)
        held.append(view)
        spans = sorted((address(each), address(each) + len(each)) for each in held)
        assert all(end <= begin for (_, end), (begin, _) in itertools.pairwise(spans))
    assert pool.idle_bytes <= MAX_IDLE_BYTES


VIEWS: dict[str, Callable[[memoryview], object]] = {
    "a memoryview": lambda view: view[4:],
    "np.frombuffer": lambda view: np.frombuffer(view, np.float32),
    "np.ndarray": lambda view: np.ndarray((len(view) // 4,), np.float32, view),
    "np.asarray": np.asarray,
    "views of views": lambda view: np.ndarray((len(view),), np.uint8, view).view(np.float32).reshape(-1, 4)[1:].T,
    "a view of a view's memory": lambda view: np.ndarray((4,), np.float32, np.frombuffer(view, np.uint8).data[:16]),
    "torch.from_numpy": lambda view: torch.from_numpy(np.ndarray((len(view) // 4,), np.float32, view)),
    "torch.frombuffer": lambda view: torch.frombuffer(view, dtype=torch.float32)[1:],
    "an array of torch's": lambda view: torch.from_numpy(np.ndarray((len(view),), np.uint8, view)).numpy()[1:],
}
"""All kinds of views of a buffer that the code makes."""


@pytest.mark.parametrize("make_view", VIEWS.values(), ids=VIEWS)
def test_a_buffer_is_reused_after_its_last_view_is_freed(make_view: Callable[[memoryview], object]) -> None:
    """Earlier reuse would overwrite elements that are still read; no reuse would cost page faults for each body."""
    pool = BufferPool()
    view = pool.acquire(MIB)
    first = address(view)
    held = [make_view(view)]
    del view
    other = pool.acquire(MIB)
    assert address(other) != first, "a view still exists"
    held.clear()

    assert address(pool.acquire(MIB)) == first


def test_kept_buffers_have_a_limit() -> None:
    """No request holds this memory, and the service promises a limit for such memory."""
    pool = BufferPool()
    views = [pool.acquire(5 * MIB) for _ in range(20)]
    del views
    pool.acquire(2 * MAX_IDLE_BYTES)

    assert 0 < pool.idle_bytes <= MAX_IDLE_BYTES


@pytest.mark.parametrize(
    "shape", [(), (0, 5), (7,), (64, 512), (MIN_POOLED_BYTES + 1,), (3, 0, 2**40), (2, 3, 512, 256)]
)
@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float64, np.bool_])
def test_empty_returns_an_array_like_numpys(shape: tuple[int, ...], dtype: type[np.generic]) -> None:
    """Code that writes into the array does not depend on where its memory comes from."""
    ours, theirs = empty(shape, dtype), np.empty(shape, dtype)

    assert (ours.shape, ours.dtype, ours.strides) == (theirs.shape, theirs.dtype, theirs.strides)
    assert ours.flags.c_contiguous
    assert ours.flags.writeable
    assert ours.flags.aligned


def test_an_array_keeps_its_memory_while_a_view_exists() -> None:
    """An output exists until the last byte of its response is sent."""
    first, second = empty((MIB,), np.uint8), empty((MIB,), np.uint8)
    first[:] = 1
    second[:] = 2
    view = first[5:].reshape(-1, 1)
    del first
    third = empty((MIB,), np.uint8)
    third[:] = 3

    assert (view == 1).all()
    assert (second == 2).all()


@pytest.mark.parametrize("nbytes", [1, 63, 64, MIN_POOLED_BYTES, MIN_POOLED_BYTES + 1, 3 * MIB])
def test_buffers_are_aligned_for_every_element_type(nbytes: int) -> None:
    """An unaligned tensor would be copied before it is pooled."""
    view = BufferPool().acquire(nbytes)

    assert len(view) == nbytes
    assert not view.readonly
    assert address(view) % (64 if nbytes >= MIN_POOLED_BYTES else 8) == 0


def test_the_last_view_may_be_freed_in_any_thread() -> None:
    """The thread of a device may free the last view of a body."""
    pool = BufferPool()
    views = [pool.acquire(MIB) for _ in range(8)]
    threads = [threading.Thread(target=views.pop) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert pool.idle_bytes >= 8 * MIB
