"""scripts/generate.py writes generated files and marked parts of pages."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parent.parent / "scripts" / "generate.py"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    """scripts/generate.py as a module; scripts is no package."""
    spec = importlib.util.spec_from_file_location("generate", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_every_generated_file_is_up_to_date(generate: ModuleType) -> None:
    """Outdated documentation misleads its readers."""
    stale = generate.stale_files(generate.GENERATED, generate.ROOT)

    assert not stale, "run scripts/generate"


def test_a_marked_part_is_replaced_and_the_other_text_kept(generate: ModuleType, tmp_path: Path) -> None:
    """A page may contain both written and generated text."""
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- generated:x -->\nold\n<!-- /generated:x -->\nafter\n")
    row = generate.Generated("page.md", "x", lambda: r"new \1")

    stale = generate.stale_files([row], tmp_path)

    assert stale == {page: "before\n<!-- generated:x -->\nnew \\1\n<!-- /generated:x -->\nafter\n"}
    page.write_text(stale[page])
    assert generate.stale_files([row], tmp_path) == {}


def test_two_marked_parts_of_a_page_are_both_replaced(generate: ModuleType, tmp_path: Path) -> None:
    """The second replacement must not undo the first."""
    page = tmp_path / "page.md"
    page.write_text("<!-- generated:a --><!-- /generated:a --><!-- generated:b --><!-- /generated:b -->")
    rows = [generate.Generated("page.md", mark, lambda mark=mark: mark.upper()) for mark in "ab"]

    (text,) = generate.stale_files(rows, tmp_path).values()

    assert "\nA\n" in text
    assert "\nB\n" in text


def test_a_row_without_a_mark_is_the_whole_file(generate: ModuleType, tmp_path: Path) -> None:
    """JSON cannot contain marks, and the file may not exist yet."""
    row = generate.Generated("new/document.json", None, lambda: "{}\n")

    assert generate.stale_files([row], tmp_path) == {tmp_path / "new/document.json": "{}\n"}


@pytest.mark.parametrize("text", ["", "<!-- generated:x -->", "<!-- generated:x --><!-- /generated:x -->" * 2])
def test_a_missing_or_duplicate_mark_is_reported(generate: ModuleType, tmp_path: Path, text: str) -> None:
    """Otherwise a list whose mark was removed would never be updated again."""
    (tmp_path / "page.md").write_text(text)

    with pytest.raises(SystemExit, match=r"page\.md: expected <!-- generated:x -->"):
        generate.stale_files([generate.Generated("page.md", "x", str)], tmp_path)
