"""A service in a process of its own, configured by its environment: for tests of signals, files and output."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from poolhouse.cli import main
from tests.forked_process import ForkedProcess, forked_process
from tests.rest.live_server import LiveServer, announced_grpc_port


@dataclass(frozen=True, slots=True)
class ServiceProcess:
    """A running server process; ``ready_line`` is its message that it is ready."""

    server: LiveServer
    process: ForkedProcess
    ready_line: str

    def next_log_line(self) -> str:
        """Wait for the next line on standard error."""
        assert self.process.stderr is not None
        return self.process.stderr.readline()

    def log_until_stopped(self) -> str:
        """Ask the process to stop; return the rest of its standard error."""
        self.process.terminate()
        assert self.process.stderr is not None
        return self.process.stderr.read()


@contextmanager
def service_process(preamble: str = "", **environment: str) -> Iterator[ServiceProcess]:
    """Run ``poolhouse serve`` on a free port while the block runs; variables are named without prefix.

    Args:
        preamble: Python code that the process runs first, to break something in it.
        environment: the settings.
    """
    given = {f"POOLHOUSE_{name.upper()}": text for name, text in environment.items()}
    pipe = subprocess.PIPE
    with forked_process(_serve, preamble, environment={**os.environ, **given}, stdout=pipe, stderr=pipe) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        as_json = given.get("POOLHOUSE_LOG_FORMAT") == "json"
        line = (process.stderr if as_json else process.stdout).readline()
        address = re.search(r"(https?)://[\w.]+:(\d+)", line)
        assert address is not None, line + process.stderr.read()
        url = f"{address[1]}://127.0.0.1:{address[2]}"
        yield ServiceProcess(LiveServer(url, int(address[2]), announced_grpc_port(line)), process, line)


def _serve(preamble: str) -> int:
    exec(preamble)
    return main(["serve", "--port", "0"])
