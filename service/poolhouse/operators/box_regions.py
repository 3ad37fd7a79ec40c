"""Boxes of a feature map: what roi_align and roi_pool have in common."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt

from poolhouse.dtypes import FLOAT32, FLOAT64, INT64, ElementKind
from poolhouse.errors import Unprocessable
from poolhouse.operators.arrangement import Arrangement, RegionSizes
from poolhouse.operators.field_types import describe_value
from poolhouse.operators.fields import Sizes, field
from poolhouse.operators.input_checks import check_companion_type, check_input_type, check_names
from poolhouse.operators.inputs import TensorInput
from poolhouse.operators.number_types import Real
from poolhouse.operators.numbers import Array, Number
from poolhouse.operators.operator import Sample
from poolhouse.operators.region_operator import RegionOperator, ramp
from poolhouse.operators.size_types import IntegerPerAxis
from poolhouse.operators.tracing import Geometry, PooledArrays, SizeFormula, TracedElement
from poolhouse.tensors import Tensor, TensorMetadata

BOXES: Final = TensorInput(
    "boxes",
    (FLOAT32, FLOAT64),
    "(K, 5): the number of the image, then x1, y1, x2 and y2; or (K, 4) without the number, and batch_indices.",
    (2,),
)
BATCH_INDICES: Final = TensorInput(
    "batch_indices", (INT64,), "(K): the number of the image of each box, for boxes (K, 4).", (1,), is_required=False
)
_BORDER: Final = 2.0
"""Elements that a box may touch beyond its size, since its corners lie between elements."""
_MAX_SCALED: Final = 2.0**31
"""Coordinates beyond it, after scaling, are far outside of every feature map."""


@dataclass(frozen=True)
class BoxRegions(RegionOperator):
    """Base of operators that pool boxes of a feature map to one size."""

    rank: ClassVar[int] = 2
    measures_elements: ClassVar[bool] = True
    element_types: ClassVar[Mapping[ElementKind, str]] = {"float": "Computed in float64, rounded once."}
    companions: ClassVar[tuple[TensorInput, ...]] = (BOXES, BATCH_INDICES)

    input_dimensions: ClassVar[tuple[int, ...]] = (4,)
    output_dimensions: ClassVar[tuple[int, ...]] = (4,)

    output_size: Sizes = field(IntegerPerAxis(1), "The size of each output, H and W.", example=7)  # noqa: RUF009, which declares the field
    spatial_scale: float = field(
        Real(), "What the coordinates of boxes are multiplied by: 1/16 for a map of a sixteenth of the image's size.",
        default=1.0, example=0.0625,
    )  # fmt: skip

    def arrange(self, inputs: Mapping[str, TensorMetadata]) -> Arrangement:
        check_names(self, inputs)
        given, boxes = inputs["input"], inputs["boxes"].shape
        check_input_type(self, given.dtype)
        for each in self.companions:
            if each.name in inputs:
                check_companion_type(each, inputs[each.name].dtype)
        if len(given.shape) != 4:
            raise Unprocessable(
                "wrong_rank",
                f"{self.name} takes (N, C, H, W); got {len(given.shape)} dimensions in shape "
                f"{describe_value(list(given.shape))}.",
            )
        if 0 in given.shape[1:]:
            raise Unprocessable("empty_dimension", f"the input has the shape {list(given.shape)}; only N may be 0.")
        columns = 4 if "batch_indices" in inputs else 5
        if boxes != (0,) and (len(boxes) != 2 or boxes[1] != columns):
            how = "with batch_indices" if columns == 4 else "without batch_indices"
            raise Unprocessable(
                "shape_mismatch",
                f"{how} boxes must have the shape [K, {columns}]; got {describe_value(list(boxes))}.",
            )
        if columns == 4 and inputs["batch_indices"].shape != boxes[:1]:
            raise Unprocessable(
                "shape_mismatch",
                f"batch_indices must have the shape [{boxes[0]}], one number for each box; "
                f"got {describe_value(list(inputs['batch_indices'].shape))}.",
            )
        channels = given.shape[1]
        height, width = self.output_size
        return Arrangement(
            inputs=dict(inputs),
            outputs={"output": TensorMetadata(given.dtype, (boxes[0], channels, height, width))},
            planes=boxes[0],
            plane_shape=given.shape[1:],
            plane_output_bytes=channels * height * width * given.dtype.itemsize,
            plane_sizes=(channels, height, width),
        )

    def measure(self, arrangement: Arrangement, tensors: Mapping[str, Tensor]) -> Arrangement:
        boxes = tensors["boxes"].array
        if not len(boxes):
            return arrangement
        # Columns x1, y1, x2, y2 are the last four. Invalid boxes, which are refused later, count as large ones.
        with np.errstate(all="ignore"):
            corners = boxes[:, -4:].astype(np.float64) * self.spatial_scale
            sizes = np.abs(corners[:, [3, 2]] - corners[:, [1, 0]]) + _BORDER
            clipped = np.fmin(sizes, arrangement.inputs["input"].shape[2:])
        typical, largest = np.sqrt(np.square(clipped).mean(0)), clipped.max(0)
        return replace(arrangement, region_sizes=RegionSizes(tuple(typical.tolist()), tuple(largest.tolist())))

    def boxes_of(self, arrays: Mapping[str, Array]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """(K, 4) coordinates, and the number of each box's image."""
        # In JSON no boxes are an empty list, of one dimension.
        columns = 4 if "batch_indices" in arrays else 5
        boxes = arrays["boxes"].astype(np.float64).reshape(-1, columns)
        if "batch_indices" in arrays:
            return boxes, arrays["batch_indices"].astype(np.float64)
        return np.ascontiguousarray(boxes[:, 1:]), boxes[:, 0]

    def prepare_inputs(self, arrays: Mapping[str, Array], planes: int) -> Mapping[str, Array]:
        boxes, images = self.boxes_of({name: array for name, array in arrays.items() if name != "input"})
        return {"input": arrays["input"], "boxes": boxes, "batch_indices": images.astype(np.int64)}

    def slice_inputs(
        self, arrays: Mapping[str, Array], planes: int, plane_shape: Sizes, start: int, stop: int
    ) -> dict[str, Array]:
        sliced = {name: array[start:stop] for name, array in arrays.items()}
        return {**sliced, "input": arrays["input"]}

    def join_slices(self, slices: Sequence[Mapping[str, Array]]) -> Mapping[str, Array]:
        begins = np.cumsum([0, *(len(each["input"]) for each in slices)])
        images = [each["batch_indices"] + begin for each, begin in zip(slices, begins, strict=False)]
        return {
            "input": np.concatenate([each["input"] for each in slices]),
            "boxes": np.concatenate([each["boxes"] for each in slices]),
            "batch_indices": np.concatenate(images),
        }

    def check_elements(self, tensors: Mapping[str, Tensor]) -> None:
        arrays = {name: tensor.array for name, tensor in tensors.items() if name != "input"}
        boxes, images = self.boxes_of(arrays)
        count = tensors["input"].shape[0]
        with np.errstate(all="ignore"):
            # NaN compares as false.
            odd = ~((images >= 0) & (images < count) & (images == np.floor(images)))
            wild = ~(np.abs(boxes * self.spatial_scale) < _MAX_SCALED).all(1)
        if odd.any():
            at = int(np.flatnonzero(odd)[0])
            raise Unprocessable(
                "index_out_of_range",
                f"box {at} is in the image {images[at]:g}, and there are {count}; images count from 0.",
            )
        if wild.any():
            at = int(np.flatnonzero(wild)[0])
            raise Unprocessable(
                "invalid_data", f"box {at} is {boxes[at].tolist()}; coordinates must be finite and, scaled, below 2^31."
            )
        self.check_work(boxes, tensors["input"].shape)

    def check_work(self, boxes: npt.NDArray[np.float64], shape: Sizes) -> None:
        """Refuse boxes that would take more work than is planned.

        Raises:
            Unprocessable: ``work_too_large``.
        """

    def reference_of_channel(self, plane: list[list[float]], box: list[float]) -> list[Number]:
        """Pool one box ``[x1, y1, x2, y2]`` of one channel in plain Python."""
        raise NotImplementedError

    # ---- traces

    def trace_of_bins(self, pooled: PooledArrays, box: list[float], image: int) -> Iterator[TracedElement]:
        """What each bin of one box was pooled from, for all channels, in the order of the output from place 0 on."""
        raise NotImplementedError

    def trace(self, pooled: PooledArrays, planes: int, plane_shape: Sizes) -> Iterator[TracedElement]:
        boxes, images = self.boxes_of({name: each for name, each in pooled.inputs.items() if name != "input"})
        size = plane_shape[0] * math.prod(self.output_size)
        for number, (box, image) in enumerate(zip(boxes.tolist(), images.tolist(), strict=True)):
            outputs = {"output": pooled.outputs["output"][number * size : (number + 1) * size]}
            for each in self.trace_of_bins(replace(pooled, outputs=outputs), box, int(image)):
                yield replace(each, place=number * size + each.place)

    def traced_geometry(self, inputs: Mapping[str, TensorMetadata]) -> Geometry:
        sizes = zip(inputs["input"].shape[2:], self.output_size, strict=True)
        formulas = [
            SizeFormula(axis, length, bins, f"each box is divided into {bins} bins")
            for axis, (length, bins) in enumerate(sizes)
        ]
        return Geometry((2, 3), (0, 0), (0, 0), None, formulas)

    def reference(self, arrays: Mapping[str, Array]) -> Mapping[str, list[Number]]:
        given = arrays["input"].astype(np.float64)
        boxes, images = self.boxes_of({name: array for name, array in arrays.items() if name != "input"})
        found: list[Number] = []
        for box, image in zip(boxes.tolist(), images.tolist(), strict=True):
            for channel in given[int(image)].tolist():
                found += self.reference_of_channel(channel, box)
        return {"output": found}

    @classmethod
    def example_inputs(cls, sample: Sample) -> Mapping[str, Tensor]:
        images, height, width = sample.spatial
        boxes = np.array([[0, 0, 0, width - 1, height - 1], [images - 1, 1, 0.5, width / 2, height - 2]], np.float32)
        return {"input": ramp(sample.dtype, (images, 2, height, width)), "boxes": Tensor(FLOAT32, boxes)}
