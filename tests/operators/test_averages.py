"""Averages where torch's are wrong: large windows, large integers, unusual divisors."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pytest
import torch
import torch.nn.functional as F

from poolhouse.backend.torch_worker import run_plan
from poolhouse.dtypes import ELEMENT_TYPES, INT64
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.tensors import Tensor
from tests.operators.random_cases import CATALOGUE, CPU, settled_plan

N = TypeVar("N", bound=np.number)

AVG_POOL = {rank: CATALOGUE.find(f"avg_pool{rank}d") for rank in (1, 2, 3)}


def pooled(spec: PlaneOperator, array: npt.NDArray[N]) -> npt.NDArray[N]:
    """The output for an array of a numpy type."""
    dtype = ELEMENT_TYPES[array.dtype.name]
    plan = settled_plan(spec, dtype, array.shape)
    output = run_plan(plan, {"input": Tensor(dtype, array)}, CPU)["output"].array
    return output.view(array.dtype)


LARGE = [
    (AVG_POOL[2].of(kernel_size=2048), (1, 2048, 2048)),
    (AVG_POOL[2].of(kernel_size=[2047, 2048], stride=1), (1, 2048, 2048)),
    (AVG_POOL[1].of(kernel_size=2**22), (1, 2**22)),
    (AVG_POOL[3].of(kernel_size=128), (1, 128, 128, 128)),
    (CATALOGUE.find("adaptive_avg_pool2d").of(output_size=[1, 2]), (1, 2048, 2048)),
    (CATALOGUE.find("global_avg_pool2d").of(), (1, 2048, 2048)),
    (AVG_POOL[2].of(kernel_size=1025, stride=512, padding=512, count_include_pad=False), (1, 2048, 2048)),
]


@pytest.mark.parametrize(("spec", "shape"), LARGE, ids=lambda value: str(value)[:60])
def test_a_large_window_of_one_value_averages_to_that_value(spec: PlaneOperator, shape: tuple[int, ...]) -> None:
    """The error of torch's running sum grows: a 4096² window of 0.1 averages to 0.1153."""
    output = pooled(spec, np.full(shape, 0.1, dtype=np.float32))

    np.testing.assert_array_max_ulp(output, np.full(output.shape, 0.1, dtype=np.float32), maxulp=1)


def test_a_large_window_is_right_to_one_unit_in_the_last_place() -> None:
    """Compared with math.fsum, which rounds once; torch is off by 5e-5 at this size."""
    array = (np.random.default_rng(5).random((1, 1024, 1024)) + 0.5).astype(np.float32)

    output = pooled(AVG_POOL[2].of(kernel_size=1024), array)

    exact = math.fsum(array.reshape(-1).tolist()) / array.size
    np.testing.assert_array_max_ulp(output.reshape(()), np.array(exact, dtype=np.float32), maxulp=1)


def test_torchs_running_sum_is_still_inaccurate() -> None:
    """The documentation compares torch's results with ours; it must change if torch is fixed."""
    average = F.avg_pool1d(torch.full((1, 1, 2**22), 0.1), 2**22).item()

    assert abs(average - 0.1) > 1e-4


def test_a_nan_affects_only_its_windows() -> None:
    """An integral image would spread it over the rest of the plane."""
    array = np.ones((1, 40, 40), dtype=np.float32)
    array[0, 20, 20] = np.nan
    array[0, 3, 3] = np.inf

    output = pooled(AVG_POOL[2].of(kernel_size=13, stride=1), array)[0]

    rows, columns = np.mgrid[0:28, 0:28]
    holds_nan = (rows <= 20) & (rows + 13 > 20) & (columns <= 20) & (columns + 13 > 20)
    holds_inf = (rows <= 3) & (columns <= 3)
    np.testing.assert_array_equal(np.isnan(output), holds_nan)
    np.testing.assert_array_equal(np.isinf(output), holds_inf)
    assert (output[~holds_nan & ~holds_inf] == 1).all()


DIVISORS = (None, 1, -1, 2, 3, -7, 2**31, 2**32 - 1, 2**40, 2**46, -(2**46) - 1, 2**61, 2**62, -(2**62) - 3)
EDGES = (*DIVISORS, 2**63 - 1, -(2**63) + 1, -(2**63))


@pytest.mark.parametrize("divisor", EDGES)
def test_int64_averages_are_exact(divisor: int | None) -> None:
    """Torch's sum overflows: four times 2⁶² averages to 0. The expected values are computed with Python's integers."""
    rng = np.random.default_rng(9)
    edges = np.array([2**62, -(2**62), 2**63 - 1, -(2**63), 2**32, -(2**32), 2**32 - 1, -1, 0, 1])
    array = np.concatenate(
        [
            edges[rng.integers(0, len(edges), (40, 6))],
            rng.integers(-(2**63), 2**63 - 1, (40, 6), endpoint=True),
            rng.integers(-9, 9, (20, 6)),
            np.full((2, 6), 2**63 - 1),
            np.full((2, 6), -(2**63)),
        ]
    )

    for fields in ({"kernel_size": 4}, {"kernel_size": 3, "stride": 1, "padding": 1}):
        output = pooled(AVG_POOL[1].of(**fields, divisor_override=divisor), array)

        expected = [_averages(row, fields, divisor) for row in array.tolist()]
        assert output.tolist() == expected


def _averages(row: list[int], fields: dict[str, int], divisor: int | None) -> list[int]:
    kernel, stride, padding = fields["kernel_size"], fields.get("stride", 4), fields.get("padding", 0)
    padded = [0] * padding + row + [0] * padding
    averages = []
    for start in range(0, len(padded) - kernel + 1, stride):
        exact = Fraction(sum(padded[start : start + kernel]), divisor or kernel)
        averages.append(min(max(math.trunc(exact), -(2**63)), 2**63 - 1))
    return averages


def test_quotients_are_exact_for_a_divisor_beyond_int64() -> None:
    """Three axes with 2³⁰ positions of padding have windows of 2⁹³ positions, more than int64 holds."""
    wide, pad = 2**31 - 1, 2**30 - 1
    for kernel, padding in (([wide, wide, 3], [pad, pad, 1]), ([wide, wide, wide], [pad, pad, pad])):
        spec = AVG_POOL[3].of(kernel_size=kernel, stride=1, padding=padding)
        for value in (2**62, -(2**63), 2**31 - 1, 1):
            whole = np.full((1, 2, 2, 2), value, dtype=np.int64)

            exact = Fraction(8 * value, math.prod(kernel))
            assert (pooled(spec, whole) == math.trunc(exact)).all()
            if abs(value) < 2**31:
                assert (pooled(spec, whole.astype(np.int32)) == 0).all()
            np.testing.assert_allclose(pooled(spec, whole.astype(np.float64)), float(exact), rtol=1e-15)


@pytest.mark.parametrize("name", ["int8", "int16", "int32", "uint8"])
def test_a_sum_beyond_the_type_is_clamped(name: str) -> None:
    """divisor_override=1 gives sums, and a sum that overflowed would look like a small one."""
    info = np.iinfo(name)
    array = np.array([[info.max] * 4 + [info.min] * 4 + [1, 1, 1, 1]], dtype=name)

    output = pooled(AVG_POOL[1].of(kernel_size=4, divisor_override=1), array)

    assert output.tolist() == [[info.max, info.min, 4]]


def test_integer_averages_are_truncated_toward_zero() -> None:
    """As in torch for int64, the only integer type that it averages."""
    array = np.array([[-3, 0, 3, 0, -1, 0, 1, 0]], dtype=np.int64)

    output = pooled(AVG_POOL[1].of(kernel_size=2), array)

    assert output.tolist() == F.avg_pool1d(torch.from_numpy(array), 2).tolist() == [[-1, 1, 0, 0]]


def test_the_worst_int64_plane_is_exact() -> None:
    """A window of 2²⁰ times the least int64 has a sum of 83 bits."""
    array = np.full((1, 2**20), -(2**63), dtype=np.int64)

    assert pooled(CATALOGUE.find("global_avg_pool1d").of(), array).tolist() == [[-(2**63)]]
    assert INT64.storage == array.dtype
