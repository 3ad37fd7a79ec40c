"""pyramid_pool1d to 3d: smaller and smaller copies of an input, as the overviews of a raster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt
import torch

from poolhouse.dtypes import FLOAT32, ElementKind, ElementType, element_type_names
from poolhouse.errors import FieldProblem, Unprocessable
from poolhouse.kernels.widening import Array
from poolhouse.kernels.window_kernels import Kernel
from poolhouse.operators.avg_pool import AvgPool
from poolhouse.operators.composition import part_class
from poolhouse.operators.costs import Cost
from poolhouse.operators.field_types import Choice, Flag
from poolhouse.operators.fields import Sizes, axis_names, field
from poolhouse.operators.first_pool import FirstPool
from poolhouse.operators.forms import declared_forms
from poolhouse.operators.loop_costs import MAX_CACHED_WINDOWS, KernelFactory
from poolhouse.operators.max_pool import MaxPool
from poolhouse.operators.median_pool import MedianPool
from poolhouse.operators.min_pool import MinPool
from poolhouse.operators.mode_pool import ModePool
from poolhouse.operators.number_types import Integer
from poolhouse.operators.numbers import Number
from poolhouse.operators.operator import Planes, Refusal, Sample, operator
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.operators.size_types import INT32_MAX, IntegerPerAxis
from poolhouse.operators.skipping import PROPAGATE, SkippingFields
from poolhouse.operators.tracing import PooledArrays, SizeFormula, TracedElement
from poolhouse.tensors import TensorMetadata

_MAX_LEVELS: Final = 31
"""An axis has at most 2³¹ - 1 positions, so that 31 levels halve each to 1."""
_FIRST: Final = "first"
_STEPS_PER_LEVEL: Final = 120_000.0
"""Steps for calling torch, or for making the loops of a level, in addition to those that the parts count."""
_STEPS_PER_CACHED_LEVEL: Final = 10_000.0
"""Steps for calling loops that are kept with the plan, or for copying a slice."""
_VALID: Final = "valid"
_REDUCTIONS: Final[Mapping[str, type[PlaneOperator]]] = {
    "mean": AvgPool,
    "max": MaxPool,
    **{name: declared_forms(cls)[0] for name, cls in (("min", MinPool), ("median", MedianPool), ("mode", ModePool))},
}
"""The sliding operator of each reduction."""


def _names(levels: int, *, with_valid: bool) -> tuple[str, ...]:
    numbers = range(1, levels + 1)
    valid = [f"{_VALID}{number}" for number in numbers] if with_valid else []
    return (*(f"level{number}" for number in numbers), *valid)


@operator("pyramid_pool")
class PyramidPool(SkippingFields):
    """The windows of every level of a pyramid: each level has one element for ``factor`` elements along each axis.

    The windows of a level follow each other and do not overlap. The outputs are ``level1``, ``level2``, …, the largest
    first. A level from the one before equals pooling that level alone, with ``kernel_size`` ``factor``: means of means
    are rounded at each level, and the median of medians is not the median. Without ``cascade`` the windows of level k
    have ``factor`` to the power of k elements of the input.
    ``valid1``, ``valid2``, … are the shares of ``return_valid``, of what each level is pooled from.
    """

    shape_rule: ClassVar[str] = (
        "input ``(N, C, *spatial)`` or ``(C, *spatial)``; in output ``level{k}`` each axis becomes "
        "``ceil(L / factor**k)``, or ``floor(L / factor**k)`` without ceil_mode."
    )
    source: ClassVar[str] = "GDAL's gdaladdo; igneous' downsample; skimage.transform.pyramid_reduce"
    element_types: ClassVar[Mapping[ElementKind, str]] = {
        "float": "As the operator of the reduction; a mean is rounded to the type at each level.",
        "integer": "The type is kept. A mean is the exact quotient, truncated toward zero as avg_pool's, where GDAL "
        "rounds to the nearest; the other reductions choose an element.",
        "boolean": "As integers, but there is no mean.",
    }
    padding_value: ClassVar[str] = "There is no padding: a window at the border has the elements inside the input."

    levels: int = field(Integer(1, _MAX_LEVELS), "Number of levels, the input not counted.", example=3)
    factor: Sizes = field(
        IntegerPerAxis(1), "Elements of a window along each axis, from one level to the next.", default=2, example=2
    )
    reduce: str = field(
        Choice((*_REDUCTIONS, _FIRST)),
        'The value of a window; "first" is the element at its beginning, which is nearest-neighbour sampling.',
        default="mean",
        example="max",
    )
    cascade: bool = field(
        Flag(), "Whether a level is pooled from the one before, else from the input.", default=True, example=False
    )
    ceil_mode: bool = field(
        Flag(),
        "Whether a window that extends beyond the input reduces the elements inside, as overviews do; else it is left "
        "out.",
        default=True,
        example=False,
    )

    samples = (
        Sample((6, 9, 8), {"levels": 3, "reduce": "max"}),
        Sample((6, 9, 8), {"levels": 3}),
        Sample((6, 9, 8), {"levels": 2, "cascade": False}),
        Sample((8, 9, 12), {"levels": 2, "ceil_mode": False, "factor": 2}),
        Sample((7, 9, 8), {"levels": 2, "reduce": "first", "factor": 3}),
        Sample((6, 9, 8), {"levels": 4, "reduce": "first", "cascade": False}, dtype="uint16"),
        Sample((6, 9, 8), {"levels": 2, "reduce": "mode", "ignore_value": 0}, dtype="uint8"),
        Sample((6, 9, 8), {"levels": 2, "reduce": "median", "nan_policy": "omit", "return_valid": True}),
    )
    refusals = (
        Refusal((8, 8, 8), {}, "invalid_fields"),
        Refusal((8, 8, 8), {"levels": 0}, "invalid_fields"),
        Refusal((8, 8, 8), {"levels": 32}, "invalid_fields"),
        Refusal((8, 8, 8), {"levels": 1, "factor": 0}, "invalid_fields"),
        Refusal((8, 8, 8), {"levels": 1, "reduce": "sum"}, "invalid_fields"),
        Refusal((8, 8, 8), {"levels": 4, "ceil_mode": False}, "window_does_not_fit"),
        Refusal((8, 8, 8), {"levels": 1, "factor": 2**31 - 1, "ceil_mode": False}, "window_does_not_fit"),
        Refusal((8, 8, 8), {"levels": 1, "reduce": "first", "ignore_value": 0}, "invalid_fields"),
        Refusal((8, 8, 8), {"levels": 1}, "unsupported_dtype", dtype="bool"),
        Refusal((8, 8, 8), {"levels": 1, "reduce": "mode"}, "unsupported_dtype"),
    )

    @cached_property
    def _parts(self) -> tuple[PlaneOperator, ...]:
        """The pooling of each level, of the level before or of the input."""
        if self.cascade:
            return (self._part(self.factor),) * self.levels
        return tuple(
            self._part(tuple(min(size**level, INT32_MAX) for size in self.factor))
            for level in range(1, self.levels + 1)
        )

    def _part(self, kernel_size: Sizes) -> PlaneOperator:
        if self.reduce == _FIRST:
            return part_class(FirstPool, self.rank)(self.layout, kernel_size, self.ceil_mode)
        cls = part_class(_REDUCTIONS[self.reduce], self.rank)
        return cls.of(
            kernel_size=list(kernel_size),
            ceil_mode=self.ceil_mode,
            layout=self.layout,
            nan_policy=self.nan_policy,
            ignore_value=self.ignore_value,
            return_valid=self.return_valid,
        )

    def outputs(self) -> tuple[str, ...]:
        return _names(self.levels, with_valid=self.return_valid)

    @classmethod
    def possible_outputs(cls) -> tuple[str, ...]:
        return _names(_MAX_LEVELS, with_valid=True)

    @classmethod
    def optional_outputs(cls) -> Mapping[str, str]:
        return dict.fromkeys(cls.possible_outputs()[_MAX_LEVELS:], "return_valid")

    def sizes_by_output(self, spatial: Sizes) -> Mapping[str, Sizes]:
        sizes = self._level_sizes(spatial)
        return dict(zip(self.outputs(), sizes * 2 if self.return_valid else sizes, strict=True))

    def output_metadata(self, batch_shape: Sizes, spatial: Sizes, dtype: ElementType) -> dict[str, TensorMetadata]:
        return {
            name: TensorMetadata(FLOAT32 if name.startswith(_VALID) else dtype, self.output_shape(batch_shape, sizes))
            for name, sizes in self.sizes_by_output(spatial).items()
        }

    def cross_field_errors(self) -> Sequence[FieldProblem]:
        if self.reduce != _FIRST:
            return ()
        given = {
            "nan_policy": self.nan_policy != PROPAGATE,
            "ignore_value": self.ignore_value is not None,
            "return_valid": self.return_valid,
        }
        message = '{} has no effect with reduce "first", which takes an element as it is; leave it out'
        return [
            FieldProblem(f"/{name}", "conflict", message.format(name)) for name, is_given in given.items() if is_given
        ]

    def warnings(self, spatial: Sizes) -> Sequence[str]:
        # Those of the first level hold for all, except that a level is smaller.
        return self._parts[0].warnings(spatial)

    def type_warnings(self, dtype: ElementType) -> Sequence[str]:
        return self._parts[0].type_warnings(dtype)

    def _level_sizes(self, spatial: Sizes) -> list[Sizes]:
        found = []
        for level in range(1, self.levels + 1):
            windows = [size**level for size in self.factor]
            more = [size - 1 if self.ceil_mode else 0 for size in windows]
            sizes = tuple((length + each) // size for length, each, size in zip(spatial, more, windows, strict=True))
            for axis, size in enumerate(sizes):
                if size == 0:
                    raise Unprocessable(
                        "window_does_not_fit",
                        f"level {level} would have no window on axis {axis_names(self.rank)[axis]}, whose "
                        f"{spatial[axis]} positions are fewer than {windows[axis]}; use fewer levels, a smaller "
                        "factor, or ceil_mode.",
                    )
            found.append(sizes)
        return found

    def spatial_out(self, spatial: Sizes) -> Sizes:
        return self._level_sizes(spatial)[0]

    def window_count(self, spatial: Sizes) -> int:
        return sum(sum(sizes) for sizes in self._level_sizes(spatial))

    def pools_axis(self, axis: int, length: int) -> bool:
        return self.factor[axis] > 1

    def check_element_type(self, dtype: ElementType) -> None:
        part = self._parts[0]
        if dtype.kind not in part.element_types:
            raise Unprocessable(
                "unsupported_dtype",
                f"{self.name} does not reduce {dtype.name} by {self.reduce}, which takes "
                f"{element_type_names(kinds=tuple(part.element_types))}; use another reduce, such as first.",
            )
        part.check_element_type(dtype)

    def _source_shapes(self, plane_shape: Sizes) -> list[Sizes]:
        """The shape of what each level is pooled from."""
        channels = plane_shape[self.rank :] if self.is_channels_last else ()
        return [(*sizes, *channels) for sizes in self._source_sizes(self.spatial_of(plane_shape))]

    def _source_sizes(self, spatial: Sizes) -> list[Sizes]:
        return [spatial, *self._level_sizes(spatial)[:-1]] if self.cascade else [spatial] * self.levels

    def cost_of(self, plane_shape: Sizes, dtype: ElementType) -> Cost:
        parts = zip(self._parts, self._source_shapes(plane_shape), strict=True)
        return _total([part.cost_of(shape, dtype) for part, shape in parts], self._level_steps(is_cached=False))

    def loops_of(self, plane_shape: Sizes, dtype: ElementType) -> KernelFactory | None:
        parts = zip(self._parts, self._source_shapes(plane_shape), strict=True)
        loops = [found for part, shape in parts if (found := part.loops_of(shape, dtype)) is not None]
        if len(loops) < self.levels:
            return None
        is_cached = self.window_count(self.spatial_of(plane_shape)) <= MAX_CACHED_WINDOWS
        return KernelFactory(
            _total([each.cost for each in loops], self._level_steps(is_cached=is_cached)),
            lambda: PyramidKernel([each.make() for each in loops], cascade=self.cascade),
            is_bit_exact=all(each.is_bit_exact for each in loops),
        )

    def _level_steps(self, *, is_cached: bool) -> float:
        return _STEPS_PER_CACHED_LEVEL if is_cached or self.reduce == _FIRST else _STEPS_PER_LEVEL

    def run(self, planes: Planes) -> tuple[torch.Tensor, ...]:
        source, levels, valid = planes["input"], [], []
        for part in self._parts:
            level, *rest = part.run({"input": source})
            levels.append(level)
            valid += rest
            source = level if self.cascade else source
        return (*levels, *valid)

    def reference_of_plane(
        self, plane: npt.NDArray[np.generic], companion: npt.NDArray[np.generic] | None
    ) -> tuple[list[Number], ...]:
        levels, valid, source = [], [], plane
        for part, sizes in zip(self._parts, self._level_sizes(plane.shape), strict=True):
            level, *rest = part.reference_of_plane(source, None)
            levels.append(level)
            valid += rest
            if self.cascade:
                with np.errstate(over="ignore"):
                    source = np.array(level, dtype=plane.dtype).reshape(sizes)
        return (*levels, *valid)

    # ---- traces

    def traced_outputs(self) -> tuple[str, ...]:
        return _names(self.levels, with_valid=False)

    def trace_of_plane(self, plane: PooledArrays) -> Iterator[TracedElement]:
        source, of = plane.inputs["input"], "input"
        for number, (part, sizes) in enumerate(zip(self._parts, self._level_sizes(source.shape), strict=True), 1):
            names = {"output": f"level{number}", "valid": f"{_VALID}{number}"}
            outputs = {ours: plane.outputs[name] for ours, name in names.items() if name in plane.outputs}
            types = {"input": plane.types["input"], **{ours: plane.types[names[ours]] for ours in outputs}}
            for each in part.trace_of_plane(PooledArrays({"input": source}, outputs, types)):
                yield replace(
                    each, output=names[each.output], results=tuple(names[name] for name in each.results), of=of
                )
            if self.cascade:
                source, of = outputs["output"].reshape(sizes), names["output"]

    def traced_plane_positions(self, spatial: Sizes) -> int:
        return sum(
            part.traced_plane_positions(sizes)
            for part, sizes in zip(self._parts, self._source_sizes(spatial), strict=True)
        )

    def size_formulas(self, spatial: Sizes) -> list[SizeFormula]:
        return [
            replace(formula, output=f"level{number}")
            for number, (part, sizes) in enumerate(zip(self._parts, self._source_sizes(spatial), strict=True), 1)
            for formula in part.size_formulas(sizes)
        ]


class PyramidKernel:
    """The kernels of all levels.

    Args:
        kernels: of each level.
        cascade: whether a level is pooled from the one before.
    """

    def __init__(self, kernels: Sequence[Kernel], *, cascade: bool) -> None:
        self._kernels = kernels
        self._cascade = cascade

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pool; see :class:`poolhouse.kernels.window_kernels.Kernel`."""
        source, levels, valid = planes["input"], [], []
        for kernel in self._kernels:
            level, *rest = kernel({"input": source}, threads)
            levels.append(level)
            valid += rest
            source = level if self._cascade else source
        return (*levels, *valid)


def _total(costs: Sequence[Cost], level_steps: float) -> Cost:
    """Cost of pooling one level after another; the window positions of all levels are kept.

    Args:
        costs: of each level.
        level_steps: for a level beyond the first, whatever its size.
    """
    total = costs[0]
    for cost in costs[1:]:
        call_bytes = total.call_bytes + cost.call_bytes
        found = total.then(cost)
        total = Cost(found.plane_steps, found.call_steps + level_steps, found.plane_bytes, call_bytes)
    return total
