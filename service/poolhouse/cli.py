"""The console script. It is in the plain install too, so it stands on the standard library alone.

What needs an extra is in ``poolhouse.commands``; here is the one place that notices its absence.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from poolhouse.commands.registry import COMMANDS, help_without_extras, install_command
from poolhouse.suggestions import name_hint
from poolhouse.version import __version__

_BASE_DEPENDENCIES = ("numpy", "httpx", "httpcore")
"""What every install has; without it the install is broken."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and give its exit code; 2 where the command line or the install is at fault.

    Args:
        argv: the arguments after the program's name; None takes this process's own.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments == ["--version"]:
        print(f"poolhouse {__version__}")
        return 0
    try:
        # By name, not at the top of the file: a plain install has no click, pydantic, FastAPI or torch.
        run: Callable[[Sequence[str]], int] = import_module("poolhouse.commands.group").run
        return run(arguments)
    except ModuleNotFoundError as missing:
        library = (missing.name or "poolhouse").partition(".")[0]
        if library == "poolhouse":
            raise
        return _report_missing_library(arguments, library)


def _report_missing_library(arguments: Sequence[str], library: str) -> int:
    """What the install lacks for these arguments; without click that is also the help. Gives the exit code."""
    command_name = next((word for word in arguments if not word.startswith("-")), "")
    if library == "click" and not command_name:
        is_help_requested = bool({"-h", "--help"} & set(arguments))
        print(help_without_extras(), file=sys.stdout if is_help_requested else sys.stderr)
        return 0 if is_help_requested else 2
    if library in _BASE_DEPENDENCIES:
        message = f"{library} is not installed, and poolhouse needs it always: pip install {library}"
    elif library == "PIL":
        message = f"{library} is not installed; pictures need the images extra: {install_command('images')}"
    elif command_name in COMMANDS:
        extra = COMMANDS[command_name].extra
        message = (
            f"{library} is not installed; poolhouse {command_name} needs the {extra} extra: {install_command(extra)}"
        )
    else:
        hint = name_hint(command_name, COMMANDS, f"there are {', '.join(COMMANDS)}")
        message = f"{command_name} is no command; {hint} (poolhouse --help tells more)"
    print(f"poolhouse: {message}", file=sys.stderr)
    return 2
