"""Render Triton's metrics, named nv_*, for dashboards and load generators that expect them.

They repeat what other metrics of the service say, under Triton's names and in its units. What Triton has and this
service cannot tell truthfully is in :data:`ABSENT`, with the reason. ``docs/metrics.md`` lists both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from poolhouse.models import VERSION
from poolhouse.rest.observability.counters import Family, Labels
from poolhouse.rest.observability.gpu_usage import GpuSampler
from poolhouse.rest.observability.host_usage import HostUsage
from poolhouse.rest.observability.model_statistics import ModelStatistics, Totals

_MODEL: Final = ("model", "version")
_GPU: Final = ("gpu_uuid",)

NV_FAMILIES: Final[Mapping[str, Family]] = {
    family.name: family
    for family in (
        Family("nv_inference_request_success", "counter", "Successful requests.", _MODEL),
        Family(
            "nv_inference_request_failure",
            "counter",
            "Failed requests: REJECTED for lack of capacity or time, CANCELED by the client, BACKEND if a device or "
            "the service failed, OTHER above all for invalid input.",
            (*_MODEL, "reason"),
        ),
        Family("nv_inference_count", "counter", "Items of successful requests: the sum of their batch sizes.", _MODEL),
        Family(
            "nv_inference_exec_count",
            "counter",
            "Batches that devices ran; of a batch that requests of several models shared, each has its share.",
            _MODEL,
        ),
        Family(
            "nv_inference_request_duration_us",
            "counter",
            "Microseconds of successful requests, from the complete body to the encoded response.",
            _MODEL,
        ),
        Family("nv_inference_queue_duration_us", "counter", "Microseconds that they waited for a device.", _MODEL),
        Family("nv_inference_compute_input_duration_us", "counter", "Microseconds in which they were decoded.", _MODEL),
        Family(
            "nv_inference_compute_infer_duration_us",
            "counter",
            "Microseconds of their batches; a batch counts for each of its requests.",
            _MODEL,
        ),
        Family(
            "nv_inference_compute_output_duration_us",
            "counter",
            "Microseconds in which their responses were encoded.",
            _MODEL,
        ),
        Family("nv_inference_pending_request_count", "gauge", "Requests that wait for a device.", _MODEL),
        Family("nv_cache_num_hits_per_model", "counter", "Always 0: no response is cached.", _MODEL),
        Family("nv_cache_num_misses_per_model", "counter", "Always 0: no response is cached.", _MODEL),
        Family("nv_cache_hit_duration_per_model", "counter", "Always 0: no response is cached.", _MODEL),
        Family("nv_cache_miss_duration_per_model", "counter", "Always 0: no response is cached.", _MODEL),
        Family(
            "nv_cpu_utilization",
            "gauge",
            "Busy share of all cores of the machine since the page before, from 0 to 1; on Linux.",
        ),
        Family("nv_cpu_memory_total_bytes", "gauge", "Memory of the machine; on Linux."),
        Family("nv_cpu_memory_used_bytes", "gauge", "Memory of the machine that is not available; on Linux."),
        Family("nv_gpu_memory_total_bytes", "gauge", "Memory of a GPU.", _GPU),
        Family("nv_gpu_memory_used_bytes", "gauge", "Used memory of a GPU, by all processes.", _GPU),
        Family(
            "nv_gpu_utilization",
            "gauge",
            "Share of time in which a GPU worked, from 0 to 1; only if the package nvidia-ml-py is installed.",
            _GPU,
        ),
    )
}
"""Every metric by name."""

_NO_SUMMARIES: Final = "a quantile of one instance cannot be added to that of another; `poolhouse_stage_seconds` can"
_NO_POOL: Final = "the service has no pool of pinned memory of a fixed size"
_NO_POWER: Final = "NVIDIA's own exporter for Prometheus has it; the service does not read it"

ABSENT: Final[Mapping[str, str]] = {
    "nv_inference_first_response_histogram_ms": "a request has one response; `poolhouse_stage_seconds` has the times",
    **{
        f"nv_inference_{stage}_summary_us": _NO_SUMMARIES
        for stage in ("request", "queue", "compute_input", "compute_infer", "compute_output")
    },
    **dict.fromkeys(("nv_gpu_power_usage", "nv_gpu_power_limit", "nv_energy_consumption"), _NO_POWER),
    **dict.fromkeys(("nv_pinned_memory_pool_total_bytes", "nv_pinned_memory_pool_used_bytes"), _NO_POOL),
    "nv_model_load_duration_secs": "models are not loaded one by one; `/readyz` says when all of them are ready",
}
"""Triton's metrics that are not rendered, and why."""

_FROM_TOTALS: Final[Mapping[str, Callable[[Totals], float]]] = {
    "nv_inference_request_success": lambda totals: totals.requests,
    "nv_inference_count": lambda totals: totals.items,
    "nv_inference_exec_count": lambda totals: totals.batches,
    "nv_inference_request_duration_us": lambda totals: 1e6 * totals.success_s,
    "nv_inference_queue_duration_us": lambda totals: 1e6 * totals.queue_s,
    "nv_inference_compute_input_duration_us": lambda totals: 1e6 * totals.decode_s,
    "nv_inference_compute_infer_duration_us": lambda totals: 1e6 * totals.compute_s,
    "nv_inference_compute_output_duration_us": lambda totals: 1e6 * totals.encode_s,
}


class NvMetrics:
    """Renders the metrics.

    Args:
        statistics: the counts of each model.
        waiting_by_model: counts the requests that wait for a device.
        gpus: reads the use of GPUs.
        host: reads the use of the machine.
    """

    def __init__(
        self,
        statistics: ModelStatistics,
        waiting_by_model: Callable[[], Mapping[str, int]],
        gpus: GpuSampler,
        host: HostUsage,
    ) -> None:
        self._statistics = statistics
        self._waiting_by_model = waiting_by_model
        self._gpus = gpus
        self._host = host

    async def refresh(self) -> None:
        """Read the use of the GPUs, for the next rendering; see :meth:`.gpu_usage.GpuSampler.refresh`."""
        await self._gpus.refresh()

    def render(self) -> bytes:
        """The metrics in Prometheus's text format; a metric without values has no lines."""
        values = self._values()
        return "".join(
            _rendered(family, values[name]) for name, family in NV_FAMILIES.items() if values.get(name)
        ).encode()

    def _values(self) -> Mapping[str, Mapping[Labels, float]]:
        values: dict[str, dict[Labels, float]] = {name: {} for name in NV_FAMILIES}
        waiting = self._waiting_by_model()
        for model, counts in self._statistics.items():
            labels, totals = (model, VERSION), counts.totals()
            for name, value_of in _FROM_TOTALS.items():
                values[name][labels] = value_of(totals)
            for reason, failures in counts.failures.items():
                values["nv_inference_request_failure"][*labels, reason] = failures.requests
            values["nv_inference_pending_request_count"][labels] = waiting.get(model, 0)
            for name in NV_FAMILIES:
                if name.startswith("nv_cache_"):
                    values[name][labels] = 0
        host = self._host.read()
        if host is not None:
            values["nv_cpu_utilization"][()] = host.utilization
            values["nv_cpu_memory_total_bytes"][()] = host.total_bytes
            values["nv_cpu_memory_used_bytes"][()] = host.used_bytes
        for gpu in self._gpus.latest:
            values["nv_gpu_memory_total_bytes"][gpu.uuid,] = gpu.total_bytes
            values["nv_gpu_memory_used_bytes"][gpu.uuid,] = gpu.used_bytes
            if gpu.utilization is not None:
                values["nv_gpu_utilization"][gpu.uuid,] = gpu.utilization
        return values


def _rendered(family: Family, values: Mapping[Labels, float]) -> str:
    # The client library would add the suffix _total to the names of counters, and Triton's have none. Labels need no
    # escapes: they are names of models, which have letters, digits, dots, dashes and underscores.
    lines = [f"# HELP {family.name} {family.meaning}\n# TYPE {family.name} {family.kind}\n"]
    for labels, value in values.items():
        # Triton's counters are whole numbers.
        number = round(value) if family.kind == "counter" else value
        lines.append(f"{family.name}{_label_text(family.labels, labels)} {number}\n")
    return "".join(lines)


def _label_text(names: Iterable[str], values: Labels) -> str:
    pairs = ",".join([f'{name}="{value}"' for name, value in zip(names, values, strict=True)])
    return f"{{{pairs}}}" if pairs else ""
