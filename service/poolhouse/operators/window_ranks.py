"""Quantiles and most frequent elements of windows with torch: for devices other than the CPU, and without compilers.

The windows are gathered piece by piece and sorted by their keys (``kernels.keys``), so all results have the bits of
the compiled loops.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

import torch

from poolhouse.kernels.interpolation import FRACTION_BITS
from poolhouse.kernels.quantiles import BETWEEN, METHODS, Quantile
from poolhouse.operators.unsigned import as_bits
from poolhouse.operators.wide_floats import round_once
from poolhouse.operators.windows import Windows

PIECE_TAPS: Final = 2**17
"""Elements of the windows of a plane that are gathered at once, unless a single window has more."""

_KEY_TYPES: Final = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
_UNSIGNED: Final = (torch.uint8, torch.uint16, torch.uint32, torch.uint64)


def window_ranks(
    x: torch.Tensor, windows: Sequence[Windows], quantile: Quantile | None, kept: torch.Tensor | None = None
) -> torch.Tensor:
    """The quantile of each window, or its most frequent element if there is no quantile.

    Args:
        x: the planes.
        windows: of each axis.
        quantile: what to find.
        kept: bool, of the shape of ``x``: the elements that count; None for all. A window without one gives the
            greatest key, which is NaN for floats.

    Shape:
        input ``(P, *spatial)``; output ``(P, *spatial_out)``, of the type of the input. A NaN that counts gives NaN.
    """
    keys = _keys_of(x).flatten(1)
    kept = None if kept is None else kept.flatten(1)
    most = torch.iinfo(keys.dtype).max
    outputs = tuple(axis.outputs for axis in windows)
    found = keys.new_empty((len(x), math.prod(outputs)))
    for begin, index, inside in _pieces(tuple(x.shape[1:]), windows, x.device):
        taken = keys[:, index]
        counted = inside if kept is None else inside & kept[:, index]
        has_nan = ((taken == most) & counted).any(-1) if x.is_floating_point() else None
        ordered = taken.masked_fill(~counted, most).sort(-1).values
        counts = counted.sum(-1)
        if counts.ndim == 1:
            counts = counts.expand(len(x), -1)
        result = _most_frequent(ordered, counts) if quantile is None else _quantiles(ordered, counts, quantile, x.dtype)
        if has_nan is not None:
            result = result.masked_fill(has_nan, most)
        found[:, begin : begin + len(index)] = result
    return _elements_of(found.reshape(len(x), *outputs), x.dtype)


def _pieces(
    spatial: tuple[int, ...], windows: Sequence[Windows], device: torch.device
) -> Iterator[tuple[int, torch.Tensor, torch.Tensor]]:
    """Windows in pieces: the number of the first, the ``(O, K)`` indices of elements, and whether each is inside."""
    longest = [int(axis.count.max(initial=1)) for axis in windows]
    firsts = [torch.from_numpy(axis.first).to(device) for axis in windows]
    counts = [torch.from_numpy(axis.count).to(device) for axis in windows]
    sizes = [axis.outputs for axis in windows]
    total = math.prod(sizes)
    many = max(1, PIECE_TAPS // math.prod(longest))
    for begin in range(0, total, many):
        rest = torch.arange(begin, min(begin + many, total), device=device)
        index = torch.zeros((len(rest), *(1 for _ in spatial)), dtype=torch.int64, device=device)
        inside = torch.ones_like(index, dtype=torch.bool)
        step, outputs = 1, len(rest)
        for axis in reversed(range(len(spatial))):
            own, rest = rest % sizes[axis], rest // sizes[axis]
            shape = [1] * (len(spatial) + 1)
            shape[axis + 1] = longest[axis]
            taps = torch.arange(longest[axis], device=device).reshape(shape)
            column = (outputs, *(1 for _ in spatial))
            within = taps < counts[axis][own].reshape(column)
            # A tap outside its window may be outside the axis, too.
            place = firsts[axis][own].reshape(column) + taps * windows[axis].dilation
            index = index + torch.where(within, place, 0) * step
            inside = inside & within
            step *= spatial[axis]
        yield begin, index.flatten(1), inside.flatten(1)


def _quantiles(ordered: torch.Tensor, counts: torch.Tensor, quantile: Quantile, dtype: torch.dtype) -> torch.Tensor:
    """Keys of the quantiles of ``(P, O, K)`` ascending keys, of which only these numbers count."""
    place = (counts.clamp(min=1) - 1).to(torch.float64) * quantile.q
    low = place.floor()
    rest = place - low
    rank = place.round() if quantile.method == "nearest" else low + ((rest > 0) & (quantile.method == "higher"))
    below = _at(ordered, rank)
    if METHODS[quantile.method] != BETWEEN:
        return below
    above = _at(ordered, low + (rest > 0))
    weight = torch.where(rest > 0, 0.5, 0.0).to(rest.dtype) if quantile.method == "midpoint" else rest
    between = _between_floats if dtype.is_floating_point else _between_integers
    return torch.where(below == above, below, between(below, above, weight, dtype))


def _at(ordered: torch.Tensor, rank: torch.Tensor) -> torch.Tensor:
    return ordered.gather(-1, rank.to(torch.int64).unsqueeze(-1)).squeeze(-1)


def _between_floats(below: torch.Tensor, above: torch.Tensor, weight: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    one, two = (_elements_of(each, dtype).to(torch.float64) for each in (below, above))
    apart, total, rest = two - one, one + two, 1 - weight
    found = torch.where(weight >= 0.5, two - apart * rest, one + apart * weight)
    found = torch.where(apart.isinf(), one * rest + two * weight, found)
    middle = torch.where(total.isinf(), one * 0.5 + two * 0.5, total * 0.5)
    found = torch.where(one == two, one, torch.where(weight == 0.5, middle, found))
    return _keys_of(round_once(found, dtype))


def _between_integers(
    below: torch.Tensor, above: torch.Tensor, weight: torch.Tensor, dtype: torch.dtype
) -> torch.Tensor:
    one, two = below.to(torch.int64), above.to(torch.int64)
    fraction = (weight * 2.0**FRACTION_BITS).round().to(torch.int64)
    mask, half = 2**FRACTION_BITS - 1, 2 ** (FRACTION_BITS - 1)
    # As in ``kernels.interpolation``, with the bits of unsigned numbers.
    apart = two - one
    product = (apart & mask) * fraction
    whole = one + ((apart >> FRACTION_BITS) & mask) * fraction + ((product >> FRACTION_BITS) & mask)
    rest = product & mask
    rounded: torch.Tensor = whole + ((rest > half) | ((rest == half) & ((whole & 1) == 1)))
    return rounded.to(below.dtype)


def _most_frequent(ordered: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """The most frequent of ``(P, O, K)`` ascending keys, of which only these numbers count; the least of those."""
    taps = ordered.shape[-1]
    ranks = torch.arange(taps, device=ordered.device)
    begins = torch.ones_like(ordered, dtype=torch.bool)
    begins[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    since = torch.where(begins, ranks, 0).cummax(-1).values
    # The first of the longest runs has the greatest score.
    score = (ranks - since + 1) * (taps + 1) - ranks
    best = score.masked_fill(ranks >= counts.unsqueeze(-1), -taps).argmax(-1, keepdim=True)
    return ordered.gather(-1, best).squeeze(-1)


def _keys_of(x: torch.Tensor) -> torch.Tensor:
    """See ``kernels.keys``."""
    key_type = _KEY_TYPES[x.element_size()]
    if x.is_floating_point():
        bits, most = x.view(key_type), torch.iinfo(key_type).max
        keys = bits ^ ((bits >> (8 * x.element_size() - 1)) & most)
        return keys.masked_fill(x.isnan(), most)
    bits = as_bits(x).view(key_type)
    return bits ^ torch.iinfo(key_type).min if x.dtype in _UNSIGNED else bits


def _elements_of(keys: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    if dtype.is_floating_point:
        keys = keys ^ ((keys >> (8 * keys.element_size() - 1)) & torch.iinfo(keys.dtype).max)
    elif dtype in _UNSIGNED:
        keys = keys ^ torch.iinfo(keys.dtype).min
    return keys.view(dtype)
