"""Processes forked from one that has imported the service, since importing it takes most of the time of a start.

That one is started with the first fork. It has one thread, so a fork is safe, and it keeps no state of a service.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from types import ModuleType
from typing import IO, Final

import pytest

PRELOADED: Final = ["poolhouse.rest.run", "poolhouse.commands.serve", "tests.rest.gated_service"]

_WAIT_TIMEOUT_S: Final = 30.0
"""For the end of a process that has been killed."""

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(PRELOADED)


@dataclass(frozen=True, slots=True)
class ForkedProcess:
    """A running process, with the methods of :class:`subprocess.Popen`; text streams where it has a pipe."""

    _process: ForkServerProcess
    stdin: IO[str] | None
    stdout: IO[str] | None
    stderr: IO[str] | None

    @property
    def pid(self) -> int:
        """The number of the process."""
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while the process runs."""
        return self._process.exitcode

    def wait(self, timeout_s: float) -> int:
        """Wait for the end of the process; return its exit code."""
        self._process.join(timeout_s)
        code = self._process.exitcode
        assert code is not None, f"the process still runs after {timeout_s} s"
        return code

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask the process to stop; nothing happens if it has ended."""
        self._process.terminate()

    def kill(self) -> None:
        """Stop the process at once; nothing happens if it has ended."""
        self._process.kill()


def run_python(
    code: str, environment: Mapping[str, str], folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run code as ``python -W error -c`` does, and return its exit code and output.

    Args:
        code: the program.
        environment: all variables of the process.
        folder: the working directory; None for that of this process.
    """
    pipe = subprocess.PIPE
    with (
        forked_process(_execute, code, folder, environment=environment, stdout=pipe, stderr=pipe) as process,
        ThreadPoolExecutor(2) as readers,
    ):
        assert process.stdout is not None
        assert process.stderr is not None
        # Both at the same time, since a full pipe stops the process.
        outputs = [readers.submit(stream.read) for stream in (process.stdout, process.stderr)]
        stdout, stderr = (each.result() for each in outputs)
        return subprocess.CompletedProcess([], process.wait(_WAIT_TIMEOUT_S), stdout, stderr)


def _execute(code: str, folder: Path | None) -> None:
    if folder is not None:
        os.chdir(folder)
    sys.path.insert(0, "")
    warnings.simplefilter("error")
    module = sys.modules["__main__"] = ModuleType("__main__")
    exec(code, module.__dict__)


@contextmanager
def forked_process(
    target: Callable[..., object],
    *arguments: object,
    environment: Mapping[str, str] | None = None,
    stdin: int | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
) -> Iterator[ForkedProcess]:
    """Call a function in a process of its own while the block runs; the process is killed at its end.

    Args:
        target: a function of a module, which the process imports; its result or ``sys.exit`` gives the exit code.
        arguments: of the function; they must be picklable.
        environment: all variables of the process; None for those of this process.
        stdin: :data:`subprocess.PIPE`, or None for nothing to read.
        stdout: :data:`subprocess.PIPE`, or None for that of this process.
        stderr: likewise.
    """
    with ExitStack() as stack:
        ours: list[IO[str] | None] = []
        theirs: list[Connection | None] = []
        for number, stream in enumerate((stdin, stdout, stderr)):
            assert stream in (None, subprocess.PIPE)
            other, mine = _pipe(is_input=number == 0) if stream else (None, None)
            theirs.append(other and stack.enter_context(other))
            ours.append(mine and stack.enter_context(mine))
        variables = dict(os.environ if environment is None else environment)
        with pytest.MonkeyPatch.context() as patch:
            # So that the process to fork from finds our modules.
            patch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
            process = _context.Process(target=_run, args=(target, arguments, variables, theirs))
            process.start()
        for each in theirs:
            if each is not None:
                each.close()
        forked = ForkedProcess(process, *ours)
        try:
            yield forked
        finally:
            forked.kill()
            forked.wait(_WAIT_TIMEOUT_S)


def _pipe(*, is_input: bool) -> tuple[Connection, IO[str]]:
    """The end of a new pipe for the other process, and ours."""
    reading, writing = multiprocessing.Pipe(duplex=False)
    theirs, ours = (reading, writing) if is_input else (writing, reading)
    with ours:
        return theirs, open(os.dup(ours.fileno()), "w" if is_input else "r")


def _run(
    target: Callable[..., object],
    arguments: tuple[object, ...],
    environment: dict[str, str],
    streams: list[Connection | None],
) -> None:
    assert not [name for name in PRELOADED if name not in sys.modules], "nothing was gained by forking"
    os.environ.clear()
    os.environ.update(environment)
    for number, stream in enumerate(streams):
        if stream is not None:
            os.dup2(stream.fileno(), number)
            stream.close()
    if streams[0] is not None:
        # multiprocessing has replaced it by one that reads nothing.
        sys.stdin = os.fdopen(0, closefd=False)
    sys.exit(target(*arguments))  # type: ignore[arg-type]  # a code or None
