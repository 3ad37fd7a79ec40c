"""Window geometry: compared with torch's shapes and with positions counted one by one."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.operators.size_types import INT32_MAX as MOST
from poolhouse.operators.windows import AxisSummary, SlidingWindow, Windows, adaptive_windows, fractional_starts
from tests.hypothesis_profiles import scaled_examples

sides = st.integers(0, 4) | st.integers(0, 30)
slidings = st.builds(
    SlidingWindow, st.integers(1, 9), st.integers(1, 9), sides, sides, st.integers(1, 12), st.booleans()
)


def spans(axis: SlidingWindow, length: int) -> list[range]:
    """The positions of every window, padding included."""
    starts = (o * axis.stride - axis.before for o in range(axis.outputs(length)))
    return [range(start, start + axis.span, axis.dilation) for start in starts]


def test_the_number_of_windows_is_torchs() -> None:
    """A plan gives the shape before torch runs; ceil_mode has a second rule that torch's documentation omits."""
    random = Random(11)
    compared = 0
    while compared < 3000:
        padding = random.randint(0, 3)
        axis = SlidingWindow(
            random.randint(1, 7),
            random.randint(1, 7),
            padding,
            padding,
            random.randint(1, 3),
            random.random() < 0.5,
        )
        length = random.randint(1, 30)
        if 2 * padding > axis.kernel_size or axis.outputs(length) < 1:
            continue

        found = F.max_pool2d(
            torch.zeros(1, 1, length),
            (1, axis.kernel_size),
            (1, axis.stride),
            (0, padding),
            (1, axis.dilation),
            axis.ceil_mode,
        )

        assert found.shape[-1] == axis.outputs(length), (axis, length)
        compared += 1


def test_torch_refuses_where_no_window_fits() -> None:
    """We refuse exactly the same windows."""
    random = Random(12)
    refused = 0
    while refused < 100:
        axis = SlidingWindow(
            random.randint(2, 9), random.randint(1, 3), 0, 0, random.randint(1, 4), random.random() < 0.3
        )
        length = random.randint(1, 8)
        if axis.outputs(length) < 1:
            refused += 1
            with pytest.raises(RuntimeError, match="Output size is too small"):
                F.max_pool2d(
                    torch.zeros(1, 1, length),
                    (1, axis.kernel_size),
                    (1, axis.stride),
                    0,
                    (1, axis.dilation),
                    axis.ceil_mode,
                )


@scaled_examples(2000)
@given(slidings, st.integers(1, 20))
def test_empty_windows_are_counted_from_the_spec(axis: SlidingWindow, length: int) -> None:
    """For these torch returns -inf and an index outside the plane, with which max_unpool fails."""
    empty = sum(not any(0 <= place < length for place in span) for span in spans(axis, length))

    assert axis.empty(length) == empty


@scaled_examples(1000)
@given(slidings, st.integers(1, 20))
def test_ceil_mode_adds_at_most_one_window(axis: SlidingWindow, length: int) -> None:
    """One that begins within the input or before it, whatever the padding after."""
    down, up = (replace(axis, ceil_mode=mode).outputs(length) for mode in (False, True))

    assert up in (down, down + 1)
    if up > down > 0:
        assert down * axis.stride - axis.before < length


def assert_summarizes(size: AxisSummary, windows: Windows) -> None:
    """Fail if the summary, on which costs are based, has fewer or more regular windows than there are."""
    assert size.outputs == windows.outputs
    assert size.longest >= windows.count.max()
    assert size.element_reads >= windows.count.sum()
    if size.is_uniform:
        assert len(set(windows.count.tolist())) == 1
        assert len(set(np.diff(windows.first).tolist())) <= 1


@given(slidings, st.integers(1, 20))
def test_clipped_windows_are_the_positions_inside(axis: SlidingWindow, length: int) -> None:
    """Every algorithm relies on first, count and dilation."""
    if axis.outputs(length) < 1:
        return
    filled = [span for span in spans(axis, length) if any(0 <= place < length for place in span)]

    windows, summary = axis.windows(length), axis.summarize(length)

    assert summary.outputs + summary.empty == axis.outputs(length)
    assert [spans(axis, length)[place] for place in axis.places(length)] == filled
    if filled:
        assert_summarizes(summary, windows)
    for first, count, extent, span in zip(windows.first, windows.count, windows.extent, filled, strict=True):
        inside = [place for place in span if 0 <= place < length]
        assert [first + j * windows.dilation for j in range(count)] == inside
        assert extent == sum(-axis.before <= place < length + axis.after for place in span)


@pytest.mark.parametrize(
    ("axis", "length", "outputs"),
    [
        (SlidingWindow(MOST, 1, 2**30 - 1, 2**30 - 1), 8, 8),
        (SlidingWindow(MOST, MOST, 2**30 - 1, 2**30 - 1, 1, True), 8, 1),
        (SlidingWindow(MOST, MOST, ceil_mode=True), 8, 1),
        (SlidingWindow(MOST, 1), 8, 8 - 2**31 + 2),
        (SlidingWindow(MOST, 1, dilation=MOST), 8, 9 - MOST * (MOST - 1) - 1),
        (SlidingWindow(1, MOST, dilation=MOST), MOST, 1),
        (SlidingWindow(2, 1), MOST, 2**31 - 2),
        (SlidingWindow(1, 1, MOST, MOST), 8, 8 + 2 * MOST),
        (SlidingWindow(2, 3, MOST, MOST, MOST), 8, (MOST + 7) // 3 + 1),
        (SlidingWindow(2, 2**30 + 1, MOST, MOST, MOST - 5, True), 8, 3),
    ],
)
def test_sizes_at_the_end_of_int32_do_not_overflow(axis: SlidingWindow, length: int, outputs: int) -> None:
    """Torch mixes int32 and int64 lengths, and overflow gives shapes that look valid. No window is counted alone."""
    assert axis.outputs(length) == outputs
    assert 0 <= axis.empty(length) <= max(outputs, 0)


@given(st.integers(1, 40), st.integers(0, 60))
def test_adaptive_windows_match_their_formula(length: int, outputs: int) -> None:
    """Window i of O is [floor(i·L/O), ceil((i+1)·L/O)); every element is in a window and no window is empty."""
    windows = adaptive_windows(length, outputs)

    ends = windows.first + windows.count
    assert windows.first.tolist() == [i * length // outputs for i in range(outputs)]
    assert ends.tolist() == [-(-(i + 1) * length // outputs) for i in range(outputs)]
    assert bool((windows.count >= 1).all())
    covered = {place for first, end in zip(windows.first, ends, strict=True) for place in range(first, end)}
    assert outputs == 0 or covered == set(range(length))


@given(st.data(), st.integers(1, 40))
def test_fractional_windows_are_inside_and_ascending(data: st.DataObject, length: int) -> None:
    """For every sample below 1; for samples near 1 torch's windows leave the plane."""
    kernel = data.draw(st.integers(1, length))
    outputs = data.draw(st.integers(1, length - kernel + 1))
    sample = data.draw(st.floats(0, 1, exclude_max=True) | st.sampled_from((0.0, float(np.nextafter(1, 0)))))

    (starts,) = fractional_starts(length, kernel, outputs, np.array([sample]))

    assert len(starts) == outputs
    assert starts[0] >= 0
    assert starts[-1] == length - kernel
    assert bool((np.diff(starts) >= 0).all())


def test_windows_of_large_axes_are_not_cached() -> None:
    """The cache is for the shapes of models; windows of one huge request would stay in memory forever."""
    huge = SlidingWindow(2, 1)

    assert isinstance(huge.windows(100_000), Windows)
    assert huge.windows(100_000) is not huge.windows(100_000)
    assert huge.windows(100) is huge.windows(100)
    assert adaptive_windows(7, 100_000) is not adaptive_windows(7, 100_000)
    assert adaptive_windows(7, 5) is adaptive_windows(7, 5)
