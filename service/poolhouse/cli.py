"""The console script. It is in the plain install too, so it stands on the standard library alone.

What needs an extra is in ``poolhouse.commands``; here is the one place that notices its absence.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from poolhouse.commands.table import COMMANDS, install_command, help_without_extras
from poolhouse.suggestions import nearest
from poolhouse.version import __version__

_PLAIN = ("numpy", "httpx", "httpcore")
"""What every install has; without it the install is broken."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and give its exit code; 2 where the command line or the install is at fault.

    Args:
        argv: the words after the program's name; None takes this process's own.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if words == ["--version"]:
        print(f"poolhouse {__version__}")
        return 0
    try:
        # By name, not at the top of the file: a plain install has no click, pydantic, FastAPI or torch.
        run: Callable[[Sequence[str]], int] = import_module("poolhouse.commands.group").run
        return run(words)
    except ModuleNotFoundError as missing:
        library = (missing.name or "poolhouse").partition(".")[0]
        if library == "poolhouse":
            raise
        return _tell(words, library)


def _tell(words: Sequence[str], library: str) -> int:
    """What the install lacks for these words; without click that is also the help. Gives the exit code."""
    named = next((word for word in words if not word.startswith("-")), "")
    if library == "click" and not named:
        asked = bool({"-h", "--help"} & set(words))
        print(help_without_extras(), file=sys.stdout if asked else sys.stderr)
        return 0 if asked else 2
    if library in _PLAIN:
        told = f"{library} is not installed, and poolhouse needs it always: pip install {library}"
    elif library == "PIL":
        told = f"{library} is not installed; pictures need the images extra: {install_command('images')}"
    elif named in COMMANDS:
        extra = COMMANDS[named].extra
        told = f"{library} is not installed; poolhouse {named} needs the {extra} extra: {install_command(extra)}"
    else:
        near = nearest(named, list(COMMANDS))
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(COMMANDS)}"
        told = f"{named} is no command; {hint} (poolhouse --help tells more)"
    print(f"poolhouse: {told}", file=sys.stderr)
    return 2
