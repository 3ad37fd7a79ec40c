"""The metrics with Triton's names: exactly those that it documents, as far as they are true here."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from poolhouse.backend.gpu_usage import GpuUsage
from poolhouse.dtypes import FLOAT32
from poolhouse.models import Models
from poolhouse.operators.catalogue import discover
from poolhouse.operators.plan import Limits, make_plan
from poolhouse.rest.observability.counters import Family
from poolhouse.rest.observability.gpu_usage import GpuSampler
from poolhouse.rest.observability.host_usage import HostUsage
from poolhouse.rest.observability.model_statistics import ModelStatistics
from poolhouse.rest.observability.nv_metrics import ABSENT, NV_FAMILIES, NvMetrics
from poolhouse.tensors import TensorMetadata
from tests.rest.gated_service import parse_metrics

# Triton's list, from its documentation of metrics.
TRITONS = {
    *(f"nv_inference_{name}" for name in ("request_success", "request_failure", "count", "exec_count")),
    *(f"nv_inference_{name}_duration_us" for name in ("request", "queue")),
    *(f"nv_inference_compute_{name}_duration_us" for name in ("input", "infer", "output")),
    *(f"nv_inference_{name}_summary_us" for name in ("request", "queue")),
    *(f"nv_inference_compute_{name}_summary_us" for name in ("input", "infer", "output")),
    "nv_inference_pending_request_count",
    "nv_inference_first_response_histogram_ms",
    *(f"nv_cache_{name}_per_model" for name in ("num_hits", "num_misses", "hit_duration", "miss_duration")),
    *(f"nv_gpu_{name}" for name in ("utilization", "memory_total_bytes", "memory_used_bytes")),
    *("nv_gpu_power_usage", "nv_gpu_power_limit", "nv_energy_consumption"),
    *(f"nv_cpu_{name}" for name in ("utilization", "memory_total_bytes", "memory_used_bytes")),
    *(f"nv_pinned_memory_pool_{name}_bytes" for name in ("total", "used")),
    "nv_model_load_duration_secs",
}
MODEL = "max_pool2d"
LABELS = {"model": MODEL, "version": "1"}


def statistics() -> ModelStatistics:
    """Two models, one of which had two requests and a failure."""
    counted = ModelStatistics()
    counted.register([MODEL, "pool"])
    metadata = {"input": TensorMetadata(FLOAT32, (8, 3, 4, 4))}
    plan = make_plan(discover().find(MODEL).of(kernel_size=2), metadata, Limits(2**40, 2**60))
    for _ in range(2):
        counted.record_success(MODEL, plan, 15e-3, 1e-3, 2e-3, 4e-3, 8e-3, None)
    counted.record_failure(MODEL, "overloaded", 1.0)
    return counted


def page_of(metrics: NvMetrics) -> str:
    """A page with a new sample of the GPUs."""
    asyncio.run(metrics.refresh())
    return metrics.render().decode()


def values_of(page: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """All samples. Prometheus's parser in Python adds the suffix that newer counters have; Prometheus does not."""
    return {(name.removesuffix("_total"), labels): value for (name, labels), value in parse_metrics(page).items()}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page of a machine with one GPU."""
    proc = tmp_path_factory.mktemp("proc")
    (proc / "stat").write_text("cpu 1 0 0 3 0 0 0 0 0 0\n")
    (proc / "meminfo").write_text("MemTotal: 4 kB\nMemAvailable: 1 kB\n")
    gpus = GpuSampler(["cuda:0"], lambda name: GpuUsage("GPU-1", 10, 7, 0.5), 20.0)
    return page_of(NvMetrics(statistics(), lambda: Counter({MODEL: 3}), gpus, HostUsage(proc)))


def test_every_metric_of_tritons_is_there_or_has_a_reason() -> None:
    """A dashboard with an empty panel leads to this list, and an invented name would lead nowhere."""
    assert NV_FAMILIES.keys() | ABSENT.keys() == TRITONS
    assert not NV_FAMILIES.keys() & ABSENT.keys()


def test_the_page_has_the_declared_metrics(page: str) -> None:
    """The documentation lists the table. The names have no suffix that the client library adds to counters."""
    lines = page.splitlines()
    declared = {tuple(line.split()[2:4]) for line in lines if line.startswith("# TYPE")}
    samples = {line.partition(" ")[0].partition("{")[0] for line in lines if not line.startswith("#")}

    assert declared == {(name, family.kind) for name, family in NV_FAMILIES.items()}
    assert samples == set(NV_FAMILIES)
    counters = {name for name, family in NV_FAMILIES.items() if family.kind == "counter"}
    for name, text in (line.rsplit(" ", 1) for line in lines if not line.startswith("#")):
        assert text.isdigit() or name.partition("{")[0] not in counters, "Triton's counters are whole numbers"
    for name, labels in values_of(page):
        assert set(dict(labels)) == set(NV_FAMILIES[name].labels)


def test_the_values_are_those_of_the_statistics(page: str) -> None:
    """In Triton's units: whole microseconds, bytes, and shares from 0 to 1."""
    values = values_of(page)

    def value(name: str, **labels: str) -> float:
        return values[name, frozenset(labels.items())]

    assert value("nv_inference_request_success", **LABELS) == 2
    assert value("nv_inference_count", **LABELS) == 16
    assert value("nv_inference_exec_count", **LABELS) == 2
    stages = {"request": 30, "queue": 4, "compute_input": 2, "compute_infer": 8, "compute_output": 16}
    for stage, milliseconds in stages.items():
        assert value(f"nv_inference_{stage}_duration_us", **LABELS) == 1000 * milliseconds
    assert value("nv_inference_request_failure", **LABELS, reason="REJECTED") == 1
    assert value("nv_inference_request_failure", **LABELS, reason="OTHER") == 0
    assert value("nv_inference_pending_request_count", **LABELS) == 3
    assert value("nv_inference_pending_request_count", model="pool", version="1") == 0
    assert value("nv_cache_num_hits_per_model", **LABELS) == 0
    assert (value("nv_cpu_utilization"), value("nv_cpu_memory_total_bytes")) == (0.25, 4096)
    assert value("nv_cpu_memory_used_bytes") == 3072
    assert value("nv_gpu_memory_used_bytes", gpu_uuid="GPU-1") == 7
    assert value("nv_gpu_memory_total_bytes", gpu_uuid="GPU-1") == 10
    assert value("nv_gpu_utilization", gpu_uuid="GPU-1") == 0.5


def test_what_is_unknown_has_no_value(tmp_path: Path) -> None:
    """A zero would look like an idle machine or an empty GPU."""
    gpus = GpuSampler(["cuda:0"], lambda name: GpuUsage("GPU-1", 10, 7, None), 20.0)
    text = page_of(NvMetrics(ModelStatistics(), Counter, gpus, HostUsage(tmp_path)))

    assert {name for name, _ in values_of(text)} == {"nv_gpu_memory_total_bytes", "nv_gpu_memory_used_bytes"}


def test_a_model_that_was_never_used_has_every_metric(page: str) -> None:
    """An increase from nothing is invisible; a series must be there before the first request."""
    per_model = {name for name, family in NV_FAMILIES.items() if "model" in family.labels}

    assert {name for name, labels in values_of(page) if ("model", "pool") in labels} == per_model


def test_names_of_models_need_no_escapes() -> None:
    """The page writes them as they are."""
    assert all(name.replace(".", "_").replace("-", "_").isidentifier() for name in Models(discover()).names)


@pytest.mark.parametrize("family", NV_FAMILIES.values(), ids=list(NV_FAMILIES))
def test_a_declaration_is_complete(family: Family) -> None:
    """The documentation is made from it."""
    assert family.meaning.endswith(".")
    assert "\n" not in family.meaning
    assert family.labels[:2] == ("model", "version") or not family.name.startswith(("nv_inference", "nv_cache"))
