"""token_pool."""

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
from poolhouse.operators.token_regions import MASK, OFFSETS, WEIGHTS, TokenRegions
from poolhouse.tensors import Tensor, TensorMetadata


@operator("token_pool", ranks=())
class TokenPool(TokenRegions):
    """Pools the token vectors of each row to one vector: the embedding of a text from those of its tokens.

    Rows are padded to one length, with a mask of the tokens that count, or follow each other without padding, with the
    offsets of their beginnings. A row gives the same vector whatever it is sent with.
    """

    shape_rule: ClassVar[str] = (
        "input ``(N, T, D)`` gives ``(N, modes·D)``, and ``(T, D)`` gives ``(modes·D)``; with offsets, input "
        "``(ΣT, D)`` gives ``(N, modes·D)``. truncate takes the place of D."
    )
    source: ClassVar[str] = "sentence_transformers.models.Pooling"
    companions: ClassVar[tuple[TensorInput, ...]] = (MASK, WEIGHTS, OFFSETS)

    input_dimensions: ClassVar[tuple[int, ...]] = (2, 3)
    output_dimensions: ClassVar[tuple[int, ...]] = (1, 2)

    samples = (
        Sample((1, 4, 3), {}),
        Sample((1, 7, 5), {"modes": ["mean", "max"], "normalize": "l2", "truncate": 2}),
        Sample((1, 5, 4), {"modes": ["cls", "last", "weighted_mean"], "concat": False}, dtype="float16"),
    )
    refusals = (
        Refusal((1, 4, 3), {"modes": []}, "invalid_fields"),
        Refusal((1, 4, 3), {"modes": ["mean", "mean"]}, "invalid_fields"),
        Refusal((1, 4, 3), {"modes": "median"}, "invalid_fields"),
        Refusal((1, 4, 3), {"truncate": 4}, "shape_mismatch"),
        Refusal((1, 4, 3), {"modes": "weighted"}, "missing_tensor"),
        Refusal((1, 4, 3), {}, "unsupported_dtype", dtype="int32"),
    )

    def count_spans(self, inputs: Mapping[str, TensorMetadata]) -> int | None:
        if "offsets" in inputs:
            return inputs["offsets"].shape[0] - 1
        shape = inputs["input"].shape
        return shape[0] if len(shape) == 3 else None

    def check_rows(self, inputs: Mapping[str, TensorMetadata]) -> None:
        if "offsets" not in inputs:
            if self.empty == "refuse" and inputs["input"].shape[-2] == 0 and self.count_spans(inputs) != 0:
                raise Unprocessable(
                    "empty_row",
                    "rows of 0 tokens have no vector; send no rows, or give empty zero for vectors of zeros.",
                )
            return
        offsets, shape = inputs["offsets"].shape, inputs["input"].shape
        if len(offsets) != 1 or offsets[0] < 1:
            raise Unprocessable(
                "shape_mismatch",
                f"offsets must have the shape [N + 1], with at least one element; got {describe_value(list(offsets))}.",
            )
        if len(shape) != 2:
            raise Unprocessable(
                "wrong_rank",
                f"with offsets the input is (ΣT, D), all rows after each other; got {len(shape)} dimensions. Leave "
                "offsets out for rows of one length.",
            )

    def spans_of(self, arrays: Mapping[str, Array]) -> npt.NDArray[np.int64]:
        if "offsets" in arrays:
            borders = arrays["offsets"].astype(np.int64)
        else:
            shape = arrays["input"].shape
            rows = shape[0] if len(shape) == 3 else 1
            borders = np.arange(rows + 1, dtype=np.int64) * shape[-2]
        return np.stack((borders[:-1], borders[1:], borders[:-1]), 1)

    def check_spans(self, arrays: Mapping[str, Array]) -> None:
        if "offsets" not in arrays:
            return
        offsets, tokens = arrays["offsets"].astype(np.int64), len(arrays["input"])
        falls = np.flatnonzero(offsets[1:] < offsets[:-1])
        if offsets[0] != 0 or offsets[-1] != tokens or falls.size:
            at = f"row {int(falls[0])} ends before it begins" if falls.size else "they do not"
            raise Unprocessable(
                "index_out_of_range",
                f"offsets must ascend from 0 to the number of tokens, {tokens}; {at}. They are the beginnings of the "
                "rows, and the end of the last.",
            )

    @classmethod
    def example_inputs(cls, sample: Sample) -> Mapping[str, Tensor]:
        _, tokens, width = sample.spatial
        mask = np.ones((2, tokens), np.int64)
        mask[1, -1] = 0
        return {"input": ramp(sample.dtype, (2, tokens, width)), "mask": Tensor(INT64, mask)}
