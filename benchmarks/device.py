"""Measure a CUDA device: kernels compared with torch, requests over HTTP compared with the CPU, and transfers.

Three tables in one: the time of our kernels and torch's by CUDA events, with their memory traffic as a share of that of
a copy on the device; requests per second over HTTP with the device and with the CPU of the same machine; and batches
including both transfers, compared with plain copies from and to page-locked memory, with one stream and with two.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Final

import numpy as np
import torch
from torch.nn import functional

from _harness import Connection, build_request, run_poolhouse, time_interleaved
from _results import describe_machine, markdown_table, write_result
from peers import Case, requests_per_second
from poolhouse.backend.transfer import PinnedTransfer
from poolhouse.operators.catalogue import discover_planes
from poolhouse.operators.plane_operator import PlaneOperator

_SMALL, _MEDIUM, _LARGE, _HUGE = (1, 3, 32, 32), (1, 64, 56, 56), (8, 64, 112, 112), (32, 64, 112, 112)
CASES: Final[tuple[tuple[str, tuple[int, ...], dict[str, object]], ...]] = (
    ("max_pool2d", _MEDIUM, {"kernel_size": 2}),
    ("max_pool2d", _HUGE, {"kernel_size": 2}),
    ("max_pool2d", _HUGE, {"kernel_size": 3, "stride": 2, "padding": 1, "return_indices": True}),
    ("max_pool2d", _LARGE, {"kernel_size": 15, "stride": 1, "padding": 7}),
    ("max_pool3d", (8, 16, 32, 56, 56), {"kernel_size": 2}),
    ("avg_pool2d", _HUGE, {"kernel_size": 2}),
    ("avg_pool1d", (64, 64, 8192), {"kernel_size": 3, "stride": 2}),
    ("avg_pool2d", _LARGE, {"kernel_size": 15, "stride": 1, "padding": 7}),
    ("adaptive_avg_pool2d", _HUGE, {"output_size": [7, 7]}),
    ("adaptive_avg_pool2d", _HUGE, {"output_size": [1, 1]}),
    ("adaptive_max_pool2d", _HUGE, {"output_size": [7, 7]}),
    ("lp_pool2d", _HUGE, {"norm_type": 2, "kernel_size": 2}),
    ("max_unpool2d", (32, 64, 56, 56), {"kernel_size": 2}),
    ("fractional_max_pool2d", _LARGE, {"kernel_size": 2, "output_size": 56, "seed": 1}),
)
BODY_SHAPES: Final = {"tiny": (1, 1, 4, 4), "small": _SMALL, "medium": _MEDIUM, "large": _LARGE}
RAW: Final = "application/octet-stream"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=2, help="duration of wrk for each size and device")
    parser.add_argument("--kernels-only", action="store_true", help="only print the table of kernels; write nothing")
    parser.add_argument("--launches", type=int, default=50, help="launches of each kernel")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print("There is no CUDA device to measure.")
        return
    columns = ("measured", "unit and baseline", "on the device", "baseline", "ratio")
    if options.kernels_only:
        print(markdown_table(columns, compare_with_torch(options.launches)[0]))
        return
    machine = {"gpu": torch.cuda.get_device_name(), **describe_machine(), "torch": torch.__version__}

    transfers, transfer_figures = measure_transfers()
    kernels, kernel_figures = compare_with_torch(options.launches)
    calls, call_figures = compare_over_http(options.seconds)

    figures = {"transfer": transfer_figures, "kernels": kernel_figures, "http": call_figures}
    write_result("device", machine, columns, [*transfers, *kernels, *calls], figures)


# ---- transfers


def measure_transfers() -> tuple[list[list[str]], dict[str, float]]:
    """GB/s of plain copies, and of batches with their transfers, sequentially and two at a time."""
    device, nbytes = torch.device("cuda:0"), 48 * 2**20
    host_buffer = torch.empty(nbytes, dtype=torch.uint8, pin_memory=True)
    device_buffer = torch.empty(nbytes, dtype=torch.uint8, device=device)
    upload_s = cuda_event_seconds(lambda: device_buffer.copy_(host_buffer, non_blocking=True), 20)
    download_s = cuda_event_seconds(lambda: host_buffer.copy_(device_buffer, non_blocking=True), 20)
    plain = {"host to device": nbytes / upload_s / 1e9, "device to host": nbytes / download_s / 1e9}
    figures = {
        **{f"plain {name} GB/s": rate for name, rate in plain.items()},
        "on the device GB/s": 2 * nbytes * 8 / cuda_event_seconds(_device_copy(device_buffer), 20) / 1e9,
    }
    spec = discover_planes().find("max_pool2d").of(kernel_size=2)
    x = torch.from_numpy(np.random.default_rng(1).standard_normal((512, 112, 112), dtype=np.float32))
    moved_bytes = x.numel() * 4 * 1.25
    transfer = PinnedTransfer(device)

    def copy_results(results: Sequence[torch.Tensor]) -> None:
        for each in results:
            each.clone()  # as the worker does

    ideal_s = x.numel() * 4 / plain["host to device"] / 1e9 + x.numel() / plain["device to host"] / 1e9
    rows = []
    for threads in (1, 2):
        batch_s = wall_seconds(lambda: transfer.run(spec, [{"input": x}], copy_results), threads)
        figures[f"batches in {threads} threads GB/s"] = moved_bytes / batch_s / 1e9
        rows.append(
            [
                f"batches of 25.7 MB, {threads} at a time",
                "GB/s with both transfers; plain copies in both directions",
                f"{moved_bytes / batch_s / 1e9:.1f}",
                f"{moved_bytes / ideal_s / 1e9:.1f}",
                f"{ideal_s / batch_s:.2f}",
            ]
        )
    return [
        *[[f"plain copy {name}", "page-locked, GB/s", f"{rate:.1f}", "–", "–"] for name, rate in plain.items()],
        *rows,
    ], figures


def _device_copy(small_buffer: torch.Tensor) -> Callable[[], object]:
    """A copy on the device, too large for its cache."""
    large = torch.empty(8 * small_buffer.numel(), dtype=torch.uint8, device=small_buffer.device)
    other = torch.empty_like(large)
    return lambda: other.copy_(large)


def wall_seconds(function: Callable[[], object], threads: int, seconds: float = 1.0) -> float:
    """The wall time per call of calls in ``threads`` threads for some time."""
    function()
    stop, counts = Event(), [0] * threads

    def repeat(number: int) -> None:
        while not stop.is_set():
            function()
            counts[number] += 1

    with ThreadPoolExecutor(threads) as pool:
        start = time.perf_counter()
        futures = [pool.submit(repeat, number) for number in range(threads)]
        time.sleep(seconds)
        stop.set()
        for each in futures:
            each.result()
    return (time.perf_counter() - start) / sum(counts)


# ---- kernels


def cuda_event_seconds(function: Callable[[], object], launches: int) -> float:
    """The median time of a launch by CUDA events, after three warm-up launches."""
    seconds = []
    for turn in range(launches + 3):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call, unused-ignore]  # torch types it in some releases only
        begin.record()
        function()
        end.record()
        end.synchronize()
        if turn >= 3:
            seconds.append(float(begin.elapsed_time(end)) / 1e3)
    return statistics.median(seconds)


def compare_with_torch(launches: int) -> tuple[list[list[str]], dict[str, dict[str, float]]]:
    """Our time and torch's for each case, and our memory traffic as a share of a copy's."""
    copy = _device_copy(torch.empty(48 * 2**20, dtype=torch.uint8, device="cuda"))
    copy_bytes_per_s = 2 * 8 * 48 * 2**20 / cuda_event_seconds(copy, 20)
    rows: list[list[str]] = [
        ["a copy on the device", "bytes read and written, GB/s", f"{copy_bytes_per_s / 1e9:.0f}", "–", "–"]
    ]
    figures: dict[str, dict[str, float]] = {}
    for name, shape, fields in CASES:
        spec = discover_planes().find(name).of(**fields)
        ours, theirs, nbytes = _ours_and_torchs(spec, shape, fields)
        ours_s, torch_s = cuda_event_seconds(ours, launches), cuda_event_seconds(theirs, launches)
        fields_text = ", ".join(f"{field} {value}" for field, value in fields.items())
        share = nbytes / ours_s / copy_bytes_per_s
        figures[f"{name} {list(shape)} {fields_text}"] = {"ours_s": ours_s, "torch_s": torch_s, "share_of_copy": share}
        rows.append(
            [
                f"`{name}` {fields_text}",
                f"{'×'.join(map(str, shape))}, µs; torch. {100 * share:.0f} % of a copy's GB/s",
                f"{1e6 * ours_s:.0f}",
                f"{1e6 * torch_s:.0f}",
                f"{torch_s / ours_s:.2f}",
            ]
        )
    return rows, figures


def _ours_and_torchs(
    spec: PlaneOperator, shape: tuple[int, ...], fields: dict[str, object]
) -> tuple[Callable[[], object], Callable[[], object], int]:
    """Our kernel and torch's, both on the device, and the bytes that they must read and write."""
    x = torch.from_numpy(np.random.default_rng(7).standard_normal(shape, dtype=np.float32)).cuda()
    planes = {"input": x.reshape(-1, *shape[-spec.rank :])}
    if "indices" in spec.inputs:
        _, indices = functional.max_pool2d(
            torch.randn(*shape[:2], *(2 * side for side in shape[2:]), device="cuda"), 2, return_indices=True
        )
        planes["indices"] = indices.reshape(planes["input"].shape)
        theirs = lambda: functional.max_unpool2d(x, indices, **fields)  # type: ignore[arg-type]  # noqa: E731  # by name
    elif spec.family == "fractional_max_pool":
        count = math.prod(shape[: -spec.rank])
        planes |= {name: torch.from_numpy(values) for name, values in spec.random_inputs(count).items()}
        samples = planes["samples"].reshape(*shape[:2], spec.rank).to("cuda", torch.float32)
        theirs = lambda: functional.fractional_max_pool2d(x, 2, output_size=56, _random_samples=samples)  # noqa: E731
    else:
        theirs = lambda: getattr(functional, spec.name)(x, **fields)  # noqa: E731
    results = spec.run(planes)
    nbytes = sum(each.numel() * each.element_size() for each in (*planes.values(), *results))
    return (lambda: spec.run(planes)), theirs, nbytes


# ---- over HTTP


def compare_over_http(seconds: int) -> tuple[list[list[str]], dict[str, dict[str, float]]]:
    """Median times of lone requests, and requests per second of concurrent ones, with the device and with the CPU."""
    rows: list[list[str]] = []
    figures: dict[str, dict[str, float]] = {}
    with (
        run_poolhouse("--device", "cuda") as cuda,
        run_poolhouse("--device", "cpu") as cpu,
        run_poolhouse("--device", "cpu", "--inline-work", "0") as threaded,
    ):
        for size, shape in BODY_SHAPES.items():
            body = np.random.default_rng(0).standard_normal(shape).astype(np.float32).tobytes()
            target = f"/v1/pool/max_pool2d?shape={','.join(map(str, shape))}&dtype=float32&kernel_size=2"
            request, case = build_request(target, RAW, body), Case(size, RAW, body, target, target)
            count = 1000 if size != "large" else 100
            medians = [
                each.median_us
                for each in time_interleaved([Connection(port, request) for port in (cuda, cpu, threaded)], count)
            ]
            connections = 32 if size != "large" else 4
            rates = [requests_per_second(case, port, target, connections, seconds) for port in (cuda, cpu)]
            figures[size] = {
                **dict(zip(("cuda_us", "cpu_us", "cpu_thread_us"), medians, strict=True)),
                **dict(zip(("cuda_per_s", "cpu_per_s"), rates, strict=True)),
            }
            pooling = f"max pooling 2×2 of {'×'.join(map(str, shape))}, raw"
            rows.append(
                [
                    f"lone {size} request, median",
                    f"{pooling}, µs; CPU, which takes {medians[2]:.0f} without inline work",
                    *_format_values(medians[:2], ".0f", medians[1] / medians[0]),
                ]
            )
            rows.append(
                [
                    f"{size} requests over {connections} connections",
                    f"{pooling}, requests/s; CPU",
                    *_format_values(rates, ",.0f", rates[0] / rates[1]),
                ]
            )
    return rows, figures


def _format_values(values: Sequence[float], number_format: str, ratio: float) -> list[str]:
    return [*(format(value, number_format) for value in values), f"{ratio:.2f}"]


if __name__ == "__main__":
    main()
