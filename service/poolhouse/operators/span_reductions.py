"""Pools spans of tokens by torch's operations, in the order of additions of ``poolhouse.kernels.span_blocks``.

All spans take a step together: first their leading tokens one by one, then nodes of each level of the table, then their
trailing tokens. A step gathers one row for each span and leaves a span as it is that has no such token or node.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import torch

from poolhouse.kernels.span_blocks import BLOCK, MAX, POSITIONS, SUM, WEIGHTED
from poolhouse.kernels.spans import MODES
from poolhouse.kernels.vector_norms import LEAST_NORM
from poolhouse.operators.tracing import Terms, enclosed, number_text, short_number, shortened
from poolhouse.operators.wide_floats import round_once, square_root

_CHUNK_ELEMENTS: Final = 2**19
"""Elements of the vectors that are computed together; a step needs a few times their memory."""

_State = dict[int, torch.Tensor]
"""For each reduction float64 columns."""


def reduce_spans(
    planes: Mapping[str, torch.Tensor], modes: Sequence[str], dims: int, *, normalize: bool, concat: bool
) -> tuple[torch.Tensor, ...]:
    """As :class:`poolhouse.kernels.spans.SpanKernel`, with the same bits on the CPU.

    Args:
        planes: ``input`` ``(T, D)``; ``spans`` ``(S, 3)`` int64; where needed ``mask`` ``(T,)``, 0 for tokens that do
            not count, and ``weights`` ``(T,)`` float64.
        modes: keys of :data:`poolhouse.kernels.spans.MODES`.
        dims: how many elements of a token are pooled, from the first on.
        normalize: whether vectors are divided by their norm.
        concat: whether the outputs of all modes are one vector.

    Returns:
        One tensor ``(S, len(modes) * dims)`` with ``concat``, else one ``(S, dims)`` for each mode.
    """
    x, spans = planes["input"][:, :dims], planes["spans"]
    if len(x) == 0 or len(spans) == 0:
        zeros = x.new_zeros((len(spans), dims))
        return (zeros.repeat(1, len(modes)),) if concat else tuple(zeros.clone() for _ in modes)
    given, weights = planes.get("mask"), planes.get("weights")
    taken = _Taken(spans, None if given is None else given != 0, len(x))
    reductions = sorted({each for mode in modes for each in MODES[mode]})
    reducer = _Reducer(x, taken, weights, reductions)
    divisors = [_divisor(mode, taken, weights) for mode in modes]
    chunks: list[list[torch.Tensor]] = []
    for part in _slices(len(spans), dims):
        state = reducer.reduce(part)
        vectors = []
        for mode, divisor in zip(modes, divisors, strict=True):
            if mode in ("cls", "last"):
                found = x.index_select(0, taken.end_that_counts(mode)[part]).to(torch.float64)
            else:
                found = state[MODES[mode][-1]] / divisor[part, None]
            vectors.append(found.masked_fill(divisor[part, None] == 0, 0.0))
        if concat:
            vectors = [torch.cat(vectors, 1)]
        chunks.append([round_once(_normalized(each) if normalize else each, x.dtype) for each in vectors])
    return tuple(torch.cat(each) for each in zip(*chunks, strict=True))


def reduction_bytes(tokens: int, spans: int, dims: int, modes: int) -> int:
    """An upper bound of the memory that :func:`reduce_spans` takes besides its outputs.

    Args:
        tokens: of all rows.
        spans: how many.
        dims: elements of a token that are pooled.
        modes: how many.
    """
    # Only weighted_mean needs two reductions.
    reductions = min(modes + 1, 5)
    blocks = tokens // BLOCK + tokens.bit_length()
    together = min(spans * dims, max(_CHUNK_ELEMENTS, dims))
    return (
        8 * (4 * reductions + 5) * blocks * dims
        + 8 * (5 * reductions + 3 * modes + 5) * together
        + 8 * spans * (modes * dims + 40)
        + 40 * tokens
        + 64 * 2**10
    )


def _normalized(vectors: torch.Tensor) -> torch.Tensor:
    """Vectors over their norms; the squares are added in the order of ``kernels.vector_norms``."""
    squares = vectors * vectors
    many = squares.shape[1]
    while many > 1:
        half = many // 2
        squares = torch.cat((squares[:, :half] + squares[:, many - half :], squares[:, half : many - half]), 1)
        many -= half
    return vectors / square_root(squares).clamp(min=LEAST_NORM)


def _slices(count: int, dims: int) -> Iterator[slice]:
    many = max(_CHUNK_ELEMENTS // dims, 1)
    return (slice(at, min(at + many, count)) for at in range(0, count, many))


def _running_sums(numbers: torch.Tensor) -> torch.Tensor:
    """The sum of the numbers before each place, and of all."""
    return torch.cat((numbers.new_zeros(1), numbers.cumsum(0)))


class _Taken:
    """Which tokens each span takes, and in which steps.

    Attributes:
        begin: the first token of each span.
        end: the end of its tokens.
        origin: the first token of its row.
        head: the end of the tokens before its blocks.
        block: the number of its first whole block in its row.
        last: the end of its whole blocks; it may be less than ``block``.
        tail: the first token after its blocks.
        mask: for each token, whether it counts; None if all do.
        counts: how many tokens of each span count.
    """

    def __init__(self, spans: torch.Tensor, mask: torch.Tensor | None, tokens: int) -> None:
        self._tokens = tokens
        self.begin, self.end, self.origin = spans.unbind(1)
        self.block, self.last = (self.begin - self.origin + BLOCK - 1) // BLOCK, (self.end - self.origin) // BLOCK
        self.head = torch.minimum(self.origin + BLOCK * self.block, self.end)
        self.tail = torch.where(self.last >= self.block, self.origin + BLOCK * self.last, self.end)
        self.mask = mask
        if mask is None:
            self.counts = self.end - self.begin
        else:
            self._before = _running_sums(mask.to(torch.int64))
            self.counts = self._before[self.end] - self._before[self.begin]

    def longest(self) -> list[int]:
        """The most leading tokens, whole blocks and trailing tokens of a span."""
        each = (self.head - self.begin, self.last - self.block, self.end - self.tail)
        found: list[int] = torch.stack([lengths.max() for lengths in each]).tolist()
        return found

    def end_that_counts(self, mode: str) -> torch.Tensor:
        """The first or, with ``last``, the last token of each span that counts; any token for a span without one."""
        if self.mask is None:
            place = self.begin if mode == "cls" else self.end - 1
        else:
            rank = self._before[self.begin] + 1 if mode == "cls" else self._before[self.end]
            place = torch.searchsorted(self._before, rank) - 1
        return place.clamp(0, self._tokens - 1)

    def position_sums(self) -> torch.Tensor:
        """The sum of the positions, from 1 on, of the tokens that count."""
        if self.mask is None:
            return self.counts * (self.counts + 1) // 2
        numbers = _running_sums(torch.arange(len(self.mask), device=self.mask.device) * self.mask)
        return numbers[self.end] - numbers[self.begin] - (self.begin - 1) * self.counts


def _divisor(mode: str, taken: _Taken, weights: torch.Tensor | None) -> torch.Tensor:
    """What the reduction of each span is divided by; 0 for a span whose output is 0."""
    if mode == "weighted_mean":
        return taken.position_sums().to(torch.float64)
    if mode == "weighted":
        assert weights is not None
        reducer = _Reducer(weights[:, None], taken, None, [SUM])
        return torch.cat([reducer.reduce(part)[SUM] for part in _slices(len(taken.begin), 1)])[:, 0]
    counts = taken.counts.to(torch.float64)
    if mode in ("mean", "mean_sqrt_len"):
        return counts if mode == "mean" else square_root(counts)
    return (counts > 0).to(torch.float64) * (-1.0 if mode == "min" else 1.0)


class _Reducer:
    """The reductions of spans, with a table of the blocks and nodes of all rows.

    Args:
        x: ``(T, dims)``, with at least one token.
        taken: the spans.
        weights: for each token, for WEIGHTED.
        reductions: SUM, POSITIONS, …; SUM is among them if POSITIONS is.
    """

    def __init__(self, x: torch.Tensor, taken: _Taken, weights: torch.Tensor | None, reductions: Sequence[int]) -> None:
        self._x, self._taken, self._weights, self._reductions = x, taken, weights, reductions
        self._heads, blocks, self._tails = taken.longest()
        self._table: list[_State] = []
        if reductions and blocks > 0:
            self._fill_table(blocks.bit_length())

    def _fill_table(self, levels: int) -> None:
        """Compute the nodes of every row. A node that begins at token t is in row ``t // tokens of a node``.

        Whole nodes of a level do not overlap, so no two of them have the same row. Other rows are never read.
        """
        origins = self._taken.origin.sort().values
        for level in range(levels):
            size = BLOCK << level
            slots = size * torch.arange(len(self._x) // size + 1, device=self._x.device)
            # Only the last row of tokens that begins before the end of the slot may have a whole node there.
            origin = origins[(torch.searchsorted(origins, slots + (size - 1), right=True) - 1).clamp(min=0)]
            begin = origin + size * ((slots - origin + size - 1) // size).clamp(min=0)
            if level == 0:
                state = self._empty(len(slots))
                always = torch.ones_like(slots, dtype=torch.bool)
                for k in range(BLOCK):
                    state = self._with_tokens(state, begin + k, always, always * (k + 1))
            else:
                places, most = begin // (size // 2), len(self._x) // (size // 2)
                earlier, later = (
                    {key: each[place.clamp(max=most)] for key, each in self._table[-1].items()}
                    for place in (places, places + 1)
                )
                state = _joined(earlier, later, torch.full_like(slots, size // 2))
            self._table.append(state)

    def _empty(self, count: int) -> _State:
        none = self._x.new_zeros((count, self._x.shape[1]), dtype=torch.float64)
        return {each: none - math.inf if each >= MAX else none for each in self._reductions}

    def _with_tokens(self, state: _State, token: torch.Tensor, valid: torch.Tensor, position: torch.Tensor) -> _State:
        """The state with one more token for each row that is valid and whose token counts."""
        place = token.clamp(0, len(self._x) - 1)
        rows = self._x.index_select(0, place).to(torch.float64)
        kept = (valid if self._taken.mask is None else valid & self._taken.mask[place])[:, None]
        found = {}
        for reduction, earlier in state.items():
            if reduction >= MAX:
                found[reduction] = _larger(earlier, torch.where(kept, rows if reduction == MAX else -rows, -math.inf))
                continue
            terms = rows
            if reduction != SUM:
                factors = self._weights[place] if reduction == WEIGHTED and self._weights is not None else position
                terms = factors.to(torch.float64)[:, None] * rows
            # No sum is -0, so adding 0 leaves it as it is.
            found[reduction] = earlier + torch.where(kept, terms, 0.0)
        return found

    def reduce(self, part: slice) -> _State:
        """The reductions of some spans, ``(S, dims)`` each."""
        if not self._reductions:
            return {}
        taken = self._taken
        begin, end, origin, head = taken.begin[part], taken.end[part], taken.origin[part], taken.head[part]
        block, last, tail = taken.block[part], taken.last[part], taken.tail[part]
        state = self._empty(len(begin))
        for k in range(self._heads):
            state = self._with_tokens(state, begin + k, begin + k < head, torch.full_like(begin, k + 1))
        levels = range(len(self._table))
        for level, ascends in [*((level, True) for level in levels), *((level, False) for level in reversed(levels))]:
            # Up to the highest level whose nodes the span's blocks are aligned to, and down again.
            fits = block + (1 << level) <= last
            if ascends:
                fits &= (block >> level) & 1 == 1
            token = origin + BLOCK * block
            size = BLOCK << level
            slot = (token // size).clamp(max=len(self._x) // size)
            joined = _joined(state, {key: each[slot] for key, each in self._table[level].items()}, token - begin)
            state = {key: torch.where(fits[:, None], joined[key], each) for key, each in state.items()}
            block = block + (fits.to(torch.int64) << level)
        for k in range(self._tails):
            state = self._with_tokens(state, tail + k, tail + k < end, tail + k - begin + 1)
        return state


def _joined(earlier: _State, later: _State, before: torch.Tensor) -> _State:
    """The state of neighbours; ``before`` counts the tokens that the positions of the later ones lack."""
    found = {}
    for reduction, each in earlier.items():
        more = later[reduction]
        if reduction >= MAX:
            found[reduction] = _larger(each, more)
            continue
        if reduction == POSITIONS:
            moved = before.to(torch.float64)[:, None] * later[SUM]
            # Zero times an infinite sum is NaN.
            more = torch.where(before[:, None] > 0, more + moved, more)
        found[reduction] = each + more
    return found


def _larger(earlier: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """The larger one; the first of equals, and the first NaN."""
    return torch.where((earlier >= other) | earlier.isnan(), earlier, other)


def reference_of_span(
    tokens: Sequence[Sequence[float]], counts: Sequence[bool], weights: Sequence[float] | None, mode: str
) -> list[float]:
    """The output of one span in plain Python, without rounding between additions.

    Args:
        tokens: the elements of each token of the span.
        counts: for each token whether it counts.
        weights: for each token, for ``weighted``.
        mode: a key of :data:`poolhouse.kernels.spans.MODES`.

    Returns:
        One number for each element of a token; 0 if no token counts; nothing if there is no token.
    """
    kept = [place for place, each in enumerate(counts) if each]
    columns = list(zip(*tokens, strict=True))
    if not kept:
        return [0.0] * len(columns)
    if mode in ("cls", "last"):
        return [column[kept[0] if mode == "cls" else kept[-1]] for column in columns]
    if mode in ("max", "min"):
        choose = max if mode == "max" else min
        return [
            math.nan if any(math.isnan(column[place]) for place in kept) else choose(column[place] for place in kept)
            for column in columns
        ]
    factors = factors_of_span(kept, weights, mode)
    divisor = divisor_of_span(factors, mode)
    if divisor == 0:
        return [0.0] * len(columns)
    return [
        _exact_sum([factor * column[place] for factor, place in zip(factors, kept, strict=True)]) / divisor
        for column in columns
    ]


def factors_of_span(kept: Sequence[int], weights: Sequence[float] | None, mode: str) -> list[float]:
    """What each token of a span that counts is multiplied by.

    Args:
        kept: the places of these tokens in the span.
        weights: for each token of the span, for ``weighted``.
        mode: one that adds.
    """
    if mode == "weighted_mean":
        return [place + 1.0 for place in kept]
    if mode == "weighted":
        assert weights is not None
        return [weights[place] for place in kept]
    return [1.0] * len(kept)


def divisor_of_span(factors: Sequence[float], mode: str) -> float:
    """What the sum of a span is divided by; 0 if its result is 0."""
    return {"sum": 1.0, "mean_sqrt_len": math.sqrt(len(factors))}.get(mode, _exact_sum(factors))


def expression_of_span(terms: Terms, factors: Sequence[float], mode: str) -> str:
    """The computation of one element of a span's vector, from the tokens that count."""
    if mode in ("cls", "last"):
        return f"the {'first' if mode == 'cls' else 'last'} of {terms.joined()}"
    if mode in ("max", "min"):
        return f"{mode}({terms.joined()})"
    if mode in ("weighted_mean", "weighted"):
        products = shortened(
            [*zip(factors, terms.values, strict=True)],
            lambda each: f"{enclosed(short_number(each[0]))}·{enclosed(number_text(each[1], terms.dtype))}",
        )
        divisor = " + ".join(shortened(factors, short_number)).replace("+ -", "- ")
        return f"({' + '.join(products)}) / ({divisor})"
    total = terms.summed()
    if mode == "sum":
        return total
    return f"({total}) / {len(factors) if mode == 'mean' else f'sqrt({len(factors)})'}"


def winner_of_span(values: Sequence[float], mode: str) -> int | None:
    """The place of the element that is taken, among those of the tokens that count; None for modes that add."""
    if mode in ("cls", "last"):
        return 0 if mode == "cls" else len(values) - 1
    if mode not in ("max", "min"):
        return None
    odd = next((place for place, value in enumerate(values) if math.isnan(value)), None)
    return odd if odd is not None else values.index(max(values) if mode == "max" else min(values))


def _exact_sum(values: Sequence[float]) -> float:
    """The sum, rounded once; infinite or NaN where it overflows or has infinities."""
    try:
        return math.fsum(values)
    except (OverflowError, ValueError):
        return sum(values)
