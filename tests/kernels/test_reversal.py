"""Minima by kernels of maxima: the order of the elements is reversed before and after."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.dtypes import float32_to_bfloat16
from poolhouse.kernels.axes import Axis
from poolhouse.kernels.reversal import ReversedKernel
from poolhouse.kernels.widening import Array
from poolhouse.kernels.window_kernels import MaximumKernel
from tests.hypothesis_profiles import scaled_examples
from tests.kernels.traced_windows import axes, chosen, positions_of

INTEGERS = ("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
FLOATS = ("float16", "float32", "float64")


class Recorder:
    """A kernel that returns copies of what it is given, and keeps it."""

    def __init__(self) -> None:
        self.given = np.zeros(0)

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """The input, and something that is not of its type."""
        self.given = planes["input"].copy().astype(np.float64)
        return planes["input"].copy(), np.arange(3)


def ascending(name: str) -> Array:
    """Different numbers of a type in ascending order, its limits among them."""
    if name in FLOATS:
        most = float(np.finfo(name).max)
        return np.array([-math.inf, -most, -1.5, 0.0, 2.0**-14, 1.0, most, math.inf], name)
    least, most = (0, 1) if name == "bool" else (int(np.iinfo(name).min), int(np.iinfo(name).max))
    return np.array(sorted({least, least + 1, most // 2, most - 1, most}), name)


@pytest.mark.parametrize("name", [*INTEGERS, *FLOATS])
def test_the_kernel_sees_the_opposite_order(name: str) -> None:
    """Also of the least integer, which has no negative, and of unsigned ones."""
    x = ascending(name)
    recorder = Recorder()

    back, rest = ReversedKernel(recorder, name in FLOATS)({"input": x}, 1)

    assert (np.diff(recorder.given) <= 0).all()
    assert recorder.given[0] > recorder.given[-1]
    assert back.tobytes() == x.tobytes()
    assert rest.tolist() == [0, 1, 2]


@pytest.mark.parametrize("name", [*INTEGERS, *FLOATS])
@pytest.mark.parametrize("with_indices", [False, True])
def test_minima_are_those_of_python(name: str, *, with_indices: bool) -> None:
    """With the index of the first of equal elements."""

    @scaled_examples(25)
    @given(st.tuples(axes(2), axes(5), axes(9)), st.integers(0, 2**32))
    def holds(plane: tuple[Axis, ...], seed: int) -> None:
        numbers = ascending(name)
        x = numbers[np.random.default_rng(seed).integers(0, len(numbers), [axis.length for axis in plane])]
        before = x.copy()

        kernel = ReversedKernel(MaximumKernel(plane, name, with_indices=with_indices), name in FLOATS)
        values, *indices = kernel({"input": x[None]}, 2)

        flat, windows = x.reshape(-1).tolist(), positions_of(plane)
        places = [window[chosen([-flat[place] for place in window])] for window in windows]
        assert values.reshape(-1).tolist() == [flat[place] for place in places]
        assert [each.reshape(-1).tolist() for each in indices] == [places] * with_indices
        assert x.tobytes() == before.tobytes()

    holds()


def test_the_signs_of_zeros_and_nan_are_those_of_the_input() -> None:
    """A sign is changed twice, not computed: the bits of NaN are kept."""
    bits = np.array([[0x80000000, 0x00000000, 0x7FC00123, 0x3F800000, 0xFFC00001, 0xFF800000]], np.uint32)
    singles = Axis.identity(6)

    (found,) = ReversedKernel(MaximumKernel([singles], "float32", with_indices=False), is_float=True)(
        {"input": bits.view(np.float32)}, 1
    )

    assert found.view(np.uint32).tolist() == bits.tolist()


def test_bfloat16_is_reversed_by_its_sign() -> None:
    """Its elements are 16-bit integers for numpy, whose complement would be another number."""
    x = float32_to_bfloat16(np.array([[-3.0, 2.0, math.inf, -math.inf]], np.float32))
    pairs = Axis(4, np.array([0, 2]), np.full(2, 2), 1)

    kernel = ReversedKernel(MaximumKernel([pairs], "bfloat16", with_indices=False), is_float=True)
    (found,) = kernel({"input": x}, 1)

    assert found.tobytes() == float32_to_bfloat16(np.array([[-3.0, -math.inf]], np.float32)).tobytes()
