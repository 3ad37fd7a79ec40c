"""The loops for averages: small windows added in the order of the plane, large ones exactly in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.kernels.axes import Axis
from poolhouse.kernels.layout import Layout
from poolhouse.kernels.sums import plane_averages, plane_sums_by_lines
from tests.hypothesis_profiles import scaled_examples
from tests.kernels.traced_windows import axes, positions_of

Plane = tuple[Axis, Axis, Axis]
Array = npt.NDArray[Any]


def size_of(plane: Plane) -> int:
    """Elements of the plane."""
    return plane[0].length * plane[1].length * plane[2].length


def averages(plane: Plane, x: Array, factors: list[Array], *, sequentially: bool, by_rows: bool) -> Array:
    """Averages of two planes by the loop, in many strips."""
    layout, (depth, height, width) = Layout(plane, 512), plane
    outputs = depth.outputs * height.outputs * width.outputs
    out = np.full(2 * outputs, 9, x.dtype)
    scratch = np.full(width.outputs + 1 + layout.strip_input_rows * (width.length + width.stride), 5, x.dtype)
    stop = 2 * layout.strips
    plane_averages[x.dtype.name](
        x, out, 0, stop, layout.encoded, np.concatenate(factors), sequentially, by_rows, scratch
    )
    return out.reshape(2, outputs)


def running_sums(plane: Plane, x: Array) -> Array:
    """The sums of two planes, each addition rounded to the element type."""
    zero = np.zeros(1, x.dtype)
    size = size_of(plane)
    windows = [list(window) for window in positions_of(plane)]
    return np.array(
        [[np.add.accumulate(np.concatenate((zero, x[at:][window])))[-1] for window in windows] for at in (0, size)]
    )


def elements(name: str, size: int, seed: int) -> Array:
    """Numbers of different magnitudes, whose sum depends on the order of additions, and zeros of both signs."""
    rng = np.random.default_rng(seed)
    numbers = rng.standard_normal(size) * 10.0 ** rng.integers(-4, 4, size)
    return np.where(rng.random(size) < 0.2, rng.choice([0.0, -0.0], size), numbers).astype(name)


@pytest.mark.parametrize("name", plane_averages)
@pytest.mark.parametrize("by_rows", [False, True])
def test_windows_are_added_in_the_order_of_the_plane(name: str, by_rows: bool) -> None:
    """Torch's order: another one gives other bits. How rows are read may not change it."""

    @scaled_examples(60)
    @given(st.tuples(axes(3), axes(11), axes(11)), st.integers(0, 2**32), st.data())
    def holds(plane: Plane, seed: int, data: st.DataObject) -> None:
        x = elements(name, 2 * size_of(plane), seed)
        factors = [np.array(data.draw(st.lists(st.integers(1, 9), min_size=axis.outputs, max_size=axis.outputs)))
                   for axis in plane]  # fmt: skip

        found = averages(plane, x, factors, sequentially=False, by_rows=by_rows)

        divisor = np.multiply.outer(np.multiply.outer(factors[0], factors[1]), factors[2]).reshape(-1)
        # The quotient is added to zero, so -0 becomes +0.
        assert found.tobytes() == (running_sums(plane, x) / divisor.astype(name) + np.zeros(1, name)).tobytes()

    holds()


REGULAR = {
    "3 by 3": (3, 1, 1),
    "pairs": (2, 2, 1),
    "threes": (3, 2, 1),
    "phases": (5, 3, 1),
    "three phases": (3, 3, 1),
    "dilated": (3, 1, 2),
    "dilated threes": (3, 2, 2),
    "far": (3, 7, 1),
}


@pytest.mark.parametrize("by_rows", [False, True])
@pytest.mark.parametrize("path", REGULAR)
def test_each_regular_window_has_the_same_order(path: str, by_rows: bool) -> None:
    """Common windows are read two or three rows at a time; the first and last one are clipped."""
    kernel, stride, dilation = REGULAR[path]
    first = np.arange(0, 22 - (kernel - 1) * dilation, stride)
    count = np.full(len(first) + 1, kernel)
    count[-1] = 1
    axis = Axis(22, np.append(first, 21), count, dilation)
    plane = (Axis(2, np.array([0]), np.array([2]), 1), axis, axis)
    x = elements("float32", 2 * size_of(plane), 3)
    ones = [np.ones(each.outputs, np.int64) for each in plane]

    found = averages(plane, x, ones, sequentially=False, by_rows=by_rows)

    assert found.tobytes() == running_sums(plane, x).tobytes()


@pytest.mark.parametrize("name", plane_averages)
def test_adaptive_averages_are_divided_axis_by_axis(name: str) -> None:
    """As torch does; dividing by the product rounds differently."""
    axis = Axis(7, np.array([0, 2, 4]), np.full(3, 3), 1)
    plane = (axis, axis, axis)
    x = np.random.default_rng(5).standard_normal(2 * size_of(plane)).astype(name)
    factors = [np.array(each) for each in ([3, 7, 11], [13, 3, 5], [7, 9, 3])]

    found = averages(plane, x, factors, sequentially=True, by_rows=False)

    quotients = running_sums(plane, x).reshape(2, 3, 3, 3)
    for each, shape in zip(factors, ((3, 1, 1), (3, 1), (3,)), strict=True):
        quotients = quotients / each.astype(name).reshape(shape)
    assert found.tobytes() == quotients.tobytes()


@pytest.mark.parametrize("name", plane_sums_by_lines)
def test_large_windows_are_added_line_by_line(name: str) -> None:
    """Integers add exactly in float64, so an element left out or counted twice changes the quotient."""

    @scaled_examples(60)
    @given(st.tuples(axes(3), axes(14), axes(14)), st.integers(0, 2**32), st.booleans())
    def holds(plane: Plane, seed: int, far: bool) -> None:
        layout, windows, size = Layout(plane, 512), positions_of(plane), size_of(plane)
        x = np.random.default_rng(seed).integers(-(2**20), 2**20, 2 * size).astype(name)
        # The product of three large factors does not fit into int64.
        factors = [np.arange(1, axis.outputs + 1) + 2**40 * far for axis in plane]
        out = np.zeros(2 * len(windows), name)

        for start, stop in ((layout.strips, 2 * layout.strips), (0, layout.strips)):
            lines = np.full(plane[2].length, 5.0)
            plane_sums_by_lines[name](x, out, start, stop, layout.encoded, np.concatenate(factors), lines)

        sums = [x[at:][list(window)].sum(dtype=np.float64) for at in (0, size) for window in windows]
        divisor = np.multiply.outer(np.multiply.outer(factors[0] * 1.0, factors[1]), factors[2]).reshape(-1)
        assert out.tolist() == (np.array(sums).reshape(2, -1) / divisor).astype(name).reshape(-1).tolist()

    holds()


def test_a_sum_beyond_float32_is_right() -> None:
    """The lines are float64, also for float32."""
    one, all_of_it = Axis.identity(1), Axis(9, np.array([0]), np.array([9]), 1)
    x, out = np.full(9, 3e38, np.float32), np.zeros(1, np.float32)
    layout = Layout((one, one, all_of_it), 4)

    plane_sums_by_lines["float32"](x, out, 0, 1, layout.encoded, np.array([1, 1, 9]), np.zeros(9))

    assert out.tolist() == [x[0]]
