"""SECURITY.md names a test for each threat, and docs/operating.md has a section for each alert."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROWS = re.findall(r"^\| (.+?) \| (.+?) \| `(tests/\S+?)::(\w+)` \|$", (ROOT / "SECURITY.md").read_text(), re.MULTILINE)


@pytest.mark.parametrize(("file", "name"), [row[2:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_the_test_of_every_defence_exists(file: str, name: str) -> None:
    """The table must follow a renamed test."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    tests = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}

    assert name in tests


def test_every_row_of_the_table_names_a_test() -> None:
    """A defence without a test is only a claim."""
    table = (ROOT / "SECURITY.md").read_text().partition("| attack | defence ")[2].partition("\n\n")[0]

    assert len(ROWS) == len(table.splitlines()) - 2 > 20


ALERTS = re.findall(r"- alert: (\w+)", (ROOT / "deploy" / "observability" / "rules.yml").read_text())


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_has_a_runbook_section(alert: str) -> None:
    """An operator who gets the alert follows its link."""
    rules = (ROOT / "deploy" / "observability" / "rules.yml").read_text()
    page = (ROOT / "docs" / "operating.md").read_text()

    assert f"runbook_url: docs/operating.md#{alert.lower()}\n" in rules
    section = page.partition(f"\n### {alert}\n")[2].partition("\n#")[0]
    assert len(section.split()) > 20


def test_every_runbook_section_belongs_to_an_alert() -> None:
    """A section about a removed alert would mislead operators."""
    sections = re.findall(r"^### (Poolhouse\w+)$", (ROOT / "docs" / "operating.md").read_text(), re.MULTILINE)

    assert sections == ALERTS
