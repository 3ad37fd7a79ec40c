"""``poolhouse operators [NAME]``: the catalogue, of a service or of this version.

The catalogue of this version needs no service, no server extra, and no import of torch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import click

from poolhouse.client.results import OperatorSummary
from poolhouse.commands.catalogue import bundled_operators
from poolhouse.commands.session import connect, print_text, shared_options
from poolhouse.suggestions import operator_hint


def operators(name: str | None, as_json: bool, url: str | None, api_key: str | None, timeout: float) -> None:
    """List the operators, or describe one."""
    if name is not None:
        document = _fetch_document(name, url, api_key, timeout)
        print_text(json.dumps(document, indent=2, ensure_ascii=False) if as_json else _format(document))
        return
    summaries = _fetch_summaries(url, api_key, timeout)
    if as_json:
        print_text(json.dumps([each.name for each in summaries]))
        return
    width = max((len(each.name) for each in summaries), default=0)
    for each in summaries:
        print_text(f"{each.name:<{width}}  {each.summary}\n{'':<{width}}  {', '.join(each.fields)}")


def _fetch_summaries(url: str | None, api_key: str | None, timeout: float) -> Sequence[OperatorSummary]:
    if url is None:
        return [
            OperatorSummary(
                each["name"], each["rank"], each["summary"], tuple(field["name"] for field in each["fields"])
            )
            for each in bundled_operators().values()
        ]
    with connect(url, api_key, timeout) as client:
        return client.operators()


def _fetch_document(name: str, url: str | None, api_key: str | None, timeout: float) -> Mapping[str, object]:
    if url is None:
        documents = bundled_operators()
        if name not in documents:
            hint = operator_hint(name, list(documents), "see poolhouse operators")
            raise click.UsageError(f"{name} is not an operator; {hint}", click.get_current_context())
        return documents[name]
    with connect(url, api_key, timeout) as client:
        return client.operator(name)


def _format(document: Mapping[str, object]) -> str:
    # Every part is optional, since the server may have another version.
    lines = [line for name in ("name", "description", "shape") for line in (str(document.get(name, "")), "")]
    companions, fields = document.get("companions"), document.get("fields")
    for each in companions if isinstance(companions, list) else []:
        if isinstance(each, dict):
            types = each.get("dtypes")
            lines.append(
                f"  tensor {each.get('name')}: {' or '.join(map(str, types if isinstance(types, list) else []))}; "
                f"{'required' if each.get('required') else 'optional'}"
            )
            lines.append(f"      {each.get('meaning')}")
    for field in fields if isinstance(fields, list) else []:
        if isinstance(field, dict):
            lines.append(f"  {field.get('name')}: {field.get('accepts')}{_format_default(field)}")
            lines.append(f"      {field.get('meaning')}")
    types = document.get("element_types")
    lines += ["", *(f"  {name}: {meaning}" for name, meaning in (types.items() if isinstance(types, dict) else ()))]
    # Without the marks of code spans, which a terminal does not render.
    return "\n".join([*lines, "", f"Source: {document.get('source')}"]).replace("``", "")


def _format_default(field: Mapping[str, object]) -> str:
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
        click.Option(["--json", "as_json"], is_flag=True, help="Print JSON."),
        *shared_options(without_url="the catalogue of this version is shown"),
    ],
)
