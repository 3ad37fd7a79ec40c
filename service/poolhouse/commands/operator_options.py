"""The fields of an operator as options, and the operators as a group of commands.

Types and defaults come from the client's typed methods, help texts from the bundled catalogue. Both are generated, so
the options need neither the server extra nor torch. Only the form of a value is checked here; it is sent to the service
as text, where the operator parses and validates it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import click

from poolhouse.client.adapters import FRAMEWORKS
from poolhouse.client.operators import COMPANIONS, Operators
from poolhouse.commands.catalogue import bundled_operators
from poolhouse.suggestions import operator_hint, padding_hint


@dataclass(frozen=True, slots=True)
class _FieldFormat:
    """The accepted text of a field."""

    metavar: str
    pattern: re.Pattern[str]
    description: str

    def accepts(self, text: str) -> bool:
        """Whether a text has this form."""
        return self.pattern.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class _WordFormat:
    """The accepted text of a field that takes one of some words."""

    words: tuple[str, ...]

    @property
    def metavar(self) -> str:
        """The words, as a usage line shows them."""
        return "|".join(self.words)

    @property
    def description(self) -> str:
        """The words, as an error names them."""
        return f"one of {', '.join(self.words)}"

    def accepts(self, text: str) -> bool:
        """Whether a text is one of the words."""
        return text in self.words


_INTEGER: Final = r"-?\d+"
_NUMBER: Final = r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?|-?inf(inity)?"


def _list_pattern(entry: str) -> str:
    return rf"({entry})(,({entry}))*"


_FORMATS: Final[Mapping[str, _FieldFormat]] = {
    "int": _FieldFormat("N", re.compile(_INTEGER), "an integer"),
    "float": _FieldFormat("X", re.compile(_NUMBER, re.IGNORECASE), "a number"),
    "Sequence[int]": _FieldFormat("N[,N...]", re.compile(_list_pattern(_INTEGER)), "integers: 1,2,4"),
    "int | Sequence[int]": _FieldFormat(
        "N[,N...]", re.compile(_list_pattern(_INTEGER)), "an integer, or one for each axis: 3,2"
    ),
    "int | Sequence[int | None]": _FieldFormat(
        "N[,N...]",
        re.compile(_list_pattern(f"{_INTEGER}|null"), re.IGNORECASE),
        "an integer, or one for each axis, where null keeps the axis: null,7",
    ),
    'int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"]': _FieldFormat(
        "N[,N...]|N:N[,N:N...]|same|same_lower|valid",
        re.compile(f"{_list_pattern(_INTEGER)}|{_list_pattern(f'{_INTEGER}:{_INTEGER}')}|same|same_lower|valid"),
        "an integer, or one for each axis: 3,2; pairs before:after, one for each axis: 1:0,2:1; "
        "or same, same_lower or valid",
    ),
    "float | Sequence[float]": _FieldFormat(
        "X[,X...]", re.compile(_list_pattern(_NUMBER), re.IGNORECASE), "a number, or one for each axis: 0.5,0.7"
    ),
    "str | Sequence[str]": _FieldFormat(
        "WORD[,WORD...]", re.compile(_list_pattern("[A-Za-z][A-Za-z0-9_]*")), "one or several words: mean,max"
    ),
}


class _FieldParam(click.ParamType):  # type: ignore[type-arg]  # generic in newer clicks only
    """Text in the format of a field."""

    name = "field"

    def __init__(self, field_format: _FieldFormat | _WordFormat) -> None:
        self._format = field_format

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        # Spaces beside a comma are accepted; spaces instead of one are not.
        text = ",".join(entry.strip() for entry in str(value).split(","))
        if not self._format.accepts(text):
            hint = padding_hint(text) if param is not None and param.name == "padding" else ""
            self.fail(f"{value!r} is not {self._format.description}{hint and f'. {hint}'}", param, ctx)
        return text


def operator_names() -> list[str]:
    """The names of all operators, sorted."""
    return sorted(bundled_operators())


@dataclass(frozen=True, slots=True)
class Companion:
    """A tensor of an operator beside ``input``.

    Attributes:
        name: in requests and files.
        is_required: whether every request has it.
        meaning: in one sentence.
    """

    name: str
    is_required: bool
    meaning: str

    @property
    def option(self) -> str:
        """The option for it."""
        return option_name(self.name)


def companions(operator: str) -> tuple[Companion, ...]:
    """The tensors of the operator beside ``input``."""
    meanings = {each["name"]: each["meaning"] for each in bundled_operators()[operator]["companions"]}
    return tuple(
        Companion(name, is_required, meanings[name].replace("``", ""))
        for name, is_required in COMPANIONS.get(operator, {}).items()
    )


def option_name(name: str) -> str:
    """The option for a field or a tensor of this name."""
    return "--" + name.replace("_", "-")


def has_levels(operator: str) -> bool:
    """Whether the operator has several outputs whatever its fields are."""
    return "output" not in bundled_operators()[operator]["outputs"]


def field_options(operator: str) -> list[click.Parameter]:
    """The options of an operator: one per field, with meaning, format and default."""
    framework, dot, name = operator.rpartition(".")
    method: Callable[..., object] = getattr(FRAMEWORKS[framework] if dot else Operators, name)
    meanings = {field["name"]: field["meaning"] for field in bundled_operators()[operator]["fields"]}
    return [
        _field_option(field, meanings[field.name])
        for field in inspect.signature(method).parameters.values()
        if field.name not in ("self", "input", *COMPANIONS.get(operator, {}))
    ]


def _field_option(field: inspect.Parameter, meaning: str) -> click.Option:
    name = option_name(field.name)
    # Python writes the texts of annotations with single quotes.
    python_type = str(field.annotation).removesuffix(" | None").replace("'", '"')
    if python_type == "bool":
        return click.Option(
            [f"{name}/--no-{name[2:]}"], default=None, help=f"{meaning} [default: {_on_or_off(field.default)}]"
        )
    field_format = _word_format(python_type) or _FORMATS[python_type]
    required = field.default is inspect.Parameter.empty
    if not required and field.default is not None:
        default = ",".join(map(str, field.default)) if isinstance(field.default, tuple) else field.default
        meaning = f"{meaning} [default: {default}]"
    return click.Option(
        [name], type=_FieldParam(field_format), metavar=field_format.metavar, required=required, help=meaning
    )


def _word_format(python_type: str) -> _WordFormat | None:
    """The format of a field that takes one of some words; None for other fields."""
    if not python_type.startswith("Literal["):
        return None
    words = python_type.removeprefix("Literal[").removesuffix("]").split(", ")
    return _WordFormat(tuple(word.strip('"') for word in words))


def _on_or_off(flag: object) -> str:
    return "on" if flag else "off"


class OperatorCommands(click.Group):
    """A command for each operator.

    Args:
        make_command: makes the command of an operator when it is named.
    """

    def __init__(self, make_command: Callable[[str], click.Command], name: str, help: str, epilog: str) -> None:  # noqa: A002, click's name for it
        super().__init__(name, help=help, epilog=epilog, subcommand_metavar="OPERATOR [OPTIONS]... [ARGS]...")
        self._make_command = make_command

    def list_commands(self, ctx: click.Context) -> list[str]:
        return operator_names()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return self._make_command(cmd_name) if cmd_name in operator_names() else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in operator_names():
            hint = operator_hint(args[0], operator_names(), "see poolhouse operators")
            raise click.UsageError(f"{args[0]} is not an operator; {hint}", ctx)
        return super().resolve_command(ctx, args)


def operator_help(operator: str) -> str:
    """The help text of an operator: its description and its shapes."""
    document = bundled_operators()[operator]
    # Without the marks of code spans, which a terminal does not render.
    return f"{document['description']}\n\n{document['shape']}".replace("``", "")
