"""Pooling of boxes by the loops: the reference sample by sample, every element type, onnxruntime, and independence."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.dtypes import bfloat16_to_float32, float32_to_bfloat16, float64_to_bfloat16
from poolhouse.kernels.boxes import RoiAlignKernel, RoiPoolKernel
from poolhouse.operators.box_sampling import reference_of_box_align, reference_of_box_pool
from tests.frameworks.libraries import NEEDS
from tests.hypothesis_profiles import scaled_examples

Array = npt.NDArray[Any]

H, W = 5, 7

POINTS = st.one_of(st.floats(-3, 10, width=32), st.integers(-2, 9).map(float), st.just(-100.0), st.just(100.0))
BOXES = st.lists(st.lists(POINTS, min_size=4, max_size=4), min_size=1, max_size=3)
"""Inside, partly outside and outside of the input, without area and reversed."""
SIZES = st.tuples(st.integers(1, 4), st.integers(1, 4))
SCALES = st.sampled_from((1.0, 0.25, 1.3, 1e-6, 4.0))
FIELDS = st.fixed_dictionaries({"aligned": st.booleans(), "takes_max": st.booleans()})


def planes_of(x: Array, boxes: object, images: object = None) -> dict[str, Array]:
    """The inputs of a kernel; all boxes are of the first image unless given."""
    given_boxes = np.array(boxes, np.float64).reshape(-1, 4)
    given_images = np.zeros(len(given_boxes), np.int64) if images is None else np.array(images, np.int64)
    return {"input": x, "boxes": given_boxes, "batch_indices": given_images}


def numbers(seed: int, *shape: int) -> Array:
    """Random numbers of both signs, and a few zeros."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal(shape) * rng.integers(0, 4, shape)


def random_boxes(seed: int, count: int, extent: float) -> Array:
    """Boxes in float32, as frameworks have them, of which some reach outside."""
    rng = np.random.default_rng(seed)
    corners = rng.uniform(-0.2 * extent, 1.1 * extent, (2, count, 2))
    return np.concatenate([corners.min(0), corners.max(0)], 1).astype(np.float32)


def in_element(x: Array, element: str) -> Array:
    """Numbers in the storage type of an element type."""
    return float32_to_bfloat16(x.astype(np.float32)) if element == "bfloat16" else x.astype(element)


def in_float64(x: Array, element: str) -> Array:
    """The same numbers in float64."""
    return (bfloat16_to_float32(x.view(np.uint16)) if element == "bfloat16" else x).astype(np.float64)


def run_with_onnxruntime(operator: str, inputs: Sequence[Array], attributes: Mapping[str, object]) -> Array:
    """The output of a graph of one node, of opset 16: onnxruntime has no implementation of opset 22."""
    onnx: Any = pytest.importorskip("onnx", reason=NEEDS.format("onnx"))
    onnxruntime: Any = pytest.importorskip("onnxruntime", reason=NEEDS.format("onnxruntime"))
    helper, types = onnx.helper, onnx.TensorProto
    names = [f"in{at}" for at in range(len(inputs))]
    declared = [
        helper.make_tensor_value_info(name, types.FLOAT if each.dtype == np.float32 else types.INT64, each.shape)
        for name, each in zip(names, inputs, strict=True)
    ]
    node = helper.make_node(operator, names, ["out"], **attributes)
    graph = helper.make_graph([node], "graph", declared, [helper.make_tensor_value_info("out", types.FLOAT, None)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 16)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    found: Array = session.run(None, dict(zip(names, inputs, strict=True)))[0]
    return found


@scaled_examples(400)
@given(BOXES, SIZES, SCALES, st.integers(-1, 3), FIELDS, st.integers(0, 2**32))
def test_samples_are_those_of_the_reference(
    boxes: list[list[float]], size: tuple[int, int], scale: float, ratio: int, fields: dict[str, bool], seed: int
) -> None:
    """Torchvision's formulas, which visit every sample; only the order of additions differs."""
    x = numbers(seed, 1, 2, H, W)

    found: Array = RoiAlignKernel("float64", size, scale, ratio, **fields)(planes_of(x, boxes), 1)[0]

    expected: Any = [
        [reference_of_box_align(plane, box, size, scale, ratio, **fields) for plane in x[0].tolist()] for box in boxes
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("takes_max", [False, True])
@pytest.mark.parametrize("shape", [(2, 200), (200, 2)])
def test_samples_far_apart_are_those_of_the_reference(shape: tuple[int, int], takes_max: bool) -> None:
    """In wide planes only the columns beside samples are read, and bins of many rows are reduced in several steps."""
    x = numbers(12, 1, 2, *shape)
    boxes = [[1.3, 0.2, 190.1, 1.7], [0.1, 0.4, 1.9, 195.5], [-20.0, -20.0, 260.0, 260.0]]
    for ratio in (0, 1, 2, 9):
        kernel = RoiAlignKernel("float64", (3, 3), 1.0, ratio, aligned=True, takes_max=takes_max)

        found: Array = kernel(planes_of(x, boxes), 1)[0]

        expected: Any = [
            [
                reference_of_box_align(plane, box, (3, 3), 1.0, ratio, aligned=True, takes_max=takes_max)
                for plane in x[0].tolist()
            ]
            for box in boxes
        ]
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-11)


@scaled_examples(400)
@given(BOXES, SIZES, SCALES, st.integers(0, 2**32))
def test_bins_are_those_of_the_reference(
    boxes: list[list[float]], size: tuple[int, int], scale: float, seed: int
) -> None:
    """Exactly: elements are only compared."""
    x = numbers(seed, 1, 2, H, W)

    (found,) = RoiPoolKernel("float64", size, scale)(planes_of(x, boxes), 1)

    expected = [[reference_of_box_pool(plane, box, size, scale) for plane in x[0].tolist()] for box in boxes]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("element", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("takes_max", [False, True])
def test_every_element_type_is_float64_rounded_once(element: str, takes_max: bool) -> None:
    """Bit for bit, with infinities, overflow and subnormal results."""
    boxes = random_boxes(1, 60, 9.0)
    for seed, factor in enumerate((1.0, 1e-7, 6e4, 1e-39)):
        with np.errstate(over="ignore"):
            x = in_element(numbers(seed, 1, 3, 9, 9) * factor, element)
        if seed == 0:
            x[0, 0, 4, 4] = in_element(np.array([np.inf]), element)[0]
        for ratio in (0, 3):
            fields: Any = {"aligned": True, "takes_max": takes_max}
            (found,) = RoiAlignKernel(element, (3, 2), 0.9, ratio, **fields)(planes_of(x, boxes), 2)

            in_wide = RoiAlignKernel("float64", (3, 2), 0.9, ratio, **fields)
            wide = np.asarray(in_wide(planes_of(in_float64(x, element), boxes), 2)[0], np.float64)
            with np.errstate(over="ignore", under="ignore"):
                expected = float64_to_bfloat16(wide) if element == "bfloat16" else wide.astype(element)
            assert found.dtype == x.dtype
            np.testing.assert_array_equal(in_float64(found, element), in_float64(expected, element))


@pytest.mark.parametrize("element", ["float32", "float16", "bfloat16"])
def test_maxima_of_bins_are_elements_of_every_type(element: str) -> None:
    """16-bit floats are compared with their exponents shifted, which must be undone."""
    x = in_element(np.concatenate([numbers(3, 1, 2, 9, 9), -np.abs(numbers(4, 1, 2, 9, 9)) * 1e-6], 1), element)
    boxes = random_boxes(2, 60, 9.0)

    (found,) = RoiPoolKernel(element, (3, 2), 0.9)(planes_of(x, boxes), 2)

    (wide,) = RoiPoolKernel("float64", (3, 2), 0.9)(planes_of(in_float64(x, element), boxes), 2)
    assert found.dtype == x.dtype
    np.testing.assert_array_equal(in_float64(found, element), wide)


@pytest.mark.parametrize("element", ["float32", "float64", "float16", "bfloat16"])
def test_a_box_alone_equals_the_box_among_others(element: str) -> None:
    """In any order, with any number of threads: bits depend on the box and its plane only."""
    x = in_element(numbers(5, 3, 37, 6, 200), element)
    boxes, images = random_boxes(3, 40, 6.0), np.random.default_rng(4).integers(0, 3, 40)
    boxes[:, ::2] *= 30
    order = np.random.default_rng(5).permutation(40)
    kernels: list[Any] = [
        RoiAlignKernel(element, (3, 4), 1.0, ratio, aligned=aligned, takes_max=takes_max)
        for ratio, aligned, takes_max in ((0, True, False), (2, False, False), (0, False, True), (2, True, True))
    ]
    for kernel in (*kernels, RoiPoolKernel(element, (3, 4), 1.0)):
        (together,) = kernel(planes_of(x, boxes, images), 1)
        (by_threads,) = kernel(planes_of(x, boxes, images), 3)
        (mixed,) = kernel(planes_of(x, boxes[order], images[order]), 3)

        assert together.tobytes() == by_threads.tobytes()
        assert together[order].tobytes() == mixed.tobytes()
        for box in range(0, 40, 7):
            (alone,) = kernel(planes_of(x[images[box]][None], boxes[box]), 1)
            assert alone[0].tobytes() == together[box].tobytes()


def test_no_boxes_and_no_channels_give_no_outputs() -> None:
    """A detector may have found nothing."""
    x = np.zeros((2, 3, 4, 5), np.float32)
    for kernel in (
        RoiAlignKernel("float32", (7, 7), 1.0, 0, aligned=True, takes_max=False),
        RoiPoolKernel("float32", (7, 7), 1.0),
    ):
        assert kernel(planes_of(x, []), 3)[0].shape == (0, 3, 7, 7)
        assert kernel(planes_of(x[:, :0], [[0, 0, 1, 1]]), 3)[0].shape == (1, 0, 7, 7)


def test_a_box_without_area_has_no_samples() -> None:
    """Its adaptive grid is empty, and so is that of a reversed box; torchvision answers 0, not 0 / 0."""
    x = np.ones((1, 1, 4, 4), np.float32)
    boxes = [[1, 1, 1, 3], [1, 1, 3, 1], [2, 2, 2, 2], [3, 3, 1, 1], [1, 1, 3, 3]]

    for takes_max in (False, True):
        (found,) = RoiAlignKernel("float32", (1, 1), 1.0, 0, aligned=True, takes_max=takes_max)(planes_of(x, boxes), 1)
        assert found[:4].reshape(-1).tolist() == [0, 0, 0, 0]
        assert found[4] > 0


@pytest.mark.parametrize("extent", [1e3, 1e9, 1e30, 1e300])
def test_a_huge_adaptive_box_takes_no_time(extent: float) -> None:
    """Only the samples inside the input are visited; their number is divided by that of all."""
    x = np.ones((1, 1, 40, 40))
    box = [-extent, -extent, extent, extent]
    began = time.perf_counter()

    (average,) = RoiAlignKernel("float64", (1, 1), 1.0, 0, aligned=True, takes_max=False)(planes_of(x, box), 1)
    (largest,) = RoiAlignKernel("float64", (1, 1), 1.0, 0, aligned=True, takes_max=True)(planes_of(x, box), 1)
    (pooled,) = RoiPoolKernel("float64", (1, 1), 1.0)(planes_of(x, box), 1)

    assert time.perf_counter() - began < 5
    assert average.item() == pytest.approx((41 / (2 * extent)) ** 2, rel=0.1 if extent < 1e15 else None, abs=1e-29)
    assert 0 <= largest.item() <= 1
    assert pooled.item() == 1


def test_a_nan_wins_in_its_bins_only() -> None:
    """Also over an infinity; a NaN that no sample is beside does not count."""
    x = np.arange(64.0).reshape(1, 1, 8, 8)
    x[0, 0, 1, 1], x[0, 0, 1, 2] = math.nan, math.inf
    box = [0, 0, 7, 7]
    kernels: list[Any] = [
        RoiAlignKernel("float64", (2, 2), 1.0, 0, aligned=True, takes_max=takes_max) for takes_max in (False, True)
    ]

    for kernel in (*kernels, RoiPoolKernel("float64", (2, 2), 1.0)):
        (found,) = kernel(planes_of(x, box), 1)
        assert np.isnan(found[0, 0]).tolist() == [[True, False], [False, False]]


def test_an_infinity_stays_one_where_it_has_a_weight() -> None:
    """Sample by sample it would meet the weight 0 of a sample on an element beside it, and give NaN."""
    x = np.zeros((1, 1, 1, 6))
    x[..., 3] = math.inf
    kernel = RoiAlignKernel("float64", (1, 1), 1.0, 2, aligned=False, takes_max=False)

    # Samples at 2 and 2.5, and at 1.5 and 2, of which the second is beside the infinity with the weight 0.
    (found,) = kernel(planes_of(x, [[1.75, 0, 2.75, 1], [1.25, 0, 2.25, 1]]), 1)

    assert found[0].item() == math.inf
    assert math.isnan(found[1].item())


@pytest.mark.parametrize("mode", ["avg", "max"])
@pytest.mark.parametrize("transformation", ["half_pixel", "output_half_pixel"])
@pytest.mark.parametrize("ratio", [0, 1, 3])
def test_samples_equal_those_of_onnxruntime(mode: str, transformation: str, ratio: int) -> None:
    """Averages, and its maxima of weighted elements; boxes in and around the input."""
    x = numbers(6, 2, 3, 12, 15).astype(np.float32)
    boxes, images = random_boxes(7, 200, 60.0), np.random.default_rng(8).integers(0, 2, 200)
    attributes = {
        "output_height": 3, "output_width": 4, "spatial_scale": 0.25, "sampling_ratio": ratio, "mode": mode,
        "coordinate_transformation_mode": transformation,
    }  # fmt: skip
    expected = run_with_onnxruntime("RoiAlign", [x, boxes, images], attributes)
    aligned = transformation == "half_pixel"
    kernel = RoiAlignKernel("float32", (3, 4), 0.25, ratio, aligned=aligned, takes_max=mode == "max")

    found: Array = kernel(planes_of(x, boxes, images), 2)[0]

    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_bins_equal_those_of_onnxruntime() -> None:
    """Exactly, also negative maxima; older versions answered their least positive number for those."""
    x = numbers(9, 2, 3, 12, 15).astype(np.float32) - 3
    boxes, images = random_boxes(10, 200, 60.0), np.random.default_rng(11).integers(0, 2, 200)
    rois = np.concatenate([images[:, None].astype(np.float32), boxes], 1)
    attributes = {"pooled_shape": [3, 4], "spatial_scale": 0.25}
    expected = run_with_onnxruntime("MaxRoiPool", [x, rois], attributes)

    (found,) = RoiPoolKernel("float32", (3, 4), 0.25)(planes_of(x, boxes, images), 2)

    np.testing.assert_array_equal(found, expected)
