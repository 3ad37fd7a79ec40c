"""The Grafana dashboard, as a table of panels; scripts/generate writes it to deploy/observability."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_WIDTH = 24
_HEIGHT = 8
_DATASOURCE = {"type": "prometheus", "uid": "prometheus"}
# What is chosen at the top of the page; every query has it.
_INSTANCE_LABELS = 'job="poolhouse", instance=~"$instance"'
_RATE = "[$__rate_interval]"


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture: its title, its unit in Grafana's words, its queries with their legends, and what it tells."""

    title: str
    unit: str
    queries: Sequence[tuple[str, str]]
    description: str
    kind: str = "timeseries"
    stacked: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """Panels beside each other, under a heading."""

    title: str
    panels: Sequence[Panel]


def selector(metric: str, *labels: str) -> str:
    """A metric of the chosen instances."""
    return f"{metric}{{{', '.join((_INSTANCE_LABELS, *labels))}}}"


def rate(metric: str, *labels: str, by: str = "") -> str:
    """How fast a counter grows, summed by these labels."""
    return f"sum{f' by ({by}) ' if by else ' '}(rate({selector(metric, *labels)}{_RATE}))"


def quantile(share: float, histogram: str, *labels: str, by: str) -> str:
    """A quantile of a histogram, for each value of a label."""
    return f"histogram_quantile({share}, {rate(f'{histogram}_bucket', *labels, by=f'{by}, le')})"


_READY = 'state="ready"'
_CALLS = 'route=~"/v1/(pool|plan)/.*"'

_BATCH_MEAN = " / ".join(rate(f"poolhouse_batch_requests_{part}", by="device") for part in ("sum", "count"))

ROWS: tuple[Row, ...] = (
    Row(
        "At a glance",
        (
            Panel("Instances", "short", [(f"sum({selector('up')})", "up")], "How many answer Prometheus.", "stat"),
            Panel(
                "Calls a second",
                "reqps",
                [(rate("poolhouse_requests_total", _CALLS), "calls")],
                "Pool and plan.",
                "stat",
            ),
            Panel(
                "Refused",
                "percentunit",
                [(f"{rate('poolhouse_refusals_total')} / {rate('poolhouse_requests_total')}", "refused")],
                "The share of requests that got a refusal, whosever fault it was.",
                "stat",
            ),
            Panel(
                "Fullest",
                "percentunit",
                [(f"max({selector('poolhouse_held_bytes')} / {selector('poolhouse_capacity_bytes')})", "held")],
                "How full the fullest instance is. At 100 % it refuses with 503.",
                "stat",
            ),
        ),
    ),
    Row(
        "Callers",
        (
            Panel(
                "Calls by status",
                "reqps",
                [(rate("poolhouse_requests_total", by="status"), "{{status}}")],
                "HTTP status of each answer; gone where the caller left before it.",
                stacked=True,
            ),
            Panel(
                "Calls by operator",
                "reqps",
                [(rate("poolhouse_requests_total", _CALLS, by="operator"), "{{operator}}")],
                "What is asked for.",
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
                "docs/errors.md lists the codes. The line without a name is all of them together.",
                stacked=False,
            ),
            Panel(
                "Callers gone",
                "cps",
                [(rate("poolhouse_callers_gone_total", by="stage"), "{{stage}}")],
                "Who closed the connection, and when. Many while waiting: their timeout is shorter than our queue.",
            ),
        ),
    ),
    Row(
        "Latency",
        (
            Panel(
                "Where the time goes, 99 of 100",
                "s",
                [(quantile(0.99, "poolhouse_stage_seconds", 'call="pool"', by="stage"), "{{stage}}")],
                "The 99th percentile of each stage; the same seconds as in Server-Timing.",
            ),
            Panel(
                "Where the time goes, half",
                "s",
                [(quantile(0.5, "poolhouse_stage_seconds", 'call="pool"', by="stage"), "{{stage}}")],
                "The median of each stage.",
            ),
            Panel(
                "Bytes",
                "Bps",
                [(rate("poolhouse_received_bytes_total"), "in"), (rate("poolhouse_sent_bytes_total"), "out")],
                "Bodies of requests and answers.",
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
                    (f"sum by (instance) ({selector('poolhouse_capacity_bytes')})", "{{instance}} room"),
                ],
                "Input, output and workspace of admitted requests, and how much there may be.",
            ),
            Panel(
                "Jobs",
                "short",
                [(f"sum by (instance) ({selector('poolhouse_jobs')})", "{{instance}}")],
                "Waiting for a device or running on one.",
            ),
            Panel(
                "Requests in a batch",
                "short",
                [(_BATCH_MEAN, "{{device}}")],
                "The mean. 1 means that nobody waits.",
            ),
            Panel(
                "Batches by reason",
                "ops",
                [(rate("poolhouse_batch_requests_count", by="reason"), "{{reason}}")],
                "Why a batch was as large as it was; docs/metrics.md explains the words.",
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
                "Over all chosen instances.",
            ),
            Panel(
                "Busy",
                "percentunit",
                [(rate("poolhouse_compute_seconds_sum", by="instance, device"), "{{instance}} {{device}}")],
                "The share of the time that a device worked; batches on CUDA overlap, so it may pass 100 %.",
            ),
            Panel(
                "Batch on its device, 99 of 100",
                "s",
                [(quantile(0.99, "poolhouse_compute_seconds", by="operator"), "{{operator}}")],
                "The 99th percentile by operator.",
            ),
            Panel(
                "Not the straight way",
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
                "What the process has in memory, torch's half a gigabyte included.",
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
                [(selector("process_open_fds"), "{{instance}}")],
                "Open file descriptors; each connection is one.",
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
    """The dashboard as Grafana reads it."""
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
    chosen = {
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
    whole = {
        "uid": "poolhouse",
        "title": "poolhouse",
        "tags": ["poolhouse"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "15s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [chosen]},
        "panels": panels,
    }
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"
