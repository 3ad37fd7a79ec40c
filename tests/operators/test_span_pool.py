"""span_pool: a span has the vector of a text that consists of its tokens."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hypothesis_profiles import scaled_examples
from tests.operators.region_cases import pool_arrays

MODES = ["cls", "last", "mean", "max", "min", "sum", "mean_sqrt_len", "weighted_mean"]


@scaled_examples(60)
@given(st.integers(1, 120), st.integers(0, 2**32 - 1))
def test_a_span_has_the_vector_of_its_tokens_alone(tokens: int, seed: int) -> None:
    """Up to the order of additions, which depends on where the span begins."""
    random, rng = Random(seed), np.random.default_rng(seed)
    x = rng.standard_normal((tokens, 4))
    spans = [sorted(random.sample(range(tokens + 1), 2)) for _ in range(6)]

    found = pool_arrays("span_pool", {"input": x, "spans": np.array(spans)}, modes=MODES)

    for vector, (begin, end) in zip(found["output"], spans, strict=True):
        alone = pool_arrays("token_pool", {"input": x[begin:end]}, modes=MODES)
        np.testing.assert_allclose(vector, alone["output"], rtol=1e-12, atol=1e-13)


@scaled_examples(30)
@given(st.integers(0, 2**32 - 1))
def test_neither_order_nor_company_matters(seed: int) -> None:
    """Bit for bit: of one document in many requests, and of many in one."""
    random, rng = Random(seed), np.random.default_rng(seed)
    x = rng.standard_normal((200, 3)).astype(np.float32)
    spans = np.array([sorted(random.sample(range(201), 2)) for _ in range(9)])
    order = rng.permutation(9)

    together = pool_arrays("span_pool", {"input": x, "spans": spans}, modes=MODES)["output"]
    shuffled = pool_arrays("span_pool", {"input": x, "spans": spans[order]}, modes=MODES)["output"]
    alone = [pool_arrays("span_pool", {"input": x, "spans": span[None]}, modes=MODES)["output"][0] for span in spans]

    np.testing.assert_array_equal(shuffled, together[order])
    np.testing.assert_array_equal(np.array(alone), together)


@pytest.mark.parametrize("wild", [np.nan, np.inf, 1e30])
def test_tokens_outside_of_a_span_do_not_matter(wild: float) -> None:
    """Differences of running sums would be NaN, or lose all digits."""
    x = np.ones((100, 2), np.float32)
    x[40] = wild

    found = pool_arrays("span_pool", {"input": x, "spans": np.array([[0, 40], [41, 100], [0, 100]])}, modes="mean")

    assert found["output"][:2].tolist() == [[1, 1], [1, 1]]
    assert not (found["output"][2] == 1).any()


def test_spans_of_several_rows_begin_with_the_row() -> None:
    """A span never reaches into the next row."""
    x = np.arange(24.0).reshape(2, 6, 2)

    found = pool_arrays("span_pool", {"input": x, "spans": np.array([[1, 0, 2], [0, 4, 6]])}, modes="last")

    assert found["output"].tolist() == [[14, 15], [10, 11]]


def test_no_spans_give_no_vectors() -> None:
    """A document without chunks is no fault."""
    found = pool_arrays("span_pool", {"input": np.ones((4, 3)), "spans": np.zeros((0, 2), np.int64)})

    assert found["output"].shape == (0, 3)
