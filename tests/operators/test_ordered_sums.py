"""Averages in torch's order of additions: the bits of its kernels, and of a loop over the elements of a window."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.operators.ordered_sums import ordered_averages, ordered_averages_cost
from poolhouse.operators.windows import SlidingWindow
from tests.hypothesis_profiles import scaled_examples

Factors = list[npt.NDArray[np.int64]]

FLOATS = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
WINDOWS = st.builds(
    SlidingWindow, st.integers(1, 4), st.integers(1, 4), st.integers(0, 5), st.integers(0, 5), st.integers(1, 5)
)


def divisors(axes: list[SlidingWindow], spatial: tuple[int, ...]) -> Factors:
    """The number of elements of each window."""
    return [axis.windows(length).count for axis, length in zip(axes, spatial, strict=True)]


def numbers(shape: tuple[int, ...], seed: int, dtype: torch.dtype) -> torch.Tensor:
    """Numbers of several magnitudes, whose sum depends on the order."""
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.standard_normal(shape) * 10.0 ** rng.integers(-3, 4, shape)).to(dtype)


@FLOATS
def test_averages_have_the_bits_of_torch(dtype: torch.dtype) -> None:
    """Where torch has such windows: without dilation, and with the same padding on both sides."""

    @scaled_examples(50)
    @given(st.integers(1, 4), st.integers(1, 3), st.integers(0, 2), st.integers(0, 2**32))
    def holds(kernel: int, stride: int, padding: int, seed: int) -> None:
        assume(padding <= kernel // 2)
        x = numbers((3, 7, 9), seed, dtype)
        axes = [SlidingWindow(kernel, stride, padding, padding)] * 2

        found = ordered_averages(x, axes, divisors(axes, (7, 9)))

        expected = F.avg_pool2d(x, kernel, stride, padding, count_include_pad=False)
        assert found.numpy().tobytes() == expected.numpy().tobytes()

    holds()


@FLOATS
def test_elements_are_added_from_the_first_to_the_last(dtype: torch.dtype) -> None:
    """With dilation and unequal padding, which torch has not; windows in the padding are left out."""

    @scaled_examples(80)
    @given(st.lists(st.tuples(WINDOWS, st.integers(1, 8)), min_size=1, max_size=2), st.integers(0, 2**32))
    def holds(each: list[tuple[SlidingWindow, int]], seed: int) -> None:
        axes, spatial = [axis for axis, _ in each], tuple(length for _, length in each)
        assume(all(axis.outputs(length) > axis.empty(length) for axis, length in each))
        x = numbers((1, *spatial), seed, dtype)
        counts = divisors(axes, spatial)

        found = ordered_averages(x, axes, counts)[0]

        windows = [axis.windows(length) for axis, length in each]
        for output in np.ndindex(*found.shape):
            taps = [
                [int(axis.first[at]) + k * axis.dilation for k in range(int(axis.count[at]))]
                for axis, at in zip(windows, output, strict=True)
            ]
            total = torch.zeros((), dtype=dtype)
            for place in np.array(np.meshgrid(*taps, indexing="ij")).reshape(len(axes), -1).T:
                total = total + x[(0, *place.tolist())]
            number = math.prod(int(count[at]) for count, at in zip(counts, output, strict=True))
            assert found[output].item() == (total / number).item()

    holds()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_halves_are_added_in_float32_and_rounded_once(dtype: torch.dtype) -> None:
    """2048 + 1 is 2048 in float16, and 256 + 1 is 256 in bfloat16."""
    x = torch.tensor([[2048.0, 1, 1, 2, 256, 1, 1, 2]]).to(dtype)
    axis = SlidingWindow(4, 4)

    found = ordered_averages(x, [axis], [np.array([4, 4])])

    assert found.dtype == dtype
    assert torch.equal(found, torch.tensor([[513.0, 65.0]]).to(dtype))


def test_a_quotient_that_is_a_negative_zero_becomes_zero() -> None:
    """Torch adds it to zero; a sum of negative numbers that underflows would print as -0.0."""
    x = torch.full((1, 1, 4), -(2.0**-149))

    found = ordered_averages(x, [SlidingWindow(1, 1), SlidingWindow(2, 2)], [np.array([1]), np.array([8, 8])])

    assert found.numpy().tobytes() == F.avg_pool2d(x, (1, 2), divisor_override=8).numpy().tobytes()
    assert found.tolist() == [[[0, 0]]]
    assert not torch.signbit(found).any()


def test_the_cost_grows_with_the_elements_of_a_window() -> None:
    """Each of them is an addition to all sums; 16-bit floats are widened before."""
    costs = []
    for kernel in (1, 2, 4):
        axes = [SlidingWindow(kernel, 1).summarize(64)] * 2
        costs.append(ordered_averages_cost((64, 64), axes, ELEMENT_TYPES["float32"]))
    half = ordered_averages_cost((64, 64), axes, ELEMENT_TYPES["float16"])

    assert 2.5 < costs[2].plane_steps / costs[1].plane_steps < 5
    assert costs[0].call_steps < costs[1].call_steps < costs[2].call_steps
    assert half.plane_steps > costs[2].plane_steps
    assert half.plane_bytes == costs[2].plane_bytes + 4 * 64 * 64
