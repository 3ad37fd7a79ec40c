"""Compare medians, quantiles and modes on the CPU, on one thread, with SciPy, scikit-image and NumPy.

Each row checks that both give the same answers where their rules agree: away from the border, where the libraries
mirror the input and ours has fewer elements. SciPy computes every position also where windows have a stride.
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

Row = tuple[str, str, int, dict[str, object]]

_SLIDING: Final[tuple[Row, ...]] = tuple(
    (name, element, size, {"kernel_size": kernel, "stride": stride, "padding": kernel // 2, **fields})
    for name, fields in (("median_pool2d", {"method": "lower"}), ("quantile_pool2d", {"q": 0.9, "method": "lower"}))
    for element in ("float32", "uint8")
    for size in (256, 1024)
    for kernel in (3, 5, 15)
    for stride in (1, 2)
    if (name, size) != ("quantile_pool2d", 1024)
)
CASES: Final[tuple[Row, ...]] = (
    *_SLIDING,
    ("median_pool2d", "uint8", 256, {"kernel_size": 31, "stride": 1, "padding": 15, "method": "lower"}),
    ("quantile_pool2d", "uint8", 256, {"kernel_size": 31, "stride": 1, "padding": 15, "q": 0.9, "method": "lower"}),
    ("median_pool2d", "float32", 1024, {"kernel_size": 2}),
    ("median_pool2d", "uint8", 1024, {"kernel_size": 4, "method": "midpoint"}),
    ("mode_pool2d", "uint8", 1024, {"kernel_size": 2}),
    ("mode_pool2d", "int32", 1024, {"kernel_size": 2}),
    ("global_median_pool2d", "float32", 1024, {}),
    ("global_median_pool2d", "uint8", 1024, {"method": "lower"}),
)


def peers_of(row: Row, x: Array) -> dict[str, Callable[[], Array]]:
    """What the libraries offer for a row, by name."""
    name, element, _, fields = row
    kernel = fields.get("kernel_size", 0)
    assert isinstance(kernel, int), "the windows of this benchmark are squares"
    if name == "global_median_pool2d":
        return {"numpy.median": lambda: np.median(x).reshape(1, 1)}
    if name == "mode_pool2d":
        return {"skimage.measure.block_reduce": lambda: measure.block_reduce(x, kernel, _mode)}
    if "stride" not in fields:
        return {"skimage.measure.block_reduce": partial(_block_medians, x, kernel)}
    stride = fields["stride"]
    assert isinstance(stride, int), "one stride for both axes"
    each = slice(None, None, stride)
    if name == "quantile_pool2d":
        # SciPy takes the element at the floor of the share of all elements; numpy counts the distances between them.
        share = 100 * (int(0.9 * (kernel**2 - 1)) + 0.5) / kernel**2
        found: dict[str, Callable[[], Array]] = {
            "scipy.ndimage.percentile_filter": lambda: ndimage.percentile_filter(x, share, kernel)[each, each]
        }
    else:
        found = {"scipy.ndimage.median_filter": lambda: ndimage.median_filter(x, kernel)[each, each]}
    if element == "uint8" and name == "median_pool2d":
        footprint = np.ones((kernel, kernel), np.uint8)
        found["skimage.filters.rank.median"] = lambda: rank_filters.median(x, footprint)[each, each]
    return found


def _block_medians(x: Array, kernel: int) -> Array:
    found: Array = measure.block_reduce(x, kernel, np.median)
    return found if x.dtype.kind == "f" else np.rint(found)


def _mode(blocks: Array, axis: tuple[int, ...]) -> Array:
    """The mode over these axes, the least of equally frequent elements, as block_reduce takes it."""
    windows = np.sort(np.moveaxis(blocks, axis, range(-len(axis), 0)).reshape(*blocks.shape[: -len(axis)], -1))
    counts = (windows[..., :, None] == windows[..., None, :]).sum(-1)
    return np.take_along_axis(windows, counts.argmax(-1)[..., None], -1)[..., 0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="duration of each case")
    options = parser.parse_args()
    machine = describe_machine()
    compile_ahead.load_all()
    catalogue = discover_planes()
    rows: list[list[str]] = []
    figures: dict[str, dict[str, float]] = {}
    rng = np.random.default_rng(7)
    for row in CASES:
        name, element, size, fields = row
        labels = 5 if name == "mode_pool2d" else 256
        x: Array = rng.integers(0, labels, (size, size)).astype(element)
        if element == "float32":
            x = rng.standard_normal((size, size)).astype(element)
        ours = pooling_of(catalogue, name, fields, x)
        for peer_name, peer in peers_of(row, x).items():
            kernel = fields.get("kernel_size", 0)
            inner = slice(kernel, -kernel) if "stride" in fields and isinstance(kernel, int) else slice(None)
            expected = peer()[inner, inner].astype(element)
            is_equal = bool((ours()[inner, inner] == expected).all())
            ours_ms, peer_ms = medians_ms((ours, peer), options.seconds)
            shown = describe_fields(fields)
            figures[f"{name} {size} {shown} {element} {peer_name}"] = {
                "ours_ms": ours_ms,
                "peer_ms": peer_ms,
                "equal": is_equal,
            }
            rows.append(
                [
                    f"`{name}` {shown}",
                    f"{size}×{size}",
                    element,
                    peer_name,
                    f"{ours_ms:.3f}",
                    f"{peer_ms:.3f}",
                    f"{peer_ms / ours_ms:.1f}",
                    "equal" if is_equal else "differ",
                ]
            )
    columns = ("pooling", "plane", "type", "compared with", "ours, ms", "theirs, ms", "faster by", "answers")
    write_result("ranks", machine, columns, rows, figures)


if __name__ == "__main__":
    main()
