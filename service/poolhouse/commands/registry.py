"""The commands by name, and the extra that each needs. Needs no extra, since a plain install uses it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from poolhouse.suggestions import name_hint

Extra = Literal["cli", "server", "images"]


@dataclass(frozen=True, slots=True)
class CommandInfo:
    """Summary of a command, and the extra that it needs."""

    summary: str
    extra: Extra


COMMANDS: Final[Mapping[str, CommandInfo]] = {
    "serve": CommandInfo("Run the service until it is stopped.", "server"),
    "pool": CommandInfo("Pool the tensor in a file.", "cli"),
    "several": CommandInfo("Pool the tensors in a file by several operators at once.", "cli"),
    "plan": CommandInfo("Show the output shapes and costs of pooling, without data.", "cli"),
    "trace": CommandInfo("Print how each output element of a small input is computed.", "cli"),
    "operators": CommandInfo("List the operators, or describe one.", "cli"),
    "openapi": CommandInfo("Print the OpenAPI document.", "server"),
    "key": CommandInfo("Make an API key.", "server"),
}
"""Each is the ``command`` of the module with its name. The server extra includes the cli extra."""


def unknown_command(name: str) -> str:
    """The error text for an unknown command, with the likely one."""
    hint = name_hint(name, COMMANDS, f"the commands are {', '.join(COMMANDS)}")
    return f"{name} is not a command; {hint}"


def install_command(extra: Extra) -> str:
    """The command that installs an extra; it works for any installed poolhouse, also one from a checkout."""
    return f"pip install 'poolhouse[{extra}]'"


def help_without_extras() -> str:
    """The help text of an install without extras: every command and the extra that it needs."""
    width = max(map(len, COMMANDS))
    lines = [
        "Usage: poolhouse [OPTIONS] COMMAND [ARGS]...",
        "",
        "  Run torch's pooling operators as an HTTP service, or on files.",
        "",
        "  Only the Python client is installed. The commands need an extra:",
    ]
    extras: dict[Extra, None] = dict.fromkeys(command.extra for command in COMMANDS.values())
    for extra in extras:
        lines += ["", f"{install_command(extra)}:"]
        lines += [f"  {name:<{width}}  {each.summary}" for name, each in COMMANDS.items() if each.extra == extra]
    return "\n".join([*lines, "", "  poolhouse --version prints the version."])
