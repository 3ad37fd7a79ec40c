"""Cost models of pooling spans of tokens and segments of rows: steps and bytes, by compiled loops and by torch.

``tests/operators/test_region_costs.py`` measures them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final

from poolhouse.dtypes import BFLOAT16, ElementType
from poolhouse.kernels import segments, spans
from poolhouse.kernels.span_blocks import BLOCK
from poolhouse.kernels.span_parts import MAX_STRIP, PART_ELEMENTS
from poolhouse.operators.costs import STEPS_PER_CALL, Cost
from poolhouse.operators.loop_costs import MAX_THREADS
from poolhouse.operators.segment_reductions import held_bytes
from poolhouse.operators.span_reductions import reduction_bytes

_READS_OF_SPAN: Final = 25
"""Tokens and nodes of the table that are read for a long span, besides the blocks that it shares with others."""
_SPANS_TOGETHER: Final = 2**19
"""Elements of the vectors that torch computes together."""


@dataclass(frozen=True, slots=True)
class SpanWork:
    """What the cost of pooling spans of tokens depends on.

    Attributes:
        tokens: of all rows.
        spans: how many, at least one.
        dims: elements of a token that are pooled.
        modes: their names.
        longest: tokens of the longest span that is possible.
        overlaps: whether spans may overlap and begin anywhere.
        normalizes: whether vectors are divided by their length.
        is_masked: whether there is a mask.
    """

    tokens: int
    spans: int
    dims: int
    modes: tuple[str, ...]
    longest: int
    overlaps: bool
    normalizes: bool
    is_masked: bool

    @property
    def reductions(self) -> int:
        """How many reductions the modes need."""
        return len({reduction for mode in self.modes for reduction in spans.MODES[mode]})

    @property
    def results(self) -> int:
        """Elements of a span's vectors; one that is normalized counts three times."""
        return self.dims * len(self.modes) * (3 if self.normalizes else 1)

    @property
    def is_weighted(self) -> bool:
        """Whether weights are added, too."""
        return "weighted" in self.modes


def span_loops_cost(work: SpanWork) -> Cost:
    """Cost of ``kernels.spans.SpanKernel``."""
    tokens = work.tokens / work.spans
    reads = tokens + min(work.longest, _READS_OF_SPAN) * work.overlaps
    steps = 120 + 0.4 * work.dims * work.reductions * reads + work.results
    # The first elements of tokens are apart from each other.
    steps += (5.0 + 10.0 * work.is_masked + 8.0 * work.is_weighted) * tokens
    # Without a reduction there is no table, and the loop visits the blocks of each span.
    steps += 0.4 * work.longest * (work.overlaps and not work.reductions)
    units = -(-work.dims // MAX_STRIP) * (1 + work.tokens * work.dims * work.reductions / PART_ELEMENTS)
    calls = 50 + 60 * work.is_weighted + 6 * units
    modes = len(work.modes)
    bound = partial(spans.scratch_bytes, work.tokens, normalize=work.normalizes, threads=MAX_THREADS)
    if work.overlaps:
        span_bytes, nbytes = 64.0, bound(work.spans, work.dims, modes)
    else:
        # Rows share no tokens, so there is no table, and few calls.
        span_bytes, nbytes = 450.0 + 8.0 * modes * (3 + work.dims * work.normalizes), bound(1, work.dims, modes)
    return Cost(steps, calls * STEPS_PER_CALL, span_bytes, nbytes + 10.0 * work.tokens)


def span_torch_cost(work: SpanWork) -> Cost:
    """Cost of ``span_reductions.reduce_spans``."""
    levels = (work.longest // BLOCK).bit_length()
    has_table = levels > 0 and work.reductions > 0
    # All spans take a step together, whether they have such a token or not.
    turns = min(work.longest, 2 * (BLOCK - 1) if work.overlaps else BLOCK // 2) + 2 * levels
    turns *= work.reductions > 0
    tokens = work.tokens / work.spans
    # Weights take the same steps.
    columns = work.dims * work.reductions + 3 * work.is_weighted
    steps = 200 + 7.0 * columns * (turns + 1.2 * tokens * has_table) + 6.0 * work.results
    steps += 20.0 * tokens * work.is_masked
    calls = (turns + (BLOCK + 6 * levels) * has_table) * (8 + 4 * work.reductions) * (1 + work.is_weighted)
    chunks = 1 + work.spans * work.dims / _SPANS_TOGETHER
    nbytes = reduction_bytes(work.tokens, work.spans, work.dims, len(work.modes))
    return Cost(steps, (100 + calls * chunks) * STEPS_PER_CALL, 64.0, nbytes + 10.0 * work.tokens)


_LOOP_STEPS: Final = {
    **dict.fromkeys(("var", "std"), (1.3, 7.0)),
    **dict.fromkeys(("softmax", "logsumexp"), (5.0, 10.0)),
    "median": (11.0, 5.0),
}
"""Steps for an element and for a result of a segment by the compiled loops, where they are not 0.6 and 3."""
_TORCH_STEPS: Final = {
    **dict.fromkeys(("var", "std"), (10.0, 18.0)),
    **dict.fromkeys(("softmax", "logsumexp"), (11.0, 20.0)),
    "median": (130.0, 20.0),
}
"""The same by torch, where they are not 5 and 10; no less than those of loops whose results have other bits."""


@dataclass(frozen=True, slots=True)
class SegmentWork:
    """What the cost of pooling segments of rows depends on.

    Attributes:
        reduce: how.
        dtype: of the input.
        rows: of all segments.
        width: elements of a row.
        segments: how many, at least one.
        with_indices: whether the rows of the results are found, too.
    """

    reduce: str
    dtype: ElementType
    rows: int
    width: int
    segments: int
    with_indices: bool


def segment_loops_cost(work: SegmentWork) -> Cost:
    """Cost of ``kernels.segments.SegmentKernel``."""
    each, result = _LOOP_STEPS.get(work.reduce, (0.6, 3.0))
    # Numpy rounds to bfloat16.
    result += 10 * (work.dtype is BFLOAT16)
    held = segments.scratch_bytes(work.reduce, work.rows, work.width, work.segments, MAX_THREADS)
    return _segment_cost(work, each + work.with_indices, result + work.with_indices, 20, held)


def segment_torch_cost(work: SegmentWork) -> Cost:
    """Cost of ``segment_reductions.reduce_segments``."""
    each, result = (steps + 25.0 * work.with_indices for steps in _TORCH_STEPS.get(work.reduce, (5.0, 10.0)))
    return _segment_cost(work, each, result, 100, held_bytes(work.rows, work.width, work.segments, on_cpu=True))


def _segment_cost(work: SegmentWork, each: float, result: float, calls: int, held: int) -> Cost:
    # Every reduction begins a segment.
    steps = each * work.rows * work.width / work.segments + result * work.width + 4 * result + 20
    # The order of the rows, and where each segment begins.
    nbytes = held + 24 * work.rows + 16 * work.segments
    return Cost(steps, calls * STEPS_PER_CALL + 8 * work.rows, 0.0, float(nbytes))
