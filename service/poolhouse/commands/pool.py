"""``poolhouse pool OPERATOR INPUT``: pools the tensor in a file and writes the output to a file."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Final

import click

from poolhouse.commands import operator_options
from poolhouse.commands.files import FORMATS, Format, holds_two_tensors, read_file, write_file
from poolhouse.commands.operator_options import Companion, companions, option_name
from poolhouse.commands.session import connect, print_message, report_errors, shared_options
from poolhouse.tensors import Tensor

FILE: Final = click.Path(readable=False, allow_dash=True)
"""Shells complete it with file names. A file that cannot be read fails when it is opened."""
_MORE_OUTPUTS: Final[Mapping[str, tuple[bool, str]]] = {
    "return_indices": (True, "--return-indices"),
    "return_valid": (True, "--return-valid"),
    "concat": (False, "--no-concat"),
}
"""Fields that give more than one output: with which value, and the option for it."""


def _make_command(operator: str) -> click.Command:
    inputs: list[click.Parameter] = [
        click.Argument(["source"], type=FILE, metavar="INPUT", default="-"),
        click.Option(
            ["-o", "--output", "target"],
            type=FILE,
            metavar="FILE",
            default="-",
            help="File for the output; - is standard output. [default: -]",
        ),
        click.Option(
            ["--format", "file_format"],
            type=click.Choice(["npy", "npz", "safetensors", "png", "jpeg"]),
            help="Format of the output. [default: by the name of FILE, else as INPUT]",
        ),
    ]
    inputs += companion_options(operator)
    return click.Command(
        operator,
        callback=_pool,
        params=[*inputs, *operator_options.field_options(operator), *shared_options()],
        help=operator_options.operator_help(operator),
        short_help=operator_options.operator_help(operator).partition("\n")[0],
    )


def companion_options(operator: str) -> list[click.Option]:
    """The options for files with the tensors that an operator takes beside its input."""
    return [
        click.Option(
            [each.option],
            type=FILE,
            metavar="FILE",
            help=f"File with the tensor {each.name}, if INPUT has none of this name. {each.meaning}",
        )
        for each in companions(operator)
    ]


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
    **options: object,
) -> None:
    operator = str(context.info_name)
    if source == "-" and sys.stdin.isatty():
        raise click.UsageError("INPUT is standard input, which is a terminal; name a file", context)
    if target == "-" and sys.stdout.isatty():
        raise click.UsageError("the output would be written to the terminal; give -o FILE", context)
    taken = companions(operator)
    paths = {each.name: options.pop(each.name) for each in taken}
    with report_errors():
        input_format, inputs = read_inputs(source, taken, {name: str(path) for name, path in paths.items() if path})
    asks_for_more = [option for name, (value, option) in _MORE_OUTPUTS.items() if options.get(name) is value]
    reason = asks_for_more[0] if asks_for_more else operator if operator_options.has_levels(operator) else None
    output_format = file_format or _output_format(target, input_format, context, two=reason is not None)
    if reason is not None and not holds_two_tensors(output_format):
        raise click.UsageError(
            f"{output_format} holds only one tensor; with {reason} write npz or safetensors", context
        )
    with connect(url, api_key, timeout, sum(tensor.metadata.nbytes for tensor in inputs.values())) as client:
        pooled = client.pool(operator, inputs.pop("input"), **inputs, **options)
        for warning in pooled.warnings:
            print_message(f"note: {warning}")
        outputs = {name: each for name, each in pooled.outputs.items() if isinstance(each, Tensor)}
        write_file(target, output_format, outputs)


def read_inputs(source: str, taken: Sequence[Companion], paths: Mapping[str, str]) -> tuple[Format, dict[str, Tensor]]:
    """The format of INPUT, and the tensors that the operator takes, from files of their own or else from INPUT.

    Args:
        source: the path of INPUT.
        taken: the tensors of the operator beside ``input``.
        paths: of the files of their own, by tensor.
    """
    input_format, tensors = read_file(source)
    found: dict[str, Tensor] = {}
    for name in ("input", *(each.name for each in taken)):
        if name in paths:
            found[name] = _select_tensor(read_file(paths[name])[1], name, paths[name])
        elif name in tensors:
            found[name] = tensors[name]
    for name in ("input", *(each.name for each in taken if each.is_required)):
        if name not in found:
            names = ", ".join(tensors) or "no tensor"
            other = "" if name == "input" else f", or give {option_name(name)} FILE"
            raise click.UsageError(f"{source} has {names} but no {name}; rename a tensor to {name}{other}")
    return input_format, found


def _select_tensor(tensors: Mapping[str, Tensor], name: str, path: str) -> Tensor:
    """The tensor of this name, or the only one, which ``read_file`` names ``input``."""
    found = tensors.get(name) or tensors.get("input")
    if found is None:
        raise click.UsageError(f"{path} has {', '.join(tensors)} but no {name}; rename a tensor to {name}")
    return found


def _output_format(target: str, input_format: Format, context: click.Context, *, two: bool) -> Format:
    if target == "-":
        if two and not holds_two_tensors(input_format):
            return "npz"
        return "png" if input_format == "jpeg" else input_format
    suffix = PurePath(target).suffix.lower()
    if suffix not in FORMATS:
        raise click.UsageError(f"the name {target} does not end with {', '.join(FORMATS)}; give --format", context)
    return FORMATS[suffix]


command = operator_options.OperatorCommands(
    _make_command,
    "pool",
    help="Pool the tensor in a file: npy, npz, safetensors, or a picture (PNG, JPEG) as uint8 or uint16 of shape "
    "(1, C, H, W).",
    epilog="poolhouse pool OPERATOR --help lists the operator's options.",
)
