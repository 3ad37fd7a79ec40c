"""Numbers between two elements: numpy's for floats, exact for integers."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import numpy as np
import pytest

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.kernels.interpolation import interpolate
from poolhouse.kernels.keys import KeyType
from poolhouse.kernels.quantiles import Quantile
from tests.operators.random_cases import integer_limits


@pytest.mark.parametrize("name", ["float32", "float64", "float16"])
@pytest.mark.parametrize("q", [0.1, 0.5, 0.77])
def test_floats_are_interpolated_as_by_numpy(name: str, q: float) -> None:
    """Including pairs whose sum or difference overflows, for which numpy's own results are infinite or NaN."""
    rng = np.random.default_rng(1)
    pairs = np.sort(rng.standard_normal((2, 200)).astype(name), 0)
    keys = KeyType.of(name)
    lower, upper = (keys.keys_of(each.copy()) for each in pairs)

    interpolate(lower, upper, np.zeros(1, np.int32), 2, Quantile(q, "linear"), name, 2)

    expected = np.quantile(pairs.astype(np.float64), q, axis=0).astype(name)
    np.testing.assert_allclose(lower.view(name), expected, rtol=0 if name != "float64" else 1e-15, atol=1e-15)
    largest = np.finfo(name).max
    lower, upper = (keys.keys_of(np.array([end], name)) for end in (-largest, largest))
    interpolate(lower, upper, np.zeros(1, np.int32), 2, Quantile(q, "linear"), name, 1)
    assert abs(float(lower.view(name)[0]) / float(largest) - (2 * q - 1)) < 1e-3


@pytest.mark.parametrize("name", ["int8", "uint8", "int32", "uint32", "int64", "uint64"])
def test_integers_are_interpolated_exactly(name: str) -> None:
    """A float64 has not all integers of 64 bits, and their differences do not fit into int64."""
    random = Random(2)
    least, most = integer_limits(ELEMENT_TYPES[name])
    keys = KeyType.of(name)
    ends = [least, least + 1, 0, 1, 2, 5, most // 2, most - 1, most]
    pairs = [sorted((random.choice(ends), random.choice(ends))) for _ in range(100)]
    for count, q in ((2, 0.5), (2, 0.25), (3, 0.4), (9, 0.7)):
        lower, upper = (keys.keys_of(np.array(each, name)).copy() for each in zip(*pairs, strict=True))

        interpolate(lower, upper, np.zeros(1, np.int32), count, Quantile(q, "linear"), name, 1)

        place = (count - 1) * q
        weight = Fraction(round((place - int(place)) * 2**32), 2**32)
        # Python rounds halves to even, too.
        assert lower.view(name).tolist() == [round(low + (high - low) * weight) for low, high in pairs]
