"""Our way of pooling on the CPU against torch's own function, one thread, for common shapes: bits are compared too.

Where bits differ ours goes through float64, which costs time. Whether it is nearer the truth is for the tests to say.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Final

import numpy as np
import torch
from torch.nn import functional

from _machine import machine, write
from poolhouse.dtypes import FLOAT32
from poolhouse.operators.catalogue import discover
from poolhouse.tensors import Outline

_SMALL, _MEDIUM, _LARGE = (1, 3, 32, 32), (1, 64, 56, 56), (8, 64, 112, 112)
CASES: Final[tuple[tuple[str, tuple[int, ...], dict[str, object]], ...]] = (
    ("max_pool2d", _SMALL, {"kernel_size": 2}),
    ("max_pool2d", _MEDIUM, {"kernel_size": 2}),
    ("max_pool2d", _MEDIUM, {"kernel_size": 3, "stride": 2, "padding": 1}),
    ("max_pool2d", _MEDIUM, {"kernel_size": 2, "return_indices": True}),
    ("max_pool2d", _LARGE, {"kernel_size": 2}),
    ("max_pool1d", (8, 64, 4096), {"kernel_size": 2}),
    ("max_pool3d", (1, 16, 16, 28, 28), {"kernel_size": 2}),
    ("avg_pool1d", (8, 64, 4096), {"kernel_size": 2}),
    ("avg_pool2d", _SMALL, {"kernel_size": 2}),
    ("avg_pool2d", _MEDIUM, {"kernel_size": 2}),
    ("avg_pool2d", _MEDIUM, {"kernel_size": 3, "stride": 2, "padding": 1}),
    ("avg_pool2d", _LARGE, {"kernel_size": 2}),
    ("adaptive_avg_pool2d", _MEDIUM, {"output_size": [1, 1]}),
    ("adaptive_avg_pool2d", _MEDIUM, {"output_size": [7, 7]}),
    ("adaptive_max_pool2d", _MEDIUM, {"output_size": [1, 1]}),
    ("adaptive_max_pool2d", _MEDIUM, {"output_size": [7, 7]}),
    ("lp_pool2d", _MEDIUM, {"norm_type": 2, "kernel_size": 2}),
)


def medians_ms(ways: tuple[Callable[[], object], ...], seconds: float) -> list[float]:
    """The median time of each way, the ways taking turns, for about so long."""
    taken: list[list[float]] = [[] for _ in ways]
    ends = time.perf_counter() + seconds
    while time.perf_counter() < ends or len(taken[0]) < 10:
        for way, times in zip(ways, taken, strict=True):
            begun = time.perf_counter()
            way()
            times.append(time.perf_counter() - begun)
    return [1e3 * statistics.median(times[2:]) for times in taken]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="for each case")
    asked = parser.parse_args()
    place = machine()
    torch.set_num_threads(1)
    catalogue = discover()
    rows: list[list[str]] = []
    figures: dict[str, dict[str, float]] = {}
    for name, shape, fields in CASES:
        spec = catalogue.find(name).of(**fields)
        x = torch.from_numpy(np.random.default_rng(7).standard_normal(shape).astype(np.float32))
        planes = {"input": x.reshape(-1, *shape[-spec.rank :])}
        spec.spatial_out(Outline(FLOAT32, shape).shape[-spec.rank :])
        theirs = getattr(functional, name)

        def by_torch(
            theirs: Callable[..., object] = theirs, x: torch.Tensor = x, fields: dict[str, object] = fields
        ) -> object:
            return theirs(x, **fields)

        answer = by_torch()
        first = answer[0] if isinstance(answer, tuple) else answer
        assert isinstance(first, torch.Tensor)
        bits = torch.equal(spec.run(planes)[0].reshape(first.shape), first)
        ours_ms, torch_ms = medians_ms((lambda spec=spec, planes=planes: spec.run(planes), by_torch), asked.seconds)  # type: ignore[misc]  # mypy infers no defaulted lambda
        told = ", ".join(f"{field} {value}" for field, value in fields.items())
        figures[f"{name} {list(shape)} {told}"] = {"ours_ms": ours_ms, "torch_ms": torch_ms, "equal": bits}
        rows.append(
            [
                f"`{name}` {told}",
                "×".join(map(str, shape)),
                f"{ours_ms:.3f}",
                f"{torch_ms:.3f}",
                f"{torch_ms / ours_ms:.2f}",
                "equal" if bits else "differ",
            ]
        )
    write("kernels", place, ("pooling", "shape", "ours, ms", "torch, ms", "faster by", "bits"), rows, figures)


if __name__ == "__main__":
    main()
