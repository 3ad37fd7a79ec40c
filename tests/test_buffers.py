"""Memory that is used again: never while somebody still looks at it, and never more than a fixed amount."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.buffers import KEPT_BYTES, POOLED_FROM_BYTES, BufferPool, empty
from tests.hypothesis_profiles import scaled_examples

MIB = 1 << 20


def place(view: memoryview) -> int:
    """Where it lies."""
    return np.frombuffer(view, np.uint8).ctypes.data


@given(st.lists(st.tuples(st.integers(1, 8), st.booleans()), max_size=12))
@scaled_examples(30)
def test_no_two_bodies_ever_share_memory(steps: list[tuple[int, bool]]) -> None:
    """Another caller's elements in one's own answer would be the end of all trust."""
    pool, held = BufferPool(), list[memoryview]()
    for number, (size, lets_go) in enumerate(steps):
        if lets_go and held:
            held.pop(0)
        view = pool.take(size * POOLED_FROM_BYTES)
        view[:] = bytes([number]) * len(view)
        held.append(view)
        spans = sorted((place(each), place(each) + len(each)) for each in held)
        assert all(end <= begin for (_, end), (begin, _) in itertools.pairwise(spans))
    assert pool.kept_bytes <= KEPT_BYTES


LOOKS: dict[str, Callable[[memoryview], object]] = {
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
"""Whatever may look at a body."""


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_memory_is_used_again_when_its_last_view_is_gone_and_never_before(look: Callable[[memoryview], object]) -> None:
    """Before, another caller's elements would be written over these; never, and each body would cost fresh pages."""
    pool = BufferPool()
    view = pool.take(MIB)
    first = place(view)
    held = [look(view)]
    del view
    other = pool.take(MIB)
    assert place(other) != first, "something still looks at it"
    held.clear()

    assert place(pool.take(MIB)) == first


def test_what_is_kept_has_a_bound() -> None:
    """It is memory that no request holds, and the service promises how much of that there is at most."""
    pool = BufferPool()
    views = [pool.take(5 * MIB) for _ in range(20)]
    del views
    pool.take(2 * KEPT_BYTES)

    assert 0 < pool.kept_bytes <= KEPT_BYTES


@pytest.mark.parametrize(
    "shape", [(), (0, 5), (7,), (64, 512), (POOLED_FROM_BYTES + 1,), (3, 0, 2**40), (2, 3, 512, 256)]
)
@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float64, np.bool_])
def test_an_empty_array_is_as_numpys(shape: tuple[int, ...], dtype: type[np.generic]) -> None:
    """Whoever writes into it need not know where it came from."""
    ours, theirs = empty(shape, dtype), np.empty(shape, dtype)

    assert (ours.shape, ours.dtype, ours.strides) == (theirs.shape, theirs.dtype, theirs.strides)
    assert ours.flags.c_contiguous
    assert ours.flags.writeable
    assert ours.flags.aligned


def test_an_array_keeps_its_memory_from_others() -> None:
    """Outputs live until the last byte of an answer is sent."""
    first, second = empty((MIB,), np.uint8), empty((MIB,), np.uint8)
    first[:] = 1
    second[:] = 2
    shown = first[5:].reshape(-1, 1)
    del first
    third = empty((MIB,), np.uint8)
    third[:] = 3

    assert (shown == 1).all()
    assert (second == 2).all()


@pytest.mark.parametrize("nbytes", [1, 63, 64, POOLED_FROM_BYTES, POOLED_FROM_BYTES + 1, 3 * MIB])
def test_buffers_lie_right_for_every_element_type(nbytes: int) -> None:
    """What lies wrong is copied before it is pooled."""
    view = BufferPool().take(nbytes)

    assert len(view) == nbytes
    assert not view.readonly
    assert place(view) % (64 if nbytes >= POOLED_FROM_BYTES else 8) == 0


def test_the_last_view_may_end_in_any_thread() -> None:
    """A device's thread may be the last to look at a body."""
    pool = BufferPool()
    views = [pool.take(MIB) for _ in range(8)]
    threads = [threading.Thread(target=views.pop) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert pool.kept_bytes >= 8 * MIB
