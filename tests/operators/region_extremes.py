"""A table of requests with extreme sizes and fields for the operators that pool regions, cheap and expensive ones.

The tests of plans compare the time and memory of these requests with their plans.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from poolhouse.errors import Unprocessable
from poolhouse.operators.plan import Limits, Plan, make_plan
from poolhouse.tensors import Tensor
from tests.operators.region_cases import CATALOGUE, Array, Fields, tensor_of

ELEMENT_TYPES: Final = ("float32", "float16", "bfloat16", "float64")


@dataclass(frozen=True, slots=True)
class RegionExtreme:
    """One row.

    Attributes:
        name: for messages.
        plan: its plan.
        tensors: its inputs.
        is_shaped: whether the shapes determine the work; else the regions do, and the plan has about the most.
    """

    name: str
    plan: Plan
    tensors: Mapping[str, Tensor]
    is_shaped: bool


@dataclass(frozen=True, slots=True)
class _Form:
    """The shape of an input, and its other tensors.

    Attributes:
        name: for messages.
        shape: of the input.
        regions: makes the other tensors.
        is_shaped: whether the shapes determine the work.
    """

    name: str
    shape: tuple[int, ...]
    regions: Callable[[np.random.Generator], dict[str, Array]]
    is_shaped: bool = True


def _nothing(_: np.random.Generator) -> dict[str, Array]:
    return {}


def _token_forms(elements: int) -> Iterator[_Form]:
    tokens = max(elements // 64, 1)
    yield _Form("long rows", (2, max(tokens // 2, 1), 64), _nothing)
    yield _Form("short rows", (max(tokens // 4, 1), 4, 64), _nothing)
    yield _Form("rows of 40", (max(tokens // 40, 1), 40, 64), _nothing)
    yield _Form("rows of one", (max(elements // 16, 1), 1, 16), _nothing)
    yield _Form("wide", (2, 8, max(elements // 16, 1)), _nothing)
    yield _Form("narrow", (max(elements // 64, 1), 64, 1), _nothing)
    yield _Form("one row", (max(elements // 256, 1), 256), _nothing)
    yield _Form("ragged", (tokens, 64), partial(_offsets, tokens, max(tokens // 50, 1)))


def _offsets(end: int, count: int, rng: np.random.Generator) -> dict[str, Array]:
    inner = np.sort(rng.integers(0, end, count - 1, endpoint=True))
    return {"offsets": np.concatenate(([0], inner, [end])).astype(np.int64)}


def _segments(rows: int, count: int, rng: np.random.Generator) -> dict[str, Array]:
    return {"segments": rng.integers(0, count, rows), "count": np.array(count)}


def _span_forms(elements: int) -> Iterator[_Form]:
    tokens = max(elements // 64, 1)

    def spans(count: int, longest: int) -> Callable[[np.random.Generator], dict[str, Array]]:
        def draw(rng: np.random.Generator) -> dict[str, Array]:
            begins = rng.integers(0, max(tokens - longest, 0), count, endpoint=True)
            ends = np.minimum(begins + rng.integers(max(longest // 2, 1), longest, count, endpoint=True), tokens)
            return {"spans": np.stack((begins, ends), 1)}

        return draw

    for name, count, longest in (
        ("one span", 1, tokens),
        ("equal spans", max(tokens // 8, 1), tokens),
        ("some long spans", max(tokens // 64, 1), max(tokens // 2, 1)),
        ("many chunks", max(tokens // 32, 1), 64),
        ("many short spans", tokens, 6),
    ):
        yield _Form(name, (tokens, 64), spans(count, longest), is_shaped=False)
    rows = max(tokens // 40, 1)
    yield _Form("spans of rows", (rows, 40, 64), partial(_parts_of_rows, rows), is_shaped=False)


def _parts_of_rows(rows: int, rng: np.random.Generator) -> dict[str, Array]:
    return {"spans": np.stack((rng.integers(0, rows, rows), np.full(rows, 3), np.full(rows, 37)), 1)}


def _token_fields() -> Iterator[tuple[str, Fields]]:
    for mode in ("cls", "last", "mean", "max", "min", "sum", "mean_sqrt_len", "weighted_mean", "weighted"):
        yield mode, {"modes": [mode], "empty": "zero"}
    yield "normalized", {"modes": ["mean"], "normalize": "l2", "empty": "zero"}
    yield "masked", {"modes": ["mean"], "empty": "zero"}
    yield "truncated", {"modes": ["mean"], "truncate": 1, "empty": "zero"}
    yield "four modes", {"modes": ["cls", "mean", "max", "weighted_mean"], "concat": False, "empty": "zero"}


def _segment_forms(elements: int) -> Iterator[_Form]:
    for width in (1, 8, 128, max(elements // 32, 1)):
        rows = max(elements // width, 1)
        for name, count in (("one", 1), ("ten", 10), ("many", max(rows // 4, 1)), ("empty", 2 * rows)):
            yield _Form(
                f"{name} segments of rows of {width}",
                (rows, width),
                partial(_segments, rows, count),
            )
        yield _Form(
            f"offsets of rows of {width}",
            (rows, width),
            partial(_offsets, rows, max(rows // 30, 1)),
        )


def _segment_fields() -> Iterator[tuple[str, Fields]]:
    for reduce in ("sum", "mean", "max", "min", "mul", "median", "var", "std", "softmax", "logsumexp"):
        yield reduce, {"reduce": reduce}
    yield "max indices", {"reduce": "max", "return_indices": True}


def _box_forms(elements: int) -> Iterator[_Form]:
    for channels in (1, 16, 128):
        side = max(math.isqrt(elements // channels), 1)
        for name, part in (("whole", 1.0), ("half", 0.5), ("small", 0.1), ("wide", 3.0)):
            for count in (1, 16, 256):
                yield _Form(
                    f"{count} {name} boxes of {channels} channels",
                    (1, channels, side, side),
                    partial(_boxes, side, part, count),
                    is_shaped=part == 1.0,
                )


def _boxes(side: int, part: float, count: int, rng: np.random.Generator) -> dict[str, Array]:
    size = part * side * rng.uniform(0.8, 1.0, (count, 2))
    begin = (side - size) * rng.uniform(0, 1, (count, 2))
    return {"boxes": np.concatenate((np.zeros((count, 1)), begin, begin + size), 1).astype(np.float32)}


def _box_fields() -> Iterator[tuple[str, Fields]]:
    for size in (1, 7, 14, [2, 40]):
        yield f"output {size}", {"output_size": size}


def _align_fields() -> Iterator[tuple[str, Fields]]:
    for name, fields in _box_fields():
        for ratio in (1, 2, 16, 128, -1):
            for mode in ("avg", "max"):
                yield f"{name} ratio {ratio} {mode}", {**fields, "sampling_ratio": ratio, "mode": mode}


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of an operator.

    Attributes:
        forms: the inputs of about a number of elements.
        fields: a name and fields.
        share: how many times fewer of its rows are taken, as it has more of them.
    """

    forms: Callable[[int], Iterator[_Form]]
    fields: Callable[[], Iterator[tuple[str, Fields]]]
    share: int = 1


_TABLE: Final[Mapping[str, _Rows]] = {
    "token_pool": _Rows(_token_forms, _token_fields),
    "span_pool": _Rows(_span_forms, _token_fields),
    "segment_pool": _Rows(_segment_forms, _segment_fields, 2),
    "roi_align": _Rows(_box_forms, _align_fields, 12),
    "roi_pool": _Rows(_box_forms, _box_fields, 2),
}


def region_extremes(elements: int, every: int, limits: Limits) -> Iterator[RegionExtreme]:
    """Rows of about this many elements; of the table of 8,000 some, more of them the less ``every`` is."""
    for operator, rows in _TABLE.items():
        for form in rows.forms(elements):
            for fields_name, fields in rows.fields():
                for dtype in ELEMENT_TYPES:
                    name = f"{operator} of {dtype}, {elements}, {form.name}, {fields_name}"
                    if zlib.crc32(name.encode()) % (every * rows.share) == 0:
                        row = _row(operator, dtype, name, form, fields_name, fields, limits)
                        if row is not None:
                            yield row


def _row(
    operator: str, dtype: str, name: str, form: _Form, fields_name: str, fields: Fields, limits: Limits
) -> RegionExtreme | None:
    """The row; None if the request is refused."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    regions = form.regions(rng)
    if "count" in regions:
        fields = {**fields, "num_segments": int(regions.pop("count"))}
    if fields_name == "masked":
        regions["mask"] = rng.random(form.shape[:-1]) < 0.7
    if fields_name == "weighted":
        regions["weights"] = rng.random(form.shape[:-1]).astype(np.float32)
    values = rng.standard_normal(form.shape, np.float32)
    tensors = {"input": tensor_of(dtype, values)}
    tensors |= {key: tensor_of(array.dtype.name, array) for key, array in regions.items()}
    try:
        metadata = {key: each.metadata for key, each in tensors.items()}
        plan = make_plan(CATALOGUE.find(operator).of(**fields), metadata, limits, tensors)
        plan.spec.check_elements(tensors)
    except Unprocessable:
        return None
    return RegionExtreme(name, plan, tensors, form.is_shaped)
