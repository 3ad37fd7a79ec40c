"""ONNX's pooling operators, with its attributes, defaults and meaning: those of opset 22.

Their names have no number of axes; the shape of the input decides. The inputs and outputs have our names.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Final, cast

import numpy as np
import numpy.typing as npt

from poolhouse.errors import FieldProblem, Unprocessable
from poolhouse.operators.adapters.adapter import Adapter, adapt
from poolhouse.operators.adapters.attributes import Adaptation, Attribute, Attributes
from poolhouse.operators.adapters.field_types import IntegerPerGivenAxis, Pads
from poolhouse.operators.adapters.flat_indices import first_foreign_index, to_plane_indices, to_tensor_indices
from poolhouse.operators.adaptive import GlobalAvgPool, GlobalMaxPool
from poolhouse.operators.averages import AVERAGE_TYPES
from poolhouse.operators.avg_pool import AvgPool
from poolhouse.operators.costs import STEPS_PER_CALL, Cost, elementwise_cost
from poolhouse.operators.field_types import Choice, Flag
from poolhouse.operators.fields import Sizes
from poolhouse.operators.global_lp_pool import GlobalLPPool
from poolhouse.operators.lp_pool import LPPool
from poolhouse.operators.max_pool import MaxPool
from poolhouse.operators.number_types import Integer
from poolhouse.operators.operator import Refusal, Sample
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.operators.size_types import INT32_MAX
from poolhouse.operators.unpool import MaxUnpool
from poolhouse.tensors import Tensor

_SIZE: Final = IntegerPerGivenAxis(1)
_BIT: Final = Integer(0, 1)
_AUTO_PAD: Final = {"NOTSET": None, "SAME_UPPER": "same", "SAME_LOWER": "same_lower", "VALID": "valid"}


def _pairs(attributes: Attributes) -> list[list[int]]:
    pads = cast("Sequence[int]", attributes["pads"])
    half = len(pads) // 2
    return [[pads[axis], pads[axis + half]] for axis in range(half)]


def _rounds_up(attributes: Attributes) -> bool:
    # With auto_pad both formulas of the text give the same sizes.
    return attributes["ceil_mode"] == 1 and attributes["auto_pad"] == "NOTSET"


def _pads_conflict(attributes: Attributes) -> Sequence[FieldProblem]:
    if attributes["auto_pad"] == "NOTSET" or not any(cast("Sequence[int]", attributes["pads"])):
        return ()
    message = f"pads cannot be given with auto_pad {attributes['auto_pad']}; leave out one of them"
    return (FieldProblem("/pads", "conflict", message),)


_KERNEL_SHAPE: Final = Attribute(
    "kernel_shape", "kernel_size", _SIZE, "Elements of a window along each axis.", example=2
)
_STRIDES: Final = Attribute(
    "strides",
    "stride",
    _SIZE,
    "Positions from one window to the next along each axis.",
    1,
    example=2,
)
_DILATIONS: Final = Attribute(
    "dilations", "dilation", _SIZE, "Distance from one element of a window to the next along each axis.", 1, example=1
)
_PADS: Final = Attribute(
    "pads",
    "padding",
    Pads(),
    "Positions of the padding before each axis, then those after each: begin…, end…",
    0,
    example=1,
    convert=_pairs,
)
_AUTO_PAD_ROW: Final = Attribute(
    "auto_pad",
    "padding",
    Choice(tuple(_AUTO_PAD)),
    "NOTSET takes pads. SAME_UPPER and SAME_LOWER add what makes each axis ceil(L / strides), an odd position after "
    "or before; VALID adds nothing.",
    "NOTSET",
    example="SAME_UPPER",
    convert=lambda attributes: _AUTO_PAD[cast("str", attributes["auto_pad"])],
)
_CEIL_MODE: Final = Attribute(
    "ceil_mode",
    "ceil_mode",
    _BIT,
    "1 rounds the number of windows up; a window that would start in the padding after the input is left out. "
    "It has no effect with an auto_pad.",
    0,
    example=0,
    convert=_rounds_up,
)
_COUNT_INCLUDE_PAD: Final = Attribute(
    "count_include_pad",
    "count_include_pad",
    _BIT,
    "1 counts positions of the padding in the divisor.",
    0,
    example=1,
    convert=lambda attributes: attributes["count_include_pad"] == 1,
)
_P: Final = Attribute("p", "norm_type", Integer(1, INT32_MAX), "The power p.", 2, example=2)
_WINDOW: Final = (_KERNEL_SHAPE, _STRIDES, _PADS, _AUTO_PAD_ROW, _DILATIONS, _CEIL_MODE)

_SHAPE_RULE: Final = (
    "input ``(N, C, *spatial)`` with one to three spatial axes; each becomes "
    "``floor((L + pads - dilations·(kernel_shape - 1) - 1) / strides) + 1``, rounded up with ceil_mode; "
    "``ceil(L / strides)`` with a SAME auto_pad."
)
_GLOBAL_SHAPE_RULE: Final = "input ``(N, C, *spatial)`` with one to three spatial axes; each becomes 1."
_SOURCE: Final = "ONNX {name}, version 22, https://onnx.ai/onnx/operators/onnx__{name}.html"

_SAMPLES: Final = (
    Sample((5, 8, 8), {"kernel_shape": 2, "strides": 2}),
    Sample((6, 9, 8), {"kernel_shape": 3, "strides": 2, "auto_pad": "SAME_LOWER"}),
    Sample((6, 9, 8), {"kernel_shape": 3, "strides": 2, "ceil_mode": 1}),
    Sample((6, 9, 8), {"kernel_shape": 2, "dilations": 2, "pads": 1}),
)
_REFUSALS: Final = (
    Refusal((8, 8, 8), {}, "invalid_fields"),
    Refusal((8, 8, 8), {"kernel_shape": 0}, "invalid_fields"),
    Refusal((8, 8, 8), {"kernel_size": 2}, "invalid_fields"),
    Refusal((8, 8, 8), {"kernel_shape": 2, "ceil_mode": 2}, "invalid_fields"),
    Refusal((8, 8, 8), {"kernel_shape": 2, "auto_pad": "SAME"}, "invalid_fields"),
    Refusal((8, 8, 8), {"kernel_shape": 2, "auto_pad": "VALID", "pads": 1}, "invalid_fields"),
    Refusal((8, 8, 8), {"kernel_shape": 9}, "window_does_not_fit"),
)


_REORDERING_BYTES: Final = 2.0**19
"""Memory for the coordinates of the indices that are reordered at a time."""


def _conversion_cost(elements: int, spatial: Sizes, reordered: bool) -> Cost:
    """Cost of converting the indices of a plane: a subtraction, and a division and a product an axis to reorder."""
    each = elementwise_cost(elements, 8, 1.0 + 5.0 * len(spatial) if reordered else 0.5)
    return replace(each, call_steps=4 * STEPS_PER_CALL, call_bytes=_REORDERING_BYTES if reordered else 0.0)


class OnnxMaxPool(Adapter):
    """Base of the adapter of MaxPool: indices are flat over the whole tensor."""

    def encode_output(self, name: str, planes: npt.NDArray[np.generic], plane_shape: Sizes, begin: int) -> None:
        if name == "indices":
            indices = cast("npt.NDArray[np.int64]", planes)
            to_tensor_indices(indices, plane_shape, begin, column_major=self._is_column_major)

    @property
    def _is_column_major(self) -> bool:
        return self.attributes["storage_order"] == 1

    def conversion_cost(self, spatial: Sizes) -> Cost | None:
        if "indices" not in self.outputs():
            return None
        reordered = self._is_column_major and len(spatial) > 1
        return replace(_conversion_cost(math.prod(self.spatial_out(spatial)), spatial, reordered), plane_bytes=16.0)


class OnnxMaxUnpool(Adapter):
    """Base of the adapter of MaxUnpool: indices are flat over the whole tensor, with the inferred sizes."""

    tensor_fields = ("output_shape",)

    @cached_property
    def _inferring(self) -> PlaneOperator:
        fields = self.adaptation.to_ours(self.attributes)
        fields.pop("output_size", None)
        return self.target_type.parse(fields)

    def _inferred(self, spatial: Sizes) -> Sizes:
        """The sizes that the attributes give, without ``output_shape``."""
        with self.in_their_words():
            return self._inferring.spatial_out(spatial)

    def spatial_out(self, spatial: Sizes) -> Sizes:
        inferred, found = self._inferred(spatial), super().spatial_out(spatial)
        if any(wanted < least for wanted, least in zip(found, inferred, strict=True)):
            raise Unprocessable(
                "shape_mismatch",
                f"output_shape {list(found)} is smaller than {list(inferred)}, which kernel_shape, strides and pads "
                "give, and to which the indices refer; give larger sizes, or other attributes.",
            )
        return found

    def warnings(self, spatial: Sizes) -> Sequence[str]:
        inferred, found = self._inferred(spatial), self.spatial_out(spatial)
        if inferred == found:
            return super().warnings(spatial)
        warning = (
            f"The indices are read in planes of {list(inferred)}, as in ONNX's reference and its tests, and not of "
            f"output_shape, {list(found)}, as in onnxruntime; {self.target_type.name} with output_size does the latter."
        )
        return (warning, *super().warnings(spatial))

    def check_elements(self, tensors: Mapping[str, Tensor]) -> None:
        indices = cast("npt.NDArray[np.int64]", tensors["indices"].array)
        if indices.size == 0:
            return
        inferred = self._inferred(indices.shape[2:])
        foreign = first_foreign_index(indices.reshape(-1, *indices.shape[2:]), inferred)
        if foreign is not None:
            index, plane = foreign
            size = math.prod(inferred)
            raise Unprocessable(
                "index_out_of_range",
                f"index {index} of plane {plane} lies outside of that plane, whose indices are {plane * size} to "
                f"{plane * size + size - 1}: they count through the whole output of planes {list(inferred)}. "
                f"Send those of MaxPool with the same attributes, or use {self.target_type.name}, whose indices count "
                "from 0 in each plane.",
            )

    def decode_planes(
        self, planes: dict[str, npt.NDArray[np.generic]], begin: int
    ) -> dict[str, npt.NDArray[np.generic]]:
        indices = cast("npt.NDArray[np.int64]", planes["indices"])
        spatial = indices.shape[1:]
        local = to_plane_indices(indices, self._inferred(spatial), self.spatial_out(spatial), begin)
        return {**planes, "indices": local}

    def conversion_cost(self, spatial: Sizes) -> Cost | None:
        moved = self._inferred(spatial) != self.spatial_out(spatial)
        return _conversion_cost(math.prod(spatial), spatial, moved)


ADAPTATIONS: Final = (
    (
        Adaptation(
            "MaxPool",
            MaxPool,
            (
                *_WINDOW,
                Attribute(
                    "storage_order",
                    None,
                    _BIT,
                    "Order in which the indices count through a plane: 0 along the last axis first, 1 along the first.",
                    0,
                    example=1,
                ),
                Attribute(
                    "return_indices",
                    "return_indices",
                    Flag(),
                    "Whether to return the second output, Indices, too.",
                    False,
                    example=True,
                ),
            ),
            "The largest element of each window, and optionally its index: ONNX's MaxPool.",
            _SHAPE_RULE,
            _SOURCE.format(name="MaxPool"),
            (*_SAMPLES, Sample((4, 6, 5), {"kernel_shape": 2, "return_indices": True, "storage_order": 1})),
            _REFUSALS,
            index_meaning="int64, flat over the whole input (N, C, *spatial); the first of equal values.",
            conflicts=_pads_conflict,
        ),
        OnnxMaxPool,
    ),
    (
        Adaptation(
            "AveragePool",
            AvgPool,
            (*_WINDOW, _COUNT_INCLUDE_PAD),
            "The average of each window: ONNX's AveragePool.",
            _SHAPE_RULE,
            _SOURCE.format(name="AveragePool"),
            (*_SAMPLES, Sample((6, 9, 8), {"kernel_shape": 3, "pads": 1, "count_include_pad": 1})),
            _REFUSALS,
            padding_value="Padding is 0, and counts in the divisor if count_include_pad is 1. "
            "Positions of a ceil_mode window beyond the padding never count.",
            element_types=AVERAGE_TYPES,
            conflicts=_pads_conflict,
        ),
        Adapter,
    ),
    (
        Adaptation(
            "LpPool",
            LPPool,
            (*_WINDOW, _P),
            "The p-norm of each window, of absolute values: ONNX's LpPool.",
            _SHAPE_RULE,
            _SOURCE.format(name="LpPool"),
            (*_SAMPLES, Sample((6, 9, 8), {"kernel_shape": 2, "p": 3})),
            (*_REFUSALS, Refusal((8, 8, 8), {"kernel_shape": 2, "p": 0}, "invalid_fields")),
            fixed={"absolute": True},
            padding_value="Padding is 0.",
            conflicts=_pads_conflict,
        ),
        Adapter,
    ),
    (
        Adaptation(
            "GlobalMaxPool",
            GlobalMaxPool,
            (),
            "The largest element of each plane: ONNX's GlobalMaxPool.",
            _GLOBAL_SHAPE_RULE,
            _SOURCE.format(name="GlobalMaxPool"),
            (Sample((5, 8, 8), {}),),
            (Refusal((8, 8, 8), {"kernel_shape": 2}, "invalid_fields"),),
        ),
        Adapter,
    ),
    (
        Adaptation(
            "GlobalAveragePool",
            GlobalAvgPool,
            (),
            "The average of each plane: ONNX's GlobalAveragePool.",
            _GLOBAL_SHAPE_RULE,
            _SOURCE.format(name="GlobalAveragePool"),
            (Sample((5, 8, 8), {}),),
            (Refusal((8, 8, 8), {"kernel_shape": 2}, "invalid_fields"),),
        ),
        Adapter,
    ),
    (
        Adaptation(
            "GlobalLpPool",
            GlobalLPPool,
            (_P,),
            "The p-norm of each plane, of absolute values: ONNX's GlobalLpPool.",
            _GLOBAL_SHAPE_RULE,
            _SOURCE.format(name="GlobalLpPool"),
            (Sample((5, 8, 8), {}), Sample((5, 8, 8), {"p": 3})),
            (Refusal((8, 8, 8), {"p": 0}, "invalid_fields"),),
            fixed={"absolute": True},
        ),
        Adapter,
    ),
    (
        Adaptation(
            "MaxUnpool",
            MaxUnpool,
            (
                _KERNEL_SHAPE,
                _STRIDES,
                _PADS,
                Attribute(
                    "output_shape",
                    "output_size",
                    IntegerPerGivenAxis(1, allows_batch_sizes=True),
                    "Shape of the output, (N, C, *spatial), or its spatial sizes. What it has more than the attributes "
                    "give is 0; the indices refer to the smaller sizes.",
                    None,
                ),
            ),
            "Puts each value back to the position that MaxPool took it from, and zero everywhere else: ONNX's "
            "MaxUnpool.\n\nIf an index occurs more than once, the last value in row-major order is kept. "
            "In ONNX ``output_shape`` is an input; here it is a field, or a tensor of an npz or safetensors body.",
            "input and indices ``(N, C, *spatial)`` with one to three spatial axes; each becomes "
            "``(L - 1)·strides + kernel_shape - pads``, or that of output_shape.",
            _SOURCE.format(name="MaxUnpool"),
            (
                Sample((3, 4, 5), {"kernel_shape": 2, "strides": 2}),
                Sample((3, 4, 5), {"kernel_shape": 3, "strides": 2, "pads": 1}),
            ),
            (
                Refusal((8, 8, 8), {}, "invalid_fields"),
                Refusal((8, 8, 8), {"kernel_shape": 2, "strides": 2, "output_shape": 15}, "shape_mismatch"),
                Refusal((8, 8, 8), {"kernel_shape": 2, "strides": 2, "output_shape": 20000}, "shape_mismatch"),
            ),
            index_meaning="int64, flat over the whole output (N, C, *spatial) of the sizes that the attributes give.",
            padding_value="pads are those of the pooling; they only determine the output's size.",
        ),
        OnnxMaxUnpool,
    ),
)
"""The tables, each with the base of its adapter. A further operator is a further row."""

ADAPTERS: Final = tuple(adapt("onnx", adaptation, base) for adaptation, base in ADAPTATIONS)
