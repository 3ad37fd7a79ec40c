"""The generated files, in one table: what is written where, and from what it is derived.

A row with a mark replaces what stands between ``<!-- generated:MARK -->`` and ``<!-- /generated:MARK -->``,
so that the prose around it stays by hand; a row without one is the whole file.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from poolhouse import describe
from poolhouse.errors import CODES, FIELD_CODES
from poolhouse.operators.catalogue import Catalogue, discover
from poolhouse.operators.operator import Operator
from poolhouse.rest.openapi import document
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


def operator_table(catalogue: Catalogue) -> str:
    """The operators by family, for the front page and as the head of their own."""
    return markdown_table(
        ("operator", "axes", "gives", "fields"),
        [
            (
                f"`{members[0].family}`",
                ", ".join(f"{member.rank}d" for member in members),
                plain(describe.summary(members[0]).partition(":")[0].removesuffix(".") + "."),
                ", ".join(f"`{field.name}`" for field in members[0].fields()) or "none",
            )
            for members in families(catalogue)
        ],
    )


def families(catalogue: Catalogue) -> list[list[type[Operator]]]:
    """The operators that differ in their rank alone, together."""
    found: dict[str, list[type[Operator]]] = {}
    for member in catalogue:
        found.setdefault(member.family, []).append(member)
    return list(found.values())


def plain(text: str) -> str:
    """A docstring's words as Markdown: one backtick where it has two."""
    return text.replace("``", "`")


def operator_chapters(catalogue: Catalogue) -> str:
    """Everything there is to know of each family, and an example that runs."""
    return "\n\n".join(chapter(members) for members in families(catalogue))


def chapter(members: Sequence[type[Operator]]) -> str:
    """One family of operators. What is said once for all ranks is said for 2-D."""
    shown = min(members, key=lambda member: abs(member.rank - 2))
    card = describe.card(shown)
    fields = markdown_table(
        ("field", f"takes ({shown.rank}-D)", "default", "meaning"),
        [
            (
                f"`{field.name}`",
                field.kind.words(shown.rank),
                default_words(describe.field_card(shown, field)),
                field.meaning,
            )
            for field in shown.fields()
        ],
    )
    types = markdown_table(
        ("element type", "what it means here"), [(kind, plain(words)) for kind, words in shown.element_types.items()]
    )
    paragraphs = [
        f"### {', '.join(member.name for member in members)}",
        plain(str(card["description"])),
        f"**Shape**: {plain(str(card['shape']))}",
        fields if shown.fields() else "It has no fields.",
        types,
        f"**Padding**: {plain(shown.padding_value)}" if shown.padding_value else "",
        f"**Indices**: {plain(shown.index_meaning)}" if shown.index_meaning else "",
        f"**Source**: {plain(shown.source)}" if shown.source else "",
        worked_example(shown),
    ]
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def default_words(card: describe.Card) -> str:
    """A field's default for a table."""
    if card["required"]:
        return "must be given"
    if "default_from" in card:
        return f"as `{card['default_from']}`"
    return "unset" if card["default"] is None else f"`{json.dumps(card['default'])}`"


def worked_example(member: type[Operator]) -> str:
    """The operator's example as a call with curl, and its answer."""
    worked = describe.example(member)
    request, answer = (json.dumps(worked[part], ensure_ascii=False) for part in ("request", "answer"))
    call = f"curl localhost:8000{worked['path']} -H 'Content-Type: application/json' -d '{request}'"
    return f"```sh\n{call}\n```\n\n```json\n{answer}\n```"


def openapi() -> str:
    """The OpenAPI document as it is checked in."""
    return json.dumps(document(discover()), indent=2, ensure_ascii=False) + "\n"


GENERATED: tuple[Generated, ...] = (
    Generated("README.md", "operator-table", lambda: operator_table(discover())),
    Generated("docs/settings.md", "settings", settings),
    Generated("docs/errors.md", "codes", codes),
    Generated("docs/errors.md", "field-codes", field_codes),
    Generated("docs/operators.md", "operators", lambda: operator_table(discover())),
    Generated("docs/operators.md", "operator-chapters", lambda: operator_chapters(discover())),
    Generated("openapi/openapi.json", None, openapi),
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
