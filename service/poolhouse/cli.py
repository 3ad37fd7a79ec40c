"""The console script. It is in the plain install too, so it stands on the standard library alone.

What needs an extra is in ``poolhouse.commands``; here is the one place that notices its absence.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from poolhouse.version import __version__

_ASKING = ("pool", "plan", "operators")
"""Commands that can ask a service elsewhere: the cli extra is enough for them."""


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
        if (missing.name or "poolhouse").partition(".")[0] == "poolhouse":
            raise
        library = (missing.name or "").partition(".")[0]
        asks = library == "click" and words[:1] and words[0] in _ASKING
        extra = "images" if library == "PIL" else "cli" if asks else "server"
        print(
            f"poolhouse: {missing.name} is not installed; this needs the {extra} extra: "
            f"pip install 'poolhouse[{extra}]'",
            file=sys.stderr,
        )
        return 2
