"""Check poolhouse on Ray Serve: two replicas return the same results, and killing one loses only its own requests.

Called by scripts/prove_ray. Just before the kill the load balancer reports the replica of each request. Half-sent
requests stay in both replicas, so that some must be lost and some must survive. The load continues meanwhile, and no
request that it sends after the end of the replica may be lost.
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

CLIENTS = 6
HALF_SENT_REQUESTS = 8
TIMEOUT_S = 60.0
# HAProxy can retry only a request that it has buffered completely: the large one does not fit into its buffer.
LARGE_SHAPE = (1, 8, 64, 64)
SMALL_SHAPE = (1, 4, 16, 16)
# The time in which HAProxy may still send requests to a dead connection before it detects the failure.
FAILURE_DETECTION_S = 1.0


def say(text: str) -> None:
    """Print one line of progress."""
    print(f"prove_ray: {text}", file=sys.stderr, flush=True)


def wait_until(condition: Callable[[], bool], description: str) -> None:
    """Poll a condition that depends on another process."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < TIMEOUT_S, f"{description}: not within {TIMEOUT_S:g} s"
        time.sleep(0.05)


def check_responses(port: int) -> None:
    """Check JSON and binary responses, small and large ones, indices, a plan and a refusal."""
    random = np.random.default_rng(4)
    with Client(f"http://127.0.0.1:{port}", max_retries=0) as client:
        for shape in ((1, 2, 6, 6), (8, 16, 128, 128)):
            x = random.standard_normal(shape, dtype=np.float32)
            assert np.array_equal(client.global_max_pool2d(x).output, x.max((2, 3), keepdims=True))
        pooled = client.max_pool2d([[[[1.0, 2.0], [3.0, 4.0]]]], 2, return_indices=True)
        assert (pooled.output, pooled.indices) == ([[[[4.0]]]], [[[[3]]]])
        assert client.plan("max_pool2d", (1, 1, 4, 4), kernel_size=2).outputs["output"].shape == (1, 1, 2, 2)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
        response = http.post("/v1/pool/max_pool2d", json={"input": [[[[1, 2], [3, 4]]]], "kernel_size": 2})
        assert response.json()["output"]["data"] == [[[[4.0]]]]
        refused = http.post("/v1/pool/max_pool2d", json={"input": [[[[1]]]], "kernel_size": 2})
        assert (refused.status_code, refused.json()["code"]) == (422, "window_does_not_fit")


def query_balancer(serving: RayServeInstance, command: str) -> str:
    """The load balancer's reply to a command on its admin socket."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(serving.haproxy_socket))
        connection.sendall(f"{command}\n".encode())
        with connection.makefile(encoding="utf-8") as file:
            reply: str = file.read()
            return reply


def are_both_replicas_up(serving: RayServeInstance) -> bool:
    """Whether both replicas are up in the load balancer, and its processes with an older configuration have ended."""
    up = re.findall(r"^http-poolhouse,SERVE_REPLICA_[^,]+,.*,UP,", query_balancer(serving, "show stat"), re.MULTILINE)
    running = [
        process
        for process in psutil.process_iter(["cmdline"])
        if str(serving.haproxy_configuration) in (process.info["cmdline"] or ())
    ]
    return len(up) == 2 and len(running) == 1


def replica_by_client_address(serving: RayServeInstance) -> dict[str, str]:
    """The replica of each client's current request, by the client's address."""
    return dict(re.findall(r"src=(127\.[0-9.]+):\d+ .*? srv=(SERVE_REPLICA_\S+)", query_balancer(serving, "show sess")))


def balancer_name(serving: RayServeInstance, pid: int) -> str:
    """The load balancer's name of a replica, found by a port on which its process listens."""
    connections = psutil.Process(pid).net_connections("tcp")
    ports = {each.laddr.port for each in connections if each.status == psutil.CONN_LISTEN}
    servers = re.findall(r"^\s*server (\S+) \S+:(\d+) ", serving.haproxy_configuration.read_text(), re.MULTILINE)
    name: str
    (name,) = {name for name, port in servers if int(port) in ports}
    return name


def build_request(x: NDArray[np.float32], *headers: str) -> bytes:
    """A request for the maxima of this tensor, to be sent in one piece, as HAProxy can retry only complete requests."""
    body = x.tobytes()
    lines = (
        f"POST /v1/pool/global_max_pool2d?dtype=float32&shape={','.join(map(str, x.shape))} HTTP/1.1",
        "Host: x",
        "Content-Type: application/octet-stream",
        f"Content-Length: {len(body)}",
        *headers,
    )
    return "\r\n".join((*lines, "", "")).encode() + body


class KeepAliveConnection(HTTPConnection):
    """A persistent connection from an address of its own."""

    def __init__(self, port: int, source: str) -> None:
        super().__init__("127.0.0.1", port, TIMEOUT_S, (source, 0))

    def __enter__(self) -> KeepAliveConnection:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def pool(self, x: NDArray[np.float32]) -> tuple[int, bytes]:
        """Pool a tensor; returns the status and the body of the response."""
        if self.sock is None:
            self.connect()
        self.sock.sendall(build_request(x))
        with HTTPResponse(self.sock) as response:
            response.begin()
            status, body = response.status, response.read()
        if response.will_close:
            self.close()
        return status, body


class LostRequest(NamedTuple):
    """A request without a good response: its shape, its start, and the failure."""

    shape: tuple[int, ...]
    started_at: float
    failure: str


@dataclass
class LoadGenerator:
    """Clients with an address each, which send one request at a time and do not retry."""

    port: int
    stop: threading.Event = field(default_factory=threading.Event)
    succeeded: Counter[str] = field(default_factory=Counter)
    lost: defaultdict[str, list[LostRequest]] = field(default_factory=lambda: defaultdict(list))
    wrong: int = 0

    client_addresses = tuple(f"127.0.1.{number}" for number in range(1, CLIENTS + 1))

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
        # Neighbouring clients alternate sizes, so that there are always requests of both sizes.
        shapes = cycle((SMALL_SHAPE, LARGE_SHAPE) if number % 2 else (LARGE_SHAPE, SMALL_SHAPE))
        with KeepAliveConnection(self.port, source) as connection:
            while not self.stop.is_set():
                shape = next(shapes)
                x = random.standard_normal(shape, dtype=np.float32)
                start = time.monotonic()
                try:
                    status, body = connection.pool(x)
                except (OSError, HTTPException) as error:
                    self.lost[source].append(LostRequest(shape, start, type(error).__name__))
                    connection.close()
                    continue
                if status != 200:
                    self.lost[source].append(LostRequest(shape, start, f"HTTP {status}"))
                    continue
                self.wrong += not np.array_equal(np.frombuffer(body, np.float32), x.max((2, 3)).ravel())
                self.succeeded[source] += 1

    def wait_for_responses(self, count: int) -> None:
        """Wait until every client has received ``count`` more responses."""
        targets = {source: self.succeeded[source] + count for source in self.client_addresses}
        wait_until(
            lambda: all(self.succeeded[source] >= target for source, target in targets.items()),
            "every client receives responses",
        )


class HalfSentRequest:
    """A request of which half is sent, so that it stays in its replica."""

    def __init__(self, port: int, number: int) -> None:
        self.source = f"127.0.2.{number}"
        self._x = np.random.default_rng(number).standard_normal(LARGE_SHAPE, dtype=np.float32)
        whole = build_request(self._x, "Connection: close")
        self._connection = socket.create_connection(("127.0.0.1", port), TIMEOUT_S, (self.source, 0))
        half = len(whole) // 2
        self._connection.sendall(whole[:half])
        self._rest = whole[half:]

    def complete(self) -> bool:
        """Send the rest; returns whether there is a successful response, and checks its elements."""
        with self._connection, self._connection.makefile("rb") as file:
            try:
                self._connection.sendall(self._rest)
                response = file.read()
            except ConnectionError:
                return False
        head, _, body = response.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200 "):
            return False
        assert np.array_equal(np.frombuffer(body, np.float32), self._x.max((2, 3)).ravel())
        return True


def kill_and_wait(pid: int) -> float:
    """Kill a process and wait until it has ended; returns the time of that."""
    process = os.pidfd_open(pid)
    try:
        os.kill(pid, signal.SIGKILL)
        ended, _, _ = select.select([process], [], [], TIMEOUT_S)
        assert ended, "a killed process does not end"
        return time.monotonic()
    finally:
        os.close(process)


def was_in_killed_replica(
    lost: LostRequest, source: str, killed: str, queried_at: float, replica_by_client: dict[str, str], ended_at: float
) -> bool:
    """Whether a lost request was, or may have been, in the killed replica.

    For a request that started before the query, the load balancer reported the replica, unless it had not read the
    request yet. A later request may have been sent to the replica until the load balancer detected its end.
    """
    if lost.started_at < queried_at:
        return replica_by_client.get(source, killed) == killed
    return lost.started_at < ended_at + FAILURE_DETECTION_S


def main() -> None:
    """Start two replicas, pool, kill one, and check which requests were lost."""
    with run_on_ray(2) as serving:
        check_responses(serving.port)
        before = replica_start_times()
        say(f"two replicas return the same results: processes {sorted(before)}")
        wait_until(lambda: are_both_replicas_up(serving), "both replicas are up in the load balancer")
        with LoadGenerator(serving.port) as load:
            load.wait_for_responses(20)
            assert not load.lost, load.lost
            half_sent = [HalfSentRequest(serving.port, number) for number in range(1, HALF_SENT_REQUESTS + 1)]
            sources = {each.source for each in half_sent}
            wait_until(
                lambda: sources <= replica_by_client_address(serving).keys(), "every half-sent request is in a replica"
            )
            pid = min(before)
            killed = balancer_name(serving, pid)
            queried_at = time.monotonic()
            replica_by_client = replica_by_client_address(serving)
            ended_at = kill_and_wait(pid)
            in_killed = {source for source in sources if replica_by_client[source] == killed}
            load.wait_for_responses(20)
            survived = {each.source for each in half_sent if each.complete()}
            wait_until(lambda: len(replica_start_times().keys() - {pid}) >= 2, "the replica is replaced")
            replaced_s = time.monotonic() - ended_at
            load.wait_for_responses(20)
        lost = [(source, each) for source, every in load.lost.items() for each in every]
        say(
            f"killed one replica: {len(in_killed)} of {HALF_SENT_REQUESTS} half-sent requests were in it, "
            f"{len(survived)} others succeeded"
        )
        say(f"of the load {load.succeeded.total()} succeeded, lost {Counter(each.failure for _, each in lost)}")
        say(f"replaced after {replaced_s:.1f} s")
        assert in_killed, "no half-sent request was in the killed replica"
        assert in_killed < sources, "no half-sent request was in the other replica"
        assert survived == sources - in_killed, f"in the killed replica: {in_killed}; successful: {survived}"
        assert load.wrong == 0
        for source, each in lost:
            # HAProxy cannot retry a request once its response has begun.
            cannot_retry = each.shape == LARGE_SHAPE or each.failure == IncompleteRead.__name__
            assert cannot_retry, (source, each, "HAProxy did not retry")
            evidence = (source, each, killed, queried_at, replica_by_client, ended_at)
            assert was_in_killed_replica(each, source, killed, queried_at, replica_by_client, ended_at), evidence
        say("HAProxy retried what it could, and all lost requests were in the killed replica")
        check_responses(serving.port)


if __name__ == "__main__":
    main()
