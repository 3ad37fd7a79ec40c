"""ONNX's operators for boxes: onnxruntime's results, our bits, and refusals in ONNX's words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from poolhouse.errors import Unprocessable
from tests.operators.adapters.test_onnx import run_with_onnxruntime
from tests.operators.region_cases import CATALOGUE, pool_arrays

X = np.random.default_rng(1).standard_normal((2, 3, 12, 10)).astype(np.float32)
CORNERS = np.array([[1, 2, 15, 17], [0, 0, 19, 23], [4.5, 3, 9, 20]], np.float32)
IMAGES = np.array([1, 0, 1])


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"output_height": 3, "output_width": 2, "spatial_scale": 0.5},
        {"output_height": 2, "output_width": 2, "spatial_scale": 0.5, "sampling_ratio": 3, "mode": "max"},
        {"output_height": 2, "spatial_scale": 0.5, "coordinate_transformation_mode": "output_half_pixel"},
    ],
)
def test_roi_align_is_that_of_onnxruntime(attributes: dict[str, object]) -> None:
    """By its own attributes and defaults; it computes in float32."""
    (expected,) = run_with_onnxruntime("RoiAlign", [X, CORNERS, IMAGES], attributes)

    found = pool_arrays("onnx.RoiAlign", {"input": X, "rois": CORNERS, "batch_indices": IMAGES}, **attributes)

    np.testing.assert_allclose(found["output"], expected, rtol=1e-4, atol=1e-5)


def test_max_roi_pool_is_that_of_onnxruntime() -> None:
    """Bit for bit: elements are chosen, not computed."""
    rois = np.column_stack((IMAGES, CORNERS)).astype(np.float32)

    (expected,) = run_with_onnxruntime("MaxRoiPool", [X, rois], {"pooled_shape": [2, 3], "spatial_scale": 0.5})
    found = pool_arrays("onnx.MaxRoiPool", {"input": X, "rois": rois}, pooled_shape=[2, 3], spatial_scale=0.5)

    np.testing.assert_array_equal(found["output"], expected)


def test_requests_share_batches_with_ours() -> None:
    """There is no second kernel."""
    theirs = CATALOGUE.find("onnx.MaxRoiPool").of(pooled_shape=[2, 3])
    ours = CATALOGUE.find("roi_pool").of(output_size=[2, 3])

    assert theirs.spec_key() == ours.spec_key()


@pytest.mark.parametrize(
    ("name", "fields", "arrays", "says"),
    [
        ("onnx.RoiAlign", {"output_size": 2}, {}, "output_height"),
        ("onnx.RoiAlign", {}, {"rois": np.ascontiguousarray(CORNERS[:, :3])}, "[K, 4]"),
        ("onnx.RoiAlign", {}, {"batch_indices": IMAGES + 1}, "there are 2"),
        ("onnx.MaxRoiPool", {"pooled_shape": 0}, {}, "pooled_shape"),
    ],
)
def test_refusals_have_the_words_of_onnx(
    name: str, fields: dict[str, object], arrays: dict[str, np.ndarray[Any, Any]], says: str
) -> None:
    """The caller knows no other."""
    given = {"input": X, "rois": CORNERS, "batch_indices": IMAGES, **arrays}
    if name == "onnx.MaxRoiPool":
        given = {"input": X, "rois": np.column_stack((IMAGES, CORNERS)).astype(np.float32)}

    with pytest.raises(Unprocessable) as raised:
        pool_arrays(name, given, **fields)

    assert says in raised.value.detail
    assert "boxes" not in raised.value.detail
