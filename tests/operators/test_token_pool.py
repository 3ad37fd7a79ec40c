"""token_pool against the formulas of sentence-transformers' Pooling, either side padded, and rows without padding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hypothesis_profiles import scaled_examples
from tests.operators.region_cases import pool_arrays

Array = npt.NDArray[np.generic]
Reals = npt.NDArray[np.float64]


def pooled(arrays: Mapping[str, Array], **fields: object) -> dict[str, npt.NDArray[Any]]:
    """The outputs of token_pool."""
    return pool_arrays("token_pool", arrays, **fields)


def of_sentence_transformers(x: Reals, mask: npt.NDArray[np.int64], mode: str) -> Reals:
    """The vectors of all rows, as ``sentence_transformers.models.Pooling`` computes them."""
    wide = mask[:, :, None].astype(np.float64)
    total, count = (x * wide).sum(1), np.maximum(wide.sum(1), 1e-9)
    first, last = mask.argmax(1), mask.shape[1] - 1 - mask[:, ::-1].argmax(1)
    # Weights begin at the first token that is no padding.
    places = (np.arange(1, mask.shape[1] + 1)[None, :] - first[:, None])[:, :, None] * wide
    found: Reals = {
        "cls": x[np.arange(len(x)), first],
        "lasttoken": x[np.arange(len(x)), last],
        "max": np.where(wide == 0, -1e9, x).max(1),
        "mean": total / count,
        "mean_sqrt_len_tokens": total / np.sqrt(count),
        "weightedmean": (x * places).sum(1) / places.sum(1),
    }[mode]
    return found


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("mode", ["cls", "lasttoken", "max", "mean", "mean_sqrt_len_tokens", "weightedmean"])
def test_vectors_are_those_of_sentence_transformers(mode: str, side: str) -> None:
    """Under its names, too."""

    @scaled_examples(30)
    @given(st.lists(st.integers(1, 40), min_size=1, max_size=5), st.integers(0, 2**32 - 1))
    def holds(lengths: list[int], seed: int) -> None:
        rng = np.random.default_rng(seed)
        x = rng.standard_normal((len(lengths), 40, 6))
        places = np.arange(40) if side == "right" else np.arange(40)[::-1]
        mask = (places[None] < np.array(lengths)[:, None]).astype(np.int64)

        found = pooled({"input": x, "mask": mask}, modes=mode)

        np.testing.assert_allclose(found["output"], of_sentence_transformers(x, mask, mode), rtol=1e-12, atol=1e-13)

    holds()


@scaled_examples(40)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=6), st.integers(0, 2**32 - 1))
def test_rows_without_padding_have_the_bits_of_padded_ones(lengths: list[int], seed: int) -> None:
    """A text has the same vector in every batch."""
    rng = np.random.default_rng(seed)
    rows = [rng.standard_normal((length, 5)).astype(np.float32) for length in lengths]
    padded = np.full((len(rows), 50, 5), np.nan, np.float32)
    for row, tokens in zip(padded, rows, strict=True):
        row[: len(tokens)] = tokens
    mask = (np.arange(50)[None] < np.array(lengths)[:, None]).astype(np.uint8)
    fields = {"modes": ["mean", "max", "last", "weighted_mean"], "empty": "zero"}

    ragged = pooled({"input": np.concatenate(rows), "offsets": np.cumsum([0, *lengths])}, **fields)
    masked = pooled({"input": padded, "mask": mask}, **fields)

    np.testing.assert_array_equal(ragged["output"], masked["output"])


def test_one_row_has_no_axis_for_rows() -> None:
    """As a batch without N."""
    x = np.arange(12.0).reshape(4, 3)

    np.testing.assert_array_equal(pooled({"input": x}, modes=["mean", "last"])["output"], [4.5, 5.5, 6.5, 9, 10, 11])


def test_weights_are_those_of_the_tokens() -> None:
    """Masked tokens have none."""
    x, weights = np.array([[[1.0], [3.0], [9.0]]]), np.array([[1.0, 3.0, 100.0]])

    found = pooled({"input": x, "weights": weights, "mask": np.array([[1, 1, 0]])}, modes="weighted")

    assert found["output"].tolist() == [[2.5]]


def test_sums_of_float16_do_not_overflow() -> None:
    """The sum of these is twice the largest float16, and their mean is not."""
    x = np.full((1, 4, 2), 60000, np.float16)

    assert pooled({"input": x})["output"].tolist() == [[60000, 60000]]
    assert np.isinf(pooled({"input": x}, modes="sum")["output"]).all()


def test_no_rows_give_no_vectors() -> None:
    """An empty batch is no fault."""
    assert pooled({"input": np.zeros((0, 4, 3))})["output"].shape == (0, 3)
