"""Compare pooling on the CPU with torch's function, for common shapes and types: on one thread, and on every core.

The last columns are the time to read the input and write the output at the speed of a copy, and whether the bits equal
torch's. Where they differ, ours accumulates in float64; tests check that it is more exact.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np
import torch
from torch.nn import functional

from _results import describe_machine, write_result
from poolhouse.backend.conversion import as_array, as_torch
from poolhouse.backend.cores import available_cores
from poolhouse.backend.devices import set_thread_count
from poolhouse.backend.torch_worker import pool_on_cpu
from poolhouse.dtypes import ELEMENT_TYPES, INT64
from poolhouse.kernels import compile_ahead
from poolhouse.operators.catalogue import discover_planes
from poolhouse.operators.plan import Limits, make_plan
from poolhouse.tensors import TensorMetadata

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
    ("avg_pool2d", _MEDIUM, {"kernel_size": 15, "stride": 1, "padding": 7}),
    ("max_pool2d", _MEDIUM, {"kernel_size": 15, "stride": 1, "padding": 7}),
    ("max_pool2d", _MEDIUM, {"kernel_size": 15, "stride": 1, "padding": 7, "return_indices": True}),
    ("avg_pool3d", (1, 16, 16, 28, 28), {"kernel_size": 2}),
    ("max_pool3d", (1, 16, 16, 28, 28), {"kernel_size": 3, "stride": 2, "padding": 1, "return_indices": True}),
    ("adaptive_max_pool2d", _MEDIUM, {"output_size": [1, 1]}),
    ("adaptive_max_pool2d", _MEDIUM, {"output_size": [7, 7]}),
    ("lp_pool2d", _MEDIUM, {"norm_type": 2, "kernel_size": 2}),
    ("max_pool2d", _LARGE, {"kernel_size": 3, "stride": 2, "padding": 1}),
    ("max_pool2d", _LARGE, {"kernel_size": 3, "stride": 1, "padding": 1}),
    ("max_pool2d", _LARGE, {"kernel_size": 2, "return_indices": True}),
    ("max_pool2d", _LARGE, {"kernel_size": 3, "stride": 2, "padding": 1, "return_indices": True}),
    ("avg_pool2d", _LARGE, {"kernel_size": 3, "stride": 2, "padding": 1}),
    ("avg_pool2d", _LARGE, {"kernel_size": 3, "stride": 1, "padding": 1}),
    ("max_pool2d", _LARGE, {"kernel_size": 3, "stride": 1, "padding": 1, "return_indices": True}),
    ("adaptive_avg_pool2d", _LARGE, {"output_size": [1, 1]}),
    ("adaptive_avg_pool2d", _LARGE, {"output_size": [7, 7]}),
    ("adaptive_max_pool2d", _LARGE, {"output_size": [7, 7]}),
    ("adaptive_max_pool2d", _LARGE, {"output_size": [1, 1]}),
    ("max_unpool2d", (8, 64, 56, 56), {"kernel_size": 2}),
)
TYPES: Final[dict[str, tuple[tuple[str, tuple[int, ...], dict[str, object]], ...]]] = {"float32": CASES}
"""Every case in float32, and the large 2-D cases in the other types, too."""
for _name in ("float16", "bfloat16", "float64"):
    TYPES[_name] = tuple(case for case in CASES if case[1] == _LARGE)


def medians_ms(functions: tuple[Callable[[], object], ...], seconds: float) -> list[float]:
    """The median time of each function, from alternating turns for about this time."""
    times: list[list[float]] = [[] for _ in functions]
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times[0]) < 10:
        for function, elapsed in zip(functions, times, strict=True):
            start = time.perf_counter()
            function()
            elapsed.append(time.perf_counter() - start)
    return [1e3 * statistics.median(elapsed[2:]) for elapsed in times]


def _copy_ms_per_byte() -> float:
    """Milliseconds per byte read or written, by a copy that is too large for the caches."""
    source = np.ones(64 * 2**20, np.uint8)
    target = np.empty_like(source)
    (copy_ms,) = medians_ms((partial(np.copyto, target, source),), 0.5)
    return copy_ms / (source.nbytes + target.nbytes)


def _unpool_indices(spatial_out: tuple[int, ...], x: torch.Tensor) -> torch.Tensor:
    """Indices of a 2×2 max pooling, which are all different."""
    plane = torch.rand(*x.shape[:2], *spatial_out)
    return functional.max_pool2d(plane, 2, return_indices=True)[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="duration of each case")
    options = parser.parse_args()
    machine = describe_machine()
    compile_ahead.load_all()
    torch.set_num_threads(1)
    catalogue = discover_planes()
    rows: list[list[str]] = []
    figures: dict[str, dict[str, float]] = {}
    core_count = available_cores()
    byte_ms = _copy_ms_per_byte()
    for type_name, cases in TYPES.items():
        for name, shape, fields in cases:
            spec = catalogue.find(name).of(**fields)
            x = torch.from_numpy(np.random.default_rng(7).standard_normal(shape)).to(getattr(torch, type_name))
            spatial = shape[-spec.rank :]
            planes = {"input": x.reshape(-1, *spatial)}
            inputs: tuple[torch.Tensor, ...] = (x,)
            if "indices" in spec.inputs:
                indices = _unpool_indices(spec.spatial_out(spatial), x)
                planes["indices"], inputs = indices.reshape(-1, *spatial), (x, indices)
            dtype = ELEMENT_TYPES[type_name]
            metadata_by_name = {
                each: TensorMetadata(INT64 if each == "indices" else dtype, shape) for each in spec.inputs
            }
            plan = make_plan(spec, metadata_by_name, Limits(2**40, 2**60))
            arrays = {each: as_array(tensor) for each, tensor in planes.items()}
            result = getattr(functional, name)(*inputs, **fields)
            expected = result[0] if isinstance(result, tuple) else result
            assert isinstance(expected, torch.Tensor)
            ours = pool_on_cpu(plan, arrays, 1)
            is_equal = torch.equal(as_torch({"input": ours[0]}, dtype)["input"].reshape(expected.shape), expected)
            functions = (
                partial(pool_on_cpu, plan, arrays, 1),
                partial(getattr(functional, name), *inputs, **fields),
                partial(pool_on_cpu, plan, arrays, core_count),
            )
            set_thread_count(1)
            ours_ms, torch_ms, all_ms = medians_ms(functions, options.seconds)
            set_thread_count(1)
            nbytes = sum(tensor.nbytes for tensor in inputs) + sum(array.nbytes for array in ours)
            fields_text = ", ".join(f"{field} {value}" for field, value in fields.items())
            figures[f"{name} {list(shape)} {fields_text} {type_name}"] = {
                "ours_ms": ours_ms,
                "torch_ms": torch_ms,
                "every_core_ms": all_ms,
                "memory_ms": nbytes * byte_ms,
                "loops": plan.uses_compiled_loops,
                "equal": is_equal,
            }
            rows.append(
                [
                    f"`{name}` {fields_text}",
                    "×".join(map(str, shape)),
                    type_name,
                    f"{ours_ms:.3f}",
                    f"{torch_ms:.3f}",
                    f"{torch_ms / ours_ms:.2f}",
                    f"{all_ms:.3f}",
                    f"{nbytes * byte_ms:.3f}",
                    "loops" if plan.uses_compiled_loops else "torch",
                    "equal" if is_equal else "differ",
                ]
            )
    write_result(
        "kernels",
        machine,
        (
            "pooling",
            "shape",
            "type",
            "ours, ms",
            "torch, ms",
            "faster by",
            f"ours, {core_count} threads, ms",
            "memory, ms",
            "by",
            "bits",
        ),
        rows,
        figures,
    )


if __name__ == "__main__":
    main()
