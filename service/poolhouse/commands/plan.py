"""``poolhouse plan OPERATOR --shape …``: output shapes and costs of pooling, without data."""

from __future__ import annotations

import json
from collections.abc import Mapping

import click

from poolhouse.client.results import Plan
from poolhouse.commands import operator_options
from poolhouse.commands.operator_options import Companion, companions
from poolhouse.commands.session import connect, print_text, shared_options
from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.tensor_names import TENSOR_TYPES
from poolhouse.tensors import TensorMetadata


class _Shape(click.ParamType):  # type: ignore[type-arg]  # generic in newer clicks only
    name = "shape"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        parts = str(value).replace("x", ",").split(",")
        if not all(part.strip().isdecimal() for part in parts):
            self.fail(f"{value!r} is not a shape; write the sizes with commas: 8,64,112,112", param, ctx)
        return tuple(int(part) for part in parts)


def _make_command(operator: str) -> click.Command:
    inputs: list[click.Parameter] = [
        click.Option(["--shape"], type=_Shape(), required=True, metavar="N,C,...", help="Shape of the input."),
        click.Option(
            ["--dtype"],
            type=click.Choice(list(ELEMENT_TYPES)),
            default="float32",
            show_default=True,
            help="Element type of the input.",
        ),
        *map(_shape_option, companions(operator)),
        click.Option(["--json", "as_json"], is_flag=True, help="Print the response of the service as JSON."),
    ]
    return click.Command(
        operator,
        callback=_plan,
        params=[*inputs, *operator_options.field_options(operator), *shared_options()],
        help=operator_options.operator_help(operator),
        short_help=operator_options.operator_help(operator).partition("\n")[0],
    )


def _shape_option(companion: Companion) -> click.Option:
    # Indices have the shape of the input.
    has_default = companion.name == "indices"
    text = f"Shape of {companion.name}{' [default: that of the input]' if has_default else ''}. {companion.meaning}"
    return click.Option(
        [companion.option],
        type=_Shape(),
        required=companion.is_required and not has_default,
        metavar="N,...",
        help=text,
    )


@click.pass_context
def _plan(
    context: click.Context,
    /,
    shape: tuple[int, ...],
    dtype: str,
    as_json: bool,
    url: str | None,
    api_key: str | None,
    timeout: float,
    **options: object,
) -> None:
    operator = str(context.info_name)
    given = {each.name: options.pop(each.name) for each in companions(operator)}
    tensors = {name: sizes for name, sizes in given.items() if isinstance(sizes, tuple)}
    with connect(url, api_key, timeout) as client:
        plan = client.plan(operator, shape, dtype, tensors=tensors, **options)
    inputs = {"input": TensorMetadata(ELEMENT_TYPES[dtype], shape)}
    for name in given:
        if name in tensors or name == "indices":
            inputs[name] = TensorMetadata(TENSOR_TYPES[name], tensors.get(name, shape))
    print_text(json.dumps(plan.document, indent=2) if as_json else "\n".join(_format(plan, inputs)))


def _format(plan: Plan, inputs: Mapping[str, TensorMetadata]) -> list[str]:
    cost = plan.document.get("cost")
    rows = [*inputs.items(), *plan.outputs.items()]
    width = max(len("indices"), *(len(name) for name, _ in rows))
    lines = [f"{plan.operator}  " + "  ".join(f"{name}={_format_value(value)}" for name, value in plan.spec.items())]
    lines += [
        f"  {name:<{width}}  {each.dtype.name} ({', '.join(map(str, each.shape))})  {each.nbytes:,} bytes"
        for name, each in rows
    ]
    steps, workspace_bytes = (
        cost.get(name) if isinstance(cost, dict) else None for name in ("steps", "workspace_bytes")
    )
    if isinstance(steps, int) and isinstance(workspace_bytes, int):
        lines.append(f"  {'cost':<{width}}  {steps:,} steps, {workspace_bytes:,} bytes of workspace")
    return lines + [f"  {'note':<{width}}  {warning}" for warning in plan.warnings]


def _format_value(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else json.dumps(value)


command = operator_options.OperatorCommands(
    _make_command,
    "plan",
    help="Show the output shapes and costs of pooling an input of a given shape, or why it would be refused.",
    epilog="poolhouse plan OPERATOR --help lists the operator's options.",
)
