"""lp_pool: torch's signed powers or norms, and powers with the same bits by torch and by the loops."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from poolhouse.dtypes import ELEMENT_TYPES, FLOAT32, FLOAT64
from poolhouse.kernels.norms import InfinityNormKernel, NormKernel, raise_to
from poolhouse.operators.lp_pool import LPPool
from poolhouse.operators.norms import power_cost, to_power
from poolhouse.operators.window_operator import Window
from tests.operators.random_cases import CATALOGUE

INF, NAN = math.inf, math.nan
POWERS = (1.0, 2.0, 3.0, 4.0, 5.0, 0.5, 1 / 3, 1.7, -0.5, -1.0, -1.3, -2.0, -3.0, -4.0, 1e-3, 300.0)


def lp_pooling(rank: int, fields: Mapping[str, object]) -> LPPool:
    """The spec of an operator of this family."""
    spec = CATALOGUE.find(f"lp_pool{rank}d").of(**fields)
    assert isinstance(spec, LPPool)
    return spec


@pytest.mark.parametrize(
    ("fields", "values", "volume", "expected"),
    [
        ({"norm_type": 2}, [3.0, -4.0], 2, 5.0),
        ({"norm_type": 1}, [3.0, -4.0], 2, -1.0),
        ({"norm_type": 1, "absolute": True}, [3.0, -4.0], 2, 7.0),
        ({"norm_type": 3}, [-2.0, 1.0], 2, NAN),
        ({"norm_type": 3, "absolute": True}, [-2.0, 0.0], 2, 2.0),
        # ceil_mode cuts the window: torch scales its sum to a full one, the norm does not.
        ({"norm_type": 2}, [3.0, 4.0], 8, 10.0),
        ({"norm_type": 2, "absolute": True}, [3.0, 4.0], 8, 5.0),
        ({"norm_type": "Infinity"}, [3.0, -4.0], 8, 4.0),
        ({"norm_type": "-Infinity"}, [3.0, -4.0], 8, 3.0),
        ({"norm_type": "Infinity"}, [3.0, NAN], 2, NAN),
        ({"norm_type": "-Infinity"}, [3.0, NAN], 2, NAN),
        ({"norm_type": -1}, [2.0, 2.0], 2, 1.0),
        ({"norm_type": 2}, [True, True, False, True, True], 5, 2.0),
    ],
)
def test_the_oracle_is_the_documented_formula(
    fields: Mapping[str, object], values: list[float], volume: int, expected: float
) -> None:
    """Both algorithms are compared with it."""
    spec = lp_pooling(1, {"kernel_size": 2, **fields})

    (found,) = spec.of_window(Window(values, range(len(values)), len(values), volume))

    np.testing.assert_allclose(found, expected, rtol=1e-15)


@pytest.mark.parametrize("power", POWERS)
def test_torch_and_the_loops_raise_to_the_same_bits(power: float) -> None:
    """Which of them pools a request depends on its sizes; and no bit may depend on the position in the batch."""
    rng = np.random.default_rng(4)
    values = np.concatenate((
        rng.standard_normal(93) * 10.0 ** rng.integers(-5, 5, 93),
        [0.0, -0.0, INF, -INF, NAN, 1e308, -1e308, 5e-324, 2.0, -2.0],
    ))  # fmt: skip
    by_loops = values.copy()

    found = to_power(torch.from_numpy(values.copy()), power).numpy()
    with np.errstate(all="ignore"):
        raise_to(by_loops, power)

    assert str(found.tolist()) == str(by_loops.tolist())
    alone = [to_power(torch.from_numpy(values[i : i + 1].copy()), power).item() for i in range(len(values))]
    assert str(found.tolist()) == str(alone)


@pytest.mark.parametrize(
    ("fields", "spatial", "scale"),
    [
        ({"kernel_size": 2, "ceil_mode": True}, (4, 6), None),
        ({"kernel_size": 2, "ceil_mode": True, "absolute": True}, (5, 6), None),
        ({"kernel_size": [2, 3], "ceil_mode": True}, (5, 3), [[1.0], [1.0], [2.0]]),
        ({"kernel_size": [2, 3], "ceil_mode": True}, (3, 4), [[1.0, 3.0], [2.0, 6.0]]),
        # Padding is part of the window, as zeros.
        ({"kernel_size": 2, "padding": 1}, (4, 6), None),
        ({"kernel_size": 2, "padding": [[1, 0], [0, 0]], "ceil_mode": True}, (4, 6), [[1.0] * 3, [1.0] * 3, [2.0] * 3]),
    ],
)
def test_only_the_sums_of_cut_windows_are_scaled(
    fields: Mapping[str, object], spatial: tuple[int, ...], scale: list[list[float]] | None
) -> None:
    """The factor is the size of the full window over that of its part inside the input."""
    found = lp_pooling(2, {"norm_type": 2, **fields}).scale(spatial)

    assert (found if found is None else found.tolist()) == scale


@pytest.mark.parametrize(
    ("norm_type", "absolute"),
    [(2, False), (3, True), (1, False), (1.5, True), (-1, True), ("Infinity", False), ("-Infinity", True)],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.int8, torch.bool])
def test_run_is_the_formula(dtype: torch.dtype, norm_type: object, absolute: bool) -> None:
    """Norms of integers are float32, of floats their own type, rounded once from float64."""
    spec = lp_pooling(2, {"norm_type": norm_type, "kernel_size": 2, "ceil_mode": True, "absolute": absolute})
    x = torch.from_numpy(np.random.default_rng(1).integers(-128, 128, (2, 5, 4))).to(dtype)
    if dtype.is_floating_point:
        x[0, 0, :] = torch.tensor([-0.0, NAN, -INF, 0.5])

    (found,) = spec.run({"input": x})

    expected = torch.tensor([spec.reference(plane.numpy(), None)[0] for plane in x], dtype=torch.float64)
    output = dtype if dtype.is_floating_point else torch.float32
    assert found.dtype is output
    assert spec.output_type(ELEMENT_TYPES[str(dtype)[6:]]).name == str(output)[6:]
    torch.testing.assert_close(
        found.reshape(2, -1), expected.to(output), rtol=torch.finfo(output).eps, atol=0, equal_nan=True
    )


def test_signed_powers_are_torchs() -> None:
    """Torch computes them from averages in float32, with larger errors."""
    x = torch.from_numpy(np.random.default_rng(2).standard_normal((2, 7, 7)) + 1)

    for norm_type in (1.0, 2.0, 3.0):
        for ceil_mode in (False, True):
            spec = lp_pooling(2, {"norm_type": norm_type, "kernel_size": 3, "stride": 2, "ceil_mode": ceil_mode})

            theirs = F.lp_pool2d(x, norm_type, 3, 2, ceil_mode)
            (ours,) = spec.run({"input": x})

            torch.testing.assert_close(ours[theirs > 0.1], theirs[theirs > 0.1], rtol=1e-12, atol=0)


def test_the_inverse_of_a_sum_of_zeros_is_positive() -> None:
    """A sum starts at +0 as in torch; -0 to a negative power would be -inf."""
    x = torch.full((1, 4), -INF)

    assert lp_pooling(1, {"norm_type": -1, "kernel_size": 2}).run({"input": x})[0].tolist() == [[INF, INF]]


@pytest.mark.parametrize(
    ("norm_type", "kernel"),
    [("Infinity", InfinityNormKernel), ("-Infinity", InfinityNormKernel), (2, NormKernel), (-1.7, NormKernel)],
)
def test_the_loops_give_the_formula_too(norm_type: object, kernel: type[object]) -> None:
    """Sums are added in another order than by torch, so they may differ in the last place; magnitudes may not."""
    spec = lp_pooling(1, {"norm_type": norm_type, "kernel_size": 2})
    factory = spec.kernel_factory((6,), FLOAT64)
    assert factory is not None
    made, x = factory.make(), np.array([[1.0, -5.0, 2.0, 2.0, -0.25, 4.0]])

    (found,) = made({"input": x}, 1)

    assert type(made) is kernel
    assert factory.is_bit_exact is (kernel is InfinityNormKernel)
    np.testing.assert_allclose(found.view(np.float64), [spec.reference(x[0], None)[0]], rtol=1e-15)


def test_powers_by_arithmetic_are_planned_as_cheap() -> None:
    """A plan's steps decide the limit, and whether torch or the loops pool a request."""
    assert power_cost(1000, 2.0).plane_steps < power_cost(1000, 0.5).plane_steps < power_cost(1000, 1.7).plane_steps / 4
    assert power_cost(1000, 1.7).plane_bytes == power_cost(1000, 2.0).plane_bytes + 8000

    def steps(**fields: object) -> float:
        return lp_pooling(2, {"kernel_size": 2, **fields}).cost((64, 64), FLOAT32).plane_steps

    assert steps(norm_type=2) < steps(norm_type=4)
    assert steps(norm_type="Infinity") < steps(norm_type=1.7)
