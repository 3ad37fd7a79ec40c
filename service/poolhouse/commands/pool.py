"""``poolhouse pool OPERATOR INPUT``: one file in, one file out."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import PurePath
from typing import Final

import click

from poolhouse.commands import operator_options
from poolhouse.commands.files import FORMATS, Format, holds_two_tensors, read_file, write_file
from poolhouse.commands.session import connect, print_message, report_errors, shared_options
from poolhouse.tensors import Tensor

_FILE: Final = click.Path(readable=False, allow_dash=True)
"""Shells complete it with files. Whether it can be read is found by reading it."""


def _make_command(operator: str) -> click.Command:
    inputs: list[click.Parameter] = [
        click.Argument(["source"], type=_FILE, metavar="INPUT", default="-"),
        click.Option(
            ["-o", "--output", "target"],
            type=_FILE,
            metavar="FILE",
            default="-",
            help="Where the answer goes; - is standard output. [default: -]",
        ),
        click.Option(
            ["--format", "file_format"],
            type=click.Choice(["npy", "npz", "safetensors", "png", "jpeg"]),
            help="How the answer is written. [default: as the name of FILE says, else as INPUT]",
        ),
    ]
    if operator_options.takes_indices(operator):
        help_text = "The indices, where INPUT does not hold them."
        inputs.append(click.Option(["--indices"], type=_FILE, metavar="FILE", help=help_text))
    return click.Command(
        operator,
        callback=_pool,
        params=[*inputs, *operator_options.field_options(operator), *shared_options()],
        help=operator_options.operator_help(operator),
        short_help=operator_options.operator_help(operator).partition("\n")[0],
    )


@click.pass_context
def _pool(
    context: click.Context,
    /,
    source: str,
    target: str,
    file_format: Format | None,
    url: str | None,
    api_key: str | None,
    timeout: float,
    indices: str | None = None,
    **spec: object,
) -> None:
    operator = str(context.info_name)
    if source == "-" and sys.stdin.isatty():
        raise click.UsageError("INPUT is standard input, and that is a terminal; name a file", context)
    if target == "-" and sys.stdout.isatty():
        raise click.UsageError("the answer would go to the terminal; give -o FILE", context)
    with report_errors():
        found, tensors = read_file(source)
        if indices is not None:
            _, more = read_file(indices)
            tensors = {
                "input": _select_tensor(tensors, "input", source),
                "indices": _select_tensor(more, "indices", indices),
            }
    output_format = file_format or _output_format(target, found, context, two=bool(spec.get("return_indices")))
    if spec.get("return_indices") and not holds_two_tensors(output_format):
        raise click.UsageError(
            f"{output_format} holds one array; with --return-indices write npz or safetensors", context
        )
    wanted = ("input", "indices") if operator_options.takes_indices(operator) else ("input",)
    given = {name: tensors[name] for name in wanted if name in tensors}
    if len(given) < len(wanted):
        missing = next(name for name in wanted if name not in given)
        names = ", ".join(tensors) or "nothing"
        raise click.UsageError(f"{source} holds {names}, and no {missing}; name one of them {missing}", context)
    with connect(url, api_key, timeout, sum(tensor.metadata.nbytes for tensor in given.values())) as client:
        answer = client.pool(operator, given["input"], given.get("indices"), **spec)
        for warning in answer.warnings:
            print_message(f"note: {warning}")
        outputs = {name: each for name, each in zip(("output", "indices"), answer, strict=True) if each is not None}
        write_file(target, output_format, {name: each for name, each in outputs.items() if isinstance(each, Tensor)})


def _select_tensor(tensors: Mapping[str, Tensor], name: str, path: str) -> Tensor:
    """The tensor of this name, or the only one, which has the name of the input."""
    found = tensors.get(name) or tensors.get("input")
    if found is None:
        raise click.UsageError(f"{path} holds {', '.join(tensors)}; name one of them {name}")
    return found


def _output_format(target: str, found: Format, context: click.Context, *, two: bool) -> Format:
    if target == "-":
        if two and not holds_two_tensors(found):
            return "npz"
        return "png" if found == "jpeg" else found
    suffix = PurePath(target).suffix.lower()
    if suffix not in FORMATS:
        raise click.UsageError(f"{target} has none of the endings {', '.join(FORMATS)}; give --format", context)
    return FORMATS[suffix]


command = operator_options.OperatorCommands(
    _make_command,
    "pool",
    help="Pool a file: npy, npz, safetensors, or a picture (PNG, JPEG) as (1, C, H, W) of uint8.",
    epilog="poolhouse pool OPERATOR --help tells the operator's options.",
)
