"""The generated files, in one table: what is written where, and from what it is derived.

A row with a mark replaces what stands between ``<!-- generated:MARK -->`` and ``<!-- /generated:MARK -->``,
so that the prose around it stays by hand; a row without one is the whole file. The measured figures inside of the
prose have marks of their own, see scripts/figures.py.
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
from client_methods import client_operators
from dashboard import dashboard
from doc_tables import codes, field_codes, guards, metrics, operator_chapters, operator_table, settings
from figures import Figured, front_figures, measured, simulated_devices

from poolhouse import describe
from poolhouse.operators.catalogue import discover
from poolhouse.rest.app import document

ROOT = Path(__file__).resolve().parent.parent


class Row(Protocol):
    """A file, and how its text is made anew."""

    @property
    def path(self) -> str: ...

    def renewed(self, present: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Generated:
    """One generated text: its file, its mark in that file if it has one, and what makes it."""

    path: str
    mark: str | None
    make: Callable[[], str]

    def renewed(self, present: str) -> str:
        """The text of the file with this row made anew."""
        if self.mark is None:
            return self.make()
        begin, end = f"<!-- generated:{self.mark} -->", f"<!-- /generated:{self.mark} -->"
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        text = f"{begin}\n{self.make()}\n{end}"
        # A function, since a replacement text would read backslashes as groups.
        changed, count = pattern.subn(lambda _: text, present)
        if count != 1:
            raise SystemExit(f"{self.path}: expected {begin} … {end} once, found it {count} times")
        return changed


def openapi() -> str:
    """The OpenAPI document as it is checked in."""
    return json.dumps(document(discover()), indent=2, ensure_ascii=False) + "\n"


def prometheus_rule() -> str:
    """The alert rules as the Prometheus operator takes them."""
    groups: dict[str, Any] = yaml.safe_load((ROOT / "deploy/observability/rules.yml").read_text(encoding="utf-8"))
    wrapped = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "poolhouse"},
        "spec": groups,
    }
    told = "# Generated from deploy/observability/rules.yml by scripts/generate.\n"
    return told + yaml.safe_dump(wrapped, sort_keys=False, width=1000)


def catalogue() -> str:
    """Every operator in full, which ``poolhouse operators`` tells where neither a service nor torch is."""
    return json.dumps([describe.card(member) for member in discover()], indent=1, ensure_ascii=False) + "\n"


def documents() -> list[str]:
    """Every page on which measured figures may stand."""
    pages = [ROOT / "README.md", ROOT / "SECURITY.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "deploy").rglob("*.md")]
    return [page.relative_to(ROOT).as_posix() for page in sorted(pages)]


GENERATED: tuple[Row, ...] = (
    Generated("README.md", "figures", front_figures),
    Generated("README.md", "operator-table", lambda: operator_table(discover())),
    Generated("docs/settings.md", "settings", settings),
    Generated("docs/metrics.md", "metrics", metrics),
    Generated("docs/errors.md", "codes", codes),
    Generated("docs/errors.md", "field-codes", field_codes),
    Generated("docs/performance.md", "peers", lambda: measured("peers")),
    Generated("docs/performance.md", "triton", lambda: measured("triton")),
    Generated("docs/performance.md", "limit", lambda: measured("limit")),
    Generated("docs/performance.md", "json", lambda: measured("json")),
    Generated("docs/performance.md", "inline", lambda: measured("inline")),
    Generated("docs/performance.md", "company", lambda: measured("company")),
    Generated("docs/performance.md", "memory", lambda: measured("memory")),
    Generated("docs/performance.md", "kernels", lambda: measured("kernels")),
    Generated("docs/performance.md", "device", lambda: measured("device")),
    Generated("docs/performance.md", "client", lambda: measured("client")),
    Generated("deploy/ray/README.md", "ray_serve", lambda: measured("ray_serve")),
    Generated("docs/scaling.md", "scaling", lambda: measured("scaling")),
    Generated("docs/scaling.md", "simulated-devices", simulated_devices),
    Generated("docs/batching.md", "joining", lambda: measured("joining")),
    Generated("docs/batching.md", "simulate", lambda: measured("simulate")),
    Generated("docs/batching.md", "soak", lambda: measured("soak")),
    Generated("docs/attacks.md", "attack", lambda: measured("attack")),
    Generated("docs/guards.md", "guards", guards),
    Generated("docs/operators.md", "operators", lambda: operator_table(discover())),
    Generated("docs/operators.md", "operator-chapters", lambda: operator_chapters(discover())),
    Generated("openapi/openapi.json", None, openapi),
    Generated("deploy/observability/grafana/dashboards/poolhouse.json", None, dashboard),
    Generated("deploy/kubernetes/components/servicemonitor/prometheusrule.yaml", None, prometheus_rule),
    Generated("service/poolhouse/client/operators.py", None, lambda: client_operators(discover())),
    Generated("service/poolhouse/commands/catalogue.json", None, catalogue),
    *(Figured(path) for path in documents()),
)


def stale_files(rows: Sequence[Row], root: Path) -> dict[Path, str]:
    """The files that are not as their rows make them, with the text that they should have."""
    wanted: dict[Path, str] = {}
    present: dict[Path, str] = {}
    for row in rows:
        path = root / row.path
        present.setdefault(path, path.read_text(encoding="utf-8") if path.exists() else "")
        wanted[path] = row.renewed(wanted.get(path, present[path]))
    return {path: text for path, text in wanted.items() if text != present[path]}


def main(argv: Sequence[str] | None = None) -> int:
    """Write the stale files, or with ``--check`` name them and give 1."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a file is not fresh")
    checking: bool = parser.parse_args(argv).check
    stale = stale_files(GENERATED, ROOT)
    for path, text in stale.items():
        name = path.relative_to(ROOT)
        if checking:
            print(f"{name} is not fresh; run scripts/generate", file=sys.stderr)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"wrote {name}")
    return 1 if checking and stale else 0


if __name__ == "__main__":
    sys.exit(main())
