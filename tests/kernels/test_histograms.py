"""Histograms that move with the window: the ranks and modes of the loops that sort, for elements of 8 bits."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.kernels import rank_kernels
from poolhouse.kernels.axes import Axis
from poolhouse.kernels.omission import NOTHING_OMITTED, Omission
from poolhouse.kernels.quantiles import METHODS, Quantile
from poolhouse.kernels.rank_kernels import RankKernel, uses_histograms
from poolhouse.kernels.widening import Array
from tests.hypothesis_profiles import scaled_examples
from tests.kernels.traced_windows import axes

QUANTILES = st.one_of(st.none(), st.builds(Quantile, st.floats(0, 1), st.sampled_from(sorted(METHODS))))


def elements(name: str, shape: tuple[int, ...], seed: int) -> Array:
    """Few values, or all."""
    rng = np.random.default_rng(seed)
    if name == "bool":
        return rng.random(shape) < 0.5
    limits = np.iinfo(name)
    low, high = (limits.min, limits.max + 1) if rng.random() < 0.5 else (0, 4)
    return rng.integers(low, high, shape).astype(name)


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small windows of bytes are counted, too."""

    def is_byte(itemsize: int, taps: int, **_others: bool) -> bool:
        return itemsize == 1 and taps > 0

    monkeypatch.setattr(rank_kernels, "uses_histograms", is_byte)


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("name", ["uint8", "int8", "bool"])
def test_bytes_give_what_the_same_numbers_of_16_bits_give(name: str) -> None:
    """Those are sorted. Whatever windows overlap, and whether elements are ignored."""

    @scaled_examples(60)
    @given(
        st.lists(axes(12), min_size=1, max_size=3),
        QUANTILES,
        st.sampled_from((NOTHING_OMITTED, Omission(value=1.0, nothing_left=0.0))),
        st.integers(0, 2**32),
        st.integers(1, 2),
    )
    def holds(windows: list[Axis], quantile: Quantile | None, omission: Omission, seed: int, threads: int) -> None:
        x = elements(name, (2, *(axis.length for axis in windows)), seed)

        found, expected = (
            RankKernel(windows, given.dtype.name, quantile, omission, gives_shares=True)({"input": given}, threads)
            for given in (x, x.astype(np.int16))
        )

        np.testing.assert_array_equal(found[0].astype(np.int16), expected[0])
        np.testing.assert_array_equal(found[1], expected[1])

    holds()


@pytest.mark.parametrize("quantile", [Quantile(0.5, "lower"), Quantile(0.9, "linear"), None])
def test_windows_of_more_elements_than_a_network_sorts_are_counted(quantile: Quantile | None) -> None:
    """Next to each other, far apart, and one for the whole plane."""
    x = elements("uint8", (1, 40, 70), 5)
    for size, stride in ((17, 1), (17, 20), (40, 1)):
        windows = [
            Axis(length, np.arange(0, length - size + 1, stride), np.full((length - size) // stride + 1, size), 1)
            for length in x.shape[1:]
        ]

        found, expected = (
            RankKernel(windows, given.dtype.name, quantile)({"input": given}, 1)[0] for given in (x, x.astype(np.int16))
        )

        np.testing.assert_array_equal(found, expected)


def test_only_bytes_are_counted_and_modes_from_smaller_windows_on() -> None:
    """A network sorts small windows; without one only very small windows are sorted."""

    def least(*, has_network: bool, is_mode: bool) -> int:
        """The size of the first windows that are counted."""
        chosen = [uses_histograms(1, taps, has_network=has_network, is_mode=is_mode) for taps in range(400)]
        assert all(one <= other for one, other in pairwise(chosen))
        return chosen.index(True)

    assert least(has_network=False, is_mode=True) < least(has_network=True, is_mode=True)
    assert least(has_network=True, is_mode=True) < least(has_network=True, is_mode=False)
    assert not uses_histograms(2, 10_000, has_network=False, is_mode=True)
