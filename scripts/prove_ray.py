"""poolhouse on Ray Serve: two replicas answer as one does, and killing one loses only what was in it.

Called by scripts/prove_ray. What was in the killed replica is not guessed from what was lost: the balancer is asked
just before which replica each request is in. Some requests are held in both, so that there is something to lose and
something to keep; the load goes on beside them, and nothing that it asks after the replica is gone may be lost.
"""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import httpx
import numpy as np
import psutil

from _ray import Serving, on_ray, replicas
from poolhouse import Client

CALLERS = 6
HELD = 8
LIMIT_S = 60.0
SHAPE = (1, 8, 64, 64)
PATH = "/v1/pool/global_max_pool2d?dtype=float32&shape=" + ",".join(map(str, SHAPE))


def say(text: str) -> None:
    """One line of progress."""
    print(f"prove_ray: {text}", file=sys.stderr, flush=True)


def until(true: Callable[[], bool], what: str) -> None:
    """Wait for something that another process brings about."""
    begun = time.monotonic()
    while not true():
        assert time.monotonic() - begun < LIMIT_S, f"{what}: not within {LIMIT_S:g} s"
        time.sleep(0.05)


def answers_as_everywhere(port: int) -> None:
    """JSON and binary, small and large, indices, a plan and a refusal."""
    random = np.random.default_rng(4)
    with Client(f"http://127.0.0.1:{port}", max_retries=0) as client:
        for shape in ((1, 2, 6, 6), (8, 16, 128, 128)):
            x = random.standard_normal(shape, dtype=np.float32)
            assert np.array_equal(client.global_max_pool2d(x).output, x.max((2, 3), keepdims=True))
        pooled = client.max_pool2d([[[[1.0, 2.0], [3.0, 4.0]]]], 2, return_indices=True)
        assert (pooled.output, pooled.indices) == ([[[[4.0]]]], [[[[3]]]])
        assert client.plan("max_pool2d", (1, 1, 4, 4), kernel_size=2).outputs["output"].shape == (1, 1, 2, 2)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as asked:
        answer = asked.post("/v1/pool/max_pool2d", json={"input": [[[[1, 2], [3, 4]]]], "kernel_size": 2})
        assert answer.json()["output"]["data"] == [[[[4.0]]]]
        refused = asked.post("/v1/pool/max_pool2d", json={"input": [[[[1]]]], "kernel_size": 2})
        assert (refused.status_code, refused.json()["code"]) == (422, "window_does_not_fit")


def ask_balancer(serving: Serving, question: str) -> str:
    """What it answers over its socket."""
    with socket.socket(socket.AF_UNIX) as asked:
        asked.connect(str(serving.balancer_socket))
        asked.sendall(f"{question}\n".encode())
        with asked.makefile(encoding="utf-8") as answer:
            said: str = answer.read()
            return said


def settled(serving: Serving) -> bool:
    """Whether the balancer knows both replicas to be well, and its processes that knew less are gone."""
    up = re.findall(r"^http-poolhouse,SERVE_REPLICA_[^,]+,.*,UP,", ask_balancer(serving, "show stat"), re.MULTILINE)
    running = [
        process
        for process in psutil.process_iter(["cmdline"])
        if str(serving.balancer_configuration) in (process.info["cmdline"] or ())
    ]
    return len(up) == 2 and len(running) == 1


def where(serving: Serving) -> dict[str, str]:
    """The replica that each caller's request is in at this moment, by the caller's address."""
    return dict(re.findall(r"src=(127\.[0-9.]+):\d+ .*? srv=(SERVE_REPLICA_\S+)", ask_balancer(serving, "show sess")))


def name_of(serving: Serving, pid: int) -> str:
    """The name that the balancer has for a replica: it knows it by a port that this process listens on."""
    connections = psutil.Process(pid).net_connections("tcp")
    listens = {each.laddr.port for each in connections if each.status == psutil.CONN_LISTEN}
    servers = re.findall(r"^\s*server (\S+) \S+:(\d+) ", serving.balancer_configuration.read_text(), re.MULTILINE)
    name: str
    (name,) = {name for name, port in servers if int(port) in listens}
    return name


class Lost(NamedTuple):
    """A request without its answer: when it began, and what came instead."""

    begun: float
    what: str


@dataclass
class Load:
    """Callers with an address each, one request at a time and no repeats."""

    port: int
    over: threading.Event = field(default_factory=threading.Event)
    answered: Counter[str] = field(default_factory=Counter)
    lost: defaultdict[str, list[Lost]] = field(default_factory=lambda: defaultdict(list))
    wrong: int = 0

    sources = tuple(f"127.0.1.{number}" for number in range(1, CALLERS + 1))

    def __enter__(self) -> Load:
        self._threads = [threading.Thread(target=self._call, args=(source,)) for source in self.sources]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.over.set()
        for thread in self._threads:
            thread.join()

    def _call(self, source: str) -> None:
        random = np.random.default_rng(int(source.rpartition(".")[2]))
        way = httpx.HTTPTransport(local_address=source)
        headers = {"Content-Type": "application/octet-stream"}
        with httpx.Client(base_url=f"http://127.0.0.1:{self.port}", transport=way, timeout=LIMIT_S) as client:
            while not self.over.is_set():
                x = random.standard_normal(SHAPE, dtype=np.float32)
                begun = time.monotonic()
                try:
                    answer = client.post(PATH, content=x.tobytes(), headers=headers)
                except httpx.HTTPError as failed:
                    self.lost[source].append(Lost(begun, type(failed).__name__))
                    continue
                if answer.status_code != 200:
                    self.lost[source].append(Lost(begun, f"HTTP {answer.status_code}"))
                    continue
                self.wrong += not np.array_equal(np.frombuffer(answer.content, np.float32), x.max((2, 3)).ravel())
                self.answered[source] += 1

    def until_answered(self, more: int) -> None:
        """Wait until every caller has had so many more answers."""
        wanted = {source: self.answered[source] + more for source in self.sources}
        until(
            lambda: all(self.answered[source] >= count for source, count in wanted.items()), "every caller is answered"
        )


class Held:
    """A request of which half of the body is sent, so that it stays where it is."""

    def __init__(self, port: int, number: int) -> None:
        self.source = f"127.0.2.{number}"
        self._x = np.random.default_rng(number).standard_normal(SHAPE, dtype=np.float32)
        body = self._x.tobytes()
        self._rest = body[len(body) // 2 :]
        self._connection = socket.create_connection(("127.0.0.1", port), LIMIT_S, (self.source, 0))
        head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\nConnection: close\r\n"
        self._connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[: len(body) // 2])

    def answered(self) -> bool:
        """Send the rest; whether the right answer came."""
        with self._connection, self._connection.makefile("rb") as read:
            try:
                self._connection.sendall(self._rest)
                answer = read.read()
            except ConnectionError:
                return False
        head, _, body = answer.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200 "):
            return False
        assert np.array_equal(np.frombuffer(body, np.float32), self._x.max((2, 3)).ravel())
        return True


def kill(pid: int) -> float:
    """Kill a process, and wait until it is gone and its connections with it; when that was."""
    process = os.pidfd_open(pid)
    try:
        os.kill(pid, signal.SIGKILL)
        gone, _, _ = select.select([process], [], [], LIMIT_S)
        assert gone, "a killed process does not end"
        return time.monotonic()
    finally:
        os.close(process)


def was_in_it(lost: Lost, source: str, killed: str, asked: float, places: dict[str, str], gone: float) -> bool:
    """Whether a lost request was in the killed replica.

    What was under way when the balancer was asked was where it said; one that it had not read yet, or that began since,
    may have gone there as long as there was a process.
    """
    if lost.begun < asked:
        return places.get(source, killed) == killed
    return lost.begun < gone


def main() -> None:
    """Start, pool, kill, and count."""
    with on_ray(2) as serving:
        answers_as_everywhere(serving.port)
        before = replicas()
        say(f"two replicas answer as one does: processes {sorted(before)}")
        until(lambda: settled(serving), "the balancer knows both replicas")
        with Load(serving.port) as load:
            load.until_answered(20)
            assert not load.lost, load.lost
            held = [Held(serving.port, number) for number in range(1, HELD + 1)]
            sources = {each.source for each in held}
            until(lambda: sources <= where(serving).keys(), "every held request is in a replica")
            pid = min(before)
            killed = name_of(serving, pid)
            asked = time.monotonic()
            places = where(serving)
            gone = kill(pid)
            inside = {source for source in sources if places[source] == killed}
            load.until_answered(20)
            survived = {each.source for each in held if each.answered()}
            until(lambda: len(replicas().keys() - {pid}) >= 2, "the replica is replaced")
            replaced_s = time.monotonic() - gone
            load.until_answered(20)
        lost = {source: each for source, every in load.lost.items() for each in every}
        say(f"killed one: of {HELD} held requests {len(inside)} were in it, the other {len(survived)} were answered")
        say(f"of the load {load.answered.total()} were answered, {Counter(each.what for each in lost.values())} lost")
        say(f"replaced after {replaced_s:.1f} s")
        assert inside, "nothing was held in the one that was killed"
        assert inside < sources, "nothing was held in the other one"
        assert survived == sources - inside, f"held in the killed one: {inside}; answered: {survived}"
        assert load.wrong == 0
        # Each caller has one request at a time, so at most one in the replica that was killed.
        assert all(len(each) == 1 for each in load.lost.values()), load.lost
        for source, each in lost.items():
            assert was_in_it(each, source, killed, asked, places, gone), (source, each, killed, asked, places, gone)
        say("what was lost was in the killed replica")
        answers_as_everywhere(serving.port)


if __name__ == "__main__":
    main()
