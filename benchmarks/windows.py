"""Compare minima, sums, spreads, power means and skipping on one thread of the CPU with scikit-image, SciPy and NumPy.

Each row checks that both give the same answers: bit for bit, or within the rounding errors of float32 sums. Answers
near the border are left out where the libraries mirror the input and ours has fewer elements. The times are those of
pooling; the check that sums of 64-bit integers fit is not among them. Medians, quantiles and modes are in ranks.py.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any, Final

import numpy as np

from _plane import Array, describe_fields, pooling_of
from _results import describe_machine, write_result
from kernels import medians_ms
from poolhouse.kernels import compile_ahead
from poolhouse.operators.catalogue import discover_planes

# These libraries have no types, or incomplete ones.
ndimage: Final[Any] = import_module("scipy.ndimage")
rank_filters: Final[Any] = import_module("skimage.filters.rank")
measure: Final[Any] = import_module("skimage.measure")

Reduce = Callable[..., Array]
Row = tuple[str, str, int, dict[str, object], tuple[tuple[str, Callable[[Array], Array]], ...]]
"""The operator, the element type, the kernel size, other fields, and the peers."""

SIZE: Final = 992
"""Rows and columns: a multiple of 31, since block_reduce fills incomplete windows up."""
_TOLERANCE: Final = 2e-5


def _block(reduce: Reduce, kernel: int, name: str) -> tuple[str, Callable[[Array], Array]]:
    return f"block_reduce, {name}", lambda x: measure.block_reduce(x, kernel, reduce)


def _sliding(reduce: Reduce, kernel: int, name: str) -> tuple[str, Callable[[Array], Array]]:
    def run(x: Array) -> Array:
        windows = np.lib.stride_tricks.sliding_window_view(x, (kernel, kernel))
        return reduce(windows, axis=(-2, -1))

    return f"sliding_window_view, {name}", run


def _cubic_mean(blocks: Array, axis: tuple[int, ...]) -> Array:
    means: Array = np.cbrt(np.mean(blocks**3, axis=axis))
    return means


def _minimum_filter(x: Array) -> Array:
    found: Array = ndimage.minimum_filter(x, 3)[1:-1, 1:-1]
    return found


def _rank_minimum(x: Array) -> Array:
    found: Array = rank_filters.minimum(x, np.ones((3, 3), np.uint8))[1:-1, 1:-1]
    return found


def _exact_std(values: Array, axis: tuple[int, ...]) -> Array:
    found: Array = np.std(values, axis=axis, dtype=np.float64)
    return found


def _least_but_zero(blocks: Array, axis: tuple[int, ...]) -> Array:
    found: Array = np.min(blocks, axis=axis, where=blocks != 0, initial=255)
    return found


def _sum_but_zero(blocks: Array, axis: tuple[int, ...]) -> Array:
    found: Array = np.sum(blocks, axis=axis, where=blocks != 0)
    return found


_MINIMUM: Final = ("scipy.ndimage.minimum_filter", _minimum_filter)
_OMIT: Final[dict[str, object]] = {"nan_policy": "omit"}
_NO_ZEROS: Final[dict[str, object]] = {"ignore_value": 0}
CASES: Final[tuple[Row, ...]] = (
    ("min_pool2d", "float32", 2, {}, (_block(np.min, 2, "numpy.min"),)),
    ("min_pool2d", "float32", 31, {}, (_block(np.min, 31, "numpy.min"),)),
    ("min_pool2d", "uint8", 31, {}, (_block(np.min, 31, "numpy.min"),)),
    ("min_pool2d", "float32", 3, {"stride": 1}, (_MINIMUM,)),
    ("min_pool2d", "uint8", 3, {"stride": 1}, (_MINIMUM, ("skimage.filters.rank.minimum", _rank_minimum))),
    ("sum_pool2d", "float32", 2, {}, (_block(np.sum, 2, "numpy.sum"),)),
    ("sum_pool2d", "float32", 31, {}, (_block(np.sum, 31, "numpy.sum"),)),
    ("sum_pool2d", "uint8", 31, {}, (_block(np.sum, 31, "numpy.sum"),)),
    ("sum_pool2d", "int64", 2, {}, (_block(np.sum, 2, "numpy.sum"),)),
    ("sum_pool2d", "int64", 31, {}, (_block(np.sum, 31, "numpy.sum"),)),
    ("gem_pool2d", "float32", 2, {"p": 3}, (_block(_cubic_mean, 2, "numpy.cbrt of cubes"),)),
    ("std_pool2d", "float32", 2, {}, (_block(np.std, 2, "numpy.std"),)),
    ("std_pool2d", "float32", 31, {}, (_block(np.std, 31, "numpy.std"),)),
    ("std_pool2d", "float32", 3, {"stride": 1}, (_sliding(_exact_std, 3, "numpy.std in float64"),)),
    ("std_pool2d", "uint8", 31, {}, (_block(np.std, 31, "numpy.std"),)),
    ("var_pool2d", "float32", 31, {}, (_block(np.var, 31, "numpy.var"),)),
    ("max_pool2d", "float32", 31, _OMIT, (_block(np.nanmax, 31, "numpy.nanmax"),)),
    ("min_pool2d", "float32", 31, _OMIT, (_block(np.nanmin, 31, "numpy.nanmin"),)),
    ("avg_pool2d", "float32", 31, _OMIT, (_block(np.nanmean, 31, "numpy.nanmean"),)),
    ("sum_pool2d", "float32", 31, _OMIT, (_block(np.nansum, 31, "numpy.nansum"),)),
    ("std_pool2d", "float32", 31, _OMIT, (_block(np.nanstd, 31, "numpy.nanstd"),)),
    ("var_pool2d", "float32", 31, _OMIT, (_block(np.nanvar, 31, "numpy.nanvar"),)),
    ("max_pool2d", "float32", 4, _OMIT, (_block(np.nanmax, 4, "numpy.nanmax"),)),
    ("avg_pool2d", "float32", 4, _OMIT, (_block(np.nanmean, 4, "numpy.nanmean"),)),
    ("min_pool2d", "uint8", 31, _NO_ZEROS, (_block(_least_but_zero, 31, "numpy.min where not 0"),)),
    ("sum_pool2d", "int16", 31, _NO_ZEROS, (_block(_sum_but_zero, 31, "numpy.sum where not 0"),)),
)


def elements_of(rng: np.random.Generator, element: str, fields: dict[str, object]) -> Array:
    """Positive elements; every tenth is NaN if the fields omit NaN."""
    if element != "float32":
        return rng.integers(0, 256, (SIZE, SIZE)).astype(element)
    x = rng.uniform(0.5, 2.0, (SIZE, SIZE)).astype(element)
    if "nan_policy" in fields:
        x[rng.random(x.shape) < 0.1] = np.nan
    return x


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="duration of each case")
    options = parser.parse_args()
    machine = describe_machine()
    compile_ahead.load_all()
    catalogue = discover_planes()
    rows: list[list[str]] = []
    figures: dict[str, dict[str, float | bool]] = {}
    rng = np.random.default_rng(7)
    for name, element, kernel, others, peers in CASES:
        x = elements_of(rng, element, others)
        fields = {"kernel_size": kernel, **others}
        ours = pooling_of(catalogue, name, fields, x)
        shown = describe_fields(fields)
        for peer_name, peer in peers:
            found, expected = ours(), peer(x)
            is_equal = bool((found == expected).all())
            is_near = np.allclose(found, expected, rtol=_TOLERANCE, atol=0, equal_nan=True)
            ours_ms, peer_ms = medians_ms((ours, partial(peer, x)), options.seconds)
            figures[f"{name} {shown} {element} {peer_name}"] = {
                "ours_ms": ours_ms,
                "peer_ms": peer_ms,
                "equal": is_equal,
                "near": is_near,
            }
            rows.append(
                [
                    f"`{name}` {shown}",
                    element,
                    peer_name,
                    f"{ours_ms:.3f}",
                    f"{peer_ms:.3f}",
                    f"{peer_ms / ours_ms:.1f}",
                    "equal" if is_equal else "equal but for rounding" if is_near else "differ",
                ]
            )
    columns = (f"pooling of {SIZE}×{SIZE}", "type", "compared with", "ours, ms", "theirs, ms", "faster by", "answers")
    write_result("windows", machine, columns, rows, figures)


if __name__ == "__main__":
    main()
