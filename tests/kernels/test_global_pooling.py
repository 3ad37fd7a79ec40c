"""Global pooling by loops that compare the bits of 16-bit floats, against torch."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
import torch
import torch.nn.functional as F

from poolhouse.kernels.global_pooling import GlobalAverageKernel, GlobalMaximumKernel

HALVES = pytest.mark.parametrize("name", ["float16", "bfloat16"])
SIZES = (1, 5, 16, 63, 64, 65, 1023, 1024, 1025, 3136, 9001)
SPECIAL = (0.0, -0.0, math.nan, -math.nan, math.inf, -math.inf, 6e-8, -6e-8, 65504.0)


def planes_of(name: str, size: int) -> torch.Tensor:
    """Planes of ordinary numbers, of special numbers only, and of negative numbers with few special ones."""
    rng = np.random.default_rng(size)
    plain = rng.standard_normal((3, size))
    special = rng.choice(SPECIAL, (24, size))
    rare = np.where(rng.random((12, size)) < 2 / size, rng.choice(SPECIAL, (12, size)), -1 - plain[:1] ** 2)
    return torch.from_numpy(np.concatenate((plain, special, rare))).to(getattr(torch, name))


def bits_of(halves: npt.NDArray[np.generic], name: str) -> list[object]:
    """Their bits, with one text for every NaN: torch gives several NaNs."""
    infinity = {"float16": 0x7C00, "bfloat16": 0x7F80}[name]
    return ["nan" if (bits & 0x7FFF) > infinity else bits for bits in halves.view(np.uint16).reshape(-1).tolist()]


@HALVES
@pytest.mark.parametrize("size", SIZES)
def test_the_maximum_of_a_plane_has_torchs_bits(name: str, size: int) -> None:
    """The order of their bits is not that of floats for NaN and for zeros of either sign."""
    x = planes_of(name, size)
    given = {"input": x.view(torch.int16).numpy().view("uint16" if name == "bfloat16" else "float16")}

    maxima, indices = GlobalMaximumKernel((size,), name, with_indices=True)(given, 2)
    (alone,) = GlobalMaximumKernel((size,), name, with_indices=False)(given, 1)

    expected, expected_indices = F.adaptive_max_pool1d_with_indices(x, (1,))
    assert indices.tolist() == expected_indices.tolist()
    assert bits_of(maxima, name) == bits_of(alone, name) == bits_of(expected.view(torch.int16).numpy(), name)


@HALVES
@pytest.mark.parametrize("size", SIZES)
def test_the_mean_of_a_plane_is_rounded_from_the_exact_sum(name: str, size: int) -> None:
    """float16 is added as a float64 times a power of two, which does not work for infinities and NaN."""
    x = planes_of(name, size)
    given = {"input": x.view(torch.int16).numpy().view("uint16" if name == "bfloat16" else "float16")}

    (means,) = GlobalAverageKernel((size,), name)(given, 2)

    # Sums of 16-bit floats of similar magnitude are exact in float64. bfloat16's range is wider than that.
    exact = torch.tensor([math.fsum(row) if all(map(math.isfinite, row)) else sum(row) for row in x.double().tolist()])
    found = torch.from_numpy(means.view(np.int16)).view(x.dtype).reshape(-1)
    expected = (exact.double() / size).float().to(x.dtype)
    torch.testing.assert_close(found, expected, rtol=0, atol=0, equal_nan=True)
