"""A server process whose device waits at a gate, controlled by ``close`` and ``open`` on its standard input.

Its arguments are settings, as ``name=value``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from poolhouse.rest.run import run
from poolhouse.settings import Settings
from tests.rest.gated_service import Gate, make_gated_pooling
from tests.rest.live_server import WAIT_TIMEOUT_S, LiveServer, announced_grpc_port


@dataclass(frozen=True, slots=True)
class GatedProcess:
    """A running server process."""

    server: LiveServer
    process: subprocess.Popen[str]

    def set_gate(self, command: str) -> None:
        """Open or close the gate, and wait until it is done."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == f"{command}\n"


@contextmanager
def run_gated_process(stderr: int | None = None, **settings: object) -> Iterator[GatedProcess]:
    """Run this module as a process while the block runs.

    Args:
        stderr: as for :class:`subprocess.Popen`; None for the standard error of the tests.
        settings: of the service.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-m", __name__, *(f"{name}={value}" for name, value in settings.items())]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=stderr, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            url = next(word for word in line.split() if word.startswith("http://"))
            yield GatedProcess(LiveServer(url, int(url.rsplit(":", 1)[1]), announced_grpc_port(line)), process)
        finally:
            process.kill()
            process.wait(WAIT_TIMEOUT_S)


def main() -> None:
    """Serve, and execute the commands of the test."""
    gate = Gate()

    def listen() -> None:
        for line in sys.stdin:
            if line == "open\n":
                gate.open()
            else:
                gate.close()
            print(line, end="", flush=True)

    threading.Thread(target=listen, daemon=True).start()
    given = dict(word.split("=", 1) for word in sys.argv[1:])
    run(Settings.model_validate({"port": 0, "device": "cpu", **given}), make_gated_pooling(gate))


if __name__ == "__main__":
    main()
