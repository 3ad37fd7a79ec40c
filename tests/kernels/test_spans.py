"""Vectors of spans of tokens: those of plain Python, whatever surrounds a span."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.kernels import span_parts
from poolhouse.kernels.spans import SpanKernel, scratch_bytes
from poolhouse.operators.span_reductions import reduce_spans
from tests.hypothesis_profiles import scaled_examples
from tests.kernels.span_cases import (
    ALL_MODES,
    FLOATS,
    LEAST,
    UNIT,
    Array,
    Case,
    cases,
    in_storage,
    random_case,
    same_numbers,
    stored,
    widened,
)

EXACT = ("cls", "last", "max", "min")


def pooled(
    case: Case,
    modes: tuple[str, ...] = ALL_MODES,
    dims: int | None = None,
    *,
    normalize: bool = False,
    concat: bool = False,
    threads: int = 1,
) -> tuple[Array, ...]:
    """The outputs of the kernel."""
    width = case.planes["input"].shape[1]
    kernel = SpanKernel(modes, case.element, width, dims or width, normalize=normalize, concat=concat)
    return kernel(case.planes, threads)


@pytest.fixture(params=["tables", "stacks"])
def _either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Overlapping spans with a table however small it is, or none however large it would be."""
    monkeypatch.setattr(span_parts, "MIN_SHARED_ELEMENTS", 1 if request.param == "tables" else 2**62)


@pytest.mark.usefixtures("_either_way")
@pytest.mark.parametrize("element", FLOATS)
def test_vectors_are_those_of_plain_python(element: str) -> None:
    """Extremes and single tokens are exact; the others are off by the roundings of float64 and of the result."""

    @scaled_examples(40)
    @given(cases(element), st.integers(1, 3))
    def holds(case: Case, threads: int) -> None:
        width = case.planes["input"].shape[1]

        found = pooled(case, threads=threads)

        for mode, vectors in zip(ALL_MODES, found, strict=True):
            expected, given = case.expected(mode, width), widened(vectors, element)
            overflows = np.isinf(widened(stored(expected, element), element))
            np.testing.assert_array_equal(given[overflows], np.copysign(np.inf, expected[overflows]), err_msg=mode)
            error = UNIT[element] * np.abs(expected) + LEAST[element]
            error += 2.0**-44 * case.sizes(mode, width) * case.cancellation(mode) ** 2
            apart = np.abs(np.where(overflows, expected, given) - expected)
            assert (apart <= (0.0 if mode in EXACT else error)).all(), mode

    holds()


@pytest.mark.usefixtures("_either_way")
@pytest.mark.parametrize("element", FLOATS)
def test_vectors_have_the_bits_of_torchs_operations(element: str) -> None:
    """A service without compiled loops, or with a GPU, gives the same answer."""

    @scaled_examples(40)
    @given(cases(element), st.lists(st.sampled_from(ALL_MODES), min_size=1, unique=True), st.booleans(), st.booleans())
    def holds(case: Case, modes: list[str], normalize: bool, concat: bool) -> None:
        dims = max(case.planes["input"].shape[1] // 2, 1)

        found = pooled(case, tuple(modes), dims, normalize=normalize, concat=concat)

        expected = in_storage(reduce_spans(case.tensors(), modes, dims, normalize=normalize, concat=concat))
        assert len(found) == len(expected)
        for mode, one, other in zip(modes, found, expected, strict=False):
            assert one.shape == other.shape
            assert same_numbers(one, other, element), mode

    holds()


@pytest.mark.parametrize("element", FLOATS)
def test_a_span_alone_has_the_bits_that_it_has_among_others(element: str) -> None:
    """Requests are batched; neither other spans, nor other rows, nor threads change an answer."""

    @scaled_examples(40)
    @given(cases(element), st.booleans())
    def holds(case: Case, normalize: bool) -> None:
        together = pooled(case, normalize=normalize)
        in_threads = pooled(case, normalize=normalize, threads=3)

        for mode, one, other in zip(ALL_MODES, together, in_threads, strict=True):
            assert same_numbers(one, other, element), mode
        for i, (begin, end, origin) in enumerate(case.spans):
            # Its row begins at 0, and nothing follows it.
            planes = {
                name: case.planes[name][origin:end] for name in ("input", "weights", "mask") if name in case.planes
            }
            alone = Case({**planes, "spans": np.array([[begin - origin, end - origin, 0]])}, element)
            for mode, one, other in zip(ALL_MODES, pooled(alone, normalize=normalize), together, strict=True):
                assert same_numbers(one[0], other[i], element), mode

    holds()


@pytest.mark.usefixtures("_either_way")
@pytest.mark.parametrize("element", FLOATS)
@pytest.mark.parametrize("intruder", [np.nan, np.inf, -np.inf, 1e300])
def test_tokens_outside_a_span_have_no_influence(element: str, intruder: float) -> None:
    """With differences of running sums an infinite token would make later spans NaN, and 1e300 would make them 0."""

    @scaled_examples(20)
    @given(cases(element), st.integers(0, 2**32))
    def holds(case: Case, seed: int) -> None:
        rng = np.random.default_rng(seed)
        x = case.planes["input"]
        outside = np.ones(len(x), bool)
        for begin, end, _ in case.spans[::2]:
            outside[begin:end] = case.planes["mask"][begin:end] == 0 if "mask" in case.planes else False
        outside &= rng.random(len(x)) < 0.8
        values = widened(x, element)
        largest = np.finfo(np.float32 if element == "bfloat16" else element).max
        values[outside] = intruder if not np.isfinite(intruder) else min(intruder, float(largest) / 2)
        disturbed = case.changed(input=_stored_exactly(values, element))
        weights = case.planes["weights"].copy()
        weights[outside] = np.nan

        found = pooled(disturbed.changed(weights=weights))

        for mode, one, other in zip(ALL_MODES, found, pooled(case), strict=True):
            assert same_numbers(one[::2], other[::2], element), mode

    holds()


def _stored_exactly(values: Array, element: str) -> Array:
    if element == "bfloat16":
        return (values.astype(np.float32).view(np.uint32) >> np.uint32(16)).astype(np.uint16)
    return values.astype(element)


@pytest.mark.parametrize("element", FLOATS)
def test_the_first_and_the_last_token_that_counts(element: str) -> None:
    """Padding may be on either side."""
    case = random_case(element, 1, [40], 1, 5, is_masked=False)
    mask = np.zeros(40, np.uint8)
    mask[[7, 9, 30]] = 1, 255, 1
    whole = case.changed(mask=mask, spans=np.array([[0, 40, 0], [8, 30, 0], [10, 30, 0]]))

    first, last = pooled(whole, ("cls", "last"))

    x = case.planes["input"]
    np.testing.assert_array_equal(first, [x[7], x[9], np.zeros(5, x.dtype)])
    np.testing.assert_array_equal(last, [x[30], x[9], np.zeros(5, x.dtype)])


@pytest.mark.parametrize("padded_left", [False, True])
def test_a_padded_batch_has_the_means_of_its_rows(padded_left: bool) -> None:
    """Rows of equal length with a mask, as tokenizers give them."""
    rng = np.random.default_rng(3)
    x, lengths = rng.standard_normal((6, 50, 8)).astype(np.float32), rng.integers(1, 51, 6)
    mask = np.arange(50) >= 50 - lengths[:, None] if padded_left else np.arange(50) < lengths[:, None]
    borders = np.arange(6) * 50
    spans = np.stack((borders, borders + 50, borders), 1)
    case = Case({"input": x.reshape(300, 8), "mask": mask.reshape(-1), "spans": spans}, "float32")

    mean, weighted = pooled(case, ("mean", "weighted_mean"))

    kept = np.where(mask[..., None], x, 0.0).astype(np.float64)
    weights = np.arange(1, 51) * mask
    np.testing.assert_allclose(mean, kept.sum(1) / lengths[:, None], rtol=1e-6, atol=1e-7)
    positional = (kept * weights[..., None]).sum(1) / weights.sum(1)[:, None]
    np.testing.assert_allclose(weighted, positional, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("element", FLOATS)
def test_a_span_without_tokens_that_count_is_zero(element: str) -> None:
    """The operator decides whether it is refused; -0, NaN or infinity must not appear."""
    case = random_case(element, 2, [64, 20], 1, 4, is_masked=False)
    mask = np.r_[np.zeros(64, bool), np.ones(20, bool)]
    spans = np.array([[0, 64, 0], [3, 40, 0], [84, 84, 64], [70, 70, 64]])

    for normalize in (False, True):
        found = pooled(case.changed(mask=mask, spans=spans), normalize=normalize)

        for vectors in found:
            assert vectors.view(f"u{vectors.itemsize}").max() == 0


def test_weights_that_add_up_to_zero_give_zero() -> None:
    """The quotient would be infinite or NaN."""
    case = Case(
        {"input": np.ones((40, 3)), "weights": np.tile([1.0, -1.0], 20), "spans": np.array([[0, 40, 0]])}, "float64"
    )

    (found,) = pooled(case, ("weighted",))

    assert found.tolist() == [[0.0, 0.0, 0.0]]


@pytest.mark.usefixtures("_either_way")
@pytest.mark.parametrize("element", FLOATS)
def test_a_nan_or_infinity_that_counts_is_in_the_result(element: str) -> None:
    """As torch.amax and torch.sum have it, at a border of blocks too, where a position is moved by zero tokens."""
    case = random_case(element, 4, [100], 1, 3, is_masked=False)
    values = np.ones((100, 3))
    values[50, 0], values[20, 1], values[60, 1], values[33, 2] = np.nan, np.inf, np.inf, -np.inf
    spans = np.array([[16, 80, 0], [16, 80, 0], [0, 100, 0], [16, 96, 0], [5, 77, 0]])
    weights = np.ones(100)

    found = pooled(case.changed(input=_stored_exactly(values, element), spans=spans, weights=weights))

    for mode, vectors in zip(ALL_MODES, found, strict=True):
        row = [np.nan, np.inf if mode != "min" else 1.0, -np.inf if mode != "max" else 1.0]
        expected = [1.0, 1.0, 1.0] if mode in ("cls", "last") else row
        np.testing.assert_array_equal(widened(vectors, element), [expected] * 5, err_msg=mode)


@pytest.mark.parametrize("element", ["float16", "bfloat16"])
def test_halves_are_rounded_once(element: str) -> None:
    """Through float32 the mean would be rounded to a tie first, and then to the wrong neighbour."""
    unit, tokens = 2.0 ** -(10 if element == "float16" else 7), 2**18
    # The mean is 1 + unit / 2 and a little that float32 does not have.
    values = np.where(np.arange(tokens) <= tokens // 2, 1.0 + unit, 1.0)[:, None]
    case = Case({"input": _stored_exactly(values, element), "spans": np.array([[0, tokens, 0]])}, element)

    (found,) = pooled(case, ("mean",))

    assert widened(found, element).item() == 1.0 + unit


def test_truncated_vectors_are_normalized_after() -> None:
    """Matryoshka embeddings: the first dimensions alone have the norm 1, over all modes with concat."""
    case = random_case("float64", 6, [70], 5, 32, is_masked=False)

    (joined,) = pooled(case, ("mean", "max"), 7, normalize=True, concat=True)
    apart = pooled(case, ("mean", "max"), 7, normalize=True)

    plain = pooled(case, ("mean", "max"), 7)
    norms = np.linalg.norm(np.concatenate(plain, 1), axis=1, keepdims=True)
    counted = norms[:, 0] > 0
    np.testing.assert_allclose(joined[counted], (np.concatenate(plain, 1) / norms)[counted], rtol=1e-14)
    for each in apart:
        np.testing.assert_allclose(np.linalg.norm(each[counted], axis=1), 1.0, rtol=1e-14)


def test_a_vector_of_almost_no_length_is_divided_by_the_least_norm() -> None:
    """As torch.nn.functional.normalize does; a division by its norm would blow up noise."""
    case = Case({"input": np.full((1, 1), 1e-15), "spans": np.array([[0, 1, 0]])}, "float64")

    (found,) = pooled(case, ("sum",), normalize=True)

    assert found.item() == 1e-15 / 1e-12


def test_no_span_gives_no_vector() -> None:
    """A batch may be empty, and so may the tokens."""
    none = Case({"input": np.ones((0, 3)), "spans": np.empty((0, 3), np.int64), "weights": np.ones(0)}, "float64")

    assert [each.shape for each in pooled(none)] == [(0, 3)] * len(ALL_MODES)
    assert [each.shape for each in pooled(none, concat=True)] == [(0, 3 * len(ALL_MODES))]


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(
    ("rows", "spans", "width"), [([8000], 300, 200), ([20_000], 40, 33), ([30] * 100, 500, 64), ([9], 2000, 3)]
)
def test_the_scratch_is_within_its_bound(
    rows: list[int], spans: int, width: int, threads: int, normalize: bool
) -> None:
    """The service reserves this memory before it pools."""
    case = random_case("float16", 8, rows, spans, width, is_masked=True)
    # Kept, so that the second call does not get the same memory for its outputs.
    first = pooled(case, normalize=normalize, threads=threads)
    tracemalloc.start()

    pooled(case, normalize=normalize, threads=threads)

    peak = tracemalloc.get_traced_memory()[1] - sum(each.nbytes for each in first)
    tracemalloc.stop()
    bound = scratch_bytes(sum(rows), spans, width, len(ALL_MODES), normalize=normalize, threads=threads)
    assert peak <= bound
