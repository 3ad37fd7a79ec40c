"""What SECURITY.md and docs/operating.md promise is there: a proof for each threat, help for each alert."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROWS = re.findall(r"^\| (.+?) \| (.+?) \| `(tests/\S+?)::(\w+)` \|$", (ROOT / "SECURITY.md").read_text(), re.MULTILINE)


@pytest.mark.parametrize(("file", "name"), [row[2:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_the_proof_of_every_guard_exists(file: str, name: str) -> None:
    """A renamed test leaves a claim behind."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    tests = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}

    assert name in tests


def test_every_row_of_the_table_has_a_proof() -> None:
    """A threat whose proof cannot be read is one without."""
    table = (ROOT / "SECURITY.md").read_text().partition("| attack | defence ")[2].partition("\n\n")[0]

    assert len(ROWS) == len(table.splitlines()) - 2 > 20


ALERTS = re.findall(r"- alert: (\w+)", (ROOT / "deploy" / "observability" / "rules.yml").read_text())


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_leads_to_what_to_do(alert: str) -> None:
    """Who is woken by it follows the link."""
    rules = (ROOT / "deploy" / "observability" / "rules.yml").read_text()
    page = (ROOT / "docs" / "operating.md").read_text()

    assert f"runbook_url: docs/operating.md#{alert.lower()}\n" in rules
    told = page.partition(f"\n### {alert}\n")[2].partition("\n#")[0]
    assert len(told.split()) > 20


def test_no_section_tells_of_an_alert_that_is_gone() -> None:
    """Somebody would wait for it."""
    told = re.findall(r"^### (Poolhouse\w+)$", (ROOT / "docs" / "operating.md").read_text(), re.MULTILINE)

    assert told == ALERTS
