"""segment_pool against numpy's reductions of each group, in any order of the rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.errors import Unprocessable
from poolhouse.operators.segment_pool import SegmentPool
from poolhouse.tensors import Tensor, TensorMetadata
from tests.hypothesis_profiles import scaled_examples
from tests.operators.region_cases import pool_arrays

Reals = npt.NDArray[np.float64]


def _softmax(rows: Reals) -> Reals:
    weights = np.exp(rows - rows.max(0))
    found: Reals = (rows * weights).sum(0) / weights.sum(0)
    return found


def _median(rows: Reals) -> Reals:
    found: Reals = np.sort(rows, 0)[(len(rows) - 1) // 2]
    return found


OF_NUMPY: Final[dict[str, Callable[[Reals], Reals]]] = {
    "sum": lambda rows: rows.sum(0),
    "mean": lambda rows: rows.mean(0),
    "max": lambda rows: rows.max(0),
    "min": lambda rows: rows.min(0),
    "mul": lambda rows: rows.prod(0),
    "median": _median,
    "var": lambda rows: rows.var(0),
    "std": lambda rows: rows.std(0),
    "softmax": _softmax,
    "logsumexp": lambda rows: np.log(np.exp(rows).sum(0)),
}


@pytest.mark.parametrize("reduce", OF_NUMPY)
def test_results_are_those_of_numpy(reduce: str) -> None:
    """As torch_geometric's aggregations define them; segments without a row are 0, or 1 for products."""

    @scaled_examples(30)
    @given(st.integers(0, 60), st.integers(1, 7), st.integers(0, 2**32 - 1))
    def holds(rows: int, count: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        x, segments = rng.standard_normal((rows, 3)), rng.integers(0, count, rows)

        arrays = {"input": x, "segments": segments}
        found = pool_arrays("segment_pool", arrays, reduce=reduce, num_segments=count)["output"]

        empty = np.full(3, 1.0 if reduce == "mul" else 0.0)
        expected = [
            OF_NUMPY[reduce](x[segments == each]) if (segments == each).any() else empty for each in range(count)
        ]
        np.testing.assert_allclose(found, np.array(expected), rtol=1e-11, atol=1e-12)

    holds()


@scaled_examples(30)
@given(st.lists(st.integers(0, 20), min_size=1, max_size=8), st.integers(0, 2**32 - 1))
def test_offsets_are_segments_one_after_the_other(lengths: list[int], seed: int) -> None:
    """Bit for bit."""
    x = np.random.default_rng(seed).standard_normal((sum(lengths), 2, 2)).astype(np.float32)
    segments = np.repeat(np.arange(len(lengths)), lengths)

    by_offsets = pool_arrays("segment_pool", {"input": x, "offsets": np.cumsum([0, *lengths])}, reduce="sum")
    by_segments = pool_arrays(
        "segment_pool", {"input": x, "segments": segments}, reduce="sum", num_segments=len(lengths)
    )

    np.testing.assert_array_equal(by_offsets["output"], by_segments["output"])


@scaled_examples(30)
@given(st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_rows_of_other_segments_do_not_matter(rows: int, seed: int) -> None:
    """Neither their order nor their number: a result depends on the rows of its segment, in their order."""
    rng = np.random.default_rng(seed)
    x, segments = rng.standard_normal((rows, 3)).astype(np.float32), rng.integers(0, 4, rows)
    kept = np.flatnonzero(segments == 2)

    whole = pool_arrays("segment_pool", {"input": x, "segments": segments}, num_segments=4, reduce="sum")
    alone = pool_arrays(
        "segment_pool", {"input": x[kept], "segments": segments[kept] - 2}, num_segments=1, reduce="sum"
    )

    np.testing.assert_array_equal(whole["output"][2], alone["output"][0])


def test_indices_are_rows() -> None:
    """The first of equal ones; a segment without rows has none."""
    x = np.array([[1.0, 5.0], [3.0, 5.0], [2.0, np.nan]])

    found = pool_arrays(
        "segment_pool", {"input": x, "segments": np.array([2, 2, 2])}, reduce="max", num_segments=3, return_indices=True
    )

    assert found["indices"].tolist() == [[-1, -1], [-1, -1], [1, 2]]
    np.testing.assert_array_equal(found["output"], [[0, 0], [0, 0], [3, np.nan]])


def test_the_number_of_segments_follows_from_the_largest() -> None:
    """Where the elements are at hand."""
    tensors = {"segments": Tensor(ELEMENT_TYPES["int64"], np.array([4, 0]))}

    assert SegmentPool.fields_from_elements(tensors) == {"num_segments": 5}
    assert SegmentPool.fields_from_elements({}) == {}
    empty = {"segments": Tensor(ELEMENT_TYPES["int64"], np.zeros(0, np.int64))}
    assert SegmentPool.fields_from_elements(empty) == {"num_segments": 0}


def test_a_huge_segment_number_is_refused_with_its_row() -> None:
    """Nothing could hold that many segments."""
    tensors = {"segments": Tensor(ELEMENT_TYPES["int64"], np.array([0, 2**62, 1]))}

    with pytest.raises(Unprocessable, match=r"row 1 has the segment 4611686018427387904") as refusal:
        SegmentPool.fields_from_elements(tensors)

    assert refusal.value.code == "index_out_of_range"


@pytest.mark.parametrize("value", [-1.5, float("nan"), float("inf")])
def test_a_segment_without_rows_has_the_given_value(value: float) -> None:
    """Also NaN, which is never the result of numbers."""
    arrays = {"input": np.ones((2, 1)), "segments": np.array([0, 2])}

    found = pool_arrays("segment_pool", arrays, num_segments=3, empty_value=value)["output"]

    np.testing.assert_array_equal(found, [[1], [value], [1]])


@pytest.mark.parametrize("value", [65519, 65520, -65520, 1e300])
def test_a_value_beyond_the_element_type_is_refused(value: float) -> None:
    """It would become an infinity that the client did not ask for; 65519 is rounded to the largest float16."""
    inputs = {
        "input": TensorMetadata(ELEMENT_TYPES["float16"], (2, 1)),
        "segments": TensorMetadata(ELEMENT_TYPES["int64"], (2,)),
    }
    spec = SegmentPool.of(num_segments=3, empty_value=value)

    if value == 65519:
        assert spec.arrange(inputs).planes == 3
    else:
        with pytest.raises(Unprocessable, match="beyond float16") as refusal:
            spec.arrange(inputs)
        assert refusal.value.problems[0].pointer == "/empty_value"


def test_a_sample_has_no_variance() -> None:
    """Of one row with a correction there is nothing to divide by."""
    x = np.array([[2.0], [4.0], [8.0]])

    arrays = {"input": x, "segments": np.array([0, 0, 1])}
    found = pool_arrays("segment_pool", arrays, reduce="std", correction=1, num_segments=2)

    np.testing.assert_allclose(found["output"], [[2**0.5], [np.nan]])
