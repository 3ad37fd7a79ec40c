"""Write the result of a measurement with its machine, versions and command."""

from __future__ import annotations

import json
import os
import platform
import shlex
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Final

import torch

RESULTS: Final = Path(__file__).resolve().parent / "results"
_PACKAGES: Final = ("torch", "numpy", "uvicorn", "uvloop", "httptools", "fastapi", "starlette", "pydantic", "orjson")


def describe_machine() -> dict[str, str]:
    """The processor, the cores, the versions, and the current load."""
    return {
        "cpu": f"{_cpu_model()}, {torch.backends.cpu.get_cpu_capability()}",
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "load": f"{os.getloadavg()[0]:.2f} before the run",
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in _PACKAGES},
    }


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    return "\n".join("| " + " | ".join(line) + " |" for line in (columns, ["---"] * len(columns), *rows))


def write_result(
    name: str,
    machine: Mapping[str, str],
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    figures: object,
) -> None:
    """Print a result and write it as ``results/NAME.json``, from which scripts/generate writes the documents."""
    if "load" in machine:
        # It includes the load of the run itself; much more means that other processes disturbed the figures.
        machine = {**machine, "load": f"{machine['load']}, {os.getloadavg()[0]:.2f} after it"}
    # Without the folder, which is private to the machine. scripts/bench explains the prefix compare_.
    command = shlex.join(["scripts/bench", Path(sys.argv[0]).stem.removeprefix("compare_"), *sys.argv[1:]])
    date = datetime.now(UTC).date().isoformat()
    description = ", ".join(f"{key} {value}" for key, value in machine.items())
    document = {
        "command": command,
        "date": date,
        "machine": machine,
        "columns": columns,
        "rows": rows,
        "figures": figures,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(
        f"{command} on {date}. {description}.\n\n{markdown_table(columns, rows)}\n\n"
        "Run scripts/generate to write it into the documents."
    )
