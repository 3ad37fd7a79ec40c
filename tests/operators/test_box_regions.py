"""Boxes: the two ways to name their image, scales, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from poolhouse.dtypes import FLOAT32
from poolhouse.errors import Unprocessable
from poolhouse.operators.plan import Limits, Plan, make_plan
from poolhouse.tensors import Tensor, TensorMetadata
from tests.operators.region_cases import CATALOGUE, pool_arrays

RNG = np.random.default_rng(2)
X = RNG.standard_normal((3, 4, 12, 10)).astype(np.float32)
CORNERS = np.array([[0.5, 1, 7.25, 8], [2, 2, 9, 11], [1, 0, 3, 6]], np.float32)
IMAGES = np.array([2, 0, 2])
OPERATORS = pytest.mark.parametrize("name", ["roi_align", "roi_pool"])


@OPERATORS
def test_the_image_is_a_column_or_a_tensor(name: str) -> None:
    """torchvision has both, ONNX the second."""
    with_column = np.column_stack((IMAGES, CORNERS)).astype(np.float32)

    one = pool_arrays(name, {"input": X, "boxes": with_column}, output_size=3)
    other = pool_arrays(name, {"input": X, "boxes": CORNERS, "batch_indices": IMAGES}, output_size=3)

    assert one["output"].shape == (3, 4, 3, 3)
    np.testing.assert_array_equal(one["output"], other["output"])


@OPERATORS
def test_a_box_depends_on_its_image_alone(name: str) -> None:
    """Images of a batch are pooled as if each were sent alone."""
    together = pool_arrays(name, {"input": X, "boxes": CORNERS, "batch_indices": IMAGES}, output_size=2)["output"]

    for box, image, found in zip(CORNERS, IMAGES, together, strict=True):
        alone = {"input": X[image : image + 1], "boxes": box[None], "batch_indices": np.array([0])}
        np.testing.assert_array_equal(pool_arrays(name, alone, output_size=2)["output"][0], found)


@OPERATORS
def test_scaled_boxes_are_boxes_of_the_map(name: str) -> None:
    """A power of two is exact."""
    arrays = {"input": X, "boxes": CORNERS, "batch_indices": IMAGES}
    large = {**arrays, "boxes": 8 * CORNERS}

    np.testing.assert_array_equal(
        pool_arrays(name, large, output_size=2, spatial_scale=0.125)["output"],
        pool_arrays(name, arrays, output_size=2)["output"],
    )


@OPERATORS
def test_no_boxes_give_no_outputs(name: str) -> None:
    """A detector may find nothing."""
    assert pool_arrays(name, {"input": X, "boxes": np.zeros((0, 5))}, output_size=2)["output"].shape == (0, 4, 2, 2)


@OPERATORS
@pytest.mark.parametrize(
    ("arrays", "code", "says"),
    [
        ({"input": X[0], "boxes": np.zeros((1, 5))}, "wrong_rank", "(N, C, H, W)"),
        ({"input": X[:, :0], "boxes": np.zeros((1, 5))}, "empty_dimension", "only N may be 0"),
        ({"input": X, "boxes": np.zeros((1, 4))}, "shape_mismatch", "[K, 5]"),
        ({"input": X, "boxes": np.zeros((1, 5)), "batch_indices": np.zeros(1, np.int64)}, "shape_mismatch", "[K, 4]"),
        ({"input": X, "boxes": np.zeros((2, 4)), "batch_indices": np.zeros(1, np.int64)}, "shape_mismatch", "[2]"),
        ({"input": X, "boxes": np.zeros((1, 5), np.int64)}, "unsupported_dtype", "boxes must be float32"),
        ({"input": X, "boxes": np.array([[3.0, 0, 0, 1, 1]])}, "index_out_of_range", "there are 3"),
        ({"input": X, "boxes": np.array([[0, np.inf, 0, 1, 1]])}, "invalid_data", "finite"),
    ],
)
def test_boxes_that_do_not_fit(
    name: str, arrays: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]], code: str, says: str
) -> None:
    """The message names the box, or the shape that is expected."""
    with pytest.raises(Unprocessable) as raised:
        pool_arrays(name, arrays, output_size=2)

    assert raised.value.code == code
    assert says in raised.value.detail


def _plan(name: str, boxes: np.typing.NDArray[np.float32], *, is_measured: bool) -> Plan:
    """The plan of boxes ``(K, 5)`` of a map of 100 × 80 elements."""
    given = Tensor(FLOAT32, boxes)
    inputs = {"input": TensorMetadata(FLOAT32, (1, 64, 100, 80)), "boxes": given.metadata}
    spec = CATALOGUE.find(name).of(output_size=7)
    return make_plan(spec, inputs, Limits(2**40, 2**60), {"boxes": given} if is_measured else None)


@OPERATORS
def test_the_plan_of_small_boxes_is_small(name: str) -> None:
    """A plan for boxes as large as the map would refuse the requests of most detectors."""
    small = np.tile(np.array([0, 10, 10, 18, 16], np.float32), (50, 1))

    measured, unmeasured = (_plan(name, small, is_measured=each) for each in (True, False))

    assert 8 * measured.steps < unmeasured.steps
    assert measured.workspace_bytes <= unmeasured.workspace_bytes


@OPERATORS
@pytest.mark.parametrize("wild", [np.nan, np.inf, 1e30, 1e9])
def test_no_box_is_planned_for_more_than_the_map(name: str, wild: float) -> None:
    """Elements are measured before they are checked."""
    boxes = np.array([[0, -wild, 0, wild, 1e4], [0, 0, wild, 5, -wild]], np.float32)

    measured, unmeasured = (_plan(name, boxes, is_measured=each) for each in (True, False))

    assert 0 < measured.steps <= unmeasured.steps
    assert measured.held_bytes <= unmeasured.held_bytes


@OPERATORS
def test_the_plan_of_mixed_boxes_has_the_mean_area(name: str) -> None:
    """Half of the boxes are the whole map, so the steps are at least half of those of whole maps alone."""
    whole = np.tile(np.array([0, 0, 0, 80, 100], np.float32), (20, 1))
    mixed = whole.copy()
    mixed[::2, 3:] = 2

    steps = [_plan(name, each, is_measured=True).steps for each in (whole, mixed)]

    assert steps[0] / 2 <= steps[1] < steps[0]
