"""Repeat a rollout under load: nginx with our configuration, two instances, and clients that check every response.

The instances alternately get SIGTERM, must exit with code 0, and are started again, while the clients send requests
without retries of their own. ``--signal KILL`` kills the instances instead.
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
    """Print one line of progress."""
    print(f"prove_rollout: {text}", file=sys.stderr, flush=True)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


class Instance:
    """One service process, which can be stopped and started again on its port."""

    def __init__(self) -> None:
        self.port = free_port()
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start the process and wait until it is ready."""
        command = [
            str(Path(sys.executable).with_name("poolhouse")),
            "serve",
            "--port",
            str(self.port),
            "--cpu-threads",
            "1",
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert "is ready" in self._process.stdout.readline(), "an instance did not start"

    def stop(self, stop_signal: signal.Signals) -> None:
        """Send the signal and check the exit code: 0 for SIGTERM, else that of the signal."""
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
    """Run nginx in front of these instances with our configuration, in which only the ports differ; yields its URL."""
    port = free_port()
    text = SHIPPED.read_text(encoding="utf-8")
    ports = {"127.0.0.1:8000": port, "127.0.0.1:8001": instances[0].port, "127.0.0.1:8002": instances[1].port}
    for address in ports:
        assert text.count(address) == 1, f"{address} should be in {SHIPPED} once"
    for address, replacement in ports.items():
        text = text.replace(address, f"127.0.0.1:{replacement}")
    (folder / "poolhouse.conf").write_text(text, encoding="utf-8")
    (folder / "nginx.conf").write_text(NGINX_CONFIGURATION.format(folder=folder), encoding="utf-8")
    program = ["nginx", "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
    with subprocess.Popen(program) as process:
        try:
            wait_for_port(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def wait_for_port(port: int) -> None:
    start = monotonic()
    while True:
        with socket.socket() as connection:
            if connection.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert monotonic() - start < START_LIMIT_S, "nginx did not start"


@dataclass
class LoadGenerator:
    """Clients that send requests until stopped, each over one connection, one at a time and without retries."""

    url: str
    clients: int
    stop: threading.Event = field(default_factory=threading.Event)
    succeeded: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)

    def __enter__(self) -> LoadGenerator:
        self._threads = [threading.Thread(target=self._run_client, args=(seed,)) for seed in range(self.clients)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.stop.set()
        for thread in self._threads:
            thread.join()

    def _run_client(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        # Every other client transfers megabytes, so that responses are in progress whenever an instance is stopped.
        size, kind = ((8, 16, 128, 128), "8 MB") if seed % 2 else ((1, 2, 9, 8), "small")
        with Client(self.url, max_retries=0, read_timeout=60.0) as client:
            while not self.stop.is_set():
                x = random.standard_normal(size, dtype=np.float32)
                expected = sliding_window_view(x, (1, 2), axis=(-2, -1))[..., ::2, :, :].max(axis=(-2, -1))
                try:
                    output = client.max_pool2d(x, (1, 2), stride=(1, 2)).output
                except Exception as error:  # any failure is a lost request, which the proof reports
                    self.lost.append(f"{kind}: {type(error).__name__}: {error}")
                    continue
                if np.array_equal(output, expected):
                    self.succeeded[kind] += 1
                else:
                    self.lost.append(f"{kind}: a wrong response")


def count_retries(access_log: Path) -> Counter[str]:
    """The number of requests that nginx retried, by the statuses of all tries."""
    retries: Counter[str] = Counter()
    for line in access_log.read_text(encoding="utf-8").splitlines():
        _, _, _, rest = line.split(" ", 3)
        if ", " in rest:
            statuses = rest.replace(", ", ",").split(" ")[1]
            retries[statuses] += 1
    return retries


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="number of replacements")
    parser.add_argument("--clients", type=int, default=6, help="number of clients")
    parser.add_argument("--signal", choices=["TERM", "KILL"], default="TERM", help="how instances are stopped")
    options = parser.parse_args()
    stop_signal = signal.Signals[f"SIG{options.signal}"]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        # If root starts nginx, its workers run as another user.
        os.chmod(folder, 0o755)
        instances = [Instance(), Instance()]
        for instance in instances:
            stack.callback(instance.kill)
            instance.start()
        url = stack.enter_context(nginx(folder, instances))
        with LoadGenerator(url, options.clients) as load:
            for number in range(options.rounds):
                instance = instances[number % 2]
                instance.stop(stop_signal)
                instance.start()
                success_count = load.succeeded.total()
                say(f"round {number + 1} of {options.rounds}: {success_count} succeeded, {len(load.lost)} lost")
        retries = count_retries(folder / "access.log")
    say(f"succeeded {dict(load.succeeded)}, lost {len(load.lost)}; retried by nginx: {dict(retries)}")
    for line in Counter(load.lost).most_common(5):
        say(f"lost: {line}")
    assert all(load.succeeded[kind] for kind in ("small", "8 MB")), "no request of one size succeeded"
    assert retries or options.rounds < 2, "nginx retried nothing, so the replacements had no effect"
    return 1 if load.lost else 0


if __name__ == "__main__":
    terminate_children_on_sigterm()
    sys.exit(main())
