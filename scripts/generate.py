"""The generated files, in one table: what is written where, and from what it is derived.

A row with a mark replaces what stands between ``<!-- generated:MARK -->`` and ``<!-- /generated:MARK -->``,
so that the prose around it stays by hand; a row without one is the whole file.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from dashboard import dashboard
from guards import GUARDS

from poolhouse import describe
from poolhouse.errors import CODES, FIELD_CODES
from poolhouse.operators.catalogue import Catalogue, discover
from poolhouse.operators.fields import Field, Flag, Kind, PerAxis, Power, RatioPerAxis, Whole
from poolhouse.operators.operator import Operator
from poolhouse.rest.metrics import FAMILIES
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


def metrics() -> str:
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
            for family in FAMILIES.values()
        ],
    )


def guards() -> str:
    """Every guard of the engine, with what it holds off and the test that misses it."""
    chapters = [
        f"## {group}\n\n"
        + markdown_table(
            ("guard", "without it", "where", "the test that fails"),
            [
                (guard.guard, guard.without, f"`{guard.path}`", f"`{guard.test.removeprefix('tests/')}`")
                for guard in GUARDS
                if guard.group == group
            ],
        )
        for group in dict.fromkeys(guard.group for guard in GUARDS)
    ]
    return "\n\n".join(chapters)


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


FIELD_TYPES: dict[type[Kind], str] = {
    PerAxis: "int | Sequence[int]",
    RatioPerAxis: "float | Sequence[float]",
    Flag: "bool",
    Whole: "int",
    Power: "float",
}
"""How a Python caller writes a field of each kind."""


def client_operators(catalogue: Catalogue) -> str:
    """The typed methods of both clients."""
    takes_indices = ", ".join(f'"{member.name}"' for member in catalogue if "indices" in member.inputs)
    parts = [
        '"""The operators as methods of both clients, generated from the catalogue by scripts/generate."""\n',
        "# ruff: noqa: A002, since input is torch's name for it\n",
        "from __future__ import annotations\n",
        "from collections.abc import Mapping, Sequence",
        "from typing import Final, Literal, TypeVar, cast, overload\n",
        "from poolhouse.client.arrays import Exchangeable",
        "from poolhouse.client.pooled import Pooled\n",
        'Kind = TypeVar("Kind", bound=Exchangeable | Sequence[object])',
        '"""What goes in comes out: numpy for numpy, torch for torch, lists for lists."""\n',
        f"TAKES_INDICES: Final = frozenset({{{takes_indices}}})",
        '"""Operators that take ``indices`` beside the input."""\n',
    ]
    for prefix, start, wait in (("", "def", ""), ("Async", "async def", "await ")):
        parts += [
            f"\nclass {prefix}Operators:",
            f'    """One method an operator, for :class:`{prefix}Client`, which says how a question is asked."""\n',
            f"    {start} _pool(",
            "        self, operator: str, inputs: Mapping[str, object], fields: Mapping[str, object]",
            "    ) -> Pooled[object, object | None]:",
            "        raise NotImplementedError\n",
        ]
        for member in catalogue:
            parts.append(client_method(member, start, wait))
    return "\n".join(parts).rstrip("\n") + "\n"


def client_method(member: type[Operator], start: str, wait: str) -> str:
    """One operator's method, with an overload for each type that its answer can have."""
    fields = member.fields()
    inputs = [f"{name}: Kind" for name in member.inputs]
    lines: list[str] = []
    gives = "Pooled[Kind, None]"
    if "indices" in describe.all_outputs(member):
        gives = "Pooled[Kind, Kind | None]"
        for literal, indices in (("Literal[False]", "None"), ("Literal[True]", "Kind"), ("bool", "Kind | None")):
            lines += ["    @overload", f"    {start} {member.name}("]
            lines += argument_lines(inputs, fields, literal)
            lines += [f"    ) -> Pooled[Kind, {indices}]: ..."]
    lines += [f"    {start} {member.name}(", *argument_lines(inputs, fields, None), f"    ) -> {gives}:"]
    lines += [f"        {line}".rstrip() for line in client_docstring(member)]
    lines += [f"        asked = {wait}self._pool(", f'            "{member.name}",']
    lines += entry_lines(member.inputs) + entry_lines([field.name for field in fields])
    lines += ["        )", f'        return cast("{gives}", asked)', ""]
    return "\n".join(lines)


def entry_lines(names: Sequence[str]) -> list[str]:
    """A dict of these arguments by name, as an argument."""
    if not names:
        return ["            {},"]
    if len(names) == 1:
        return [f'            {{"{names[0]}": {names[0]}}},']
    return ["            {", *(f'                "{name}": {name},' for name in names), "            },"]


def argument_lines(inputs: Sequence[str], fields: Sequence[Field], return_indices: str | None) -> list[str]:
    """A method's arguments, in torch's order; in an overload ``return_indices`` has the type that is given."""
    lines = ["        self,", *(f"        {each}," for each in inputs)]
    for field in fields:
        kind = FIELD_TYPES[type(field.kind)]
        if isinstance(field.kind, PerAxis) and field.kind.keep:
            kind = "int | Sequence[int | None]"
        given, default = kind, "None"
        if not field.required:
            unset = field.default is None or field.default_from is not None
            given, default = (f"{kind} | None", "None") if unset else (kind, repr(field.default))
        if field.name == "return_indices" and return_indices is not None:
            if return_indices == "Literal[False]":
                lines.append("        return_indices: Literal[False] = False,")
                continue
            # Without a default it may follow those that have one only by name.
            lines += ["        *,", f"        return_indices: {return_indices},"]
            continue
        lines.append(f"        {field.name}: {given}" + ("," if field.required else f" = {default},"))
    return lines


def client_docstring(member: type[Operator]) -> list[str]:
    """An operator's docstring for its method: meaning, arguments, shape."""
    told = ["input: the tensor to pool."]
    if "indices" in member.inputs:
        told.append("indices: where max pooling found each value.")
    told += [f"{field.name}: {field.meaning}" for field in member.fields()]
    lines = ['"""' + line if at == 0 else line for at, line in enumerate(describe.meaning(member).splitlines())]
    lines += ["", "Args:", *folded(told), "", "Shape:", *folded([describe.shape_rule(member)])]
    return [*lines, '"""']


def folded(paragraphs: Sequence[str]) -> list[str]:
    """The paragraphs in lines that fit a docstring's section."""
    return [
        line
        for paragraph in paragraphs
        for line in textwrap.wrap(paragraph, 104, initial_indent="    ", subsequent_indent="        ")
    ]


def measured(name: str) -> str:
    """What a benchmark wrote when it last ran, as docs/performance.md and docs/batching.md quote it."""
    return (ROOT / "benchmarks" / "results" / f"{name}.md").read_text(encoding="utf-8").strip()


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


GENERATED: tuple[Generated, ...] = (
    Generated("README.md", "operator-table", lambda: operator_table(discover())),
    Generated("docs/settings.md", "settings", settings),
    Generated("docs/metrics.md", "metrics", metrics),
    Generated("docs/errors.md", "codes", codes),
    Generated("docs/errors.md", "field-codes", field_codes),
    Generated("docs/performance.md", "peers", lambda: measured("peers")),
    Generated("docs/performance.md", "inline", lambda: measured("inline")),
    Generated("docs/performance.md", "company", lambda: measured("company")),
    Generated("docs/performance.md", "kernels", lambda: measured("kernels")),
    Generated("docs/performance.md", "device", lambda: measured("device")),
    Generated("deploy/ray/README.md", "ray_serve", lambda: measured("ray_serve")),
    Generated("docs/scaling.md", "scaling", lambda: measured("scaling")),
    Generated("docs/batching.md", "joining", lambda: measured("joining")),
    Generated("docs/batching.md", "simulate", lambda: measured("simulate")),
    Generated("docs/batching.md", "soak", lambda: measured("soak")),
    Generated("docs/guards.md", "guards", guards),
    Generated("docs/operators.md", "operators", lambda: operator_table(discover())),
    Generated("docs/operators.md", "operator-chapters", lambda: operator_chapters(discover())),
    Generated("openapi/openapi.json", None, openapi),
    Generated("deploy/observability/grafana/dashboards/poolhouse.json", None, dashboard),
    Generated("deploy/kubernetes/components/servicemonitor/prometheusrule.yaml", None, prometheus_rule),
    Generated("service/poolhouse/client/operators.py", None, lambda: client_operators(discover())),
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
