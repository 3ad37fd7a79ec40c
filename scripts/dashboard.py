"""The Grafana dashboard as a table of panels; scripts/generate writes it to deploy/observability."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_WIDTH = 24
_HEIGHT = 8
_DATASOURCE = {"type": "prometheus", "uid": "prometheus"}
# The instances selected at the top of the page; every query filters by them.
_INSTANCE_LABELS = 'job="poolhouse", instance=~"$instance"'
_RATE = "[$__rate_interval]"


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel: title, Grafana's name of the unit, queries with their legends, and description."""

    title: str
    unit: str
    queries: Sequence[tuple[str, str]]
    description: str
    kind: str = "timeseries"
    stacked: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """Panels side by side under a heading."""

    title: str
    panels: Sequence[Panel]


def selector(metric: str, *labels: str) -> str:
    """A metric of the selected instances."""
    return f"{metric}{{{', '.join((_INSTANCE_LABELS, *labels))}}}"


def rate(metric: str, *labels: str, by: str = "") -> str:
    """The rate of a counter, summed by these labels."""
    return f"sum{f' by ({by}) ' if by else ' '}(rate({selector(metric, *labels)}{_RATE}))"


def quantile(share: float, histogram: str, *labels: str, by: str = "") -> str:
    """A quantile of a histogram, for each value of a label if one is given."""
    by = f"{by}, le" if by else "le"
    return f"histogram_quantile({share}, {rate(f'{histogram}_bucket', *labels, by=by)})"


_READY = 'state="ready"'
_CALLS = 'route=~"/v1/(pool|plan)/.*"'

_BATCH_MEAN = " / ".join(rate(f"poolhouse_batch_requests_{part}", by="device") for part in ("sum", "count"))

ROWS: tuple[Row, ...] = (
    Row(
        "Overview",
        (
            Panel(
                "Instances",
                "short",
                [(f"sum({selector('up')})", "up")],
                "Instances that Prometheus can scrape.",
                "stat",
            ),
            Panel(
                "Calls per second",
                "reqps",
                [(rate("poolhouse_requests_total", _CALLS), "calls")],
                "Calls of pool and plan.",
                "stat",
            ),
            Panel(
                "Refused",
                "percentunit",
                [(f"{rate('poolhouse_refusals_total')} / {rate('poolhouse_requests_total')}", "refused")],
                "The share of requests that were refused, for any reason.",
                "stat",
            ),
            Panel(
                "Memory budget in use",
                "percentunit",
                [(f"max({selector('poolhouse_held_bytes')} / {selector('poolhouse_capacity_bytes')})", "held")],
                "The reserved share of the budget in the fullest instance. At 100 % it refuses requests with 503.",
                "stat",
            ),
        ),
    ),
    Row(
        "Clients",
        (
            Panel(
                "Calls by status",
                "reqps",
                [(rate("poolhouse_requests_total", by="status"), "{{status}}")],
                "HTTP status of each response; gone if the client disconnected before it.",
                stacked=True,
            ),
            Panel(
                "Calls by operator",
                "reqps",
                [(rate("poolhouse_requests_total", _CALLS, by="operator"), "{{operator}}")],
                "Calls of pool and plan by operator.",
                stacked=True,
            ),
            Panel(
                "Refusals by code",
                "reqps",
                [
                    (
                        f"{rate('poolhouse_refusals_total', by='code')} > 0 or {rate('poolhouse_refusals_total')}",
                        "{{code}}",
                    )
                ],
                "docs/errors.md lists the codes. The line without a code is the sum of all.",
                stacked=False,
            ),
            Panel(
                "Disconnects",
                "cps",
                [(rate("poolhouse_callers_gone_total", by="stage"), "{{stage}}")],
                "Disconnected clients by stage. Many while waiting mean that their timeout is shorter than the queue.",
            ),
        ),
    ),
    Row(
        "Latency",
        (
            Panel(
                "Requests, quantiles",
                "s",
                [
                    (quantile(share, "poolhouse_request_seconds", 'call="pool"'), name)
                    for share, name in ((0.5, "median"), (0.95, "95th"), (0.99, "99th percentile"))
                ],
                "From the complete body to the encoded response of a pooling.",
            ),
            Panel(
                "Stages, 99th percentile",
                "s",
                [(quantile(0.99, "poolhouse_stage_seconds", 'call="pool"', by="stage"), "{{stage}}")],
                "The times of the stages in Server-Timing.",
            ),
            Panel(
                "Stages, median",
                "s",
                [(quantile(0.5, "poolhouse_stage_seconds", 'call="pool"', by="stage"), "{{stage}}")],
                "The times of the stages in Server-Timing.",
            ),
            Panel(
                "Bytes",
                "Bps",
                [(rate("poolhouse_received_bytes_total"), "in"), (rate("poolhouse_sent_bytes_total"), "out")],
                "Bodies of requests and responses.",
            ),
        ),
    ),
    Row(
        "Batching and memory",
        (
            Panel(
                "Bytes in flight",
                "bytes",
                [
                    (f"sum by (instance) ({selector('poolhouse_held_bytes')})", "{{instance}} held"),
                    (f"sum by (instance) ({selector('poolhouse_capacity_bytes')})", "{{instance}} capacity"),
                ],
                "Memory reserved for input, output and workspace of admitted requests, and its limit.",
            ),
            Panel(
                "Jobs",
                "short",
                [(f"sum by (instance) ({selector('poolhouse_jobs')})", "{{instance}}")],
                "Jobs that wait for a device or run on one.",
            ),
            Panel(
                "Requests in a batch",
                "short",
                [(_BATCH_MEAN, "{{device}}")],
                "The mean. 1 means that requests are not batched, because they do not wait for a device.",
            ),
            Panel(
                "Batches by reason",
                "ops",
                [(rate("poolhouse_batch_requests_count", by="reason"), "{{reason}}")],
                "Why a batch was closed; docs/metrics.md explains the reasons.",
                stacked=True,
            ),
        ),
    ),
    Row(
        "Devices",
        (
            Panel(
                "Ready devices",
                "short",
                [(f"sum by (device) ({selector('poolhouse_device_state', _READY)})", "{{device}}")],
                "Ready devices of all selected instances.",
            ),
            Panel(
                "Busy",
                "percentunit",
                [(rate("poolhouse_compute_seconds_sum", by="instance, device"), "{{instance}} {{device}}")],
                "The share of time in which a device computed; batches on CUDA overlap, so it can exceed 100 %.",
            ),
            Panel(
                "Compute time, 99th percentile",
                "s",
                [(quantile(0.99, "poolhouse_compute_seconds", by="operator"), "{{operator}}")],
                "The time of a batch on its device, by operator.",
            ),
            Panel(
                "Engine events",
                "cps",
                [(rate("poolhouse_engine_events_total", by="event"), "{{event}}")],
                "Cancelled and expired jobs, bisected and halved batches, lost devices.",
            ),
        ),
    ),
    Row(
        "Process",
        (
            Panel(
                "Memory",
                "bytes",
                [(selector("process_resident_memory_bytes"), "{{instance}}")],
                "Resident memory of the process; torch takes half a gigabyte of it.",
            ),
            Panel(
                "CPU",
                "short",
                [(f"rate({selector('process_cpu_seconds_total')}{_RATE})", "{{instance}}")],
                "Cores in use.",
            ),
            Panel(
                "Connections and files",
                "short",
                [
                    (selector("process_open_fds"), "files {{instance}}"),
                    (selector("poolhouse_connections"), "connections {{instance}}"),
                ],
                "Open HTTP connections, and open file descriptors; each connection is one.",
            ),
        ),
    ),
)


def _panel(number: int, panel: Panel, x: int, y: int, width: int, height: int) -> dict[str, Any]:
    custom = {"fillOpacity": 25 if panel.stacked else 0, "stacking": {"mode": "normal" if panel.stacked else "none"}}
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": _DATASOURCE,
        "gridPos": {"x": x, "y": y, "w": width, "h": height},
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "min": 0, **({"custom": custom} if panel.kind == "timeseries" else {})},
            "overrides": [],
        },
        "targets": [
            {"refId": chr(ord("A") + at), "datasource": _DATASOURCE, "expr": expression, "legendFormat": legend}
            for at, (expression, legend) in enumerate(panel.queries)
        ],
    }


def dashboard() -> str:
    """The dashboard in Grafana's JSON format."""
    panels: list[dict[str, Any]] = []
    y = 0
    for row in ROWS:
        panels.append(
            {"id": len(panels) + 1, "type": "row", "title": row.title, "collapsed": False, "panels": []}
            | {"gridPos": {"x": 0, "y": y, "w": _WIDTH, "h": 1}}
        )
        y += 1
        width = _WIDTH // len(row.panels)
        height = _HEIGHT // 2 if all(panel.kind == "stat" for panel in row.panels) else _HEIGHT
        for at, panel in enumerate(row.panels):
            panels.append(_panel(len(panels) + 1, panel, at * width, y, width, height))
        y += height
    instance_variable = {
        "name": "instance",
        "label": "Instance",
        "type": "query",
        "datasource": _DATASOURCE,
        "query": {"query": 'label_values(poolhouse_build_info{job="poolhouse"}, instance)', "refId": "instances"},
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
        "refresh": 2,
    }
    document = {
        "uid": "poolhouse",
        "title": "poolhouse",
        "tags": ["poolhouse"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "15s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [instance_variable]},
        "panels": panels,
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"
