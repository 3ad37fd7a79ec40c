"""Reductions of the rows of each segment with torch operations alone: on CUDA, and where there are no compiled loops.

``torch.segment_reduce`` adds the rows of a segment from the first to the last, on CUDA in one thread for each segment
and column, so that results are the same in every run. On the CPU they have the bits of
:class:`poolhouse.kernels.segments.SegmentKernel`; on CUDA exponentials and logarithms may differ in the last place.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import torch

from poolhouse.operators.device_kind import is_on_cpu
from poolhouse.operators.tracing import Terms, enclosed, number_text, short_number, shortened
from poolhouse.operators.wide_floats import exponential, logarithm, round_once, square_root

CPU_CHUNK_ELEMENTS: Final = 2**20
"""Elements and results of the columns that are reduced at a time, unless one column has more."""
DEVICE_CHUNK_ELEMENTS: Final = 2**23
"""The same on other devices, where few columns would occupy few threads."""
_ARRAYS_HELD: Final = 12
"""Arrays of 8 bytes for each element of such columns, or for each of their results, that are held at a time."""
_MAGNITUDE: Final = 2**63 - 1


def held_bytes(rows: int, columns: int, segments: int, *, on_cpu: bool) -> int:
    """An upper bound of the memory that :func:`reduce_segments` allocates besides its outputs."""
    chunk = min(columns, _columns_at_a_time(rows, segments, on_cpu=on_cpu))
    return _ARRAYS_HELD * 8 * chunk * (rows + segments) + 8 * (2 * rows + 4 * segments)


def _columns_at_a_time(rows: int, segments: int, *, on_cpu: bool) -> int:
    return max(1, (CPU_CHUNK_ELEMENTS if on_cpu else DEVICE_CHUNK_ELEMENTS) // max(rows + segments, 1))


def reduce_segments(
    planes: Mapping[str, torch.Tensor], reduce: str, *, empty_value: float, correction: int = 0, with_indices: bool
) -> tuple[torch.Tensor, ...]:
    """Reduce each segment's rows in float64 and round once; see :class:`poolhouse.kernels.segments.SegmentKernel`.

    Args:
        planes: ``input`` ``(T, D)``, floats; ``order`` ``(R,)`` and ``offsets`` ``(S + 1,)``, int64, on its device.
        reduce: one of the kernel's reductions.
        empty_value: the result for a segment without rows.
        correction: what ``var`` and ``std`` subtract from the number of rows.
        with_indices: for ``max`` and ``min``: also give the first row with the result, or -1.

    Returns:
        ``(S, D)`` of the input's type, and ``(S, D)`` int64 with indices.
    """
    x, order, offsets = planes["input"], planes["order"], planes["offsets"]
    segments, columns, rows = len(offsets) - 1, x.shape[1], len(order)
    counts = offsets.diff()
    value = round_once(torch.tensor(empty_value, dtype=torch.float64, device=x.device), x.dtype)
    found = value.expand(segments, columns).clone(memory_format=torch.contiguous_format)
    winners = offsets.new_full((segments, columns), -1) if with_indices else None
    if not rows or not segments:
        return (found,) if winners is None else (found, winners)
    owners = torch.repeat_interleave(torch.arange(segments, device=x.device), counts, output_size=rows)
    is_empty = (counts == 0).unsqueeze(1)
    many = _columns_at_a_time(rows, segments, on_cpu=is_on_cpu(x))
    for begin in range(0, columns, many):
        chosen = slice(begin, begin + many)
        rows_of = _Rows(x[:, chosen].index_select(0, order).to(torch.float64), offsets, owners)
        result = _reduce(rows_of, reduce, correction)
        if winners is not None:
            places = rows_of.first_places(result).masked_fill_(is_empty, 0)
            result = rows_of.values.gather(0, places)
            winners[:, chosen] = order[places].masked_fill_(is_empty, -1)
        found[:, chosen] = torch.where(is_empty, value, round_once(result, x.dtype))
    return (found,) if winners is None else (found, winners)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Some columns of the rows of all segments, in the order of the segments.

    Attributes:
        values: ``(R, W)``, float64.
        offsets: ``(S + 1,)``.
        owners: ``(R,)``, the segment of each row.
    """

    values: torch.Tensor
    offsets: torch.Tensor
    owners: torch.Tensor

    def folded(self, values: torch.Tensor, how: str) -> torch.Tensor:
        """The ``sum``, ``prod``, ``max`` or ``min`` of each segment, ``(S, W)``; a NaN is both extremes."""
        return torch.segment_reduce(values, how, offsets=self.offsets, axis=0, unsafe=True)

    def counts(self) -> torch.Tensor:
        return self.offsets.diff().unsqueeze(1)

    def less(self, results: torch.Tensor) -> torch.Tensor:
        """Each row less the result of its segment."""
        return self.values - results[self.owners]

    def first_places(self, extremes: torch.Tensor) -> torch.Tensor:
        """The place in the order of the first element that equals the extreme of its segment, or is a NaN as it is."""
        of_rows = extremes[self.owners]
        is_extreme = (self.values == of_rows) | (self.values.isnan() & of_rows.isnan())
        places = torch.arange(len(self.values), dtype=torch.float64, device=self.values.device).unsqueeze(1)
        first = self.folded(torch.where(is_extreme, places, math.inf), "min")
        return first.nan_to_num_(posinf=0.0).to(torch.int64)


def _reduce(rows: _Rows, reduce: str, correction: int) -> torch.Tensor:
    if reduce in ("max", "min"):
        return rows.folded(rows.values, reduce)
    if reduce == "mul":
        return rows.folded(rows.values, "prod")
    if reduce == "median":
        return _lower_medians(rows)
    if reduce in ("softmax", "logsumexp"):
        return _exponentials(rows, takes_log=reduce == "logsumexp")
    total = rows.folded(rows.values, "sum")
    if reduce == "sum":
        return total
    mean = total.div_(rows.counts())
    if reduce == "mean":
        return mean
    apart = rows.less(mean)
    left = rows.counts() - correction
    variance = (rows.folded(apart * apart, "sum") / left).masked_fill_(left <= 0, math.nan)
    return variance if reduce == "var" else square_root(variance)


def _lower_medians(rows: _Rows) -> torch.Tensor:
    keys, places = _flip_negative(rows.values.view(torch.int64)).sort(dim=0, stable=True)
    keys = keys.gather(0, rows.owners[places].argsort(dim=0, stable=True))
    counts = rows.counts().squeeze(1)
    # Of an empty segment any row will do.
    ranks = (rows.offsets[:-1] + (counts - 1).clamp_(min=0) // 2).clamp_(max=len(keys) - 1)
    has_nan = rows.folded(rows.values.isnan().to(torch.float64), "max") > 0
    return _flip_negative(keys[ranks]).view(torch.float64).masked_fill(has_nan, math.nan)


def _flip_negative(bits: torch.Tensor) -> torch.Tensor:
    """Bits of float64 as integers of the same order, and back."""
    return bits ^ ((bits >> 63) & _MAGNITUDE)


def _exponentials(rows: _Rows, *, takes_log: bool) -> torch.Tensor:
    most = rows.folded(rows.values, "max")
    if takes_log:
        # The logarithm of the sum is then infinite, too, or NaN.
        most.masked_fill_(~most.isfinite(), 0.0)
    weights = exponential(rows.less(most))
    total = rows.folded(weights, "sum")
    return logarithm(total) + most if takes_log else rows.folded(weights * rows.values, "sum") / total


def reference_of_segment(column: list[float], reduce: str, *, empty_value: float, correction: int = 0) -> float:
    """The reduction of the elements of a segment in one column, with exactly rounded sums, in plain Python."""
    if not column:
        return empty_value
    has_nan = any(map(math.isnan, column))
    if reduce == "sum":
        return _exact_sum(column)
    if reduce == "mean":
        return _exact_sum(column) / len(column)
    if reduce == "mul":
        return math.prod(column)
    if reduce in ("max", "min"):
        return math.nan if has_nan else max(column) if reduce == "max" else min(column)
    if reduce == "median":
        return math.nan if has_nan else sorted(column)[(len(column) - 1) // 2]
    if reduce in ("var", "std"):
        return _reference_of_spread(column, correction, takes_root=reduce == "std")
    most = math.nan if has_nan else max(column)
    if reduce == "logsumexp":
        return (
            most + math.log(_exact_sum([math.exp(value - most) for value in column])) if math.isfinite(most) else most
        )
    weights = [math.exp(value - most) for value in column]
    return _exact_sum([value * weight for value, weight in zip(column, weights, strict=True)]) / _exact_sum(weights)


def _reference_of_spread(column: list[float], correction: int, *, takes_root: bool) -> float:
    if len(column) <= correction:
        return math.nan
    mean = _exact_sum(column) / len(column)
    variance = _exact_sum([(value - mean) * (value - mean) for value in column]) / (len(column) - correction)
    return math.sqrt(variance) if takes_root else variance


def _exact_sum(values: list[float]) -> float:
    try:
        return math.fsum(values)
    except (OverflowError, ValueError):
        # Beyond float64, or infinities of both signs.
        return sum(values)


def expression_of_segment(terms: Terms, reduce: str, correction: int) -> str:
    """The computation of :func:`reference_of_segment` with its numbers; of at least one row."""
    count = len(terms.values)
    if reduce in ("sum", "mean"):
        total = terms.summed()
        return total if reduce == "sum" else f"({total}) / {count}"
    if reduce == "mul":
        return "·".join(shortened(terms.values, lambda value: enclosed(number_text(value, terms.dtype))))
    if reduce in ("max", "min"):
        return f"{reduce}({terms.joined()})"
    if reduce == "median":
        return f"median({terms.ordered().joined(' ≤ ')})"
    if reduce in ("var", "std"):
        mean = short_number(_exact_sum([float(value) for value in terms.values]) / count)
        variance = f"({terms.summed('({} - m)^2')}) / {f'({count} - 1)' if correction else count}"
        return f"m = {mean}, {f'sqrt({variance})' if reduce == 'std' else variance}"
    exponentials = terms.summed("exp({})")
    if reduce == "logsumexp":
        return f"log({exponentials})"
    products = shortened(terms.values, lambda value: _times_exponential(number_text(value, terms.dtype)))
    return f"({' + '.join(products)}) / ({exponentials})"


def _times_exponential(text: str) -> str:
    return f"{enclosed(text)}·exp({text})"


def softmax_weights(column: list[float]) -> list[float]:
    """The weight of each row of a segment in the sum of ``softmax``."""
    most = max(column)
    weights = [math.exp(value - most) for value in column] if math.isfinite(most) else [math.nan] * len(column)
    total = _exact_sum(weights)
    return [weight / total for weight in weights]
