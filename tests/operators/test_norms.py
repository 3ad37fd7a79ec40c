"""Powers of tensors: those of C, with bits that do not depend on the position; and laws of norms."""

from __future__ import annotations

import math
from random import Random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.kernels.norms import raise_to
from poolhouse.operators.norms import power_cost, to_power
from tests.hypothesis_profiles import scaled_examples
from tests.operators.both_ways import outputs, spec_of

INF, NAN = math.inf, math.nan
POWERS = (1.0, 2.0, 3.0, 0.5, -0.5, -1.0, -2.0, 1.7, -1.3, 1 / 3, 4.0, 5.0, -3.0)
SPECIAL = (0.0, -0.0, INF, -INF, NAN, 1.0, -1.0, -2.5, 1e-200, -1e200)

every_power = pytest.mark.parametrize("power", POWERS)


def c_power(value: float, power: float) -> float:
    """C's pow(), without Python's exceptions."""
    try:
        return math.pow(value, power)
    except OverflowError:
        return -INF if value < 0 and power % 2 == 1 else INF
    except ValueError:
        # Python raises for a zero to a negative power, which is infinite, and for a root of a negative number.
        return NAN if value else math.copysign(INF, value) if power % 2 == 1 else INF


@pytest.mark.parametrize("power", [power for power in POWERS if abs(power) != 0.5])
def test_powers_are_those_of_c(power: float) -> None:
    """With the signs of odd powers, NaN for roots of negative numbers, and infinities."""
    found = to_power(torch.tensor(SPECIAL, dtype=torch.float64), power).numpy()

    expected = np.array([c_power(value, power) for value in SPECIAL])
    np.testing.assert_allclose(found, expected, rtol=1e-15)
    numeric = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(found)[numeric], np.signbit(expected)[numeric])


def test_square_roots_are_those_of_ieee() -> None:
    """Correctly rounded, and NaN for all negative numbers, where C's pow() knows that of minus infinity."""
    x = torch.tensor([2.0, 16.0, 1e-300, INF, 0.0, -4.0, -INF], dtype=torch.float64)

    roots, inverse = to_power(x, 0.5).tolist(), to_power(x, -0.5).tolist()

    assert roots[:5] == [math.sqrt(2), 4.0, 1e-150, INF, 0.0]
    assert inverse[:5] == [1 / math.sqrt(2), 0.25, 1e150, 0.0, INF]
    assert all(map(math.isnan, roots[5:] + inverse[5:]))


@every_power
def test_a_power_does_not_depend_on_its_neighbours(power: float) -> None:
    """Vectors and the rest after them would differ in the last place, and so would batches of other sizes."""

    @scaled_examples(30)
    @given(st.integers(0, 2**32), st.integers(1, 40))
    def holds(seed: int, count: int) -> None:
        random = Random(seed)
        values = [random.uniform(-1, 1) * 10 ** random.randrange(-8, 8) for _ in range(count)]
        x = torch.tensor(values, dtype=torch.float64)
        before = x.clone()

        together = to_power(x, power).numpy().tobytes()

        assert together == b"".join(to_power(each.reshape(1), power).numpy().tobytes() for each in x)
        assert torch.equal(x, before)

    holds()


@every_power
def test_tensors_and_the_loops_arrays_have_close_powers(power: float) -> None:
    """A request may be pooled by either; results of both are within the last places of each other."""
    values = np.random.default_rng(2).standard_normal(999) * 10.0 ** np.random.default_rng(3).integers(-9, 9, 999)
    raised = values.copy()

    with np.errstate(all="ignore"):
        raise_to(raised, power)

    np.testing.assert_allclose(to_power(torch.from_numpy(values), power).numpy(), raised, rtol=4e-16)


def test_powers_by_arithmetic_cost_less() -> None:
    """Calls of the C library take twenty nanoseconds for each element, and memory for the magnitudes."""
    for power in (1.0, 2.0, 3.0, 0.5, -0.5, -1.0, -2.0):
        cheap, dear = power_cost(1000, power), power_cost(1000, power + 0.25)
        assert cheap.plane_steps < dear.plane_steps / 3
        assert cheap.plane_bytes < dear.plane_bytes


@pytest.mark.parametrize("p", [1, 2, 3, 0.5, -1, 1.7])
def test_norms_are_homogeneous_and_add_up_over_windows(p: float) -> None:
    """The p-th power of a norm is the sum of those of the parts of its window."""
    x = np.random.default_rng(5).uniform(0.5, 2, (2, 6, 8))
    fields = {"norm_type": p, "absolute": True}
    small = outputs("lp_pool2d", x, kernel_size=[3, 2], **fields)[0]

    for whole in outputs("lp_pool2d", x, kernel_size=[6, 4], **fields):
        np.testing.assert_allclose(whole**p, (small**p).reshape(2, 2, 2, 2).sum((1, 3))[:, None], rtol=1e-12)
    for scaled in outputs("lp_pool2d", -3 * x, kernel_size=[3, 2], **fields):
        np.testing.assert_allclose(scaled, 3 * small, rtol=1e-12)


@pytest.mark.parametrize("p", [0.5, -0.5, 2.0, -2.0])
def test_the_power_of_a_half_is_the_square_root_as_in_torch(p: float) -> None:
    """Of minus infinity it is NaN, unlike C's pow(); the reference, which traces show too, says the same."""
    x = np.array([SPECIAL])
    fields = {"kernel_size": 1, "norm_type": p}
    expected = torch.nn.functional.lp_pool1d(torch.from_numpy(x), p, 1).numpy()
    ((*reference,),) = spec_of("lp_pool1d", **fields).reference(x[0], None)

    for found in [*outputs("lp_pool1d", x, **fields), np.array([reference])]:
        np.testing.assert_allclose(found, expected, rtol=1e-15)
