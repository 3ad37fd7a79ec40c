"""segment_pool."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
import torch

from poolhouse.dtypes import INT64, ElementKind, ElementType
from poolhouse.errors import FieldProblem, Unprocessable
from poolhouse.kernels.segments import SegmentKernel, group_rows
from poolhouse.kernels.window_kernels import Kernel
from poolhouse.operators.arrangement import Arrangement
from poolhouse.operators.costs import Cost
from poolhouse.operators.field_types import Choice, Flag, IntegerChoice, describe_value
from poolhouse.operators.fields import Sizes, field
from poolhouse.operators.input_checks import check_companion_type, check_input_type, check_names
from poolhouse.operators.inputs import TensorInput
from poolhouse.operators.loop_costs import KernelFactory
from poolhouse.operators.number_types import AnyNumber, Integer
from poolhouse.operators.numbers import Array, Number
from poolhouse.operators.operator import Planes, Refusal, Sample, operator
from poolhouse.operators.region_costs import SegmentWork, segment_loops_cost, segment_torch_cost
from poolhouse.operators.region_operator import RegionOperator, ramp
from poolhouse.operators.segment_reductions import (
    expression_of_segment,
    reduce_segments,
    reference_of_segment,
    softmax_weights,
)
from poolhouse.operators.size_types import INT32_MAX
from poolhouse.operators.tracing import PooledArrays, TracedElement
from poolhouse.operators.wide_floats import round_once
from poolhouse.tensors import Tensor, TensorMetadata

_REDUCTIONS: Final = ("sum", "mean", "max", "min", "mul", "median", "var", "std", "softmax", "logsumexp")
_SEGMENTS: Final = TensorInput(
    "segments",
    (INT64,),
    "(T): the number of the segment that each row belongs to, from 0, in any order.",
    (1,),
    is_required=False,
)
_OFFSETS: Final = TensorInput(
    "offsets",
    (INT64,),
    "(S + 1): where each segment begins, if the rows of each follow each other; from 0 to T, ascending.",
    (1,),
    is_required=False,
)


@operator("segment_pool", ranks=())
class SegmentPool(RegionOperator):
    """Pools the rows of each segment to one: nodes to graphs, and elements of ragged batches to their samples.

    Rows come in any order with the number of their segment, or one segment after the other with offsets. Everything is
    computed in float64 in the order of the rows, so a result does not depend on what it is sent with.
    """

    element_types: ClassVar[Mapping[ElementKind, str]] = {"float": "Computed in float64, rounded once."}
    shape_rule: ClassVar[str] = (
        "input ``(T, *)`` gives ``(S, *)``, where S is num_segments, by default the largest of segments + 1, or the "
        "length of offsets - 1."
    )
    index_meaning: ClassVar[str] = "int64, the number of the row; -1 for a segment without rows."
    source: ClassVar[str] = "torch_geometric.nn.aggr"
    companions: ClassVar[tuple[TensorInput, ...]] = (_SEGMENTS, _OFFSETS)

    exactly_one_input_of: ClassVar[tuple[str, ...]] = ("segments", "offsets")
    input_dimensions: ClassVar[tuple[int, ...]] = (1, 2, 3, 4, 5)
    output_dimensions: ClassVar[tuple[int, ...]] = (1, 2, 3, 4, 5)

    reduce: str = field(
        Choice(_REDUCTIONS),
        "What the rows of a segment are reduced to, in each column: the lower median, the variance over the number of "
        "rows less the correction, the sum weighted by the softmax over the segment, the logarithm of the sum of the "
        "exponentials, and so on.",
        default="mean",
        example="max",
    )
    num_segments: int | None = field(
        Integer(0, INT32_MAX),
        "The number of segments, with those that have no row. By default the largest of segments + 1; a plan, /v2 and "
        "several poolings in one request need it, since they know the shapes before the elements.",
        default=None,
        example=None,
        in_batch_key=False,
    )
    correction: int = field(
        IntegerChoice((0, 1)), "What is subtracted from the number of rows for var and std.", default=0, example=1
    )
    empty_value: float | None = field(
        AnyNumber(), "The result of a segment without rows. By default 0, and 1 for mul.", default=None, example=0
    )
    return_indices: bool = field(
        Flag(), "Whether to return the number of the row of each maximum or minimum, too.", default=False, example=True
    )

    samples = (
        Sample((6, 1, 3), {"reduce": "mean", "num_segments": 3}),
        Sample((9, 1, 4), {"reduce": "max", "return_indices": True, "num_segments": 5}),
        Sample((9, 1, 2), {"reduce": "std", "correction": 1, "num_segments": 3}, dtype="float64"),
        Sample((9, 1, 2), {"reduce": "softmax", "num_segments": 3}, dtype="float16"),
    )
    refusals = (
        Refusal((4, 1, 3), {"reduce": "mode"}, "invalid_fields"),
        Refusal((4, 1, 3), {"reduce": "sum", "return_indices": True}, "invalid_fields"),
        Refusal((4, 1, 3), {"reduce": "sum", "correction": 1}, "invalid_fields"),
        Refusal((4, 1, 3), {"num_segments": 4, "empty_value": 1e6}, "invalid_fields", dtype="float16"),
        Refusal((4, 1, 3), {}, "unsupported_dtype", dtype="int64"),
    )

    def cross_field_errors(self) -> Sequence[FieldProblem]:
        problems = []
        if self.return_indices and self.reduce not in ("max", "min"):
            message = f"only max and min have the number of a row; leave return_indices out for {self.reduce}."
            problems.append(FieldProblem("/return_indices", "conflict", message))
        if self.correction and self.reduce not in ("var", "std"):
            message = f"correction has no meaning for {self.reduce}; leave it out."
            problems.append(FieldProblem("/correction", "conflict", message))
        return problems

    def outputs(self) -> tuple[str, ...]:
        return ("output", "indices") if self.return_indices else ("output",)

    @classmethod
    def fields_from_elements(cls, tensors: Mapping[str, Tensor]) -> Mapping[str, object]:
        segments = tensors.get("segments")
        if segments is None or segments.dtype is not INT64 or "offsets" in tensors:
            return {}
        numbers = segments.array.reshape(-1).astype(np.int64)
        largest = int(numbers.max(initial=-1))
        if largest >= INT32_MAX:
            raise Unprocessable(
                "index_out_of_range",
                f"row {int(numbers.argmax())} has the segment {largest}; segments count from 0 to {INT32_MAX - 1}.",
            )
        return {"num_segments": largest + 1}

    def arrange(self, inputs: Mapping[str, TensorMetadata]) -> Arrangement:
        check_names(self, inputs)
        given = inputs["input"]
        check_input_type(self, given.dtype)
        if len(given.shape) not in self.input_dimensions:
            raise Unprocessable("wrong_rank", f"{self.name} takes (T, *) of 1 to 5 dimensions; got {len(given.shape)}.")
        self._check_empty_value(given.dtype)
        for each in self.companions:
            if each.name in inputs:
                check_companion_type(each, inputs[each.name].dtype)
        count = self._count_segments(inputs)
        rows, *rest = given.shape
        if 0 in rest:
            raise Unprocessable("empty_dimension", "a row of the input has no elements; only T may be 0.")
        outputs = {"output": TensorMetadata(given.dtype, (count, *rest))}
        if self.return_indices:
            outputs["indices"] = TensorMetadata(INT64, (count, *rest))
        width = math.prod(rest)
        return Arrangement(
            inputs=dict(inputs),
            outputs=outputs,
            planes=count,
            plane_shape=(width,),
            plane_output_bytes=width * (given.dtype.itemsize + 8 * self.return_indices),
            plane_sizes=(rows, width),
        )

    def _count_segments(self, inputs: Mapping[str, TensorMetadata]) -> int:
        if ("segments" in inputs) == ("offsets" in inputs):
            both = "segments" in inputs
            code, what = ("unknown_tensor", "one of them, not both") if both else ("missing_tensor", "one of them")
            raise Unprocessable(code, f"{self.name} takes segments or offsets; send {what}.")
        rows = inputs["input"].shape[0]
        if "offsets" in inputs:
            shape = inputs["offsets"].shape
            if len(shape) != 1 or shape[0] < 1:
                raise Unprocessable(
                    "shape_mismatch",
                    "offsets must have the shape [S + 1], with at least one element; got "
                    f"{describe_value(list(shape))}.",
                )
            count = shape[0] - 1
            if self.num_segments not in (None, count):
                raise Unprocessable(
                    "shape_mismatch",
                    f"num_segments is {self.num_segments}, but {shape[0]} offsets are those of {count} segments; leave "
                    "num_segments out.",
                )
            return count
        shape = inputs["segments"].shape
        if shape != (rows,):
            raise Unprocessable(
                "shape_mismatch",
                f"segments must have the shape [{rows}], one number for each row; got {describe_value(list(shape))}.",
            )
        if self.num_segments is None:
            message = (
                "give num_segments: without it the number of segments follows from the elements, which are read only "
                "later here."
            )
            problem = FieldProblem("/num_segments", "missing", message)
            raise Unprocessable("invalid_fields", message, problems=(problem,))
        return self.num_segments

    def _check_empty_value(self, dtype: ElementType) -> None:
        value = self._value_of_empty()
        element = getattr(torch, dtype.name)
        if math.isfinite(value) and round_once(torch.tensor(value, dtype=torch.float64), element).isinf():
            message = (
                f"empty_value {value} is beyond {dtype.name}, whose largest number is {torch.finfo(element).max}; give "
                "a smaller one."
            )
            raise Unprocessable("invalid_fields", message, problems=(FieldProblem("/empty_value", "range", message),))

    def _value_of_empty(self) -> float:
        return float(self.empty_value) if self.empty_value is not None else 1.0 if self.reduce == "mul" else 0.0

    def arranged_cost(self, arrangement: Arrangement) -> Cost:
        return segment_torch_cost(self._work(arrangement))

    def arranged_loops(self, arrangement: Arrangement) -> KernelFactory | None:
        return KernelFactory(
            segment_loops_cost(self._work(arrangement)),
            lambda: self._kernel(arrangement.inputs["input"].dtype.name),
            is_bit_exact=self.reduce not in ("softmax", "logsumexp", "std"),
        )

    def _work(self, arrangement: Arrangement) -> SegmentWork:
        rows, width = arrangement.plane_sizes
        dtype, segments = arrangement.inputs["input"].dtype, max(arrangement.planes, 1)
        return SegmentWork(self.reduce, dtype, rows, width, segments, self.return_indices)

    def make_kernel(self, plane_shape: Sizes, inputs: Mapping[str, TensorMetadata]) -> Kernel | None:
        return self._kernel(inputs["input"].dtype.name)

    def _kernel(self, element: str) -> Kernel:
        kernel = SegmentKernel(
            self.reduce,
            element,
            empty_value=self._value_of_empty(),
            correction=self.correction,
            with_indices=self.return_indices,
        )
        return _RowsOfRequests(kernel) if self.return_indices else kernel

    def run(self, planes: Planes) -> tuple[torch.Tensor, ...]:
        found = reduce_segments(
            planes,
            self.reduce,
            empty_value=self._value_of_empty(),
            correction=self.correction,
            with_indices=self.return_indices,
        )
        return tuple(
            torch.where(each < 0, each, each - planes["first_rows"][:, None]) if index else each
            for index, each in enumerate(found)
        )

    def _grouped(self, arrays: Mapping[str, Array], planes: int) -> tuple[Array, Array]:
        if "offsets" in arrays:
            offsets = arrays["offsets"].astype(np.int64)
            return np.arange(len(arrays["input"]), dtype=np.int64), offsets
        return group_rows(arrays["segments"].astype(np.int64), planes)

    def prepare_inputs(self, arrays: Mapping[str, Array], planes: int) -> Mapping[str, Array]:
        order, offsets = self._grouped(arrays, planes)
        return {"input": arrays["input"], "order": order, "offsets": offsets}

    def slice_inputs(
        self, arrays: Mapping[str, Array], planes: int, plane_shape: Sizes, start: int, stop: int
    ) -> dict[str, Array]:
        taken = arrays["offsets"].view(np.int64)[start : stop + 1]
        return {
            "input": arrays["input"].reshape(-1, *plane_shape),
            "order": arrays["order"][taken[0] : taken[-1]],
            "offsets": taken - taken[0],
            "first_rows": np.zeros(stop - start, np.int64),
        }

    def join_slices(self, slices: Sequence[Mapping[str, Array]]) -> Mapping[str, Array]:
        rows = np.cumsum([0, *(len(each["input"]) for each in slices)])
        taken = np.cumsum([0, *(len(each["order"]) for each in slices)])
        offsets = [each["offsets"][1:] + begin for each, begin in zip(slices, taken, strict=False)]
        return {
            "input": np.concatenate([each["input"] for each in slices]),
            "order": np.concatenate([each["order"] + begin for each, begin in zip(slices, rows, strict=False)]),
            "offsets": np.concatenate([np.zeros(1, np.int64), *offsets]),
            # Indices count the rows of one request.
            "first_rows": np.concatenate(
                [each["first_rows"] + begin for each, begin in zip(slices, rows, strict=False)]
            ),
        }

    def check_elements(self, tensors: Mapping[str, Tensor]) -> None:
        rows = tensors["input"].shape[0]
        if "offsets" in tensors:
            offsets = tensors["offsets"].array.astype(np.int64)
            falls = np.flatnonzero(offsets[1:] < offsets[:-1])
            if offsets[0] != 0 or offsets[-1] != rows or falls.size:
                at = f"segment {int(falls[0])} ends before it begins" if falls.size else "they do not"
                raise Unprocessable(
                    "index_out_of_range", f"offsets must ascend from 0 to the number of rows, {rows}; {at}."
                )
            return
        segments = tensors["segments"].array.astype(np.int64)
        wrong = np.flatnonzero((segments < 0) | (segments >= (self.num_segments or 0)))
        if wrong.size:
            row = int(wrong[0])
            raise Unprocessable(
                "index_out_of_range",
                f"row {row} has the segment {int(segments[row])}; segments count from 0, and num_segments is "
                f"{self.num_segments}.",
            )

    def reference(self, arrays: Mapping[str, Array]) -> Mapping[str, list[Number]]:
        found: dict[str, list[Number]] = {name: [] for name in self.outputs()}
        for each in self._segments_of_request(arrays):
            found["output"].append(
                reference_of_segment(
                    each.values, self.reduce, empty_value=self._value_of_empty(), correction=self.correction
                )
            )
            if self.return_indices:
                found["indices"].append(_winner(each.values, each.rows, self.reduce))
        return found

    def _segments_of_request(self, arrays: Mapping[str, Array]) -> Iterator[_SegmentColumn]:
        shape = arrays["input"].shape
        given = arrays["input"].reshape(shape[0], math.prod(shape[1:])).astype(np.float64)
        planes = self.num_segments or len(arrays.get("offsets", [0])) - 1
        order, offsets = self._grouped(arrays, planes)
        for segment in range(planes):
            members = order[offsets[segment] : offsets[segment + 1]].tolist()
            for column in range(given.shape[1]):
                yield _SegmentColumn(members, column, [float(given[row, column]) for row in members])

    def trace(self, pooled: PooledArrays, planes: int, plane_shape: Sizes) -> Iterator[TracedElement]:
        (width,) = plane_shape
        for place, each in enumerate(self._segments_of_request(pooled.inputs)):
            result, winner, weights = pooled.result_text("output", place), None, None
            if each.rows:
                expression = expression_of_segment(pooled.terms(each.values), self.reduce, self.correction)
                text = f"{expression} = {result}"
                if self.reduce in ("max", "min"):
                    winner = each.rows.index(_winner(each.values, each.rows, self.reduce))
                if self.reduce == "softmax":
                    weights = softmax_weights(each.values)
            else:
                text = f"the segment has no rows: {result}"
            yield TracedElement(
                output="output",
                place=place,
                results=self.outputs(),
                positions=[row * width + each.column for row in each.rows],
                arithmetic=text,
                weights=weights,
                winner=winner,
            )

    @classmethod
    def example_inputs(cls, sample: Sample) -> Mapping[str, Tensor]:
        rows, _, width = sample.spatial
        segments = np.arange(rows, dtype=np.int64) % 3
        return {"input": ramp(sample.dtype, (rows, width)), "segments": Tensor(INT64, segments)}


@dataclass(frozen=True, slots=True)
class _SegmentColumn:
    """One column of a segment: the numbers of its rows, the number of the column, and the elements."""

    rows: list[int]
    column: int
    values: list[float]


class _RowsOfRequests:
    """A kernel whose indices count the rows of each request instead of those of the batch.

    Args:
        kernel: its second output is the indices.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pool; see :class:`poolhouse.kernels.window_kernels.Kernel`."""
        output, found = self._kernel(planes, threads)
        indices = found.view(np.int64)
        np.subtract(indices, planes["first_rows"][:, None], out=indices, where=indices >= 0)
        return output, indices


def _winner(values: Sequence[float], rows: Sequence[int], reduce: str) -> int:
    if not values:
        return -1
    odd = [row for value, row in zip(values, rows, strict=True) if math.isnan(value)]
    best = max(values) if reduce == "max" else min(values)
    return odd[0] if odd else next(row for value, row in zip(values, rows, strict=True) if value == best)
