"""The generated files, in one table: what is written where, and from what it is derived.

A row with a mark replaces what stands between ``<!-- generated:MARK -->`` and ``<!-- /generated:MARK -->``,
so that the prose around it stays by hand; a row without one is the whole file.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from poolhouse.errors import CODES, FIELD_CODES
from poolhouse.settings import table

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Generated:
    """One generated text: its file, its mark in that file if it has one, and what makes it."""

    path: str
    mark: str | None
    make: Callable[[], str]


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown; a bar inside of a cell is escaped."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def settings() -> str:
    """Every setting, as docs/settings.md lists it."""
    return markdown_table(
        ("environment", "option", "default", "takes", "meaning"),
        [
            (
                f"`{row.environment}`",
                f"`{row.option}`",
                f"`{row.default}`" if row.default else "none",
                row.takes,
                row.description,
            )
            for row in table()
        ],
    )


def codes() -> str:
    """Every code of a refusal, by status."""
    rows = sorted(CODES.items(), key=lambda row: row[1].status)
    return markdown_table(
        ("status", "code", "title", "meaning"),
        [
            (
                str(error.status),
                f"`{code}`",
                error.title,
                (error.__doc__ or "").partition("\n")[0].replace("``", "`"),
            )
            for code, error in rows
        ],
    )


def field_codes() -> str:
    """Every code of a single field."""
    return markdown_table(("code", "meaning"), [(f"`{code}`", why) for code, why in FIELD_CODES.items()])


GENERATED: tuple[Generated, ...] = (
    Generated("docs/settings.md", "settings", settings),
    Generated("docs/errors.md", "codes", codes),
    Generated("docs/errors.md", "field-codes", field_codes),
)


def renewed(row: Generated, present: str) -> str:
    """The text of the row's file with the row made anew."""
    if row.mark is None:
        return row.make()
    begin, end = f"<!-- generated:{row.mark} -->", f"<!-- /generated:{row.mark} -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    text = f"{begin}\n{row.make()}\n{end}"
    # A function, since a replacement text would read backslashes as groups.
    changed, count = pattern.subn(lambda _: text, present)
    if count != 1:
        raise SystemExit(f"{row.path}: expected {begin} … {end} once, found it {count} times")
    return changed


def stale_files(rows: Sequence[Generated], root: Path) -> dict[Path, str]:
    """The files that are not as their rows make them, with the text that they should have."""
    wanted: dict[Path, str] = {}
    present: dict[Path, str] = {}
    for row in rows:
        path = root / row.path
        present.setdefault(path, path.read_text(encoding="utf-8") if path.exists() else "")
        wanted[path] = renewed(row, wanted.get(path, present[path]))
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
