"""The table of commands: it agrees with the modules, and its texts name what to install."""

from __future__ import annotations

from pkgutil import iter_modules

import pytest

import poolhouse.commands
from poolhouse.commands.registry import COMMANDS, help_without_extras, install_command, unknown_command


def test_every_command_has_its_module() -> None:
    """The group imports the module by the name of the command."""
    modules = {found.name for found in iter_modules(poolhouse.commands.__path__)}

    assert COMMANDS.keys() - modules == set()


def test_the_help_without_extras_lists_each_command_once_below_its_extra() -> None:
    """A user who needs only the client's commands must not install torch."""
    listed: dict[str, list[tuple[str, str]]] = {}
    section = ""
    for line in help_without_extras().splitlines():
        if line.startswith("pip install"):
            section = line.removesuffix(":")
        elif section and line.strip() and not line.startswith("  poolhouse"):
            name, _, summary = line.strip().partition(" ")
            listed.setdefault(section, []).append((name, summary.strip()))

    expected: dict[str, list[tuple[str, str]]] = {}
    for name, each in COMMANDS.items():
        expected.setdefault(install_command(each.extra), []).append((name, each.summary))
    assert listed == expected


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("pol", "did you mean pool?"),
        ("operator", "did you mean operators?"),
        ("xyz", f"the commands are {', '.join(COMMANDS)}"),
        ("", f"the commands are {', '.join(COMMANDS)}"),
    ],
)
def test_an_unknown_command_gets_the_likely_one_or_all(name: str, hint: str) -> None:
    """A typing mistake has one likely meaning; another word has none."""
    assert unknown_command(name) == f"{name} is not a command; {hint}"
