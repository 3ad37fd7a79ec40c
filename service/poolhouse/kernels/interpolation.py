"""Numbers between the elements of two ranks, as numpy's quantile has them."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from poolhouse.dtypes import bfloat16_to_float32, float32_to_bfloat16
from poolhouse.kernels.keys import KeyType
from poolhouse.kernels.quantiles import Quantile
from poolhouse.kernels.registry import Flat, loops
from poolhouse.kernels.sharding import shard
from poolhouse.kernels.widening import Array

FRACTION_BITS: Final = 32
"""Integers are interpolated at multiples of 2⁻³² of their distance."""

_Reals = npt.NDArray[np.float64]


@loops("void(T*, T*, int32*, int64, int64, int64, float64, int64)", "float32", "float64")
def interpolate_floats(
    lower: Flat, upper: Flat, counts: Flat, count: int, start: int, stop: int, q: float, halves: int
) -> None:
    """Replace floats by those between them and others, from start to stop.

    Args:
        lower: replaced.
        upper: not less.
        counts: the elements of each window, if ``count`` is 0.
        count: the elements of every window.
        start: the first float.
        stop: the end of the floats.
        q: the quantile.
        halves: whether the result is in the middle instead of at the place of the quantile.
    """
    for i in range(start, stop):
        one, two = np.float64(lower[i]), np.float64(upper[i])
        if one == two:
            continue
        place = ((count if count else np.int64(counts[i])) - 1) * q
        weight = place - int(place)
        rest = 1.0 - weight
        apart, total = two - one, one + two
        if halves or weight == 0.5:
            # The sum may overflow, and so may the difference.
            lower[i] = one * 0.5 + two * 0.5 if abs(total) == np.inf else total * 0.5
        elif abs(apart) == np.inf:
            lower[i] = one * rest + two * weight
        elif weight >= 0.5:
            lower[i] = two - apart * rest
        else:
            lower[i] = one + apart * weight


def interpolate(
    lower: Array, upper: Array, counts: Array, count: int, quantile: Quantile, element: str, threads: int
) -> None:
    """Replace keys by the elements between them.

    Floats are interpolated in float64 and rounded; integers are interpolated exactly and rounded to the nearest
    integer, a half to the even one.

    Args:
        lower: (O,) keys, replaced by elements.
        upper: (O,) keys, not less.
        counts: (O,) the elements of each window, if ``count`` is 0.
        count: the elements of every window.
        quantile: the quantile that is between both.
        element: the element type.
        threads: threads that share the work.
    """
    keys = KeyType.of(element)
    if element in interpolate_floats:
        loop = interpolate_floats[element]
        ends = [keys.elements_of(each, np.dtype(element), threads) for each in (lower, upper)]
        halves = quantile.method == "midpoint"
        shard(lambda start, stop: loop(*ends, counts, count, start, stop, quantile.q, halves), lower.size, threads)
        return
    between = np.flatnonzero(lower != upper)
    weights = quantile.weights(np.array([count]) if count else counts[between].astype(np.int64))
    storage = np.dtype(np.uint16 if element == "bfloat16" else element)
    if keys.infinity is None:
        lower[between] = _between_integers(lower[between], upper[between], weights)
        keys.elements_of(lower, storage)
        return
    one, two = (_as_reals(keys.elements_of(each[between], storage), element) for each in (lower, upper))
    elements = keys.elements_of(lower, storage)
    elements[between] = _rounded(_between_floats(one, two, weights), element)


def _between_integers(lower: Array, upper: Array, weights: _Reals) -> Array:
    below, above = (each.astype(np.int64).view(np.uint64) for each in (lower, upper))
    fraction = np.rint(weights * 2.0**FRACTION_BITS).astype(np.uint64)
    bits, low = np.uint64(FRACTION_BITS), np.uint64(2**FRACTION_BITS - 1)
    # Differences of 64-bit integers fit into uint64. Their product with the fraction is computed in two digits.
    apart = above - below
    product = (apart & low) * fraction
    whole = below + (apart >> bits) * fraction + (product >> bits)
    rest, half = product & low, np.uint64(2 ** (FRACTION_BITS - 1))
    whole += (rest > half) | ((rest == half) & ((whole & np.uint64(1)) == 1))
    found: Array = whole.view(np.int64).astype(lower.dtype)
    return found


def _between_floats(lower: _Reals, upper: _Reals, weights: _Reals) -> _Reals:
    with np.errstate(all="ignore"):
        apart, total, rest = upper - lower, lower + upper, 1 - weights
        found = np.where(weights >= 0.5, upper - apart * rest, lower + apart * weights)
        # The difference and the sum may overflow, and those of infinities are NaN.
        found = np.where(np.isinf(apart), lower * rest + upper * weights, found)
        middle = np.where(np.isinf(total), lower * 0.5 + upper * 0.5, total * 0.5)
        return np.where(lower == upper, lower, np.where(weights == 0.5, middle, found))


def _as_reals(elements: Array, element: str) -> _Reals:
    if element == "bfloat16":
        return bfloat16_to_float32(elements.view(np.uint16)).astype(np.float64)
    return elements.astype(np.float64)


def _rounded(values: _Reals, element: str) -> Array:
    with np.errstate(all="ignore"):
        if element == "bfloat16":
            return float32_to_bfloat16(values.astype(np.float32))
        return values.astype(element)
