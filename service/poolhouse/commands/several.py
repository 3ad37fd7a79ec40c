"""``poolhouse several POOLINGS INPUT``: pools the tensors in a file by a list of poolings, and writes all outputs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Final

import click

from poolhouse.client.results import PlanMany
from poolhouse.commands.files import FORMATS, Format, holds_two_tensors, read_file, write_file
from poolhouse.commands.session import connect, print_message, print_text, report_errors, shared_options
from poolhouse.tensor_names import TENSOR_TYPES
from poolhouse.tensors import Tensor

_FILE: Final = click.Path(readable=False, allow_dash=True)
"""Shells complete it with file names. A file that cannot be read fails when it is opened."""
_MAX_LIST_BYTES: Final = 1024 * 1024


@click.pass_context
def _pool_several(
    context: click.Context,
    /,
    poolings: str,
    source: str,
    target: str,
    file_format: Format | None,
    shows_plan: bool,
    url: str | None,
    api_key: str | None,
    timeout: float,
) -> None:
    if source == "-" and sys.stdin.isatty():
        raise click.UsageError("INPUT is standard input, which is a terminal; name a file", context)
    if target == "-" and sys.stdout.isatty() and not shows_plan:
        raise click.UsageError("the outputs would be written to the terminal; give -o FILE", context)
    with report_errors():
        entries = _read_list(poolings, context)
        input_format, tensors = read_file(source)
    output_format = file_format or _output_format(target, input_format, context)
    # Without one of this name, each of them is pooled.
    image = tensors.get("input")
    beside = {name: each for name, each in tensors.items() if image is not None and name != "input"}
    if others := sorted(beside.keys() - TENSOR_TYPES.keys()):
        raise click.UsageError(
            f"{source} has input and also {', '.join(others)}; to pool each of them, rename input", context
        )
    nbytes = sum(tensor.metadata.nbytes for tensor in tensors.values())
    with connect(url, api_key, timeout, nbytes) as client:
        if shows_plan:
            shapes = {name: each.shape for name, each in tensors.items()}
            types = {name: each.dtype.name for name, each in tensors.items()}
            if image is not None:
                planned = {name: (each.shape, each.dtype.name) for name, each in beside.items()}
                plan = client.plan_many(image.shape, entries, image.dtype.name, tensors=planned)
            else:
                plan = client.plan_many(shapes, entries, types)
            print_text("\n".join(_format(plan)))
            return
        if image is not None:
            pooled = client.pool_many(image, entries, tensors=beside)
        else:
            pooled = client.pool_many(tensors, entries)
        for warning in pooled.warnings:
            print_message(f"note: {warning}")
        outputs: Mapping[str, Tensor] = pooled
        if len(outputs) > 1 and not holds_two_tensors(output_format):
            raise click.UsageError(
                f"{output_format} holds only one tensor, and there are {len(outputs)} outputs; write npz or "
                "safetensors",
                context,
            )
        if not holds_two_tensors(output_format):
            outputs = dict(zip(("output",), pooled.values(), strict=True))
        write_file(target, output_format, outputs)


def _read_list(path: str, context: click.Context) -> list[dict[str, object]] | dict[str, dict[str, object]]:
    """The poolings in a JSON file, or in the argument itself."""
    text = path if path.lstrip().startswith(("[", "{")) else Path(path).read_text(encoding="utf-8")
    try:
        found: object = json.loads(text[:_MAX_LIST_BYTES])
    except (ValueError, RecursionError):
        raise click.UsageError(
            f'{path[:80]} is not JSON; write a list such as [{{"operator": "max_pool2d", "kernel_size": 2}}]', context
        ) from None
    if not isinstance(found, list | dict):
        raise click.UsageError(f"{path[:80]} holds no list of poolings, and no object of them by name", context)
    return found


def _output_format(target: str, input_format: Format, context: click.Context) -> Format:
    if target == "-":
        return input_format if holds_two_tensors(input_format) else "npz"
    suffix = PurePath(target).suffix.lower()
    if suffix not in FORMATS:
        raise click.UsageError(f"the name {target} does not end with {', '.join(FORMATS)}; give --format", context)
    return FORMATS[suffix]


def _format(plan: PlanMany) -> list[str]:
    width = max(map(len, plan.outputs))
    lines = [
        f"{name:<{width}}  {each.dtype.name} ({', '.join(map(str, each.shape))})  {each.nbytes:,} bytes"
        for name, each in plan.outputs.items()
    ]
    lines.append(f"{plan.output_bytes:,} bytes of outputs")
    return lines + [f"note: {warning}" for warning in plan.warnings]


command = click.Command(
    "several",
    callback=_pool_several,
    params=[
        click.Argument(["poolings"], metavar="POOLINGS"),
        click.Argument(["source"], type=_FILE, metavar="INPUT", default="-"),
        click.Option(
            ["-o", "--output", "target"],
            type=_FILE,
            metavar="FILE",
            default="-",
            help="File for the outputs; - is standard output. [default: -]",
        ),
        click.Option(
            ["--format", "file_format"],
            type=click.Choice(["npy", "npz", "safetensors", "png", "jpeg"]),
            help="Format of the outputs. [default: by the name of FILE, else as INPUT, or npz]",
        ),
        click.Option(["--plan", "shows_plan"], is_flag=True, help="Print the outputs and their sizes; pool nothing."),
        *shared_options(),
    ],
    help="Pool the tensor in a file, or each of several, by the poolings of a JSON file: a list of objects with an "
    "operator and its fields, or such objects by name. POOLINGS may also be the JSON itself. The outputs are named by "
    "the poolings.",
    short_help="Pool the tensors in a file by several operators at once.",
)
