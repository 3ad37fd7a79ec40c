"""Generator of the typed methods of the Python clients, ``service/poolhouse/client/operators.py``."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from poolhouse import describe
from poolhouse.operators.catalogue import Catalogue
from poolhouse.operators.fields import Field, FieldType, Flag, Integer, IntegerPerAxis, Power, RatioPerAxis
from poolhouse.operators.operator import Operator

FIELD_TYPES: dict[type[FieldType], str] = {
    IntegerPerAxis: "int | Sequence[int]",
    RatioPerAxis: "float | Sequence[float]",
    Flag: "bool",
    Integer: "int",
    Power: "float",
}
"""The Python type of each type of field."""


def render_client_operators(catalogue: Catalogue) -> str:
    """Render the module with the typed methods of both clients."""
    takes_indices = ", ".join(f'"{member.name}"' for member in catalogue if "indices" in member.inputs)
    parts = [
        '"""The operators as methods of both clients, generated from the catalogue by scripts/generate."""\n',
        "# ruff: noqa: A002, since input is torch's name for it\n",
        "from __future__ import annotations\n",
        "from collections.abc import Mapping, Sequence",
        "from typing import Final, Literal, TypeVar, cast, overload\n",
        "from poolhouse.client.arrays import SupportsDLPack",
        "from poolhouse.client.results import Pooled\n",
        'ArrayT = TypeVar("ArrayT", bound=SupportsDLPack | Sequence[object])',
        '"""The output has the type of the input: numpy for numpy, torch for torch, lists for lists."""\n',
        f"TAKES_INDICES: Final = frozenset({{{takes_indices}}})",
        '"""Operators that take ``indices`` beside the input."""\n',
    ]
    for prefix, start, wait in (("", "def", ""), ("Async", "async def", "await ")):
        parts += [
            f"\nclass {prefix}Operators:",
            f'    """One method per operator; :class:`{prefix}Client` implements ``_pool``."""\n',
            f"    {start} _pool(",
            "        self, operator: str, inputs: Mapping[str, object], fields: Mapping[str, object]",
            "    ) -> Pooled[object, object | None]:",
            "        raise NotImplementedError\n",
        ]
        for member in catalogue:
            parts.append(render_method(member, start, wait))
    return "\n".join(parts).rstrip("\n") + "\n"


def render_method(operator: type[Operator], def_keyword: str, await_prefix: str) -> str:
    """Render one operator's method, with an overload for each type that its result can have."""
    fields = operator.fields()
    inputs = [f"{name}: ArrayT" for name in operator.inputs]
    lines: list[str] = []
    return_type = "Pooled[ArrayT, None]"
    if "indices" in describe.output_names(operator):
        return_type = "Pooled[ArrayT, ArrayT | None]"
        for literal, indices in (("Literal[False]", "None"), ("Literal[True]", "ArrayT"), ("bool", "ArrayT | None")):
            lines += ["    @overload", f"    {def_keyword} {operator.name}("]
            lines += argument_lines(inputs, fields, literal)
            lines += [f"    ) -> Pooled[ArrayT, {indices}]: ..."]
    lines += [f"    {def_keyword} {operator.name}(", *argument_lines(inputs, fields, None), f"    ) -> {return_type}:"]
    lines += [f"        {line}".rstrip() for line in docstring_lines(operator)]
    lines += [f"        pooled = {await_prefix}self._pool(", f'            "{operator.name}",']
    lines += dict_argument_lines(operator.inputs) + dict_argument_lines([field.name for field in fields])
    lines += ["        )", f'        return cast("{return_type}", pooled)', ""]
    return "\n".join(lines)


def dict_argument_lines(names: Sequence[str]) -> list[str]:
    """Render a dict of these arguments by name."""
    if not names:
        return ["            {},"]
    if len(names) == 1:
        return [f'            {{"{names[0]}": {names[0]}}},']
    return ["            {", *(f'                "{name}": {name},' for name in names), "            },"]


def argument_lines(inputs: Sequence[str], fields: Sequence[Field], return_indices: str | None) -> list[str]:
    """Render a method's parameters in torch's order; ``return_indices`` is its type in an overload, None elsewhere."""
    lines = ["        self,", *(f"        {each}," for each in inputs)]
    for field in fields:
        python_type = FIELD_TYPES[type(field.field_type)]
        if isinstance(field.field_type, IntegerPerAxis) and field.field_type.allows_null:
            python_type = "int | Sequence[int | None]"
        default = repr(field.default)
        if not field.is_required and (field.default is None or field.default_from is not None):
            python_type, default = f"{python_type} | None", "None"
        if field.name == "return_indices" and return_indices is not None:
            if return_indices == "Literal[False]":
                lines.append("        return_indices: Literal[False] = False,")
                continue
            # A parameter without a default can follow those with one only if it is keyword-only.
            lines += ["        *,", f"        return_indices: {return_indices},"]
            continue
        lines.append(f"        {field.name}: {python_type}" + ("," if field.is_required else f" = {default},"))
    return lines


def docstring_lines(operator: type[Operator]) -> list[str]:
    """Render the docstring of an operator's method: meaning, arguments, shape."""
    arguments = ["input: the tensor to pool."]
    if "indices" in operator.inputs:
        arguments.append("indices: the indices that max pooling returned.")
    arguments += [f"{field.name}: {field.meaning}" for field in operator.fields()]
    # The class docstrings are wrapped for a smaller indent.
    meaning = [wrap(paragraph, 112) for paragraph in f'"""{describe.docstring(operator)}'.split("\n\n")]
    lines = [line for paragraph in meaning for line in ("", *paragraph)][1:]
    lines += ["", "Args:", *wrap_paragraphs(arguments), "", "Shape:", *wrap_paragraphs([operator.shape_rule])]
    return [*lines, '"""']


def wrap_paragraphs(paragraphs: Sequence[str]) -> list[str]:
    """Wrap paragraphs to the lines of a docstring's section."""
    return [line for paragraph in paragraphs for line in wrap(paragraph, 104, "    ", "        ")]


def wrap(text: str, width: int, initial_indent: str = "", subsequent_indent: str = "") -> list[str]:
    """Wrap a text to lines, without a line break in a code span."""
    text = re.sub("``.+?``", lambda span: span[0].replace(" ", "\0"), text)
    lines = textwrap.wrap(
        text,
        width,
        initial_indent=initial_indent,
        subsequent_indent=subsequent_indent,
        break_on_hyphens=False,
    )
    return [line.replace("\0", " ") for line in lines]
