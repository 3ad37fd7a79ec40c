"""A rollout under load, over and over: nginx with our configuration, two instances, callers who check every answer.

One of the two is told to stop with SIGTERM, must exit with code 0, and is started again, in turn. The callers go on
meanwhile and do not repeat anything themselves. ``--signal KILL`` does it without a word of warning.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import numpy as np
from _termination import terminate_children_on_sigterm
from numpy.lib.stride_tricks import sliding_window_view

from poolhouse import Client

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ROOT / "deploy" / "nginx" / "poolhouse.conf"
START_LIMIT_S = 60.0
STOP_LIMIT_S = 40.0

NGINX_CONFIGURATION = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 1024; }}
http {{
    client_body_temp_path {folder}/bodies;
    proxy_temp_path {folder}/proxied;
    fastcgi_temp_path {folder}/unused1;
    uwsgi_temp_path {folder}/unused2;
    scgi_temp_path {folder}/unused3;
    include {folder}/poolhouse.conf;
    access_log {folder}/access.log poolhouse;
}}
"""


def say(text: str) -> None:
    """One line of progress."""
    print(f"prove_rollout: {text}", file=sys.stderr, flush=True)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


class Instance:
    """One service process, which can be stopped and started again on its port."""

    def __init__(self) -> None:
        self.port = free_port()
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it, and come back when it says that it is ready."""
        words = [
            str(Path(sys.executable).with_name("poolhouse")),
            "serve",
            "--port",
            str(self.port),
            "--cpu-threads",
            "1",
        ]
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert "is ready" in self._process.stdout.readline(), "an instance did not start"

    def stop(self, stop_signal: signal.Signals) -> None:
        """Send the signal; the exit code must be 0, or say that it was killed."""
        assert self._process is not None
        self._process.send_signal(stop_signal)
        code = self._process.wait(STOP_LIMIT_S)
        assert code == (0 if stop_signal is signal.SIGTERM else -stop_signal), f"an instance stopped with code {code}"

    def kill(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()


@contextmanager
def nginx(folder: Path, instances: list[Instance]) -> Iterator[str]:
    """The URL of nginx in front of these instances, with our configuration and only the addresses changed."""
    front = free_port()
    text = SHIPPED.read_text(encoding="utf-8")
    addresses = ("127.0.0.1:8000", front), ("127.0.0.1:8001", instances[0].port), ("127.0.0.1:8002", instances[1].port)
    for address, _ in addresses:
        assert text.count(address) == 1, f"{address} should be in {SHIPPED} once"
    for address, port in addresses:
        text = text.replace(address, f"127.0.0.1:{port}")
    (folder / "poolhouse.conf").write_text(text, encoding="utf-8")
    (folder / "nginx.conf").write_text(NGINX_CONFIGURATION.format(folder=folder), encoding="utf-8")
    program = ["nginx", "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
    with subprocess.Popen(program) as running:
        try:
            wait_for_port(front)
            yield f"http://127.0.0.1:{front}"
        finally:
            running.terminate()


def wait_for_port(port: int) -> None:
    begun = monotonic()
    while True:
        with socket.socket() as asked:
            if asked.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert monotonic() - begun < START_LIMIT_S, "nginx did not start"


@dataclass
class LoadGenerator:
    """Callers that go on until told, each with one connection, one request at a time and no repeats of its own."""

    url: str
    callers: int
    stop: threading.Event = field(default_factory=threading.Event)
    answered: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)

    def __enter__(self) -> LoadGenerator:
        self._threads = [threading.Thread(target=self._run_client, args=(seed,)) for seed in range(self.callers)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.stop.set()
        for thread in self._threads:
            thread.join()

    def _run_client(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        # Every other caller sends and gets megabytes, so that answers are under way whenever an instance is stopped.
        size, kind = ((8, 16, 128, 128), "8 MB") if seed % 2 else ((1, 2, 9, 8), "small")
        with Client(self.url, max_retries=0, read_timeout=60.0) as client:
            while not self.stop.is_set():
                x = random.standard_normal(size, dtype=np.float32)
                right = sliding_window_view(x, (1, 2), axis=(-2, -1))[..., ::2, :, :].max(axis=(-2, -1))
                try:
                    output = client.max_pool2d(x, (1, 2), stride=(1, 2)).output
                except Exception as failed:
                    self.lost.append(f"{kind}: {type(failed).__name__}: {failed}")
                    continue
                if np.array_equal(output, right):
                    self.answered[kind] += 1
                else:
                    self.lost.append(f"{kind}: a wrong answer")


def count_retries(access_log: Path) -> Counter[str]:
    """How requests went that nginx had to ask twice for, by the status of the first try."""
    counted: Counter[str] = Counter()
    for line in access_log.read_text(encoding="utf-8").splitlines():
        _, _, _, rest = line.split(" ", 3)
        if ", " in rest:
            statuses = rest.replace(", ", ",").split(" ")[1]
            counted[statuses] += 1
    return counted


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=20)
    options.add_argument("--callers", type=int, default=6)
    options.add_argument("--signal", choices=["TERM", "KILL"], default="TERM")
    given = options.parse_args()
    how = signal.Signals[f"SIG{given.signal}"]
    with ExitStack() as ending:
        folder = Path(ending.enter_context(tempfile.TemporaryDirectory()))
        # nginx started by root gives its workers another user.
        os.chmod(folder, 0o755)
        instances = [Instance(), Instance()]
        for instance in instances:
            ending.callback(instance.kill)
            instance.start()
        url = ending.enter_context(nginx(folder, instances))
        with LoadGenerator(url, given.callers) as load:
            for number in range(given.rounds):
                replaced = instances[number % 2]
                replaced.stop(how)
                replaced.start()
                say(f"round {number + 1} of {given.rounds}: {load.answered.total()} answered, {len(load.lost)} lost")
        again = count_retries(folder / "access.log")
    say(f"answered {dict(load.answered)}, lost {len(load.lost)}; asked twice by nginx: {dict(again)}")
    for line in Counter(load.lost).most_common(5):
        say(f"lost: {line}")
    assert all(load.answered[kind] for kind in ("small", "8 MB")), "nobody called"
    assert again or given.rounds < 2, "no instance was missed, so nothing was shown"
    return 1 if load.lost else 0


if __name__ == "__main__":
    terminate_children_on_sigterm()
    sys.exit(main())
