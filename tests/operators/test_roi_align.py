"""roi_align: what its formula implies, and onnxruntime's results."""

from __future__ import annotations

import numpy as np
import pytest

from poolhouse.errors import Unprocessable
from tests.operators.adapters.test_onnx import run_with_onnxruntime
from tests.operators.region_cases import pool_arrays

RNG = np.random.default_rng(4)
X = RNG.standard_normal((2, 3, 9, 11)).astype(np.float32)


def test_one_sample_in_the_middle_of_each_pixel_is_the_input() -> None:
    """Aligned boxes have pixels of one position, whose middles are the elements."""
    box = np.array([[1, 0, 0, 11, 9]], np.float32)

    found = pool_arrays("roi_align", {"input": X, "boxes": box}, output_size=[9, 11], sampling_ratio=1, aligned=True)

    np.testing.assert_array_equal(found["output"][0], X[1])


def test_linear_maps_are_averaged_to_their_middle() -> None:
    """Bilinear interpolation is exact for them, however many samples there are."""
    rows, columns = np.mgrid[0:9, 0:11].astype(np.float64)
    x = (3 * rows - 2 * columns)[None, None]
    box = np.array([[0, 2.0, 1.0, 8.0, 7.0]])

    for ratio in (-1, 1, 3):
        found = pool_arrays("roi_align", {"input": x, "boxes": box}, output_size=1, sampling_ratio=ratio, aligned=True)[
            "output"
        ]
        np.testing.assert_allclose(found, [[[[3 * 3.5 - 2 * 4.5]]]], rtol=1e-12)


def test_boxes_far_outside_are_zero() -> None:
    """A sample more than one position outside is 0."""
    box = np.array([[0, 100, 100, 120, 130], [0, -50, -50, -20, -10]], np.float32)

    found = pool_arrays("roi_align", {"input": X, "boxes": box}, output_size=2, sampling_ratio=2)

    assert not found["output"].any()


def test_the_work_of_adaptive_samples_is_bounded() -> None:
    """A box of a million positions would take 10^12 samples; with a ratio it takes four."""
    box = np.array([[0, 0, 0, 1e6, 1e6]], np.float32)

    with pytest.raises(Unprocessable, match="Give a sampling_ratio"):
        pool_arrays("roi_align", {"input": X, "boxes": box}, output_size=1)
    assert pool_arrays("roi_align", {"input": X, "boxes": box}, output_size=1, sampling_ratio=2)["output"].shape[0] == 1


@pytest.mark.parametrize("mode", ["avg", "max"])
@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize("ratio", [0, 2])
def test_results_are_those_of_onnxruntime(mode: str, aligned: bool, ratio: int) -> None:
    """Which computes in float32, so the last digits differ."""
    corners = np.sort(RNG.uniform(0, 16, (5, 2, 2)), 1).reshape(5, 4).astype(np.float32)
    images = np.array([0, 1, 1, 0, 1])

    attributes = {
        "mode": mode,
        "output_height": 3,
        "output_width": 2,
        "sampling_ratio": ratio,
        "spatial_scale": 0.5,
        "coordinate_transformation_mode": "half_pixel" if aligned else "output_half_pixel",
    }
    (expected,) = run_with_onnxruntime("RoiAlign", [X, corners, images], attributes)
    found = pool_arrays(
        "roi_align",
        {"input": X, "boxes": corners, "batch_indices": images},
        output_size=[3, 2],
        sampling_ratio=ratio,
        spatial_scale=0.5,
        aligned=aligned,
        mode=mode,
    )

    np.testing.assert_allclose(found["output"], expected, rtol=1e-4, atol=1e-5)
