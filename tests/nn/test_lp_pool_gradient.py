"""The gradient of a norm: its formula, and the power of two that keeps it within float64."""

from __future__ import annotations

import math

import pytest
import torch

from poolhouse.nn.lp_pool_gradient import fold_planes, lp_pool_gradient, scaling_exponent
from poolhouse.operators.lp_pool import LPPool
from poolhouse.operators.operator import at_rank

INF, NAN = math.inf, math.nan


def norm(p: object, kernel_size: object, rank: int = 1, **fields: object) -> LPPool:
    spec = at_rank(LPPool, rank).of(norm_type=p, kernel_size=kernel_size, **fields)
    assert isinstance(spec, LPPool)
    return spec


def doubles(*elements: float) -> torch.Tensor:
    return torch.tensor(elements, dtype=torch.float64)


@pytest.mark.parametrize(
    ("x", "output", "exponent"),
    [
        ((5.0,), (1.0,), 1),
        ((5.0,), (-1.0, 0.25), 0),
        ((5.0,), (2.0**-20, 2.0**60), 21),
        ((5.0,), (0.0, INF, -INF, NAN, 8.0), 4),
        ((2.0**-9, NAN), (0.0, INF), -8),
        ((0.0, INF), (NAN,), 0),
        ((), (), 0),
        ((5.0,), (2.0**1023,), 1000),
        ((5.0,), (5e-324,), -1000),
    ],
)
def test_the_exponent_is_in_the_middle_of_the_outputs(
    x: tuple[float, ...], output: tuple[float, ...], exponent: int
) -> None:
    """Zeros and infinities have no magnitude, and the power and its inverse must be numbers."""
    found = scaling_exponent(doubles(*x), doubles(*output))

    assert found == exponent
    assert 0 < 2.0**-found < INF


@pytest.mark.parametrize("exponent", [-40, 0, 7])
@pytest.mark.parametrize("p", [0.5, 1, 1.7, 2, 3, 8, -1, -2])
def test_the_gradient_is_its_formula_whatever_the_exponent(p: float, exponent: int) -> None:
    """Dividing all elements by a power of two does not change the quotient x/y."""
    x = doubles(0.3, 5.0, 2.0)
    y = float((x**p).sum() ** (1 / p))

    found = lp_pool_gradient(norm(p, 3), exponent, doubles(2.5).reshape(1, 1, 1), x.reshape(1, 1, 3))

    torch.testing.assert_close(found.flatten(), 2.5 * (x / y) ** (p - 1), rtol=1e-12, atol=0)


def test_scaling_keeps_powers_within_float64() -> None:
    """1e200⁸ is beyond float64, though the norm and its gradient are not."""
    x, one = doubles(1e200, 1e200).reshape(1, 1, 2), torch.ones(1, 1, 1, dtype=torch.float64)
    exponent = scaling_exponent(x, doubles(INF))

    found = lp_pool_gradient(norm(8, 2), exponent, one, x)

    assert found.flatten().tolist() == pytest.approx([2 ** (1 / 8 - 1)] * 2)


def test_the_gradients_of_overlapping_and_cut_windows_are_added() -> None:
    """The window that ceil_mode cuts has two elements, whose sum of squares counts as that of three, as in torch."""
    x = doubles(3.0, 4.0, 12.0, 5.0).reshape(1, 1, 4)

    found = lp_pool_gradient(norm(2, 3, stride=2, ceil_mode=True), 0, doubles(1.0, 10.0).reshape(1, 1, 2), x)

    weight = 10 * 1.5**0.5
    assert found.flatten().tolist() == pytest.approx([3 / 13, 4 / 13, (12 + weight * 12) / 13, weight * 5 / 13])


@pytest.mark.parametrize(
    ("p", "elements", "expected"),
    [
        (2, (0.0, 0.0), (0.0, 0.0)),
        (1, (0.0, 0.0), (1.0, 1.0)),
        (2, (INF, 5.0), (1.0, 0.0)),
        (2, (-INF, INF), (-(2**-0.5), 2**-0.5)),
        (-1, (0.0, 5.0), (1.0, 0.0)),
        (-1, (0.0, 0.0), (0.25, 0.25)),
        (-2, (0.0, 5.0), (0.0, 0.0)),
        ("Infinity", (-5.0, 2.0), (-1.0, 0.0)),
        ("Infinity", (-5.0, 5.0), (-1.0, 0.0)),
        ("-Infinity", (-5.0, -2.0), (0.0, -1.0)),
    ],
)
def test_an_element_that_outweighs_the_others_gets_the_gradient(
    p: object, elements: tuple[float, float], expected: tuple[float, float]
) -> None:
    """The formula alone gives NaN there, which would spoil a training run."""
    x, one = doubles(*elements).reshape(1, 1, 2), torch.ones(1, 1, 1, dtype=torch.float64)

    found = lp_pool_gradient(norm(p, 2), 0, one, x)

    assert found.flatten().tolist() == pytest.approx(expected)


def test_a_gradient_of_zero_stays_zero_beside_an_infinite_factor() -> None:
    """Windows that the loss does not use contribute nothing, whatever their elements are."""
    x = doubles(0.0, 1.0, INF, 1.0, 3.0, 4.0).reshape(1, 1, 6)

    found = lp_pool_gradient(norm(0.5, 2), 0, doubles(0.0, 0.0, 0.0).reshape(1, 1, 3), x)

    assert found.flatten().tolist() == [0.0] * 6


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (3, 4, 5), (1, 1, 4, 5)])
def test_planes_are_folded_into_one_axis(shape: tuple[int, ...]) -> None:
    """Operators take planes without N and C, in float64 also for narrow inputs."""
    x = torch.arange(math.prod(shape), dtype=torch.float32).reshape(shape)

    folded = fold_planes(x, 2)
    found = lp_pool_gradient(norm(2, [4, 5], 2), 0, torch.ones(*shape[:-2], 1, 1, dtype=torch.float64), x)

    assert folded.shape == found.shape == (math.prod(shape[:-2]), 4, 5)
    assert torch.equal(folded.flatten(), x.flatten())
    assert found.dtype is torch.float64
