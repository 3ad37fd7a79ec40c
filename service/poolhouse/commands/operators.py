"""``poolhouse operators [NAME]``: the catalogue of a service."""

from __future__ import annotations

import json
from collections.abc import Mapping

import click

from poolhouse.commands.asking import asking, shared_options


def operators(name: str | None, raw: bool, url: str | None, api_key: str | None, timeout: float) -> None:
    """List the operators, or tell one in full."""
    with asking(url, api_key, timeout) as client:
        if name is not None:
            document = client.operator(name)
            click.echo(json.dumps(document, indent=2, ensure_ascii=False) if raw else "\n".join(_told(document)))
            return
        lines = client.operators()
    if raw:
        click.echo(json.dumps([line.name for line in lines]))
        return
    width = max(len(line.name) for line in lines)
    for line in lines:
        click.echo(f"{line.name:<{width}}  {line.summary}\n{'':<{width}}  {', '.join(line.fields)}")


def _told(document: Mapping[str, object]) -> list[str]:
    lines = [str(document["name"]), "", str(document["description"]), "", str(document["shape"]), ""]
    fields = document["fields"]
    for field in fields if isinstance(fields, list) else []:
        lines.append(f"  {field['name']}: {field['accepts']}{_default(field)}")
        lines.append(f"      {field['meaning']}")
    types = document["element_types"]
    lines += ["", *(f"  {name}: {meaning}" for name, meaning in (types.items() if isinstance(types, dict) else ()))]
    return [*lines, "", f"Source: {document['source']}"]


def _default(field: Mapping[str, object]) -> str:
    if field.get("required"):
        return "; required"
    if "default_from" in field:
        return f"; default: {field['default_from']}"
    return f"; default: {json.dumps(field.get('default'))}"


command = click.Command(
    "operators",
    callback=operators,
    help=operators.__doc__,
    params=[
        click.Argument(["name"], required=False, metavar="[OPERATOR]"),
        click.Option(["--json", "raw"], is_flag=True, help="Print JSON."),
        *shared_options(),
    ],
)
