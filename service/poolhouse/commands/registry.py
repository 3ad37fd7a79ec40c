"""The commands by name, with the extra that each needs. Standard library alone: a plain install reads it too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Extra = Literal["cli", "server", "images"]


@dataclass(frozen=True, slots=True)
class CommandInfo:
    """What a command does, and the extra without which it does not run."""

    summary: str
    extra: Extra


COMMANDS: Final[Mapping[str, CommandInfo]] = {
    "serve": CommandInfo("Run the service until it is told to stop.", "server"),
    "pool": CommandInfo("Pool a file.", "cli"),
    "plan": CommandInfo("Say what pooling would give and cost, or why it is refused.", "cli"),
    "operators": CommandInfo("List the operators, or tell one in full.", "cli"),
    "openapi": CommandInfo("Print the OpenAPI document.", "server"),
    "key": CommandInfo("Make an API key.", "server"),
}
"""Each is the ``command`` of the file with its name. The server extra brings what the cli extra brings."""


def install_command(extra: Extra) -> str:
    """How to get an extra: beside any installed poolhouse, also one from a checkout, pip adds what is missing."""
    return f"pip install 'poolhouse[{extra}]'"


def help_without_extras() -> str:
    """The help of an install without any extra: every command, and what it needs."""
    width = max(map(len, COMMANDS))
    lines = [
        "Usage: poolhouse [OPTIONS] COMMAND [ARGS]...",
        "",
        "  Pooling as a service: torch's pooling operators over HTTP, and from files.",
        "",
        "  This install is the Python client. The commands need more:",
    ]
    extras: dict[Extra, None] = dict.fromkeys(command.extra for command in COMMANDS.values())
    for extra in extras:
        lines += ["", f"{install_command(extra)}:"]
        lines += [f"  {name:<{width}}  {each.summary}" for name, each in COMMANDS.items() if each.extra == extra]
    return "\n".join([*lines, "", "  poolhouse --version prints the version."])
