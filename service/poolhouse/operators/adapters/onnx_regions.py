"""ONNX's operators that pool boxes, with its attributes, defaults, names of tensors and meaning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Final

import numpy as np

from poolhouse.operators.adapters.attributes import Adaptation, Attribute
from poolhouse.operators.adapters.region_adapter import RegionAdapter, adapt_regions
from poolhouse.operators.box_regions import BATCH_INDICES, BOXES
from poolhouse.operators.field_types import Choice
from poolhouse.operators.number_types import Integer, Real
from poolhouse.operators.operator import Refusal, Sample
from poolhouse.operators.roi_align import MAX_SAMPLING_RATIO, RoiAlign
from poolhouse.operators.roi_pool import RoiPool
from poolhouse.operators.size_types import INT32_MAX, IntegerPerAxis
from poolhouse.tensors import Tensor

_SCALE: Final = Attribute(
    "spatial_scale",
    "spatial_scale",
    Real(),
    "What coordinates are multiplied by: the size of the feature map over that of the image.",
    1.0,
    example=0.0625,
)
_SHAPE_RULE: Final = "input ``(N, C, H, W)`` and K rois give ``(K, C, {size})``."


class OnnxRoiAlign(RegionAdapter):
    """Base of the adapter of RoiAlign, whose images are numbered by a tensor of their own."""

    our_names: ClassVar[Mapping[str, str]] = {"rois": "boxes"}

    @classmethod
    def example_inputs(cls, sample: Sample) -> Mapping[str, Tensor]:
        found = RoiAlign.example_inputs(sample)
        boxes = found["boxes"]
        return {
            "input": found["input"],
            "rois": Tensor(boxes.dtype, np.ascontiguousarray(boxes.array[:, 1:])),
            "batch_indices": Tensor(BATCH_INDICES.default_type, boxes.array[:, 0].astype(np.int64)),
        }


class OnnxMaxRoiPool(RegionAdapter):
    """Base of the adapter of MaxRoiPool."""

    our_names: ClassVar[Mapping[str, str]] = {"rois": "boxes"}

    @classmethod
    def example_inputs(cls, sample: Sample) -> Mapping[str, Tensor]:
        found = RoiPool.example_inputs(sample)
        return {"input": found["input"], "rois": found["boxes"]}


def _size(name: str, axis: str) -> Attribute:
    return Attribute(
        name,
        "output_size",
        Integer(1, INT32_MAX),
        f"The output's size along {axis}.",
        1,
        example=7,
        convert=lambda attributes: [attributes["output_height"], attributes["output_width"]],
    )


_ROI_ALIGN: Final = Adaptation(
    "RoiAlign",
    RoiAlign,
    (
        Attribute(
            "coordinate_transformation_mode",
            "aligned",
            Choice(("half_pixel", "output_half_pixel")),
            "half_pixel shifts coordinates by half a position; output_half_pixel is the meaning before opset 16.",
            "half_pixel",
            example="output_half_pixel",
            convert=lambda attributes: attributes["coordinate_transformation_mode"] == "half_pixel",
        ),
        Attribute(
            "mode",
            "mode",
            Choice(("avg", "max")),
            "Whether the samples of a bin are averaged, or the largest weighted element is taken.",
            "avg",
            example="max",
        ),
        _size("output_height", "H"),
        _size("output_width", "W"),
        Attribute(
            "sampling_ratio",
            "sampling_ratio",
            Integer(0, MAX_SAMPLING_RATIO),
            "Samples of a bin along each axis; 0 adapts them to the size of the box.",
            0,
            example=2,
        ),
        _SCALE,
    ),
    "Samples of each box on a grid, averaged or their maximum: ONNX's RoiAlign.",
    _SHAPE_RULE.format(size="output_height, output_width"),
    "ONNX RoiAlign, version 22, https://onnx.ai/onnx/operators/onnx__RoiAlign.html",
    (
        Sample((1, 6, 8), {"output_height": 2, "output_width": 2, "sampling_ratio": 2}),
        Sample((2, 9, 7), {"output_height": 3, "coordinate_transformation_mode": "output_half_pixel", "mode": "max"}),
    ),
    (
        Refusal((1, 6, 8), {"output_height": 0}, "invalid_fields"),
        Refusal((1, 6, 8), {"output_size": 2}, "invalid_fields"),
        Refusal((1, 6, 8), {"sampling_ratio": -1}, "invalid_fields"),
        Refusal((1, 6, 8), {}, "unsupported_dtype", dtype="int32"),
    ),
)
_MAX_ROI_POOL: Final = Adaptation(
    "MaxRoiPool",
    RoiPool,
    (
        Attribute(
            "pooled_shape",
            "output_size",
            IntegerPerAxis(1),
            "The output's size, H and W.",
            example=7,
        ),
        _SCALE,
    ),
    "The largest element of each bin of each box: ONNX's MaxRoiPool.",
    _SHAPE_RULE.format(size="*pooled_shape"),
    "ONNX MaxRoiPool, version 22, https://onnx.ai/onnx/operators/onnx__MaxRoiPool.html",
    (
        Sample((1, 6, 8), {"pooled_shape": 2}),
        Sample((2, 9, 7), {"pooled_shape": [2, 3], "spatial_scale": 0.5}),
    ),
    (
        Refusal((1, 6, 8), {}, "invalid_fields"),
        Refusal((1, 6, 8), {"pooled_shape": 2}, "unsupported_dtype", dtype="uint8"),
    ),
)
_ROIS: Final = replace(BOXES, name="rois")
_CORNERS: Final = replace(_ROIS, meaning="(K, 4): x1, y1, x2 and y2 of each box.")

ADAPTERS: Final = (
    adapt_regions("onnx", _ROI_ALIGN, OnnxRoiAlign, (_CORNERS, replace(BATCH_INDICES, is_required=True))),
    adapt_regions(
        "onnx",
        _MAX_ROI_POOL,
        OnnxMaxRoiPool,
        (replace(_ROIS, meaning="(K, 5): the number of the image, then x1, y1, x2 and y2 of each box."),),
    ),
)
