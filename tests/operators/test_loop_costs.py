"""The cost model of the loops against the loops: the same algorithm, the same strips, enough memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.dtypes import ELEMENT_TYPES, FLOAT32
from poolhouse.kernels.axes import TABLE, Axis
from poolhouse.kernels.layout import Layout
from poolhouse.kernels.window_kernels import Kernel
from poolhouse.operators.adaptive import AdaptiveWindowOperator
from poolhouse.operators.costs import Cost
from poolhouse.operators.loop_costs import (
    KernelFactory,
    average_loops_cost,
    global_loops_cost,
    maxima_loops_cost,
    sum_loops_cost,
    uses_table,
)
from poolhouse.operators.windows import AxisSummary, SlidingWindow, adaptive_windows
from tests.hypothesis_profiles import scaled_examples
from tests.operators.random_cases import CATALOGUE


def unused() -> Kernel:
    """No test makes a kernel."""
    raise AssertionError


@pytest.mark.parametrize(("planes", "is_cheaper"), [(1, False), (99, False), (100, True), (10_000, True)])
def test_loops_with_torchs_bits_are_chosen_by_the_batch(planes: int, is_cheaper: bool) -> None:
    """A call of the loops takes longer, a plane less: with 100 planes they take the same time."""
    loops, torch = Cost(10.0, 2000.0, 0.0), Cost(20.0, 1000.0, 0.0)

    assert KernelFactory(loops, unused).is_cheaper(torch, planes) == is_cheaper


@given(st.integers(1, 10**6))
def test_loops_with_other_bits_are_chosen_by_the_plane_alone(planes: int) -> None:
    """A request must get the same bits alone and in a batch."""
    loops, torch = Cost(10.0, 10.0**9, 0.0), Cost(10.0, 0.0, 0.0)

    assert KernelFactory(loops, unused, is_bit_exact=False).is_cheaper(torch, planes)
    assert not KernelFactory(torch, unused, is_bit_exact=False).is_cheaper(Cost(9.9, 10.0**9, 0.0), planes)


def sliding(length: int, window: SlidingWindow) -> tuple[AxisSummary, Axis]:
    """The windows in both forms."""
    windows = window.windows(length)
    return window.summarize(length), Axis(length, windows.first, windows.count, windows.dilation)


@scaled_examples(200)
@given(st.integers(1, 300), st.integers(1, 60), st.integers(1, 20))
def test_the_plan_and_the_loop_choose_the_same_algorithm(length: int, size: int, stride: int) -> None:
    """A plan for another algorithm is wrong by the size of the windows."""
    summary, axis = sliding(max(length, size), SlidingWindow(size, stride))
    spec = CATALOGUE.find("adaptive_max_pool1d").of(output_size=size)
    assert isinstance(spec, AdaptiveWindowOperator)
    (adaptive,) = spec.axis_summaries((length,))
    windows = adaptive_windows(length, size)

    assert uses_table(summary) == (axis.algorithm == TABLE)
    assert uses_table(adaptive) == (Axis(length, windows.first, windows.count, 1).algorithm == TABLE)


@scaled_examples(200)
@given(
    st.tuples(st.integers(1, 200), st.integers(1, 20), st.integers(1, 9)),
    st.tuples(st.integers(1, 200), st.integers(1, 20), st.integers(1, 9)),
    st.sampled_from(("float32", "float64")),
)
def test_planned_scratch_memory_is_that_of_the_layout(
    rows: tuple[int, int, int], columns: tuple[int, int, int], dtype: str
) -> None:
    """Each thread allocates it; a plan with less would let too many requests in."""
    (height, height_axis), (width, width_axis) = (
        sliding(max(length, size), SlidingWindow(size, stride)) for length, size, stride in (rows, columns)
    )
    itemsize = ELEMENT_TYPES[dtype].itemsize
    layout = Layout((Axis.identity(1), height_axis, width_axis), itemsize)

    cost = maxima_loops_cost((height, width), ELEMENT_TYPES[dtype], with_indices=False)

    planned = cost.call_bytes - 120 * (height.outputs + width.outputs)
    assert layout.scratch_elements * itemsize <= planned
    # Lines and their tables are counted in every plan.
    lines = 2 * layout.strip_input_rows * width.outputs * itemsize
    assert planned <= layout.scratch_elements * itemsize + lines


def test_a_table_makes_the_work_of_large_windows_grow_slowly() -> None:
    """Windows twice as large need one more pass, not twice as many reads."""
    steps = [
        maxima_loops_cost((sliding(2**14, SlidingWindow(size, 1))[0],), FLOAT32, with_indices=False).plane_steps
        for size in (256, 512, 1024)
    ]

    assert steps[1] < 1.3 * steps[0]
    assert steps[2] < 1.3 * steps[1]


@pytest.mark.parametrize("narrow", ["float16", "bfloat16", "int8", "int32"])
@pytest.mark.parametrize("model", [average_loops_cost, sum_loops_cost], ids=["average", "sum"])
def test_widened_types_take_more_steps_and_memory(narrow: str, model: object) -> None:
    """They are converted chunk by chunk, in both directions."""
    axes = (sliding(64, SlidingWindow(3, 2))[0],) * 2
    assert callable(model)

    wide, found = model(axes, ELEMENT_TYPES["float64"]), model(axes, ELEMENT_TYPES[narrow])

    assert found.plane_bytes >= max(wide.plane_bytes, 4 * (64 * 64 + 31 * 31))
    assert found.plane_steps > wide.plane_steps


@pytest.mark.parametrize("adds", [False, True])
@pytest.mark.parametrize("name", ELEMENT_TYPES)
def test_global_pooling_takes_steps_for_each_element(name: str, adds: bool) -> None:
    """Its one output must not make a plane of a million elements look cheap."""
    small, large = (global_loops_cost((size, size), ELEMENT_TYPES[name], adds=adds) for size in (100, 1000))

    assert large.plane_steps > 0.09 * 10**6
    assert 50 * small.plane_steps < large.plane_steps < 200 * small.plane_steps
    assert large.call_steps == small.call_steps
