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
from http.client import HTTPConnection, HTTPException, HTTPResponse, IncompleteRead
from itertools import cycle
from typing import NamedTuple

import httpx
import numpy as np
import psutil
from numpy.typing import NDArray

from _ray import RayServeInstance, replica_start_times, run_on_ray
from poolhouse import Client

CALLERS = 6
HALF_SENT_REQUESTS = 8
TIMEOUT_S = 60.0
# Larger than what HAProxy keeps of a request, so that it cannot ask again; and small enough that it can.
LARGE_SHAPE = (1, 8, 64, 64)
SMALL_SHAPE = (1, 4, 16, 16)
# How long HAProxy may take to see that a connection which it keeps is dead: until then it may send a request into it.
FAILURE_DETECTION_S = 1.0


def say(text: str) -> None:
    """One line of progress."""
    print(f"prove_ray: {text}", file=sys.stderr, flush=True)


def wait_until(condition: Callable[[], bool], description: str) -> None:
    """Wait for something that another process brings about."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < TIMEOUT_S, f"{description}: not within {TIMEOUT_S:g} s"
        time.sleep(0.05)


def check_responses(port: int) -> None:
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


def query_balancer(serving: RayServeInstance, command: str) -> str:
    """What it answers over its socket."""
    with socket.socket(socket.AF_UNIX) as asked:
        asked.connect(str(serving.haproxy_socket))
        asked.sendall(f"{command}\n".encode())
        with asked.makefile(encoding="utf-8") as answer:
            said: str = answer.read()
            return said


def are_both_replicas_up(serving: RayServeInstance) -> bool:
    """Whether the balancer knows both replicas to be well, and its processes that knew less are gone."""
    up = re.findall(r"^http-poolhouse,SERVE_REPLICA_[^,]+,.*,UP,", query_balancer(serving, "show stat"), re.MULTILINE)
    running = [
        process
        for process in psutil.process_iter(["cmdline"])
        if str(serving.haproxy_configuration) in (process.info["cmdline"] or ())
    ]
    return len(up) == 2 and len(running) == 1


def replica_by_client_address(serving: RayServeInstance) -> dict[str, str]:
    """The replica that each caller's request is in at this moment, by the caller's address."""
    return dict(re.findall(r"src=(127\.[0-9.]+):\d+ .*? srv=(SERVE_REPLICA_\S+)", query_balancer(serving, "show sess")))


def balancer_name(serving: RayServeInstance, pid: int) -> str:
    """The name that the balancer has for a replica: it knows it by a port that this process listens on."""
    connections = psutil.Process(pid).net_connections("tcp")
    listens = {each.laddr.port for each in connections if each.status == psutil.CONN_LISTEN}
    servers = re.findall(r"^\s*server (\S+) \S+:(\d+) ", serving.haproxy_configuration.read_text(), re.MULTILINE)
    name: str
    (name,) = {name for name, port in servers if int(port) in listens}
    return name


def build_request(x: NDArray[np.float32], *more: str) -> bytes:
    """A request for the maxima of this tensor, in one piece as most clients send a small one.

    HAProxy can ask again only what it has whole when it asks first.
    """
    body = x.tobytes()
    lines = (
        f"POST /v1/pool/global_max_pool2d?dtype=float32&shape={','.join(map(str, x.shape))} HTTP/1.1",
        "Host: x",
        "Content-Type: application/octet-stream",
        f"Content-Length: {len(body)}",
        *more,
    )
    return "\r\n".join((*lines, "", "")).encode() + body


class KeepAliveConnection(HTTPConnection):
    """A connection that is kept, from an address of its own."""

    def __init__(self, port: int, source: str) -> None:
        super().__init__("127.0.0.1", port, TIMEOUT_S, (source, 0))

    def __enter__(self) -> KeepAliveConnection:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def pool(self, x: NDArray[np.float32]) -> tuple[int, bytes]:
        """The status and the body of the answer."""
        if self.sock is None:
            self.connect()
        self.sock.sendall(build_request(x))
        with HTTPResponse(self.sock) as answer:
            answer.begin()
            status, body = answer.status, answer.read()
        if answer.will_close:
            self.close()
        return status, body


class LostRequest(NamedTuple):
    """A request without its answer: what it was, when it began, and what came instead."""

    shape: tuple[int, ...]
    started_at: float
    failure: str


@dataclass
class LoadGenerator:
    """Callers with an address each, one request at a time and no repeats."""

    port: int
    stop: threading.Event = field(default_factory=threading.Event)
    answered: Counter[str] = field(default_factory=Counter)
    lost: defaultdict[str, list[LostRequest]] = field(default_factory=lambda: defaultdict(list))
    wrong: int = 0

    client_addresses = tuple(f"127.0.1.{number}" for number in range(1, CALLERS + 1))

    def __enter__(self) -> LoadGenerator:
        self._threads = [threading.Thread(target=self._run_client, args=(source,)) for source in self.client_addresses]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.stop.set()
        for thread in self._threads:
            thread.join()

    def _run_client(self, source: str) -> None:
        number = int(source.rpartition(".")[2])
        random = np.random.default_rng(number)
        # Always another size than the caller before, so that at any moment there are some of each.
        shapes = cycle((SMALL_SHAPE, LARGE_SHAPE) if number % 2 else (LARGE_SHAPE, SMALL_SHAPE))
        with KeepAliveConnection(self.port, source) as line:
            while not self.stop.is_set():
                shape = next(shapes)
                x = random.standard_normal(shape, dtype=np.float32)
                begun = time.monotonic()
                try:
                    status, body = line.pool(x)
                except (OSError, HTTPException) as failed:
                    self.lost[source].append(LostRequest(shape, begun, type(failed).__name__))
                    line.close()
                    continue
                if status != 200:
                    self.lost[source].append(LostRequest(shape, begun, f"HTTP {status}"))
                    continue
                self.wrong += not np.array_equal(np.frombuffer(body, np.float32), x.max((2, 3)).ravel())
                self.answered[source] += 1

    def wait_for_answers(self, more_answers: int) -> None:
        """Wait until every caller has had so many more answers."""
        wanted = {source: self.answered[source] + more_answers for source in self.client_addresses}
        wait_until(
            lambda: all(self.answered[source] >= count for source, count in wanted.items()), "every caller is answered"
        )


class HalfSentRequest:
    """A request of which half of the body is sent, so that it stays where it is."""

    def __init__(self, port: int, number: int) -> None:
        self.source = f"127.0.2.{number}"
        self._x = np.random.default_rng(number).standard_normal(LARGE_SHAPE, dtype=np.float32)
        whole = build_request(self._x, "Connection: close")
        self._connection = socket.create_connection(("127.0.0.1", port), TIMEOUT_S, (self.source, 0))
        half = len(whole) // 2
        self._connection.sendall(whole[:half])
        self._rest = whole[half:]

    def complete(self) -> bool:
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


def kill_and_wait(pid: int) -> float:
    """Kill a process, and wait until it is gone and its connections with it; when that was."""
    process = os.pidfd_open(pid)
    try:
        os.kill(pid, signal.SIGKILL)
        gone, _, _ = select.select([process], [], [], TIMEOUT_S)
        assert gone, "a killed process does not end"
        return time.monotonic()
    finally:
        os.close(process)


def was_in_killed_replica(
    lost: LostRequest, source: str, killed: str, asked_at: float, replica_by_client: dict[str, str], gone_at: float
) -> bool:
    """Whether a lost request was in the killed replica.

    What was under way when the balancer was asked was where it said; one that it had not read yet, or that began since,
    may have gone there until the balancer knew that there was no process.
    """
    if lost.started_at < asked_at:
        return replica_by_client.get(source, killed) == killed
    return lost.started_at < gone_at + FAILURE_DETECTION_S


def main() -> None:
    """Start, pool, kill, and count."""
    with run_on_ray(2) as serving:
        check_responses(serving.port)
        before = replica_start_times()
        say(f"two replicas answer as one does: processes {sorted(before)}")
        wait_until(lambda: are_both_replicas_up(serving), "the balancer knows both replicas")
        with LoadGenerator(serving.port) as load:
            load.wait_for_answers(20)
            assert not load.lost, load.lost
            held = [HalfSentRequest(serving.port, number) for number in range(1, HALF_SENT_REQUESTS + 1)]
            sources = {each.source for each in held}
            wait_until(
                lambda: sources <= replica_by_client_address(serving).keys(), "every held request is in a replica"
            )
            pid = min(before)
            killed = balancer_name(serving, pid)
            asked = time.monotonic()
            places = replica_by_client_address(serving)
            gone = kill_and_wait(pid)
            inside = {source for source in sources if places[source] == killed}
            load.wait_for_answers(20)
            survived = {each.source for each in held if each.complete()}
            wait_until(lambda: len(replica_start_times().keys() - {pid}) >= 2, "the replica is replaced")
            replaced_s = time.monotonic() - gone
            load.wait_for_answers(20)
        lost = [(source, each) for source, every in load.lost.items() for each in every]
        say(
            f"killed one: of {HALF_SENT_REQUESTS} held requests {len(inside)} were in it, "
            f"the other {len(survived)} were answered"
        )
        say(f"of the load {load.answered.total()} were answered, lost {Counter(each.failure for _, each in lost)}")
        say(f"replaced after {replaced_s:.1f} s")
        assert inside, "nothing was held in the one that was killed"
        assert inside < sources, "nothing was held in the other one"
        assert survived == sources - inside, f"held in the killed one: {inside}; answered: {survived}"
        assert load.wrong == 0
        for source, each in lost:
            # Once an answer has begun, nobody can ask again.
            beyond_help = each.shape == LARGE_SHAPE or each.failure == IncompleteRead.__name__
            assert beyond_help, (source, each, "HAProxy did not ask again")
            assert was_in_killed_replica(each, source, killed, asked, places, gone), (
                source,
                each,
                killed,
                asked,
                places,
                gone,
            )
        say("what could be asked again was, and what was lost was in the killed replica")
        check_responses(serving.port)


if __name__ == "__main__":
    main()
