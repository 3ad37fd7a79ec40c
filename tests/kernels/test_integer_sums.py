"""Sums and variances of integers: no rounding before the end, at the limits of every type."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.kernels.axes import Axis
from poolhouse.kernels.integer_sums import IntegerLineSumKernel, IntegerSumKernel, IntegerVarianceKernel, LongSumKernel
from poolhouse.kernels.widening import Array
from tests.hypothesis_profiles import scaled_examples
from tests.kernels.traced_windows import axes, positions_of

PLANES = st.tuples(axes(3), axes(6), axes(12))
SMALL = ("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32")


def planes_near_the_limits(plane: tuple[Axis, ...], name: str, seed: int) -> Array:
    """Two planes of the largest, the least and some other numbers of a type."""
    rng = np.random.default_rng(seed)
    least, most = (0, 1) if name == "bool" else (np.iinfo(name).min, np.iinfo(name).max)
    few = np.array([least, most, most - 1, 1], name)
    return few[rng.integers(0, 4, (2, *(axis.length for axis in plane)))]


def windows_of(plane: tuple[Axis, ...], x: Array) -> list[list[int]]:
    """The elements of each window of both planes, as Python's integers."""
    flat = [each.reshape(-1).tolist() for each in x]
    return [[int(values[place]) for place in window] for values in flat for window in positions_of(plane)]


def whole_axis(length: int) -> Axis:
    """One window of all elements."""
    return Axis(length, np.zeros(1, np.int64), np.full(1, length), 1)


@pytest.mark.parametrize("name", SMALL)
def test_sums_are_those_of_python(name: str) -> None:
    """float64 has every integer below 2⁵³, so that none of these sums is rounded."""

    @scaled_examples(25)
    @given(PLANES, st.integers(0, 2**32), st.integers(1, 3))
    def holds(plane: tuple[Axis, ...], seed: int, threads: int) -> None:
        x = planes_near_the_limits(plane, name, seed)

        (found,) = IntegerSumKernel(plane)({"input": x}, threads)

        assert found.dtype == np.int64
        assert found.reshape(-1).tolist() == [sum(window) for window in windows_of(plane, x)]

    holds()


@pytest.mark.parametrize("name", ["bool", "int8", "uint8", "int16", "uint16"])
def test_sums_by_lines_are_those_of_python(name: str) -> None:
    """The lines of a window are added in int32, the columns of their sums in int64."""

    @scaled_examples(25)
    @given(PLANES, st.integers(0, 2**32), st.integers(1, 3))
    def holds(plane: tuple[Axis, ...], seed: int, threads: int) -> None:
        x = planes_near_the_limits(plane, name, seed)

        (found,) = IntegerLineSumKernel(plane, name)({"input": x}, threads)

        assert found.dtype == np.int64
        assert found.reshape(-1).tolist() == [sum(window) for window in windows_of(plane, x)]

    holds()


def test_the_sum_of_the_longest_lines_fits_into_int32() -> None:
    """2¹⁵ lines of the largest uint16 are the most that the operator lets through; int16's smallest reach -2³⁰."""
    for name, extreme in (("uint16", 65535), ("int16", -32768)):
        x = np.full((1, 2**15, 2), extreme, name)

        (found,) = IntegerLineSumKernel((whole_axis(2**15), whole_axis(2)), name)({"input": x}, 1)

        assert found.item() == 2**16 * extreme


@pytest.mark.parametrize("name", ["int64", "uint64"])
def test_long_sums_are_those_of_python_modulo_2_to_the_64(name: str) -> None:
    """Beyond int64 they wrap, which the operator refuses before; a sum through float64 would lose digits instead."""

    @scaled_examples(25)
    @given(PLANES, st.integers(0, 2**32), st.integers(1, 3))
    def holds(plane: tuple[Axis, ...], seed: int, threads: int) -> None:
        x = planes_near_the_limits(plane, name, seed)

        (found,) = LongSumKernel(plane)({"input": x}, threads)

        totals = [sum(window) for window in windows_of(plane, x)]
        assert found.reshape(-1).tolist() == [(total + 2**63) % 2**64 - 2**63 for total in totals]

    holds()


@pytest.mark.parametrize("name", ["bool", "int8", "uint8", "int16", "uint16"])
@pytest.mark.parametrize("correction", [0, 1])
def test_variances_are_the_exact_ones_rounded(name: str, correction: int) -> None:
    """The squares of large elements cancel, which costs floats their digits; here nothing is lost."""

    @scaled_examples(25)
    @given(st.tuples(axes(2), axes(4), axes(9)), st.integers(0, 2**32))
    def holds(plane: tuple[Axis, ...], seed: int) -> None:
        x = planes_near_the_limits(plane, name, seed)
        counts = [axis.count for axis in plane]

        (found,) = IntegerVarianceKernel(plane, counts, correction, takes_root=False)({"input": x}, 2)
        (roots,) = IntegerVarianceKernel(plane, counts, correction, takes_root=True)({"input": x}, 2)

        exact = [_variance(window, correction) for window in windows_of(plane, x)]
        assert found.dtype == roots.dtype == np.float32
        np.testing.assert_array_equal(found.reshape(-1), np.array(exact).astype(np.float32))
        np.testing.assert_array_equal(roots.reshape(-1), np.sqrt(exact).astype(np.float32))

    holds()


def _variance(window: list[int], correction: int) -> float:
    if len(window) <= correction:
        return math.nan
    mean = Fraction(sum(window), len(window))
    return float(sum((value - mean) ** 2 for value in window) / (len(window) - correction))


def test_a_window_of_one_element_has_no_variance_of_a_sample() -> None:
    """0 / 0 is NaN, as numpy answers, without numpy's warning; without correction it is 0."""
    x = np.array([[7, 9, 9]], np.uint8)
    axis = Axis(3, np.array([0, 1]), np.array([1, 2]), 1)

    (sample,) = IntegerVarianceKernel([axis], [axis.count], 1, takes_root=True)({"input": x}, 1)
    (population,) = IntegerVarianceKernel([axis], [axis.count], 0, takes_root=True)({"input": x}, 1)

    np.testing.assert_array_equal(sample, [[np.nan, 0]])
    assert population.tolist() == [[0, 0]]


def test_planes_beyond_a_chunk_are_summed_like_the_first() -> None:
    """Planes are widened chunk by chunk, each into the same memory."""
    x = np.random.default_rng(2).integers(0, 2**16, (90, 1024), dtype=np.uint16)
    axis = Axis(1024, np.arange(0, 1024, 8), np.full(128, 8), 1)

    (found,) = IntegerSumKernel([axis])({"input": x}, 3)
    (spread,) = IntegerVarianceKernel([axis], [axis.count], 0, takes_root=False)({"input": x}, 3)

    blocks = x.reshape(90, 128, 8).astype(np.int64)
    np.testing.assert_array_equal(found, blocks.sum(-1))
    np.testing.assert_allclose(spread.astype(np.float64), blocks.var(-1), rtol=1e-6)
