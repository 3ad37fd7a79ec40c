"""Norm kernels: powers and roots in float64, the same bits at each position, rounded once."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from poolhouse.dtypes import bfloat16_to_float32, float32_to_bfloat16
from poolhouse.kernels.axes import Axis
from poolhouse.kernels.norms import InfinityNormKernel, NormKernel, raise_to
from poolhouse.kernels.widening import Array

INF, NAN = math.inf, math.nan
PAIRS = (Axis(6, np.arange(0, 6, 2), np.full(3, 2), 1),)


def raised(values: list[float], power: float) -> npt.NDArray[np.float64]:
    """The powers, as :func:`raise_to` leaves them."""
    x = np.array(values)
    with np.errstate(all="ignore"):
        raise_to(x, power)
    return x


@pytest.mark.parametrize(
    ("power", "value", "expected"),
    [
        (1.0, -3.0, -3.0),
        (2.0, -3.0, 9.0),
        (3.0, -3.0, -27.0),
        (4.0, -3.0, 81.0),
        (5.0, -3.0, -243.0),
        (-1.0, -4.0, -0.25),
        (-2.0, -4.0, 0.0625),
        (-3.0, -2.0, -0.125),
        (0.5, 16.0, 4.0),
        (-0.5, 16.0, 0.25),
        (0.25, 16.0, 2.0),
        (1.5, -4.0, NAN),
        (0.5, -4.0, NAN),
        (1.5, -INF, INF),
        (-1.5, -INF, 0.0),
        (5.0, -INF, -INF),
        (-3.0, -INF, -0.0),
        (-3.0, -0.0, -INF),
        (5.0, -0.0, -0.0),
        (4.0, -0.0, 0.0),
        (2.0, 1e200, INF),
        (7.0, NAN, NAN),
    ],
)
def test_powers_are_those_of_c(power: float, value: float, expected: float) -> None:
    """Torch's formula has signed powers: an odd one keeps the sign, a fractional one of a negative number is NaN."""
    found = raised([value], power)

    # Only products, quotients and square roots have the same last place on all processors.
    np.testing.assert_allclose(found, [expected], rtol=1e-15)
    assert math.isnan(expected) or np.signbit(found).item() is np.signbit(expected).item()


@pytest.mark.parametrize("power", [1.0, 2.0, 3.0, 0.5, -0.5, -1.0, -2.0, 1.7, -1.3, 1 / 3, 4.0, 5.0, 1 / 7])
def test_a_power_does_not_depend_on_the_position(power: float) -> None:
    """Equal requests get equal bits, whatever else is in the batch; vectors and the rest after them may differ."""
    rng = np.random.default_rng(7)
    values = (rng.standard_normal(67) * 10.0 ** rng.integers(-9, 9, 67)).tolist()

    together = raised(values, power)

    assert together.tobytes() == b"".join(raised([value], power).tobytes() for value in values)
    assert together.tobytes() == raised(values[::-1], power)[::-1].tobytes()


@pytest.mark.parametrize("name", ["float16", "float32", "float64", "int8", "int32", "int64", "bool", "uint8"])
def test_norms_are_computed_in_float64_and_rounded_once(name: str) -> None:
    """A square of an int8 or a float16 overflows its type; norms of integers are float32."""
    rows = [[3, 4, 5, 12, 0, 0], [100, 75, 90, 120, 1, 1]]
    x: Array = np.array(rows).astype(name)

    (found,) = NormKernel(PAIRS, name, 2.0, absolute=False)({"input": np.tile(x, (40, 1))}, 2)

    exact = np.sqrt((x.astype(np.float64).reshape(2, 3, 2) ** 2).sum(-1))
    expected = exact.astype(name if name.startswith("float") else "float32")
    assert found.dtype == expected.dtype
    assert found.tobytes() == np.tile(expected, (40, 1)).tobytes()


def test_bfloat16_is_rounded_from_the_norm() -> None:
    """Its elements are 16-bit integers for numpy; they must not be pooled as such."""
    x = float32_to_bfloat16(np.array([[3.0, 4.0, -1.0, 1.0, 2.0**-70, 0.0]], np.float32))

    (found,) = NormKernel(PAIRS, "bfloat16", 2.0, absolute=False)({"input": x}, 1)

    assert bfloat16_to_float32(found.astype(np.uint16)).tolist() == [[5.0, 1.4140625, 2.0**-70]]


@pytest.mark.parametrize(
    ("power", "absolute", "row", "expected"),
    [
        (3.0, False, [-2.0, 1.0, 2.0, -1.0, -1.0, 1.0], [NAN, 7 ** (1 / 3), 0.0]),
        (3.0, True, [-2.0, 0.0, 2.0, -2.0, -1.0, 0.0], [2.0, 16 ** (1 / 3), 1.0]),
        (1.0, False, [-2.0, 1.0, 2.0, -1.0, -0.0, -0.0], [-1.0, 1.0, 0.0]),
        # The sum starts at +0; the inverse of -0 would be -inf.
        (-1.0, False, [-INF, -INF, INF, INF, 2.0, 2.0], [INF, INF, 1.0]),
        (-1.0, False, [1.0, 0.0, -0.0, 1.0, -1.0, 0.5], [0.0, -0.0, 1.0]),
        (2.0, False, [NAN, 1.0, INF, 1.0, -INF, INF], [NAN, INF, INF]),
    ],
)
def test_special_windows(power: float, absolute: bool, row: list[float], expected: list[float]) -> None:
    """The root of a negative sum is NaN, as in torch, and one NaN or zero does not reach the next window."""
    (norms,) = NormKernel(PAIRS, "float64", power, absolute=absolute)({"input": np.array([row])}, 1)

    found = norms.view(np.float64)
    np.testing.assert_allclose(found, [expected], rtol=1e-15)
    np.testing.assert_array_equal(
        np.signbit(found)[~np.isnan(found)], [math.copysign(1, e) < 0 for e in expected if e == e]
    )


def test_each_output_has_its_own_scale() -> None:
    """The sum of a clipped window is scaled to a full one before the root."""
    axes = [Axis(3, np.array([0, 2]), np.array([2, 1]), 1)] * 2
    scale = np.array([[1.0, 2.0], [2.0, 4.0]])

    (found,) = NormKernel(axes, "float32", 2.0, absolute=False, scale=scale)(
        {"input": np.full((5, 3, 3), -3.0, "f4")}, 2
    )

    assert found.tolist() == [[[6.0, 6.0], [6.0, 6.0]]] * 5


@pytest.mark.parametrize(
    ("name", "least_value"),
    [("int8", -(2**7)), ("int16", -(2**15)), ("int32", -(2**31)), ("int64", -(2**63)), ("float16", -65504.0),
     ("float32", -3e38), ("float64", -1e308)],
)  # fmt: skip
def test_the_magnitude_of_the_least_element_is_right(name: str, least_value: float) -> None:
    """The absolute value of the least integer does not fit into its type."""
    x = np.array([[least_value, 5, -7, 3, -2, 2]]).astype(name)
    rounded = np.array(least_value).astype(name).astype(np.float64 if name == "float64" else np.float32)

    (most,) = InfinityNormKernel(PAIRS, name, least=False)({"input": x}, 1)
    (least,) = InfinityNormKernel(PAIRS, name, least=True)({"input": x}, 1)

    assert most.dtype == least.dtype == np.dtype(name if name.startswith("float") else "float32")
    assert most.tolist() == [[-rounded.item(), 7.0, 2.0]]
    assert least.tolist() == [[5.0, 3.0, 2.0]]


@pytest.mark.parametrize("name", ["float16", "float32", "float64"])
def test_magnitudes_are_positive_and_nan_wins(name: str) -> None:
    """The least magnitude is found as the largest negative one, which must not leave a sign."""
    x = np.array([[-0.0, -0.0, NAN, 1.0, -INF, 2.0]], name)

    (most,) = InfinityNormKernel(PAIRS, name, least=False)({"input": x}, 1)
    (least,) = InfinityNormKernel(PAIRS, name, least=True)({"input": x}, 1)

    np.testing.assert_array_equal(most, np.array([[0.0, NAN, INF]], name))
    np.testing.assert_array_equal(least, np.array([[0.0, NAN, 2.0]], name))
    assert not np.signbit(most[0, [0, 2]]).any()
    assert not np.signbit(least[0, [0, 2]]).any()
