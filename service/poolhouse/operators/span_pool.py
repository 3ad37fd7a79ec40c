"""span_pool."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from poolhouse.dtypes import INT64
from poolhouse.errors import Unprocessable
from poolhouse.operators.field_types import describe_value
from poolhouse.operators.inputs import TensorInput
from poolhouse.operators.numbers import Array
from poolhouse.operators.operator import Refusal, Sample, operator
from poolhouse.operators.region_operator import ramp
from poolhouse.operators.token_regions import MASK, WEIGHTS, TokenRegions
from poolhouse.tensors import Tensor, TensorMetadata

_SPANS = TensorInput(
    "spans",
    (INT64,),
    "(S, 2): the first token of each span and the end behind its last; (S, 3) with the number of the row before them.",
    (2,),
)


@operator("span_pool", ranks=())
class SpanPool(TokenRegions):
    """Pools the token vectors of each span to one vector, as late chunking does with the chunks of a long text.

    Spans may overlap, repeat and come in any order. What a token outside of a span is has no influence on its vector,
    and the cost hardly depends on how much spans overlap.
    """

    shape_rule: ClassVar[str] = (
        "input ``(T, D)`` with spans ``(S, 2)``, or ``(N, T, D)`` with spans ``(S, 3)``, gives ``(S, modes·D)``. "
        "truncate takes the place of D."
    )
    source: ClassVar[str] = "Günther et al. (2024), Late Chunking; sentence_transformers.models.Pooling"
    companions: ClassVar[tuple[TensorInput, ...]] = (_SPANS, MASK, WEIGHTS)
    region_name: ClassVar[str] = "span"

    input_dimensions: ClassVar[tuple[int, ...]] = (2, 3)
    output_dimensions: ClassVar[tuple[int, ...]] = (2,)

    samples = (
        Sample((1, 6, 3), {}),
        Sample((1, 40, 5), {"modes": ["max", "min", "mean"], "normalize": "l2"}),
        Sample((1, 40, 4), {"modes": ["weighted_mean", "sum"], "concat": False}, dtype="bfloat16"),
    )
    refusals = (
        Refusal((1, 4, 3), {"truncate": 4}, "shape_mismatch"),
        Refusal((1, 4, 3), {"modes": "weighted"}, "missing_tensor"),
        Refusal((1, 4, 3), {}, "unsupported_dtype", dtype="uint8"),
    )

    def count_spans(self, inputs: Mapping[str, TensorMetadata]) -> int | None:
        return inputs["spans"].shape[0]

    def check_rows(self, inputs: Mapping[str, TensorMetadata]) -> None:
        columns = len(inputs["input"].shape)
        shape = inputs["spans"].shape
        # In JSON no spans are an empty list, of one dimension.
        if shape != (0,) and (len(shape) != 2 or shape[1] != columns):
            what = "[row, begin, end]" if columns == 3 else "[begin, end]"
            raise Unprocessable(
                "shape_mismatch",
                f"for an input of {columns} dimensions spans must have the shape [S, {columns}], each {what}; "
                f"got {describe_value(list(shape))}.",
            )

    def spans_of(self, arrays: Mapping[str, Array]) -> npt.NDArray[np.int64]:
        shape = arrays["input"].shape
        spans = arrays["spans"].astype(np.int64).reshape(-1, len(shape))
        origins = spans[:, 0] * shape[1] if len(shape) == 3 else np.zeros(len(spans), np.int64)
        return np.stack((origins + spans[:, -2], origins + spans[:, -1], origins), 1)

    def check_spans(self, arrays: Mapping[str, Array]) -> None:
        shape = arrays["input"].shape
        spans = arrays["spans"].astype(np.int64).reshape(-1, len(shape))
        begins, ends, tokens = spans[:, -2], spans[:, -1], shape[-2]
        wrong = (begins < 0) | (ends > tokens) | (begins > ends)
        rows = shape[0] if len(shape) == 3 else 1
        if len(shape) == 3:
            wrong |= (spans[:, 0] < 0) | (spans[:, 0] >= rows)
        if wrong.any():
            at = int(np.flatnonzero(wrong)[0])
            among = f" of {rows} rows" if len(shape) == 3 else ""
            raise Unprocessable(
                "index_out_of_range",
                f"span {at} is {spans[at].tolist()}, which does not lie within the {tokens} tokens{among}; begin at 0 "
                f"or later, and end at {tokens} or earlier and not before the beginning.",
            )

    @classmethod
    def example_inputs(cls, sample: Sample) -> Mapping[str, Tensor]:
        _, tokens, width = sample.spatial
        spans = np.array([[0, tokens // 2], [tokens // 3, tokens], [0, tokens]], np.int64)
        return {"input": ramp(sample.dtype, (tokens, width)), "spans": Tensor(INT64, spans)}
