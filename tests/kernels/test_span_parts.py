"""The division of work on spans: each span in one part, tables where spans overlap, strips of all columns."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.kernels import span_parts
from poolhouse.kernels.span_blocks import BLOCK
from poolhouse.kernels.span_parts import MAX_STRIP, MIN_STRIP, TABLE_BYTES, Part, Spans, strip_of
from tests.hypothesis_profiles import scaled_examples
from tests.kernels.span_cases import Case, cases

MUCH = 2**40
"""More work than any table needs to be worth it."""


def spans_of(*rows: tuple[int, int, int]) -> Spans:
    """Spans without a mask."""
    return Spans(np.array(rows, np.int64), None)


@scaled_examples(80)
@given(cases("float32"), st.sampled_from([0, 1, 2**12, MUCH]))
def test_every_span_is_in_one_part(case: Case, work: int) -> None:
    """In the order of their tokens, which reads neighbours together."""
    spans = Spans(case.planes["spans"], case.planes.get("mask"))

    parts = spans.parts(work)

    assert [part.start for part in parts] == [0, *(part.stop for part in parts[:-1])]
    assert parts[-1].stop == len(case.spans)
    assert (np.diff(spans.begin) >= 0).all()
    np.testing.assert_array_equal(
        case.planes["spans"][spans.order], np.stack((spans.begin, spans.end, spans.origin), 1)
    )


@scaled_examples(80)
@given(cases("float32"))
def test_a_table_has_the_blocks_of_its_spans_and_no_other(case: Case) -> None:
    """Each of its blocks lies wholly within a span of its row, and the levels reach the longest span."""
    spans = Spans(case.planes["spans"], None)

    for part in spans.parts(MUCH):
        each = slice(part.start, part.stop)
        low, high = -(-(spans.begin - spans.origin) // BLOCK), (spans.end - spans.origin) // BLOCK
        longest = max(int((high - low)[each].max()), 1)
        assert 2**part.levels <= longest < 2 ** (part.levels + 1)
        if part.high == part.low:
            continue
        assert len(set(spans.origin[each].tolist())) == 1
        covered = {block for i in range(part.start, part.stop) for block in range(low[i], high[i])}
        assert covered == set(range(part.low, part.high))


def test_only_spans_that_share_blocks_get_a_table() -> None:
    """A table for spans that lie apart would cost more than it saves."""
    apart = spans_of((0, 100, 0), (96, 200, 0), (200, 300, 200), (300, 310, 200))
    shared = spans_of((0, 100, 0), (64, 200, 0), (200, 300, 200))

    assert [part.high - part.low for part in apart.parts(MUCH)] == [0] * len(apart.parts(MUCH))
    assert [(part.start, part.stop, part.low, part.high) for part in shared.parts(MUCH)] == [
        (0, 2, 0, 12),
        (2, 3, 0, 0),
    ]
    assert all(part.high == part.low for part in shared.parts(1))


def test_spans_without_a_table_are_together_until_they_have_enough_elements() -> None:
    """A call of a loop costs microseconds, and threads share the parts."""
    rows = spans_of(*((10 * i, 10 * i + 10, 10 * i) for i in range(1000)))

    few, many = rows.parts(1), rows.parts(span_parts.PART_ELEMENTS // 100)

    assert few == [Part(0, 1000, 0, 0, 0)]
    assert 90 <= len(many) <= 110


def test_the_rows_of_levels_are_those_that_lie_within_the_blocks() -> None:
    """Nodes are aligned to the row, not to the table: of blocks 3 to 12 the level 2 has 4 to 8 and 8 to 12."""
    assert Part(0, 2, 3, 12, 2).level_rows() == [9, 4, 2]
    assert Part(0, 2, 3, 5, 1).level_rows() == [2, 0]
    assert Part(0, 2, 0, 0, 3).level_rows() == []


@scaled_examples(100)
@given(st.integers(1, 5000), st.integers(1, 5), st.integers(0, 2**16), st.integers(1, 20))
def test_strips_fit_the_cache_or_are_as_narrow_as_allowed(dims: int, reductions: int, rows: int, least: int) -> None:
    """And they are as many as threads need, if each has at least a cache line of a token."""
    strip = strip_of(dims, reductions, rows, least)

    assert 1 <= strip <= min(dims, MAX_STRIP)
    assert strip == dims or strip % MIN_STRIP == 0
    assert strip <= MIN_STRIP or 8 * reductions * rows * strip <= TABLE_BYTES
    assert strip <= -(-dims // (least * MIN_STRIP)) * MIN_STRIP


@pytest.mark.parametrize("masked", [False, True])
def test_counts_ends_and_positions_are_those_of_the_tokens(masked: bool) -> None:
    """They come from running sums of integers, which are exact."""
    rng = np.random.default_rng(4)
    mask = (rng.random(90) < 0.3).astype(np.uint8) if masked else None
    counts = np.ones(90, bool) if mask is None else mask != 0
    rows = np.array([(0, 90, 0), (20, 50, 0), (33, 33, 0), (89, 90, 0)] + [(i, i + 3, 0) for i in range(80)])

    spans = Spans(rows, mask)

    first, last = spans.ends_that_count()
    for i, (begin, end) in enumerate(zip(spans.begin, spans.end, strict=True)):
        counting = begin + np.flatnonzero(counts[begin:end])
        assert spans.counts[i] == len(counting)
        assert spans.position_sums()[i] == (counting - begin + 1).sum()
        if len(counting):
            assert (first[i], last[i]) == (counting[0], counting[-1])
