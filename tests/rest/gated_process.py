"""A server process whose device waits at a gate, controlled by ``close`` and ``open`` on its standard input."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from poolhouse.rest.run import run
from poolhouse.settings import Settings
from tests.forked_process import ForkedProcess, forked_process
from tests.rest.gated_service import Gate, make_gated_pooling
from tests.rest.live_server import LiveServer, announced_grpc_port


@dataclass(frozen=True, slots=True)
class GatedProcess:
    """A running server process."""

    server: LiveServer
    process: ForkedProcess

    def set_gate(self, command: str) -> None:
        """Open or close the gate, and wait until it is done."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == f"{command}\n"


@contextmanager
def run_gated_process(stderr: int | None = None, **settings: object) -> Iterator[GatedProcess]:
    """Run such a process while the block runs.

    Args:
        stderr: as for :class:`subprocess.Popen`; None for the standard error of the tests.
        settings: of the service.
    """
    pipe = subprocess.PIPE
    with forked_process(_serve, settings, stdin=pipe, stdout=pipe, stderr=stderr) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        url = next(word for word in line.split() if word.startswith("http://"))
        yield GatedProcess(LiveServer(url, int(url.rsplit(":", 1)[1]), announced_grpc_port(line)), process)


def _serve(settings: dict[str, object]) -> None:
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
    run(Settings.model_validate({"port": 0, "device": "cpu", **settings}), make_gated_pooling(gate))
