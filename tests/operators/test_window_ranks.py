"""Quantiles and modes by torch: gathered in pieces, sorted by keys, rounded once."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.kernels.quantiles import Quantile
from poolhouse.operators import window_ranks as module
from poolhouse.operators.window_ranks import window_ranks
from poolhouse.operators.windows import SlidingWindow, Windows
from tests.hypothesis_profiles import scaled_examples

PAIRS = SlidingWindow(2, 2)
SPATIAL = (7, 11)
WINDOWS = st.tuples(
    *(
        st.builds(SlidingWindow, st.integers(1, 4), st.integers(1, 3), st.integers(0, 1), st.integers(0, 1))
        for _ in SPATIAL
    )
)


def positions_of(axes: Sequence[Windows]) -> list[list[int]]:
    """The flat positions of each window of a plane."""
    rows, columns = (
        [[int(first) + k * axis.dilation for k in range(int(count))]
         for first, count in zip(axis.first, axis.count, strict=True)]
        for axis in axes
    )  # fmt: skip
    return [[y * SPATIAL[1] + x for y in row for x in column] for row in rows for column in columns]


@scaled_examples(60)
@given(WINDOWS, st.floats(0, 1), st.integers(0, 2**32))
def test_kept_elements_have_numpys_quantile(windows: tuple[SlidingWindow, ...], q: float, seed: int) -> None:
    """Each window has its own number of them; without one the result is NaN."""
    rng = np.random.default_rng(seed)
    x, kept = rng.standard_normal((2, *SPATIAL)), rng.random((2, *SPATIAL)) < 0.5
    axes = [each.windows(length) for each, length in zip(windows, SPATIAL, strict=True)]

    found = window_ranks(torch.from_numpy(x), axes, Quantile(q, "linear"), torch.from_numpy(kept))

    expected = []
    for values, counted in zip(x.reshape(2, -1), kept.reshape(2, -1), strict=True):
        for window in positions_of(axes):
            left = values[window][counted[window]]
            expected.append(float(np.quantile(left, q)) if left.size else math.nan)
    np.testing.assert_allclose(found.numpy().reshape(-1), expected, rtol=1e-9, atol=1e-12)


@scaled_examples(60)
@given(WINDOWS, st.integers(0, 2**32))
def test_the_mode_is_the_least_of_the_most_frequent(windows: tuple[SlidingWindow, ...], seed: int) -> None:
    """By Python's Counter; labels in the upper half of uint16 have negative bits."""
    x = np.random.default_rng(seed).integers(2**15 - 2, 2**15 + 2, (1, *SPATIAL)).astype(np.uint16)
    axes = [each.windows(length) for each, length in zip(windows, SPATIAL, strict=True)]

    found = window_ranks(torch.from_numpy(x), axes, None)

    expected = []
    for window in positions_of(axes):
        counts = Counter(x.reshape(-1)[window].tolist())
        expected.append(min(value for value, count in counts.items() if count == max(counts.values())))
    assert found.numpy().reshape(-1).tolist() == expected


def test_pieces_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows are gathered piece by piece, so that memory does not grow with the plane."""
    x = torch.from_numpy(np.random.default_rng(3).standard_normal((3, *SPATIAL)).astype(np.float32))
    axes = [SlidingWindow(3, 1, 1, 1).windows(length) for length in SPATIAL]
    for quantile in (Quantile(0.3, "linear"), None):
        whole = window_ranks(x, axes, quantile)
        for taps in (9, 100):
            monkeypatch.setattr(module, "PIECE_TAPS", taps)
            assert window_ranks(x, axes, quantile).numpy().tobytes() == whole.numpy().tobytes()
        monkeypatch.undo()


def test_halves_are_rounded_once() -> None:
    """Torch would round float64 to float32 and then to float16, which is another number for one in some thousands."""
    rng = np.random.default_rng(4)
    pairs = np.sort(rng.standard_normal((4000, 2)).astype(np.float16), 1)
    q = 0.3

    found = window_ranks(torch.from_numpy(pairs), [PAIRS.windows(2)], Quantile(q, "linear"))

    low, high = pairs.astype(np.float64).T
    np.testing.assert_array_equal(found.numpy()[:, 0], (low + (high - low) * q).astype(np.float16))


@pytest.mark.parametrize("name", ["uint8", "int32", "int64", "uint64"])
@pytest.mark.parametrize("quantile", [Quantile(0.5, "linear"), Quantile(0.5, "midpoint")])
def test_the_middle_of_two_integers_is_exact(name: str, quantile: Quantile) -> None:
    """Also of the limits of 64 bits, whose difference no int64 has; halves go to the even number."""
    least, most = int(np.iinfo(name).min), int(np.iinfo(name).max)
    pairs = [(least, most), (least, least + 1), (most - 3, most), (1, 4), (2, 3), (least + 1, most)]

    found = window_ranks(torch.from_numpy(np.array(pairs, name)), [PAIRS.windows(2)], quantile)

    def middle(total: int) -> int:
        return total // 2 + (total % 2 == 1 and total // 2 % 2 == 1)

    assert found.numpy()[:, 0].tolist() == [middle(low + high) for low, high in pairs]


def test_a_nan_that_counts_is_the_result() -> None:
    """Of both signs; a NaN that does not count is not."""
    x = torch.tensor([[math.nan, 1.0, -math.nan, math.inf]])
    kept = torch.tensor([[True, True, False, True]])

    found = window_ranks(x, [PAIRS.windows(4)], Quantile(0.0, "lower"), kept)

    assert math.isnan(found[0, 0].item())
    assert found[0, 1].item() == math.inf
