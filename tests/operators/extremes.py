"""A table of requests with extreme shapes and fields for every operator, cheap and expensive ones.

The tests of plans compare the time and memory of these requests with their plans.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from poolhouse.dtypes import INT64, ElementType
from poolhouse.errors import Unprocessable
from poolhouse.operators.plan import Limits, Plan, make_plan
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.tensors import TensorMetadata
from tests.operators.random_cases import OPERATORS, Fields, element_types_of

LONGEST: Final = 2**31 - 1
Sizes = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Extreme:
    """One row: a name for messages, and its plan with a seed."""

    name: str
    plan: Plan


def shapes(rank: int, elements: int) -> Iterator[tuple[str, Sizes, Sizes]]:
    """A name, N and C, and spatial sizes, for about this many elements."""
    side = round(elements ** (1 / rank))
    quarter = max(1, round((elements / 16) ** (1 / rank)))
    small = {1: 32, 2: 6, 3: 4}[rank]
    yield "one plane", (1, 1), (side,) * rank
    yield "some planes", (4, 4), (quarter,) * rank
    yield "many planes", (max(1, elements // small**rank), 1), (small,) * rank
    yield "planes of one", (elements // 4, 1), (1,) * rank
    if rank > 1:
        for width in (1, 2):
            length = elements // width**3
            yield f"tall {width}", (1, 1), (length, *(width,) * (rank - 1))
            yield f"wide {width}", (1, 1), (*(width,) * (rank - 1), length)


def fields_for(member: type[PlaneOperator], spatial: Sizes) -> Iterator[tuple[str, Fields]]:
    """Fields for these sizes; some do not fit and are refused."""
    match member.family:
        case "max_pool":
            for name, fields in (*_windows(spatial), *_padded(spatial), *_sided(spatial), *_dilated(spatial)):
                yield name, fields
                yield f"{name} indices", {**fields, "return_indices": True}
                yield f"{name} ignoring", {**fields, "return_indices": True, "nan_policy": "omit", "ignore_value": 1}
        case "avg_pool":
            yield from _averages(spatial)
            for name, fields in (*_windows(spatial), *_dilated(spatial)):
                yield f"{name} ignoring", {**fields, "ignore_value": 1, "count_include_pad": False}
        case "lp_pool":
            for name, fields in (*_sided(spatial), *_outside(spatial), *_dilated(spatial)):
                yield name, {**fields, "norm_type": 2}
            for name, fields in _windows(spatial):
                for power in (1, 2, 3, 0.5, 1.7, -1, 5, "Infinity", "-Infinity"):
                    yield f"{name} power {power}", {**fields, "norm_type": power}
                yield f"{name} absolute", {**fields, "norm_type": 2, "absolute": True}
        case "median_pool" | "quantile_pool" | "mode_pool":
            for name, fields in (*_windows(spatial), *_padded(spatial), *_sided(spatial), *_dilated(spatial)):
                yield name, fields
                yield f"{name} ignoring", {**fields, "ignore_value": 1, "return_valid": True}
        case "adaptive_median_pool" | "adaptive_quantile_pool" | "adaptive_mode_pool":
            for name, fields in _adaptive(spatial):
                yield name, fields
                yield f"{name} ignoring", {**fields, "ignore_value": 1}
        case "global_median_pool" | "global_quantile_pool" | "global_mode_pool":
            yield "plain", {}
            yield "ignoring", {"ignore_value": 1}
        case "min_pool" | "sum_pool" | "std_pool":
            for name, fields in (*_windows(spatial), *_padded(spatial), *_sided(spatial), *_dilated(spatial)):
                yield name, fields
                yield f"{name} ignoring", {**fields, "ignore_value": 1, "return_valid": True}
        case "gem_pool" | "logsumexp_pool":
            yield from (*_windows(spatial), *_padded(spatial), *_sided(spatial), *_dilated(spatial))
        case "adaptive_min_pool" | "adaptive_sum_pool" | "adaptive_std_pool":
            for name, fields in _adaptive(spatial):
                yield name, fields
                yield f"{name} ignoring", {**fields, "ignore_value": 1}
        case "adaptive_gem_pool" | "adaptive_logsumexp_pool":
            yield from _adaptive(spatial)
        case "global_min_pool" | "global_sum_pool" | "global_std_pool" | "global_avg_pool":
            yield "plain", {}
            yield "ignoring", {"ignore_value": 1}
        case "adaptive_max_pool" | "adaptive_avg_pool":
            for name, fields in _adaptive(spatial):
                yield name, fields
                if member.family == "adaptive_max_pool":
                    yield f"{name} indices", {**fields, "return_indices": True}
        case "global_max_pool":
            yield "plain", {}
            yield "indices", {"return_indices": True}
        case "fractional_max_pool":
            for name, fields in _fractional(spatial):
                yield name, fields
                yield f"{name} indices", {**fields, "return_indices": True}
        case "max_unpool":
            yield "kernel 1", {"kernel_size": 1}
            yield "kernel 2", {"kernel_size": 2}
            yield "kernel 2 stride 1", {"kernel_size": 2, "stride": 1}
            yield "large stride", {"kernel_size": 2, "stride": [8] + [2] * (len(spatial) - 1)}
            yield "padded", {"kernel_size": 3, "stride": 2, "padding": 1}
        case "adaptive_avgmax_pool" | "adaptive_catavgmax_pool":
            yield from _adaptive(spatial)
        case "blur_pool":
            for size in (3, 7):
                for stride in (1, 2, 5):
                    yield f"filter {size} stride {stride}", {"filter_size": size, "stride": stride}
        case "pyramid_pool":
            yield from _pyramids(spatial)
        case "spatial_pyramid_pool":
            for reduce in ("max", "mean"):
                for sizes in ([1, 2, 4], [1], [40, 3], [1] * 16):
                    yield f"{reduce} {sizes}", {"reduce": reduce, "output_sizes": sizes}
        case _:
            yield "plain", {}


def _at_most(kernel: int, spatial: Sizes) -> list[int]:
    return [min(kernel, length) for length in spatial]


def _windows(spatial: Sizes) -> Iterator[tuple[str, Fields]]:
    for kernel in (1, 2, 5, 11, 40):
        yield f"kernel {kernel}", {"kernel_size": _at_most(kernel, spatial)}
    for kernel in (2, 3, 5, 11, 40):
        yield f"kernel {kernel} stride 1", {"kernel_size": _at_most(kernel, spatial), "stride": 1}
    yield "kernel 1 stride 2", {"kernel_size": 1, "stride": 2}
    yield "kernel 2 stride 7", {"kernel_size": _at_most(2, spatial), "stride": 7}
    for kernel in (1, 2):
        yield f"kernel {kernel} stride max", {"kernel_size": _at_most(kernel, spatial), "stride": LONGEST}
    yield "kernel all", {"kernel_size": list(spatial)}
    yield "kernel half stride 1", {"kernel_size": [max(1, length // 2) for length in spatial], "stride": 1}
    yield "ceil_mode", {"kernel_size": _at_most(3, spatial), "stride": 2, "ceil_mode": True}


def _padded(spatial: Sizes) -> Iterator[tuple[str, Fields]]:
    yield "padding 1", {"kernel_size": 3, "stride": 1, "padding": 1}
    yield "padding 20", {"kernel_size": 41, "stride": 1, "padding": 20}
    yield "padding 1 stride 2", {"kernel_size": 2, "padding": 1}
    yield "padding max", {"kernel_size": LONGEST, "stride": 1, "padding": LONGEST // 2}


def _sided(spatial: Sizes) -> Iterator[tuple[str, Fields]]:
    yield "same", {"kernel_size": 3, "stride": 1, "padding": "same"}
    yield "same stride 2", {"kernel_size": 3, "stride": 2, "padding": "same"}
    yield "one side", {"kernel_size": 3, "stride": 1, "padding": [[0, 2]] * len(spatial)}
    yield "one side, large", {"kernel_size": 41, "stride": 2, "padding": [[39, 0]] * len(spatial)}


def _outside(spatial: Sizes) -> Iterator[tuple[str, Fields]]:
    """Windows that lie wholly in the padding: around the input, mostly before it, and all with steps over it."""
    rank = len(spatial)
    around = [[length // 2 + 2, length // 2 + 2] for length in spatial]
    yield "padding around", {"kernel_size": 2, "stride": 1, "padding": around}
    yield "padding before", {"kernel_size": 2, "stride": 1, "padding": [[9 * spatial[0], 0]] + [[0, 1]] * (rank - 1)}
    yield (
        "padding stepped over",
        {
            "kernel_size": 2,
            "stride": 1,
            "padding": [[length + 1, 1] for length in spatial],
            "dilation": [length + 1 for length in spatial],
        },
    )
    yield (
        "padding only",
        {"kernel_size": 1, "stride": [2 * length for length in spatial], "padding": [[1, 2**20]] * rank},
    )


def _dilated(spatial: Sizes) -> Iterator[tuple[str, Fields]]:
    for kernel, dilation in ((3, 3), (9, 7)):
        fits = [min(kernel, (length - 1) // dilation + 1) for length in spatial]
        yield f"dilation {dilation}", {"kernel_size": fits, "stride": 1, "dilation": dilation}
    yield "dilation max", {"kernel_size": 1, "dilation": LONGEST}


def _averages(spatial: Sizes) -> Iterator[tuple[str, Fields]]:
    for name, fields in _windows(spatial):
        yield name, fields
        if name in ("kernel 1", "kernel 2", "kernel 11", "kernel 11 stride 1", "kernel all"):
            for divisor in (1, -3, 2**31, 2**46, 2**62, 2**63 - 1, -(2**63)):
                yield f"{name} divisor {divisor}", {**fields, "divisor_override": divisor}
    for name, fields in (*_outside(spatial), *_dilated(spatial)):
        yield name, fields
    for name, fields in (*_padded(spatial), *_sided(spatial)):
        yield name, fields
        yield f"{name} uncounted", {**fields, "count_include_pad": False}


def _adaptive(spatial: Sizes) -> Iterator[tuple[str, Fields]]:
    rank = len(spatial)
    for size in (1, 3, 7):
        yield f"output {size}", {"output_size": size}
    yield "output equal", {"output_size": list(spatial)}
    yield "output one less", {"output_size": [max(1, length - 1) for length in spatial]}
    for part in (2, 3, 40):
        yield f"output 1/{part}", {"output_size": [max(1, length // part) for length in spatial]}
    yield "output over half", {"output_size": [length // 2 + 1 for length in spatial]}
    yield "output larger", {"output_size": [round(length * 2 ** (1 / rank)) for length in spatial]}
    yield "output first axes", {"output_size": [None] * (rank - 1) + [1]}
    yield "output last axes", {"output_size": [1] + [None] * (rank - 1)}


def _pyramids(spatial: Sizes) -> Iterator[tuple[str, Fields]]:
    for reduce in ("mean", "max", "min", "median", "mode", "first"):
        yield f"{reduce} 5 levels", {"reduce": reduce, "levels": 5}
        yield f"{reduce} 31 levels", {"reduce": reduce, "levels": 31}
        yield f"{reduce} factor 9", {"reduce": reduce, "levels": 2, "factor": 9}
        yield f"{reduce} factor 1", {"reduce": reduce, "levels": 2, "factor": 1}
        yield f"{reduce} from input", {"reduce": reduce, "levels": 4, "factor": 3, "cascade": False}
        if reduce != "first":
            yield f"{reduce} ignored", {"reduce": reduce, "levels": 3, "ignore_value": 0, "return_valid": True}
    yield "factor max", {"levels": 3, "factor": LONGEST}


def _fractional(spatial: Sizes) -> Iterator[tuple[str, Fields]]:
    for kernel, part in ((1, 1), (2, 2), (5, 2), (40, 3)):
        kernels = _at_most(kernel, spatial)
        sizes = [max(1, min(size // part, size - each + 1)) for size, each in zip(spatial, kernels, strict=True)]
        yield f"kernel {kernel}", {"kernel_size": kernels, "output_size": sizes, "seed": 3}
    yield "kernel all", {"kernel_size": list(spatial), "output_size": 1, "seed": 3}
    halves = [max(1, length // 2) for length in spatial]
    sizes = [min(7, size - half + 1) for size, half in zip(spatial, halves, strict=True)]
    yield "kernel half", {"kernel_size": halves, "output_size": sizes, "seed": 3}


def plan_of(
    member: type[PlaneOperator], fields: Fields, dtype: ElementType, shape: Sizes, limits: Limits
) -> Plan | None:
    """The plan; None if the request is refused."""
    inputs = {name: TensorMetadata(INT64 if name == "indices" else dtype, shape) for name in member.inputs}
    try:
        return make_plan(member.of(**fields), inputs, limits).with_seed()
    except Unprocessable:
        return None


def extremes(
    elements: int, every: int, limits: Limits, members: Iterable[type[PlaneOperator]] = OPERATORS
) -> Iterator[Extreme]:
    """Rows of about this many elements; of the table of 56,000 about every n-th, always the same ones."""
    for member in members:
        for shape_name, batch_shape, spatial in shapes(member.rank, elements):
            for fields_name, fields in fields_for(member, spatial):
                for dtype in element_types_of(member):
                    name = f"{member.name} of {dtype}, {shape_name}, {fields_name}"
                    if zlib.crc32(name.encode()) % every == 0:
                        plan = plan_of(member, fields, dtype, (*batch_shape, *spatial), limits)
                        if plan is not None:
                            yield Extreme(name, plan)
