"""The oracle's windows: elements inside the input, and the numbers of positions that averages divide by."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poolhouse.operators.fields import Sizes
from poolhouse.operators.layout import CHANNELS_FIRST
from poolhouse.operators.numbers import Number
from poolhouse.operators.window_operator import Window, WindowOperator
from poolhouse.operators.windows import AxisSummary


class Corners(WindowOperator):
    """Windows of 3 x 2**30 positions around an input with padding, as the oracle gets them."""

    rank = 2
    layout = CHANNELS_FIRST

    def __init__(self, outputs: Sizes) -> None:
        self.seen: list[Window] = []
        self._outputs = outputs

    def axis_summaries(self, spatial: Sizes) -> tuple[AxisSummary, ...]:
        return tuple(
            AxisSummary(length, outputs, 3, 3 * outputs) for length, outputs in zip(spatial, self._outputs, strict=True)
        )

    def positions(self, spatial: Sizes, axis: int, output: int, samples: npt.NDArray[np.float64]) -> range:
        return range(output - 1, output + 2) if axis == 0 else range(-4, 2**30, 2)

    def padding_at(self, axis: int, length: int) -> tuple[int, int]:
        return (1, 1) if axis == 0 else (2, 2)

    def of_window(self, window: Window) -> tuple[Number, ...]:
        self.seen.append(window)
        return (sum(window.values),)


def test_a_window_has_its_elements_inside_the_input() -> None:
    """Its extent counts the padding too, its volume also what lies beyond; a window may have 2³⁰ positions."""
    operator = Corners((2, 1))
    plane = np.arange(12).reshape(3, 4)

    (found,) = operator.reference(plane, None)

    first, second = operator.seen
    # Columns 0 and 2 are inside; -2, 0, 2 and 4 are within the padding.
    assert (first.values, first.positions) == ([0, 2, 4, 6], [0, 2, 4, 6])
    assert (second.values, second.positions) == ([0, 2, 4, 6, 8, 10], [0, 2, 4, 6, 8, 10])
    assert first.extent == second.extent == 3 * 4
    assert first.volume == 3 * (2**29 + 2)
    assert found == [12, 30]


def test_values_are_python_numbers() -> None:
    """numpy's integers overflow, and the oracle must be exact."""
    operator = Corners((3, 1))

    (found,) = operator.reference(np.full((3, 4), 2**63 - 1), None)

    assert found == [4 * (2**63 - 1), 6 * (2**63 - 1), 4 * (2**63 - 1)]
    assert all(type(value) is int for window in operator.seen for value in window.values)


def test_an_empty_axis_takes_no_time() -> None:
    """Another axis may then have any number of windows."""
    assert Corners((2**40, 0)).reference(np.zeros((3, 4)), None) == ([],)


class Uniform(Corners):
    """Windows of some size along each of two axes."""

    def __init__(self, outputs: int, longest: int) -> None:
        super().__init__((outputs, outputs))
        self._longest = longest

    def axis_summaries(self, spatial: Sizes) -> tuple[AxisSummary, ...]:
        return tuple(
            AxisSummary(length, outputs, self._longest, 0)
            for length, outputs in zip(spatial, self._outputs, strict=True)
        )


def test_the_simple_cuda_kernel_is_for_small_or_few_windows() -> None:
    """One thread reads a window, so a large one takes long; and each element should be read from a cache."""
    assert Uniform(100, 16).naive_cuda_is_faster((100, 100))
    assert not Uniform(100, 17).naive_cuda_is_faster((100, 100))
    assert Uniform(1, 64).naive_cuda_is_faster((64, 64))
    assert not Uniform(1, 65).naive_cuda_is_faster((65, 65))
