"""Kernels that pass over elements, against plain Python over the elements of each window."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from poolhouse.kernels.axes import Axis
from poolhouse.kernels.omission import Omission
from poolhouse.kernels.skipping import KeptExtremeKernel, KeptSumKernel, KeptVarianceKernel
from poolhouse.kernels.skipping_loops import FOLDED
from tests.hypothesis_profiles import scaled_examples
from tests.kernels.traced_windows import axes, chosen, positions_of

Plane = tuple[Axis, Axis, Axis]
Array = npt.NDArray[Any]
Numbers = list[Any]

TYPES = ["float32", "float64", "float16", "int64", "uint64", "uint8"]
PLANES = st.tuples(axes(2), axes(5), axes(9))


def planes_of(plane: Plane, name: str, seed: int) -> Array:
    """Two planes with ties; floats have NaN, infinities and zeros of both signs; integers are near their limits."""
    rng = np.random.default_rng(seed)
    shape = (2, *(axis.length for axis in plane))
    if name.startswith("float"):
        few = np.array([math.nan, math.nan, math.inf, -math.inf, 0.0, -0.0, 1.0, 2.0, -3.5], name)
    else:
        limits = np.iinfo(name)
        few = np.array([limits.min, limits.max, limits.max - 1, 0, 1, 2], name)
    return few[rng.integers(0, len(few), shape)]


def omissions(name: str) -> st.SearchStrategy[Omission]:
    """What may be passed over: NaN, a number, or both."""
    if not name.startswith("float"):
        value = st.sampled_from((0, 1, int(np.iinfo(name).max)))
        return value.map(lambda each: Omission(nan=False, value=each, nothing_left=each))
    numbers = st.sampled_from((None, 0.0, 1.0, math.inf, -math.inf))
    return st.tuples(st.booleans(), numbers).map(lambda each: Omission(each[0] or each[1] is None, each[1], each[1]))


def left_of(values: Numbers, omission: Omission) -> list[int]:
    """The places of the elements of a window that count."""
    return [
        place
        for place, value in enumerate(values)
        if (not omission.nan if value != value else omission.value is None or value != omission.value)
    ]


def windows_of(plane: Plane, x: Array, omission: Omission) -> list[tuple[Numbers, list[int], float]]:
    """Of each window of both planes: the elements that are left, their places, and their share."""
    found = []
    for each in x.reshape(2, -1):
        for window in positions_of(plane):
            values = each[list(window)].tolist()
            left = left_of(values, omission)
            found.append(([values[i] for i in left], [window[i] for i in left], len(left) / len(values)))
    return found


def bits(values: Array) -> bytes:
    """The elements' bits, the same for every NaN."""
    return np.where(values != values, np.array(math.nan, values.dtype), values).tobytes() if values.dtype.kind == "f" \
        else values.tobytes()  # fmt: skip


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("least", [False, True])
def test_extremes_are_those_of_the_elements_that_are_left(name: str, *, least: bool) -> None:
    """The first of equal elements, the last NaN, and -1 where nothing is left, however lines are combined."""

    @scaled_examples(25)
    @given(PLANES, omissions(name), st.integers(0, 2**32), st.integers(1, 3))
    def holds(plane: Plane, omission: Omission, seed: int, threads: int) -> None:
        x = planes_of(plane, name, seed)
        sign = -1 if least else 1
        expected, places, shares = [], [], []
        for values, positions, share in windows_of(plane, x, omission):
            place = chosen([sign * value for value in values]) if values else -1
            empty = math.nan if omission.nothing_left is None else omission.nothing_left
            expected.append(values[place] if values else empty)
            places.append(positions[place] if values else -1)
            shares.append(share)

        kernel = KeptExtremeKernel(plane, name, omission, least=least, with_indices=True, gives_shares=True)
        found, indices, valid = kernel({"input": x}, threads)
        plain = KeptExtremeKernel(plane, name, omission, least=least, with_indices=False, gives_shares=False)
        (alone,) = plain({"input": x}, threads)

        assert bits(found.reshape(-1)) == bits(np.array(expected, name))
        assert bits(alone) == bits(found)
        assert indices.reshape(-1).tolist() == places
        assert valid.reshape(-1).tolist() == np.array(shares).astype(np.float32).tolist()

    holds()


@pytest.mark.parametrize(
    ("name", "averages"),
    [(name, averages) for name in TYPES for averages in (False, True) if not (averages and name.endswith("int64"))],
)
def test_sums_are_those_of_the_elements_that_are_left(name: str, *, averages: bool) -> None:
    """Exact for integers, with averages truncated toward zero; for floats these few numbers are exact, too."""

    @scaled_examples(25)
    @given(PLANES, omissions(name), st.integers(0, 2**32), st.integers(1, 3))
    def holds(plane: Plane, omission: Omission, seed: int, threads: int) -> None:
        # The outputs are int64; a value beyond it is refused before.
        assume(name != "uint64" or omission.nothing_left != np.iinfo(name).max)
        x = planes_of(plane, name, seed)
        expected: Numbers = []
        for values, _, _ in windows_of(plane, x, omission):
            if not values:
                expected.append(math.nan if omission.nothing_left is None else omission.nothing_left)
            elif averages:
                expected.append(
                    sum(values) / len(values) if x.dtype.kind == "f" else math.trunc(sum(values) / len(values))
                )
            else:
                expected.append(sum(values))

        kernel = KeptSumKernel(plane, name, omission, averages=averages, gives_shares=False)
        (found,) = kernel({"input": x}, threads)

        if averages or x.dtype.kind == "f":
            reals = np.asarray(found.reshape(-1), np.float64)
            np.testing.assert_allclose(reals, np.array(expected).astype(name), rtol=2 * _eps(name))
        else:
            # Sums of 64-bit integers are modulo 2⁶⁴; those beyond int64 are refused before.
            assert found.reshape(-1).tolist() == [(value + 2**63) % 2**64 - 2**63 for value in expected]

    holds()


def _eps(name: str) -> float:
    return float(np.finfo(name).eps) if name.startswith("float") else 0.0


@pytest.mark.parametrize("name", ["float32", "float16", "int32", "uint8"])
@pytest.mark.parametrize("correction", [0, 1])
def test_variances_are_those_of_the_elements_that_are_left(name: str, correction: int) -> None:
    """Equal elements have exactly 0; too few have NaN, as numpy has it."""

    @scaled_examples(25)
    @given(PLANES, omissions(name), st.integers(0, 2**32), st.booleans())
    def holds(plane: Plane, omission: Omission, seed: int, takes_root: bool) -> None:
        x = planes_of(plane, name, seed)
        reduce = np.std if takes_root else np.var
        expected = []
        for values, _, _ in windows_of(plane, x, omission):
            if not values:
                expected.append(math.nan if omission.nothing_left is None else float(omission.nothing_left))
            elif len(values) <= correction:
                expected.append(math.nan)
            else:
                with np.errstate(invalid="ignore"):
                    expected.append(float(reduce(np.array(values, np.float64), ddof=correction)))

        kernel = KeptVarianceKernel(plane, name, omission, correction, takes_root=takes_root, gives_shares=False)
        (found,) = kernel({"input": x}, 2)

        output = name if name.startswith("float") else "float32"
        with np.errstate(over="ignore"):
            rounded = np.array(expected).astype(output)
        np.testing.assert_allclose(np.asarray(found.reshape(-1), np.float64), rounded, rtol=2 * _eps(output))
        exact = np.array(expected) == 0
        assert (found.reshape(-1)[exact] == 0).all()

    holds()


@pytest.mark.parametrize("length", [FOLDED, FOLDED + 1, 2 * FOLDED + 1, 1000])
def test_a_line_that_is_one_window_is_folded_to_its_result(length: int) -> None:
    """Each element is in exactly one half, whatever the length."""
    x = np.arange(1, length + 1, dtype=np.float64).reshape(1, 1, length)
    x[0, 0, ::7] = math.nan
    plane = (Axis(1, np.array([0]), np.array([1]), 1), Axis(length, np.array([0]), np.array([length]), 1))
    omission = Omission(nan=True)

    (total, share) = KeptSumKernel(plane, "float64", omission, averages=False, gives_shares=True)({"input": x}, 1)
    extremes = [
        KeptExtremeKernel(plane, "float64", omission, least=least, with_indices=True, gives_shares=False)
        for least in (False, True)
    ]

    assert total.item() == np.nansum(x)
    assert share.item() == np.float32(np.isfinite(x).mean())
    most, least = ([each.item() for each in kernel({"input": x}, 1)] for kernel in extremes)
    assert most == [np.nanmax(x), np.nanargmax(x)]
    assert least == [np.nanmin(x), np.nanargmin(x)]
