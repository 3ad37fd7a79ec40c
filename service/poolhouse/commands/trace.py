"""``poolhouse trace OPERATOR INPUT``: prints how each element of a small pooling is computed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import click

from poolhouse.client.results import Trace, TracedElement
from poolhouse.commands import operator_options
from poolhouse.commands.operator_options import companions
from poolhouse.commands.pool import FILE, companion_options, read_inputs
from poolhouse.commands.session import connect, print_message, print_text, report_errors, shared_options


def _make_command(operator: str) -> click.Command:
    inputs: list[click.Parameter] = [
        click.Argument(["source"], type=FILE, metavar="INPUT", default="-"),
        *companion_options(operator),
        click.Option(["--json", "as_json"], is_flag=True, help="Print the response of the service as JSON."),
    ]
    return click.Command(
        operator,
        callback=_trace,
        params=[*inputs, *operator_options.field_options(operator), *shared_options()],
        help=operator_options.operator_help(operator),
        short_help=operator_options.operator_help(operator).partition("\n")[0],
    )


@click.pass_context
def _trace(
    context: click.Context,
    /,
    source: str,
    as_json: bool,
    url: str | None,
    api_key: str | None,
    timeout: float,
    **options: object,
) -> None:
    operator = str(context.info_name)
    if source == "-" and sys.stdin.isatty():
        raise click.UsageError("INPUT is standard input, which is a terminal; name a file", context)
    taken = companions(operator)
    paths = {each.name: options.pop(each.name) for each in taken}
    with report_errors():
        _, inputs = read_inputs(source, taken, {name: str(path) for name, path in paths.items() if path})
    with connect(url, api_key, timeout) as client:
        trace = client.trace(operator, inputs.pop("input"), **inputs, **options)
    for warning in trace.warnings:
        print_message(f"note: {warning}")
    print_text(json.dumps(trace.document, indent=2) if as_json else "\n".join(_format(trace)))


def _format(trace: Trace) -> Iterator[str]:
    yield from trace.formulas
    yield from map(_format_element, trace.elements)


def _format_element(element: TracedElement) -> str:
    return f"{element.output}[{', '.join(map(str, element.index))}]  {element.arithmetic}"


command = operator_options.OperatorCommands(
    _make_command,
    "trace",
    help="Print how each output element of a small input is computed: the window that it was pooled from, in numbers.",
    epilog="poolhouse trace OPERATOR --help lists the operator's options.",
)
