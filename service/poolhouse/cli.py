"""The console script. It is in the plain install too, so it imports only the standard library.

Code that needs an extra is in ``poolhouse.commands``; a missing extra is reported here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from poolhouse.commands.registry import COMMANDS, help_without_extras, install_command, unknown_command
from poolhouse.version import __version__

_BASE_DEPENDENCIES = ("numpy", "httpx", "httpcore")
"""Dependencies of the plain install; if one is missing, the install is broken."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; 2 for an invalid command line or a missing library.

    Args:
        argv: the arguments after the program's name; by default those of this process.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments == ["--version"]:
        print(f"poolhouse {__version__}")
        return 0
    try:
        # Imported by name: a plain install has no click, pydantic, FastAPI or torch.
        run: Callable[[Sequence[str]], int] = import_module("poolhouse.commands.group").run
        return run(arguments)
    except ModuleNotFoundError as missing:
        library = (missing.name or "poolhouse").partition(".")[0]
        if library == "poolhouse":
            raise
        return _report_missing_library(arguments, library)


def _report_missing_library(arguments: Sequence[str], library: str) -> int:
    """Report which extra these arguments need; without click, the help does so. Return the exit code."""
    command_name = next((word for word in arguments if not word.startswith("-")), "")
    if library == "click" and not command_name:
        is_help_requested = bool({"-h", "--help"} & set(arguments))
        print(help_without_extras(), file=sys.stdout if is_help_requested else sys.stderr)
        return 0 if is_help_requested else 2
    if library in _BASE_DEPENDENCIES:
        message = f"{library} is not installed, and every command needs it: pip install {library}"
    elif library == "PIL":
        message = f"{library} is not installed; images need the images extra: {install_command('images')}"
    elif command_name in COMMANDS:
        extra = COMMANDS[command_name].extra
        message = (
            f"{library} is not installed; poolhouse {command_name} needs the {extra} extra: {install_command(extra)}"
        )
    else:
        message = f"{unknown_command(command_name)} (see poolhouse --help)"
    print(f"poolhouse: {message}", file=sys.stderr)
    return 2
