"""Write the generated files, which are listed in one table.

A row with a mark replaces the text between ``<!-- generated:MARK -->`` and ``<!-- /generated:MARK -->`` of a file that
is written by hand; a row without a mark is the whole file. Measured figures in the prose have marks of their own, see
scripts/figures.py.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import yaml
from client_methods import render_client_adapters, render_client_operators
from dashboard import dashboard
from doc_tables import (
    absent_nv_metric_table,
    error_code_table,
    field_code_table,
    guard_chapters,
    metric_table,
    module_tables,
    nv_metric_table,
    nv_reason_table,
    operator_chapters,
    operator_table,
    settings_table,
    triton_difference_table,
)
from figures import DocumentWithFigures, readme_figures, run_report, simulated_devices_table

from poolhouse import describe
from poolhouse.operators.catalogue import discover
from poolhouse.rest.app import openapi_document

ROOT = Path(__file__).resolve().parent.parent


class GeneratedFile(Protocol):
    """A file, and how its text is regenerated."""

    @property
    def path(self) -> str: ...

    def regenerate(self, current: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Generated:
    """One generated text: its file, its mark in that file if it has one, and the function that renders it."""

    path: str
    mark: str | None
    render: Callable[[], str]

    def regenerate(self, current: str) -> str:
        """The text of the file with this row updated."""
        if self.mark is None:
            return self.render()
        begin, end = f"<!-- generated:{self.mark} -->", f"<!-- /generated:{self.mark} -->"
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        text = f"{begin}\n{self.render()}\n{end}"
        # A function, since a replacement text would read backslashes as groups.
        changed, count = pattern.subn(lambda _: text, current)
        if count != 1:
            raise SystemExit(f"{self.path}: expected {begin} … {end} once, found it {count} times")
        return changed


def openapi_text() -> str:
    """The OpenAPI document of the repository."""
    return json.dumps(openapi_document(discover()), indent=2, ensure_ascii=False) + "\n"


def prometheus_rule_text() -> str:
    """The alert rules as a resource of the Prometheus operator."""
    groups: dict[str, Any] = yaml.safe_load((ROOT / "deploy/observability/rules.yml").read_text(encoding="utf-8"))
    resource = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "poolhouse"},
        "spec": groups,
    }
    comment = "# Generated from deploy/observability/rules.yml by scripts/generate.\n"
    return comment + yaml.safe_dump(resource, sort_keys=False, width=1000)


def catalogue_text() -> str:
    """The cards of all operators, which ``poolhouse operators`` prints without a service or torch."""
    return json.dumps([describe.operator_card(member) for member in discover()], indent=1, ensure_ascii=False) + "\n"


def documents_with_figures() -> list[str]:
    """Every page that may have measured figures."""
    pages = [ROOT / "README.md", ROOT / "SECURITY.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "deploy").rglob("*.md")]
    return [page.relative_to(ROOT).as_posix() for page in sorted(pages)]


GENERATED: tuple[GeneratedFile, ...] = (
    Generated("README.md", "figures", readme_figures),
    Generated("README.md", "operator-table", lambda: operator_table(discover())),
    Generated("docs/settings.md", "settings", settings_table),
    Generated("docs/metrics.md", "metrics", metric_table),
    Generated("docs/metrics.md", "nv-metrics", nv_metric_table),
    Generated("docs/metrics.md", "nv-reasons", nv_reason_table),
    Generated("docs/metrics.md", "absent-nv-metrics", absent_nv_metric_table),
    Generated("docs/errors.md", "codes", error_code_table),
    Generated("docs/errors.md", "field-codes", field_code_table),
    Generated("docs/open_inference.md", "triton-differences", triton_difference_table),
    Generated("docs/performance.md", "peers", lambda: run_report("peers")),
    Generated("docs/performance.md", "triton", lambda: run_report("triton")),
    Generated("docs/performance.md", "limit", lambda: run_report("limit")),
    Generated("docs/performance.md", "json", lambda: run_report("json")),
    Generated("docs/performance.md", "inline", lambda: run_report("inline")),
    Generated("docs/performance.md", "contention", lambda: run_report("contention")),
    Generated("docs/performance.md", "memory", lambda: run_report("memory")),
    Generated("docs/performance.md", "kernels", lambda: run_report("kernels")),
    Generated("docs/performance.md", "windows", lambda: run_report("windows")),
    Generated("docs/performance.md", "regions", lambda: run_report("regions")),
    Generated("docs/performance.md", "ranks", lambda: run_report("ranks")),
    Generated("docs/performance.md", "device", lambda: run_report("device")),
    Generated("docs/performance.md", "client", lambda: run_report("client")),
    Generated("deploy/ray/README.md", "ray_serve", lambda: run_report("ray_serve")),
    Generated("docs/scaling.md", "scaling", lambda: run_report("scaling")),
    Generated("docs/scaling.md", "simulated-devices", simulated_devices_table),
    Generated("docs/batching.md", "joining", lambda: run_report("joining")),
    Generated("docs/batching.md", "simulate", lambda: run_report("simulate")),
    Generated("docs/batching.md", "soak", lambda: run_report("soak")),
    Generated("docs/attacks.md", "attack", lambda: run_report("attack")),
    Generated("docs/guards.md", "guards", guard_chapters),
    Generated("docs/modules.md", "modules", lambda: module_tables(ROOT / "service" / "poolhouse")),
    Generated("docs/operators.md", "operators", lambda: operator_table(discover())),
    Generated("docs/operators.md", "operator-chapters", lambda: operator_chapters(discover())),
    Generated("openapi/openapi.json", None, openapi_text),
    Generated("deploy/observability/grafana/dashboards/poolhouse.json", None, dashboard),
    Generated("deploy/kubernetes/components/servicemonitor/prometheusrule.yaml", None, prometheus_rule_text),
    Generated("service/poolhouse/client/operators.py", None, lambda: render_client_operators(discover())),
    Generated("service/poolhouse/client/adapters.py", None, lambda: render_client_adapters(discover())),
    Generated("service/poolhouse/commands/catalogue.json", None, catalogue_text),
    *(DocumentWithFigures(path) for path in documents_with_figures()),
)


def stale_files(files: Sequence[GeneratedFile], root: Path) -> dict[Path, str]:
    """The files that differ from their generated text, with that text."""
    generated: dict[Path, str] = {}
    current: dict[Path, str] = {}
    for row in files:
        path = root / row.path
        current.setdefault(path, path.read_text(encoding="utf-8") if path.exists() else "")
        generated[path] = row.regenerate(generated.get(path, current[path]))
    return {path: text for path, text in generated.items() if text != current[path]}


def main(argv: Sequence[str] | None = None) -> int:
    """Write the stale files, or with ``--check`` print their names and return 1."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is stale")
    only_check: bool = parser.parse_args(argv).check
    stale = stale_files(GENERATED, ROOT)
    for path, text in stale.items():
        name = path.relative_to(ROOT)
        if only_check:
            print(f"{name} is stale; run scripts/generate", file=sys.stderr)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"wrote {name}")
    return 1 if only_check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
