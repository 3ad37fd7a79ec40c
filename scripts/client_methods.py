"""The typed methods of the Python clients, as text: ``service/poolhouse/client/operators.py``."""

from __future__ import annotations

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
"""How a Python caller writes a field of each kind."""


def render_client_operators(catalogue: Catalogue) -> str:
    """The typed methods of both clients."""
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
            parts.append(render_method(member, start, wait))
    return "\n".join(parts).rstrip("\n") + "\n"


def render_method(operator: type[Operator], def_keyword: str, await_prefix: str) -> str:
    """One operator's method, with an overload for each type that its answer can have."""
    fields = operator.fields()
    inputs = [f"{name}: ArrayT" for name in operator.inputs]
    lines: list[str] = []
    gives = "Pooled[ArrayT, None]"
    if "indices" in describe.all_outputs(operator):
        gives = "Pooled[ArrayT, ArrayT | None]"
        for literal, indices in (("Literal[False]", "None"), ("Literal[True]", "ArrayT"), ("bool", "ArrayT | None")):
            lines += ["    @overload", f"    {def_keyword} {operator.name}("]
            lines += argument_lines(inputs, fields, literal)
            lines += [f"    ) -> Pooled[ArrayT, {indices}]: ..."]
    lines += [f"    {def_keyword} {operator.name}(", *argument_lines(inputs, fields, None), f"    ) -> {gives}:"]
    lines += [f"        {line}".rstrip() for line in docstring_lines(operator)]
    lines += [f"        asked = {await_prefix}self._pool(", f'            "{operator.name}",']
    lines += dict_argument_lines(operator.inputs) + dict_argument_lines([field.name for field in fields])
    lines += ["        )", f'        return cast("{gives}", asked)', ""]
    return "\n".join(lines)


def dict_argument_lines(names: Sequence[str]) -> list[str]:
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
        kind = FIELD_TYPES[type(field.field_type)]
        if isinstance(field.field_type, IntegerPerAxis) and field.field_type.allows_null:
            kind = "int | Sequence[int | None]"
        given, default = kind, "None"
        if not field.is_required:
            unset = field.default is None or field.default_from is not None
            given, default = (f"{kind} | None", "None") if unset else (kind, repr(field.default))
        if field.name == "return_indices" and return_indices is not None:
            if return_indices == "Literal[False]":
                lines.append("        return_indices: Literal[False] = False,")
                continue
            # Without a default it may follow those that have one only by name.
            lines += ["        *,", f"        return_indices: {return_indices},"]
            continue
        lines.append(f"        {field.name}: {given}" + ("," if field.is_required else f" = {default},"))
    return lines


def docstring_lines(operator: type[Operator]) -> list[str]:
    """An operator's docstring for its method: meaning, arguments, shape."""
    told = ["input: the tensor to pool."]
    if "indices" in operator.inputs:
        told.append("indices: where max pooling found each value.")
    told += [f"{field.name}: {field.meaning}" for field in operator.fields()]
    lines = ['"""' + line if at == 0 else line for at, line in enumerate(describe.meaning(operator).splitlines())]
    lines += ["", "Args:", *wrap_paragraphs(told), "", "Shape:", *wrap_paragraphs([operator.shape_rule])]
    return [*lines, '"""']


def wrap_paragraphs(paragraphs: Sequence[str]) -> list[str]:
    """The paragraphs in lines that fit a docstring's section."""
    return [
        line
        for paragraph in paragraphs
        for line in textwrap.wrap(paragraph, 104, initial_indent="    ", subsequent_indent="        ")
    ]
