"""gem_pool: the means of the mathematicians at p = 1, 2 and -1, and the maximum at its end."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats  # type: ignore[import-untyped]  # scipy has no stubs

from tests.hypothesis_profiles import scaled_examples
from tests.operators.both_ways import Array, outputs, refusal_of

PLANES = np.random.default_rng(3).uniform(0.1, 5, (2, 8, 12))
POWERS = st.sampled_from((-3.0, -1.0, 0.5, 1.0, 1.7, 2.0, 3.0, 8.0))


def blocks(x: Array) -> Array:
    """(C, 2, 3, 16) the elements of windows of 4 by 4."""
    return x.reshape(2, 2, 4, 3, 4).transpose(0, 1, 3, 2, 4).reshape(2, 2, 3, 16)


def test_named_means() -> None:
    """The arithmetic, the quadratic and the harmonic one, by scipy and numpy."""
    windows = blocks(PLANES)
    named = {1: windows.mean(-1), 2: np.sqrt((windows**2).mean(-1)), -1: stats.hmean(windows, axis=-1)}
    for p, expected in named.items():
        for found in outputs("gem_pool2d", PLANES, kernel_size=4, p=p):
            np.testing.assert_allclose(found, expected, rtol=1e-13)


@pytest.mark.parametrize("eps", [0.0, 1e-6, 0.5])
def test_with_power_1_it_is_the_mean_of_clamped_elements(eps: float) -> None:
    """Elements below eps count as eps: a root of a negative number does not exist."""
    x = PLANES - 2.5

    for found in outputs("gem_pool2d", x, kernel_size=4, p=1, eps=eps):
        np.testing.assert_allclose(found, np.maximum(blocks(x), eps).mean(-1), rtol=1e-13)


@pytest.mark.parametrize("p", [20.0, 100.0, 400.0])
def test_a_large_power_approaches_the_maximum(p: float) -> None:
    """max / n^(1/p) ≤ mean ≤ max, so that p = 400 leaves less than a hundredth."""
    most = blocks(PLANES).max(-1)

    for found in outputs("gem_pool2d", PLANES, kernel_size=4, p=p):
        assert (found <= most * (1 + 1e-12)).all()
        assert (found >= most * 16 ** (-1 / p) * (1 - 1e-12)).all()


@scaled_examples(40)
@given(POWERS, st.sampled_from((0.25, 2.0, 3.0, 100.0)))
def test_a_factor_of_the_input_is_one_of_the_output(p: float, factor: float) -> None:
    """Whatever the power is; a wrong root would give the factor another power."""
    fields = {"kernel_size": 3, "stride": 2, "padding": 1, "p": p, "eps": 0.0}

    before, after = outputs("gem_pool2d", PLANES, **fields), outputs("gem_pool2d", PLANES * factor, **fields)

    for one, other in zip(before, after, strict=True):
        np.testing.assert_allclose(other, one * factor, rtol=1e-12)


@scaled_examples(20)
@given(POWERS)
def test_of_equal_elements_it_is_that_element(p: float) -> None:
    """Also at the border, where a window has fewer elements: padding does not count."""
    x = np.full((1, 5, 7), 1.75)

    for found in outputs("gem_pool2d", x, kernel_size=4, stride=1, padding=2, p=p):
        np.testing.assert_allclose(found, 1.75, rtol=1e-13)


def test_integers_give_float32() -> None:
    """The cube of 255 does not fit into a byte, nor its mean into an integer."""
    x = np.array([[255, 254, 0, 0, 1, 2]], np.uint8)

    for found in outputs("gem_pool1d", x, kernel_size=2):
        assert found.dtype == np.float32
        expected = np.cbrt((np.maximum(x.astype(np.float64), 1e-6) ** 3).reshape(1, 3, 2).mean(-1))
        np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("fields", [{"p": 0}, {"p": -0.0}, {"p": "Infinity"}, {"eps": -1e-9}])
def test_what_has_no_root_is_refused(fields: dict[str, object]) -> None:
    """The refusal names the field."""
    refused = refusal_of("gem_pool2d", PLANES, kernel_size=2, **fields)

    assert refused is not None
    assert [(each.pointer, refused.code) for each in refused.problems] == [(f"/{next(iter(fields))}", "invalid_fields")]
