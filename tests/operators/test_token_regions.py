"""Fields that token_pool and span_pool share: several modes, Matryoshka, lengths, masks, empty rows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from poolhouse.errors import Unprocessable
from tests.operators.region_cases import pool_arrays

X = np.random.default_rng(0).standard_normal((3, 17, 8)).astype(np.float32)


def test_modes_follow_each_other_or_are_outputs_of_their_own() -> None:
    """Each has the bits that it has alone."""
    together = pool_arrays("token_pool", {"input": X}, modes=["max", "mean"])["output"]
    apart = pool_arrays("token_pool", {"input": X}, modes=["max", "mean"], concat=False)

    assert list(apart) == ["max", "mean"]
    np.testing.assert_array_equal(together, np.concatenate((apart["max"], apart["mean"]), 1))
    np.testing.assert_array_equal(apart["mean"], pool_arrays("token_pool", {"input": X}, modes="mean")["output"])


def test_vectors_are_truncated_before_they_are_normalized() -> None:
    """The other order would give vectors that are shorter than 1."""
    plain = pool_arrays("token_pool", {"input": X}, truncate=3)["output"].astype(np.float64)
    found = pool_arrays("token_pool", {"input": X}, truncate=3, normalize="l2")["output"]

    assert found.shape == (3, 3)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(found, plain / np.linalg.norm(plain, axis=1, keepdims=True), rtol=1e-6)


def test_the_vector_of_all_modes_has_length_1() -> None:
    """As a normalization layer behind pooling does it; apart, each has it."""
    together = pool_arrays("token_pool", {"input": X}, modes=["max", "min"], normalize="l2")["output"]
    apart = pool_arrays("token_pool", {"input": X}, modes=["max", "min"], normalize="l2", concat=False)

    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, rtol=1e-6)
    for vectors in apart.values():
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int16, np.int64, np.uint64])
def test_a_mask_may_have_any_type_of_integers(dtype: type) -> None:
    """What is not 0 counts."""
    mask: npt.NDArray[np.generic] = np.zeros((3, 17), dtype)
    mask[:, 3:9] = 1 if dtype is np.bool_ else 100

    found = pool_arrays("token_pool", {"input": X, "mask": mask})["output"]

    np.testing.assert_array_equal(found, pool_arrays("token_pool", {"input": X[:, 3:9].copy()})["output"])


def test_a_row_without_a_token_is_refused_or_zero() -> None:
    """Its mean would be 0 / 0."""
    mask = np.ones((3, 17), np.int64)
    mask[1] = 0

    with pytest.raises(Unprocessable, match="row 1"):
        pool_arrays("token_pool", {"input": X, "mask": mask}, modes=["mean", "max"])
    found = pool_arrays("token_pool", {"input": X, "mask": mask}, modes=["mean", "max"], empty="zero", normalize="l2")

    assert found["output"][1].tolist() == [0] * 16
    assert found["output"][[0, 2]].any(1).all()


@pytest.mark.parametrize(
    ("arrays", "fields", "code", "says"),
    [
        ({"input": X[0, 0]}, {}, "wrong_rank", "(N, T, D) or (T, D)"),
        ({"input": X[:, :, :0]}, {}, "empty_dimension", "D is 0"),
        ({"input": X, "mask": np.ones((3, 16), np.int64)}, {}, "shape_mismatch", "[3, 17]"),
        ({"input": X, "mask": np.ones((3, 17))}, {}, "unsupported_dtype", "mask must be"),
        ({"input": X, "weights": np.ones((3, 17))}, {}, "unknown_tensor", "weights have no meaning"),
        ({"input": X}, {"truncate": 9}, "shape_mismatch", "only 8"),
        ({"input": X, "offsets": np.array([0, 17])}, {}, "wrong_rank", "with offsets the input is"),
        ({"input": X[0], "offsets": np.array([[0, 17]])}, {}, "shape_mismatch", "[N + 1]"),
    ],
)
def test_shapes_that_do_not_fit(
    arrays: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]],
    fields: dict[str, object],
    code: str,
    says: str,
) -> None:
    """Refused before an element is read."""
    with pytest.raises(Unprocessable) as raised:
        pool_arrays("token_pool", arrays, **fields)

    assert raised.value.code == code
    assert says in raised.value.detail
