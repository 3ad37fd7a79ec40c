"""Spans of tokens: what token_pool and span_pool have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt
import torch

from poolhouse.dtypes import BFLOAT16, ELEMENT_TYPES, FLOAT32, INT64, ElementKind, bfloat16_to_float32
from poolhouse.errors import FieldProblem, Unprocessable
from poolhouse.kernels.spans import SpanKernel
from poolhouse.kernels.window_kernels import Kernel
from poolhouse.operators.arrangement import Arrangement
from poolhouse.operators.costs import Cost
from poolhouse.operators.field_types import Choice, Flag, describe_value
from poolhouse.operators.fields import Sizes, field
from poolhouse.operators.input_checks import check_companion_type, check_input_type, check_names
from poolhouse.operators.inputs import TensorInput
from poolhouse.operators.loop_costs import KernelFactory
from poolhouse.operators.number_types import Integer
from poolhouse.operators.numbers import Array, Number
from poolhouse.operators.operator import Planes
from poolhouse.operators.region_costs import SpanWork, span_loops_cost, span_torch_cost
from poolhouse.operators.region_operator import RegionOperator
from poolhouse.operators.size_types import INT32_MAX
from poolhouse.operators.span_reductions import (
    divisor_of_span,
    expression_of_span,
    factors_of_span,
    reduce_spans,
    reference_of_span,
    winner_of_span,
)
from poolhouse.operators.tracing import PooledArrays, TracedElement, short_number
from poolhouse.operators.word_types import Words
from poolhouse.tensors import Tensor, TensorMetadata

MODES: Final = ("cls", "last", "mean", "max", "min", "sum", "mean_sqrt_len", "weighted_mean", "weighted")
_ALIASES: Final = {
    "lasttoken": "last",
    "weightedmean": "weighted_mean",
    "mean_sqrt_len_tokens": "mean_sqrt_len",
}
"""The names of sentence-transformers."""
WHOLE_TYPES: Final = tuple(each for each in ELEMENT_TYPES.values() if each.kind != "float")
FLOAT_TYPES: Final = tuple(each for each in ELEMENT_TYPES.values() if each.kind == "float")
MASK: Final = TensorInput(
    "mask",
    (INT64, *(each for each in WHOLE_TYPES if each is not INT64)),
    "(N, T), or (T) for an input (T, D): the tokens whose element is not 0 count. All count without it.",
    (1, 2),
    is_required=False,
)
WEIGHTS: Final = TensorInput(
    "weights",
    (FLOAT32, *(each for each in FLOAT_TYPES if each is not FLOAT32)),
    "(N, T), or (T) for an input (T, D): the weight of each token, for the mode weighted.",
    (1, 2),
    is_required=False,
)
OFFSETS: Final = TensorInput(
    "offsets",
    (INT64,),
    "(N + 1): where each row begins in an input (ΣT, D) of rows of different lengths; from 0 to ΣT, ascending.",
    (1,),
    is_required=False,
)


@dataclass(frozen=True)
class TokenRegions(RegionOperator):
    """Base of operators that pool spans of tokens to one vector each."""

    element_types: ClassVar[Mapping[ElementKind, str]] = {"float": "Added in float64, rounded once."}
    required_outputs: ClassVar[tuple[str, ...]] = ()
    padding_value: ClassVar[str] = "Tokens that the mask leaves out do not count."

    modes: tuple[str, ...] = field(
        Words(MODES, _ALIASES),
        "How a vector is made of the tokens that count: cls, the first; last; mean; max; min; sum; mean_sqrt_len, the "
        "sum over the root of their number; weighted_mean, with the weights 1, 2, 3, … from the first one on; "
        "weighted, with those of the tensor weights. Of several modes the vectors follow each other.",
        default=("mean",),
        example="mean",
    )
    truncate: int | None = field(
        Integer(1, INT32_MAX),
        "The number of dimensions to keep, the first ones, as Matryoshka embeddings allow; before normalizing.",
        default=None,
        example=None,
    )
    normalize: str = field(
        Choice(("none", "l2")),
        "Whether each vector of the answer is divided by its Euclidean length.",
        default="none",
        example="l2",
    )
    concat: bool = field(
        Flag(),
        "Whether the vectors of several modes are one output, or an output for each mode, named by it.",
        default=True,
        example=True,
    )
    empty: str = field(
        Choice(("refuse", "zero")),
        "What happens if no token of a vector counts: the request is refused, or the vector is 0.",
        default="refuse",
        example="zero",
    )

    # ---- written by token_pool and span_pool

    def spans_of(self, arrays: Mapping[str, Array]) -> npt.NDArray[np.int64]:
        """(S, 3) rows of begin, end, and the beginning of the row of tokens, counted through all tokens."""
        raise NotImplementedError

    def count_spans(self, inputs: Mapping[str, TensorMetadata]) -> int | None:
        """The number of spans; None if the answer has no axis for them."""
        raise NotImplementedError

    # ---- derived

    def outputs(self) -> tuple[str, ...]:
        return ("output",) if self.concat else self.modes

    @classmethod
    def possible_outputs(cls) -> tuple[str, ...]:
        return ("output", *MODES)

    def cross_field_errors(self) -> Sequence[FieldProblem]:
        return ()

    def arrange(self, inputs: Mapping[str, TensorMetadata]) -> Arrangement:
        check_names(self, inputs)
        given = inputs["input"]
        check_input_type(self, given.dtype)
        if len(given.shape) not in (2, 3):
            raise Unprocessable(
                "wrong_rank",
                f"{self.name} takes (N, T, D) or (T, D); got {len(given.shape)} dimensions in shape "
                f"{describe_value(list(given.shape))}.",
            )
        *rows, width = given.shape
        if width == 0:
            raise Unprocessable("empty_dimension", "the tokens have no dimensions (D is 0); only N and T may be 0.")
        for each in self.companions:
            if each.name in inputs:
                check_companion_type(each, inputs[each.name].dtype)
        for name in ("mask", "weights"):
            if name in inputs and inputs[name].shape != tuple(rows):
                raise Unprocessable(
                    "shape_mismatch",
                    f"{name} must have the shape {rows}, one element for each token; "
                    f"got {describe_value(list(inputs[name].shape))}.",
                )
        if ("weights" in inputs) != ("weighted" in self.modes):
            wanted = "the mode weighted needs a tensor weights; send it, or choose another mode."
            unused = "weights have no meaning without the mode weighted; leave them out, or add that mode."
            code, message = ("missing_tensor", wanted) if "weighted" in self.modes else ("unknown_tensor", unused)
            raise Unprocessable(code, message)
        if self.truncate is not None and self.truncate > width:
            raise Unprocessable(
                "shape_mismatch", f"truncate is {self.truncate}, but tokens have only {width} dimensions."
            )
        self.check_rows(inputs)
        spans, dims = self.count_spans(inputs), self.truncate or width
        lead = () if spans is None else (spans,)
        sizes = {"output": dims * len(self.modes)} if self.concat else dict.fromkeys(self.modes, dims)
        outputs = {name: TensorMetadata(given.dtype, (*lead, size)) for name, size in sizes.items()}
        return Arrangement(
            inputs=dict(inputs),
            outputs=outputs,
            planes=1 if spans is None else spans,
            plane_shape=(width,),
            plane_output_bytes=sum(sizes.values()) * given.dtype.itemsize,
            plane_sizes=given.shape,
        )

    def check_rows(self, inputs: Mapping[str, TensorMetadata]) -> None:
        """Refuse shapes of further tensors that do not fit the input.

        Raises:
            Unprocessable: ``shape_mismatch`` or ``wrong_rank``.
        """

    def arranged_cost(self, arrangement: Arrangement) -> Cost:
        return span_torch_cost(self._work(arrangement))

    def arranged_loops(self, arrangement: Arrangement) -> KernelFactory | None:
        cost = span_loops_cost(self._work(arrangement))
        return KernelFactory(cost, lambda: self._kernel(arrangement.plane_shape[0], arrangement.inputs))

    def _work(self, arrangement: Arrangement) -> SpanWork:
        inputs, given = arrangement.inputs, arrangement.inputs["input"]
        tokens = given.element_count // given.shape[-1]
        return SpanWork(
            tokens=tokens,
            spans=max(arrangement.planes, 1),
            dims=self.truncate or given.shape[-1],
            modes=self.modes,
            longest=tokens if "offsets" in inputs else given.shape[-2],
            overlaps="spans" in inputs,
            normalizes=self.normalize == "l2",
            is_masked="mask" in inputs,
        )

    def make_kernel(self, plane_shape: Sizes, inputs: Mapping[str, TensorMetadata]) -> Kernel | None:
        return self._kernel(plane_shape[0], inputs)

    def _kernel(self, width: int, inputs: Mapping[str, TensorMetadata]) -> SpanKernel:
        return SpanKernel(
            self.modes,
            inputs["input"].dtype.name,
            width,
            self.truncate or width,
            normalize=self.normalize == "l2",
            concat=self.concat,
        )

    def run(self, planes: Planes) -> tuple[torch.Tensor, ...]:
        dims = self.truncate or planes["input"].shape[-1]
        return reduce_spans(planes, self.modes, dims, normalize=self.normalize == "l2", concat=self.concat)

    def prepare_inputs(self, arrays: Mapping[str, Array], planes: int) -> Mapping[str, Array]:
        prepared: dict[str, Array] = {
            "input": arrays["input"].reshape(-1, arrays["input"].shape[-1]),
            "spans": self._counted_spans(arrays),
        }
        if "mask" in arrays:
            prepared["mask"] = (arrays["mask"].reshape(-1) != 0).view(np.uint8)
        if "weights" in arrays:
            prepared["weights"] = _as_float64(arrays["weights"].reshape(-1))
        return prepared

    def slice_inputs(
        self, arrays: Mapping[str, Array], planes: int, plane_shape: Sizes, start: int, stop: int
    ) -> dict[str, Array]:
        spans = arrays["spans"].view(np.int64)[start:stop]
        low, high = (int(spans[:, 2].min()), int(spans[:, 1].max())) if len(spans) else (0, 0)
        sliced = {name: array[low:high] for name, array in arrays.items()}
        return {**sliced, "spans": spans - low}

    def _counted_spans(self, arrays: Mapping[str, Array]) -> npt.NDArray[np.int64]:
        """:meth:`spans_of`; for ``weighted_mean`` each begins at its first token that counts, whose weight is 1."""
        spans = self.spans_of(arrays)
        if "weighted_mean" not in self.modes or "mask" not in arrays:
            return spans
        counts = arrays["mask"].reshape(-1) != 0
        places = np.where(counts, np.arange(len(counts)), len(counts))
        following = np.append(np.minimum.accumulate(places[::-1])[::-1], len(counts))
        return np.stack((np.minimum(following[spans[:, 0]], spans[:, 1]), spans[:, 1], spans[:, 2]), 1)

    def join_slices(self, slices: Sequence[Mapping[str, Array]]) -> Mapping[str, Array]:
        begins = np.cumsum([0, *(len(each["input"]) for each in slices)])
        joined: dict[str, Array] = {
            "input": np.concatenate([each["input"] for each in slices]),
            "spans": np.concatenate([each["spans"] + begin for each, begin in zip(slices, begins, strict=False)]),
        }
        if any("mask" in each for each in slices):
            masks = [each.get("mask", np.ones(len(each["input"]), np.uint8)) for each in slices]
            joined["mask"] = np.concatenate(masks)
        if "weights" in slices[0]:
            joined["weights"] = np.concatenate([each["weights"] for each in slices])
        return joined

    def check_elements(self, tensors: Mapping[str, Tensor]) -> None:
        arrays = {name: tensor.array for name, tensor in tensors.items()}
        self.check_spans(arrays)
        if self.empty == "zero":
            return
        spans = self.spans_of(arrays)
        counts = spans[:, 1] - spans[:, 0]
        if "mask" in arrays:
            sums = np.concatenate(([0], np.cumsum(arrays["mask"].reshape(-1) != 0, dtype=np.int64)))
            counts = sums[spans[:, 1]] - sums[spans[:, 0]]
        empty = np.flatnonzero(counts == 0)
        if empty.size:
            raise Unprocessable(
                "empty_row",
                f"no token of {self.region_name} {int(empty[0])} counts; leave it out, or give empty zero for a "
                "vector of zeros.",
            )

    region_name: ClassVar[str] = "row"

    def check_spans(self, arrays: Mapping[str, Array]) -> None:
        """Refuse offsets or spans that do not lie within the tokens.

        Raises:
            Unprocessable: ``index_out_of_range``.
        """

    def reference(self, arrays: Mapping[str, Array]) -> Mapping[str, list[Number]]:
        found: dict[str, list[Number]] = {name: [] for name in self.outputs()}
        for span in self._spans_of_request(arrays):
            for name, row in self._rows_of(span).items():
                length = self._length_of(row)
                found[name] += [value / length for value in row]
        return found

    def _spans_of_request(self, arrays: Mapping[str, Array]) -> Iterator[_Span]:
        width = arrays["input"].shape[-1]
        tokens = arrays["input"].reshape(-1, width).astype(np.float64).tolist()
        counts = [True] * len(tokens) if "mask" not in arrays else (arrays["mask"].reshape(-1) != 0).tolist()
        weights = (
            arrays["weights"].reshape(-1).astype(np.float64).tolist() if "weights" in arrays else [1.0] * len(tokens)
        )
        dims = self.truncate or width
        for begin, end, _ in self._counted_spans(arrays).tolist():
            kept = [token[:dims] for token in tokens[begin:end]]
            yield _Span(begin, dims, kept, counts[begin:end], weights[begin:end])

    def _rows_of(self, span: _Span) -> Mapping[str, list[float]]:
        """The vector of each output, not yet normalized."""
        vectors = {
            mode: reference_of_span(span.tokens, span.counts, span.weights, mode) or [0.0] * span.dims
            for mode in self.modes
        }
        return {"output": [value for mode in self.modes for value in vectors[mode]]} if self.concat else vectors

    def _length_of(self, row: list[float]) -> float:
        """What a vector is divided by."""
        return max(sum(value * value for value in row) ** 0.5, 1e-12) if self.normalize == "l2" else 1.0

    # ---- traces

    def trace(self, pooled: PooledArrays, planes: int, plane_shape: Sizes) -> Iterator[TracedElement]:
        width, places = pooled.inputs["input"].shape[-1], dict.fromkeys(self.outputs(), 0)
        for span in self._spans_of_request(pooled.inputs):
            lengths = {name: self._length_of(row) for name, row in self._rows_of(span).items()}
            for mode in self.modes:
                output = "output" if self.concat else mode
                for dim in range(span.dims):
                    place = places[output]
                    places[output] += 1
                    yield self._traced(pooled, span, dim, width, _Traced(mode, output, place, lengths[output]))

    def _traced(self, pooled: PooledArrays, span: _Span, dim: int, width: int, traced: _Traced) -> TracedElement:
        kept = [place for place, counts in enumerate(span.counts) if counts]
        values = [span.tokens[place][dim] for place in kept]
        factors = factors_of_span(kept, span.weights, traced.mode)
        result, weights, winner = pooled.result_text(traced.output, traced.place), None, None
        if kept:
            text = expression_of_span(pooled.terms(values), factors, traced.mode)
            if self.normalize == "l2":
                text = f"({text}) / {short_number(traced.length)}"
            text = f"{text} = {result}{', normalized' if self.normalize == 'l2' else ''}"
            taken = winner_of_span(values, traced.mode)
            winner = None if taken is None else kept[taken]
        else:
            text = f"no token counts: {result}"
        if traced.mode in ("weighted_mean", "weighted"):
            divisor = divisor_of_span(factors, traced.mode)
            shares = dict(zip(kept, factors, strict=True))
            weights = [shares.get(place, 0.0) / divisor if divisor else 0.0 for place in range(len(span.tokens))]
        return TracedElement(
            output=traced.output,
            place=traced.place,
            results=(traced.output,),
            positions=[(span.begin + place) * width + dim for place in range(len(span.tokens))],
            arithmetic=text,
            counted=span.counts,
            weights=weights,
            winner=winner,
        )


@dataclass(frozen=True, slots=True)
class _Span:
    """One span: its first token, counted through all, and the kept dimensions, masks and weights of its tokens."""

    begin: int
    dims: int
    tokens: list[list[float]]
    counts: list[bool]
    weights: list[float]


@dataclass(frozen=True, slots=True)
class _Traced:
    """An output element: its mode, its output, its place there, and what its vector is divided by."""

    mode: str
    output: str
    place: int
    length: float


def _as_float64(array: Array) -> npt.NDArray[np.float64]:
    wide = bfloat16_to_float32(array.view(np.uint16)) if array.dtype == BFLOAT16.storage else array
    return wide.astype(np.float64)
