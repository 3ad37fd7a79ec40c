"""Write measured figures from benchmarks/results into the documents.

A document names a figure between two marks, ``<!-- figure:NAME -->0.95<!-- /figure -->``, and scripts/generate writes
the text between them. NAME is a key of FIGURES (the results file, a slash, and a name), or a limit of
scripts/limits.py. The table of a whole run is a row of GENERATED in scripts/generate.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from doc_tables import markdown_table
from limits import LIMITS

from poolhouse.suggestions import name_hint

ROOT = Path(__file__).resolve().parent.parent
RESULTS: Final = ROOT / "benchmarks" / "results"

Run = Mapping[str, Any]
"""A results file: the command, the date, the machine, the rows of the table, and the unrounded figures."""

_MARK: Final = re.compile(r"<!-- figure:(?P<name>[^ ]+) -->(?P<text>[^\n]*?)<!-- /figure -->")
_MARK_BEGIN: Final = re.compile(r"<!-- figure:")
_MARK_AT_LINE_START: Final = re.compile(r"^ *(?:[-*] +|\d+\. +|> *)?<!-- figure:", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Figure:
    """How a figure is read from its run and formatted."""

    read: Callable[[Run], object]
    template: str = "{}"


@cache
def load_run(name: str) -> Run:
    """The contents of ``benchmarks/results/NAME.json``."""
    run: Run = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return run


def describe_run(name: str) -> str:
    """The command of a run, its date, and the machine with its versions, as one sentence."""
    run = load_run(name)
    machine = ", ".join(f"{key} {value}" for key, value in run["machine"].items())
    return f"`{run['command']}` on {run['date']}. {machine}."


def run_report(name: str) -> str:
    """The description and the table of a run."""
    return f"{describe_run(name)}\n\n{markdown_table(load_run(name)['columns'], load_run(name)['rows'])}"


def _baseline_ratio(case: str) -> Callable[[Run], float]:
    """The median of a lone request divided by the baseline's."""
    return lambda run: run["figures"][case]["median_us"] / run["figures"][case]["baseline_median_us"]


def _goals_met(run: Run) -> int:
    """The number of rows of a server comparison that reach their goal."""
    return sum(row["met"] is True for row in run["figures"].values())


def _goal_count(run: Run) -> int:
    """The number of rows of a server comparison that have a goal."""
    return sum(row["goal"] is not None for row in run["figures"].values())


def _slower_rows(run: Run) -> str:
    """The rows in which the other server is faster, each with its ratio."""
    return (
        "; ".join(f"{name}: {row['ratio']:.2f}" for name, row in run["figures"].items() if not row["faster"]) or "none"
    )


def _largest_inline_times(run: Run) -> Mapping[str, float]:
    """The times of the largest measured work, which is nearly the default of ``inline_work``."""
    times: Mapping[str, float] = max(run["figures"].items(), key=lambda each: int(each[0]))[1]
    return times


def _refusal_cost_ms(run: Run) -> float:
    """The cost of a refusal at five times the peak rate: the time missing to the peak, divided among the refusals."""
    reached, peak = run["figures"]["overload"], float(run["rows"][-1][1])
    return float((1 - reached) / (5 - reached) / peak * 1e3)


_OWN_GPU_KERNELS: Final = ("avg_pool2d [8", "adaptive_avg", "lp_pool", "max_unpool", "fractional")
"""GPU kernels of our own instead of torch's: they accumulate in float64 or define the order of windows and indices."""


def _own_kernel_ratios(run: Run) -> list[float]:
    """Our time divided by torch's, for our own GPU kernels."""
    return [
        each["ours_s"] / each["torch_s"]
        for name, each in run["figures"]["kernels"].items()
        if name.startswith(_OWN_GPU_KERNELS)
    ]


def _simulation_value(value: str, sweep: str, rule: str = "ours", **scenario: object) -> Callable[[Run], float]:
    """One value of one rule in one scenario of the simulation."""

    def read(run: Run) -> float:
        selected = {"sweep": sweep, "rule": rule, **scenario}
        (outcome,) = (each for each in run["figures"][1:] if selected.items() <= each.items())
        return float(outcome[value])

    return read


BUSY_RATE: Final = 40_000
"""Requests per second: the highest rate of the simulation with one GPU at which every response is good."""
REQUEST_BYTES: Final = (1 + 3 + 16 + 64) / 4 * 32 * 32 * 4
"""The mean size of a request in benchmarks/simulate.py: its planes of float32."""


FIGURES: Final[Mapping[str, Figure]] = {
    "peers/tiny-json": Figure(_baseline_ratio("tiny JSON"), "{:.2f}"),
    "peers/medium-raw": Figure(_baseline_ratio("medium raw"), "{:.2f}"),
    "peers/met": Figure(lambda run: sum(_baseline_ratio(case)(run) <= 1 for case in run["figures"])),
    "peers/all": Figure(lambda run: len(run["figures"])),
    "inline/longest": Figure(lambda run: _largest_inline_times(run)["inline_us"] / 1e3, "{:.2f} ms"),
    "inline/hop": Figure(
        lambda run: _largest_inline_times(run)["thread_us"] / _largest_inline_times(run)["inline_us"] - 1, "{:.0%}"
    ),
    "contention/medium": Figure(lambda run: run["figures"]["medium"], "{:.2f}"),
    "contention/overload": Figure(lambda run: run["figures"]["overload"], "{:.2f}"),
    "contention/refusal": Figure(_refusal_cost_ms, "{:.1f} ms"),
    "contention/response": Figure(lambda run: 1e3 / float(run["rows"][-1][1]), "{:.1f} ms"),
    "kernels/max-pool": Figure(
        lambda run: (
            run["figures"]["max_pool2d [8, 64, 112, 112] kernel_size 2 float32"]["torch_ms"]
            / run["figures"]["max_pool2d [8, 64, 112, 112] kernel_size 2 float32"]["ours_ms"]
        ),
        "{:.1f}",
    ),
    "triton/tiny": Figure(lambda run: run["figures"]["tiny raw, 16 connections"]["ratio"], "{:.2f}"),
    "triton/medium": Figure(lambda run: run["figures"]["medium raw, 8 connections"]["ratio"], "{:.2f}"),
    "triton/met": Figure(_goals_met),
    "triton/goals": Figure(_goal_count),
    "triton/slower": Figure(_slower_rows),
    "limit/met": Figure(_goals_met),
    "limit/goals": Figure(_goal_count),
    "limit/slower": Figure(_slower_rows),
    "attack/probe": Figure(lambda run: run["figures"]["probe_ms"], "{:.0f}"),
    "attack/beyond": Figure(lambda run: run["figures"]["beyond_mib"], "{:.0f}"),
    "soak/requests": Figure(lambda run: dict(run["rows"])["requests"].replace(" over ", " mixed requests over ")),
    "soak/wrong": Figure(lambda run: run["figures"]["wrong"] or "none"),
    "soak/growth": Figure(lambda run: run["figures"]["growth_mib"], "{:+.1f} MiB"),
    "soak_gpu/wrong": Figure(lambda run: run["figures"]["wrong"] or "no"),
    "soak_gpu/growth": Figure(lambda run: run["figures"]["growth_mib"], "{:.1f} MiB"),
    "gpu_tests/passed": Figure(lambda run: run["figures"]["passed"], "{:,}"),
    "image/added": Figure(lambda run: run["figures"]["added_gb"], "{:.2f} GB"),
    "device/two-batches": Figure(
        lambda run: (
            run["figures"]["transfer"]["batches in 2 threads GB/s"]
            / run["figures"]["transfer"]["batches in 1 threads GB/s"]
        ),
        "{:.1f} times",
    ),
    "device/least-slower": Figure(lambda run: min(_own_kernel_ratios(run)), "{:.1f}"),
    "device/most-slower": Figure(lambda run: max(_own_kernel_ratios(run)), "{:.0f} times"),
    "scaling/json-bytes": Figure(
        lambda run: run["figures"]["small JSON"]["body_bytes"] / run["figures"]["small raw"]["body_bytes"],
        "{:.1f} times",
    ),
    "scaling/cores": Figure(lambda run: BUSY_RATE / run["figures"]["small raw"]["per_second_core"], "{:.0f}"),
    "simulate/there": Figure(lambda run: run["figures"][0]["gpu"]["host_to_device_bytes_per_s"] / 1e9, "{:.0f} GB/s"),
    "simulate/back": Figure(lambda run: run["figures"][0]["gpu"]["device_to_host_bytes_per_s"] / 1e9, "{:.0f} GB/s"),
    "simulate/compute": Figure(lambda run: run["figures"][0]["gpu"]["compute_bytes_per_s"] / 1e12, "{:.1f} TB/s"),
    "simulate/batch": Figure(lambda run: run["figures"][0]["gpu"]["batch_s"] * 1e3, "{:.2f} ms"),
    "simulate/busy-rate": Figure(_simulation_value("rate", "load", rate=BUSY_RATE), "{:,.0f}"),
    "simulate/busy-good": Figure(_simulation_value("goodput", "load", rate=BUSY_RATE), "{:,.0f}"),
    "simulate/busy-p99": Figure(_simulation_value("p99_ms", "load", rate=BUSY_RATE), "{:.1f} ms"),
    "simulate/busy-bytes": Figure(
        lambda run: _simulation_value("rate", "load", rate=BUSY_RATE)(run) * REQUEST_BYTES / 1e9, "{:.1f} GB/s"
    ),
    "simulate/saturated-rate": Figure(_simulation_value("rate", "shapes", keys=8), "{:,.0f}"),
    "simulate/saturated-good": Figure(_simulation_value("goodput", "shapes", keys=8), "{:,.0f}"),
    "simulate/saturated-p99": Figure(_simulation_value("p99_ms", "shapes", keys=8), "{:.0f} ms"),
    "simulate/window-adds": Figure(
        lambda run: (
            _simulation_value("p50_ms", "load", "10 ms window", rate=500)(run)
            - _simulation_value("p50_ms", "load", rate=500)(run)
        ),
        "{:.0f} ms",
    ),
}
"""Every figure in the prose of the documents, by results file and name."""


def figure_text(name: str) -> str:
    """The text of a figure.

    Raises:
        SystemExit: there is no figure of this name.
    """
    if name in LIMITS:
        return LIMITS[name]()
    if name not in FIGURES:
        hint = name_hint(name, [*FIGURES, *LIMITS], "none is similar")
        raise SystemExit(f"there is no figure {name!r} in scripts/figures.py; {hint}")
    figure = FIGURES[name]
    return figure.template.format(figure.read(load_run(name.partition("/")[0])))


def figure_command(name: str) -> str:
    """The command that measured a figure."""
    command: str = load_run(name.partition("/")[0])["command"]
    return f"`{command}`"


def figure_names(text: str) -> set[str]:
    """The names of the figures in a document."""
    return {mark["name"] for mark in _MARK.finditer(text)}


@dataclass(frozen=True, slots=True)
class DocumentWithFigures:
    """A document with figures between marks."""

    path: str

    def regenerate(self, current: str) -> str:
        """The text with every figure updated.

        Raises:
            SystemExit: a mark is not closed on its line, begins a line, or names no figure.
        """
        if _MARK_AT_LINE_START.search(current):
            # Markdown treats such a line as HTML, and ends the paragraph before it.
            raise SystemExit(f"{self.path}: a line begins with <!-- figure:NAME -->; write a word before it")
        if len(_MARK_BEGIN.findall(current)) != len(_MARK.findall(current)):
            raise SystemExit(f"{self.path}: a <!-- figure:NAME --> has no <!-- /figure --> on its line")
        return _MARK.sub(
            lambda mark: f"<!-- figure:{mark['name']} -->{figure_text(mark['name'])}<!-- /figure -->", current
        )


README_FIGURES: Final = (
    (
        "a lone tiny JSON request, compared with an obvious FastAPI endpoint with pydantic",
        "peers/tiny-json",
        "{} of its median time",
    ),
    (
        "a lone raw request of 0.8 MB, compared with an obvious FastAPI endpoint",
        "peers/medium-raw",
        "{} of its median time",
    ),
    (
        "raw requests of 0.8 MB over 8 connections, compared with NVIDIA Triton's binary protocol",
        "triton/medium",
        "{} times its requests per second",
    ),
    (
        "tiny raw requests over 16 connections, compared with NVIDIA Triton's binary protocol",
        "triton/tiny",
        "{} times its requests per second",
    ),
    (
        "`max_pool2d` 2×2 on 8×64×112×112, one thread, compared with torch's kernel",
        "kernels/max-pool",
        "{} times as fast, the same bits",
    ),
    ("{soak/requests}, each response compared with torch", "soak/wrong", "{} wrong"),
    ("the same: growth of the service's memory after a warm-up", "soak/growth", "{}"),
)
"""The figures of the README: description, name, and template."""


def readme_figures() -> str:
    """The table of the README's figures, each with its command."""
    return markdown_table(
        ("measured", "figure", "command"),
        [
            (
                re.sub(r"\{(.+?)\}", lambda match: figure_text(match[1]), description),
                template.format(figure_text(name)),
                figure_command(name),
            )
            for description, name, template in README_FIGURES
        ],
    )


def simulated_devices_table() -> str:
    """The table of the simulated throughput of several GPUs at a million requests per second."""
    rows = [
        (each["devices"], each["goodput"], each["goodput"] / each["rate"], each["p99_ms"])
        for each in load_run("simulate")["figures"][1:]
        if each["sweep"] == "devices" and each["rule"] == "ours"
    ]
    return f"{describe_run('simulate')}\n\n" + markdown_table(
        ("GPUs", "good responses per second", "share of all requests", "p99 of all responses, ms"),
        [(f"{devices}", f"{good:,.0f}", f"{share:.1%}", f"{p99_ms:.1f}") for devices, good, share, p99_ms in rows],
    )
