"""Render the parts of docs/ that come from the code: settings, codes, metrics, guards, operators."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from _open_inference_cases import DIFFERENCES
from guards.table import GROUPS
from prove_guards import located_guards

from poolhouse import describe
from poolhouse.errors import CODES, FIELD_CODES
from poolhouse.operators.catalogue import Catalogue
from poolhouse.operators.operator import Operator
from poolhouse.rest.observability.counters import Family
from poolhouse.rest.observability.metric_families import FAMILIES
from poolhouse.rest.observability.model_statistics import REASONS, failure_reason
from poolhouse.rest.observability.nv_metrics import ABSENT, NV_FAMILIES
from poolhouse.settings import all_settings


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown; bars inside cells are escaped."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def module_tables(package: Path) -> str:
    """Every module with the first sentences of its docstring, a table for each folder, for docs/modules.md."""
    rows: dict[str, list[tuple[str, str]]] = {}
    for file in sorted(package.rglob("*.py")):
        subject = (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").partition("\n\n")[0]
        # A role of Sphinx is its target in Markdown, and a doubled backtick is a single one.
        subject = re.sub(r":\w+:`[~.]*([^`]*)`", r"`\1`", subject).replace("``", "`")
        folder = file.parent.relative_to(package).as_posix()
        rows.setdefault(folder, []).append((f"`{file.name}`", " ".join(subject.split())))
    chapters = []
    for folder, modules in sorted(rows.items()):
        (about,) = [subject for name, subject in modules if name == "`__init__.py`"]
        title = "The top level" if folder == "." else f"`{folder}`"
        table = markdown_table(("module", "subject"), [row for row in modules if row[0] != "`__init__.py`"])
        chapters.append(f"## {title}\n\n{about}\n\n{table}")
    return "\n\n".join(chapters)


def settings_table() -> str:
    """Every setting, for docs/settings.md."""
    return markdown_table(
        ("environment", "option", "default", "takes", "meaning"),
        [
            (
                f"`{row.environment}`",
                f"`{row.option}`",
                f"`{row.default}`" if row.default else "none",
                row.accepts,
                row.description,
            )
            for row in all_settings()
        ],
    )


def error_code_table() -> str:
    """Every error code, by status."""
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


def metric_table(families: Iterable[Family] = FAMILIES.values()) -> str:
    """Every metric with its labels."""
    return markdown_table(
        ("name", "kind", "labels", "meaning"),
        [
            (
                f"`{family.name}`",
                family.kind,
                ", ".join(f"`{label}`" for label in family.labels) or "none",
                family.meaning,
            )
            for family in families
        ],
    )


def nv_metric_table() -> str:
    """The metrics with Triton's names."""
    return metric_table(NV_FAMILIES.values())


def nv_reason_table() -> str:
    """The reasons of failed requests in Triton's metrics, and the error codes of each."""
    words = {"CANCELED": "none: the client disconnected", "OTHER": "all others, above all those of invalid input"}
    return markdown_table(
        ("reason", "codes"),
        [
            (
                f"`{reason}`",
                words.get(reason) or ", ".join(f"`{code}`" for code in CODES if failure_reason(code) == reason),
            )
            for reason in REASONS
        ],
    )


def absent_nv_metric_table() -> str:
    """Triton's metrics that the service does not have, and why."""
    return markdown_table(("name", "why not"), [(f"`{name}`", why) for name, why in ABSENT.items()])


def guard_chapters() -> str:
    """Every guard, with what it protects and the test that fails without it, by group."""
    located = located_guards()
    chapters = [
        f"## {group}\n\n"
        + markdown_table(
            ("guard", "without it", "where", "the test that fails"),
            [
                (each.guard.protects, each.guard.consequence, f"`{each.path}`", f"`{each.test.removeprefix('tests/')}`")
                for each in located
                if each.group == group
            ],
        )
        for group in GROUPS
    ]
    return "\n\n".join(chapters)


def triton_difference_table() -> str:
    """The meant differences from Triton, each of which scripts/prove_open_inference shows."""
    return markdown_table(
        ("request", "Triton", "poolhouse", "why"),
        [(each.request, each.triton, each.ours, each.reason) for each in DIFFERENCES.values()],
    )


def field_code_table() -> str:
    """Every code of a single field."""
    return markdown_table(("code", "meaning"), [(f"`{code}`", why) for code, why in FIELD_CODES.items()])


def operator_table(catalogue: Catalogue) -> str:
    """The operators by family, for the README and docs/operators.md."""
    return markdown_table(
        ("operator", "axes", "gives", "fields"),
        [
            (
                f"`{members[0].family}`",
                _axes(members),
                to_markdown(describe.summary(members[0]).partition(":")[0].removesuffix(".") + "."),
                ", ".join(f"`{field.name}`" for field in members[0].fields()) or "none",
            )
            for members in operator_families(catalogue)
        ],
    )


def _axes(members: Sequence[type[Operator]]) -> str:
    """The numbers of spatial axes that a family takes; the last name is all of it where there is one class."""
    if members[0].is_rank_free:
        return "1d, 2d, 3d"
    return ", ".join(f"{member.rank}d" for member in members) if members[0].ranks else "–"


def operator_families(catalogue: Catalogue) -> list[list[type[Operator]]]:
    """The operators grouped by family; the members of a family differ only in rank."""
    families: dict[str, list[type[Operator]]] = {}
    for member in catalogue:
        families.setdefault(member.family, []).append(member)
    return list(families.values())


def to_markdown(text: str) -> str:
    """The text of a docstring as Markdown: single instead of double backticks."""
    return text.replace("``", "`")


def operator_chapters(catalogue: Catalogue) -> str:
    """The complete description of each family, with an example."""
    return "\n\n".join(operator_chapter(members) for members in operator_families(catalogue))


def operator_chapter(operators: Sequence[type[Operator]]) -> str:
    """One family of operators. Descriptions that hold for all ranks are those of 2-D."""
    example = min(operators, key=lambda member: abs(member.rank - 2))
    card = describe.operator_card(example)
    fields = markdown_table(
        ("field", f"takes ({example.rank}-D)" if example.ranks else "takes", "default", "meaning"),
        [
            (
                f"`{field.name}`",
                field.field_type.describe(example.rank),
                describe_default(describe.field_card(example, field)),
                field.meaning,
            )
            for field in example.fields()
        ],
    )
    companions = markdown_table(
        ("tensor", "element types", "needed", "meaning"),
        [
            (
                f"`{each.name}`",
                ", ".join(dtype.name for dtype in each.element_types),
                "yes" if each.is_required else "no",
                each.meaning,
            )
            for each in example.companions
        ],
    )
    types = markdown_table(
        ("element type", "meaning"),
        [(kind, to_markdown(meaning)) for kind, meaning in example.element_types.items()],
    )
    paragraphs = [
        f"### {', '.join(member.name for member in operators)}",
        to_markdown(str(card["description"])),
        f"**Shape**: {to_markdown(str(card['shape']))}",
        companions if example.companions else "",
        fields if example.fields() else "It has no fields.",
        types,
        f"**Padding**: {to_markdown(example.padding_value)}" if example.padding_value else "",
        f"**Indices**: {to_markdown(example.index_meaning)}" if example.index_meaning else "",
        f"**Source**: {to_markdown(example.source)}" if example.source else "",
        example_with_response(example),
    ]
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def describe_default(card: describe.JsonObject) -> str:
    """A field's default for a table."""
    if card["required"]:
        return "required"
    if "default_from" in card:
        return f"as `{card['default_from']}`"
    return "unset" if card["default"] is None else f"`{json.dumps(card['default'])}`"


def example_with_response(operator: type[Operator]) -> str:
    """The operator's example as a call with curl, and its response."""
    example = describe.example(operator)
    request, response = (json.dumps(example[part], ensure_ascii=False) for part in ("request", "answer"))
    call = f"curl localhost:8000{example['path']} -H 'Content-Type: application/json' -d '{request}'"
    return f"```sh\n{call}\n```\n\n```json\n{response}\n```"
