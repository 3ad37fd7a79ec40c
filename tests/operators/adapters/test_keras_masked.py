"""Keras' GlobalAveragePooling1D with a mask: its own results, and what it takes."""

from __future__ import annotations

import numpy as np
import pytest

from poolhouse.errors import Unprocessable
from tests.frameworks.libraries import NEEDS, keras_layers
from tests.operators.adapters.pooling import pool

NAME = "keras.GlobalAveragePooling1D"
X = np.random.default_rng(3).standard_normal((3, 7, 4)).astype(np.float32)
MASK = np.array([[1, 1, 1, 0, 0, 0, 0], [0, 0, 1, 1, 1, 1, 1], [1, 0, 1, 0, 1, 0, 1]])


@pytest.mark.parametrize("keepdims", [False, True])
def test_masked_steps_do_not_count(keepdims: bool) -> None:
    """With and without the axis of the steps."""
    found = pool(NAME, {"input": X, "mask": MASK}, keepdims=keepdims)["output"]

    expected = (X * MASK[..., None]).sum(1, keepdims=keepdims) / MASK.sum(1).reshape(-1, *[1] * (1 + keepdims))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_without_a_mask_all_steps_count() -> None:
    """By the same name and the other operator."""
    np.testing.assert_allclose(pool(NAME, {"input": X})["output"], X.mean(1), rtol=1e-5, atol=1e-7)


@pytest.mark.slow
def test_results_are_those_of_keras() -> None:
    """Computed by its own layer."""
    try:
        layers = keras_layers()
    except ModuleNotFoundError:
        pytest.skip(NEEDS.format("keras"))

    expected = np.asarray(layers.GlobalAveragePooling1D()(X, mask=MASK.astype(bool)))

    np.testing.assert_allclose(pool(NAME, {"input": X, "mask": MASK})["output"], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("mask", "fields", "code", "says"),
    [
        (MASK, {"data_format": "channels_first"}, "invalid_fields", "channels_last"),
        (MASK[:, :6], {}, "shape_mismatch", "mask must have the shape"),
        (np.zeros((3, 7), np.int64), {}, "empty_row", "row 0"),
        (MASK.astype(np.float32), {}, "unsupported_dtype", "mask must be"),
    ],
)
def test_masks_that_do_not_fit(
    mask: np.ndarray[tuple[int, ...], np.dtype[np.generic]], fields: dict[str, object], code: str, says: str
) -> None:
    """Keras gives NaN for a row without a step that counts; here it is refused."""
    with pytest.raises(Unprocessable) as raised:
        pool(NAME, {"input": X, "mask": np.ascontiguousarray(mask)}, **fields)

    assert raised.value.code == code
    assert says in raised.value.detail
