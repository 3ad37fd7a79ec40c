"""A service in a process of its own, configured by its environment: for tests of signals, files and output."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.rest.live_server import WAIT_TIMEOUT_S, LiveServer, announced_grpc_port


@dataclass(frozen=True, slots=True)
class ServiceProcess:
    """A running server process; ``ready_line`` is its message that it is ready."""

    server: LiveServer
    process: subprocess.Popen[str]
    ready_line: str

    def next_log_line(self) -> str:
        """Wait for the next line on standard error."""
        assert self.process.stderr is not None
        return self.process.stderr.readline()


@contextmanager
def service_process(preamble: str = "", **environment: str) -> Iterator[ServiceProcess]:
    """Run ``poolhouse serve`` on a free port on a free port while the block runs; variables are named without prefix.

    Args:
        preamble: Python code that the process runs first, to break something in it.
        environment: the settings.
    """
    given = {f"POOLHOUSE_{name.upper()}": text for name, text in environment.items()}
    code = f"{preamble}\nimport sys; from poolhouse.cli import main; sys.exit(main(['serve', '--port', '0']))"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), **given},
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            as_json = given.get("POOLHOUSE_LOG_FORMAT") == "json"
            line = (process.stderr if as_json else process.stdout).readline()
            address = re.search(r"(https?)://[\w.]+:(\d+)", line)
            assert address is not None, line + process.stderr.read()
            url = f"{address[1]}://127.0.0.1:{address[2]}"
            yield ServiceProcess(LiveServer(url, int(address[2]), announced_grpc_port(line)), process, line)
        finally:
            process.kill()
            process.wait(WAIT_TIMEOUT_S)
