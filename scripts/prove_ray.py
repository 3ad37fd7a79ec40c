"""poolhouse on Ray Serve: two replicas answer as one does, and killing one loses only what was in it.

Called by scripts/prove_ray.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import httpx
import numpy as np

from _ray import on_ray, replicas
from poolhouse import Client

CALLERS = 6
LIMIT_S = 60.0


def say(text: str) -> None:
    """One line of progress."""
    print(f"prove_ray: {text}", file=sys.stderr, flush=True)


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


@dataclass
class Load:
    """Callers with one connection each, one request at a time and no repeats of their own."""

    port: int
    over: threading.Event = field(default_factory=threading.Event)
    answered: Counter[int] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    wrong: int = 0

    def __enter__(self) -> Load:
        self._threads = [threading.Thread(target=self._call, args=(seed,)) for seed in range(CALLERS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.over.set()
        for thread in self._threads:
            thread.join()

    def _call(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        with Client(f"http://127.0.0.1:{self.port}", max_retries=0, read_timeout=LIMIT_S) as client:
            while not self.over.is_set():
                x = random.standard_normal((1, 8, 64, 64), dtype=np.float32)
                try:
                    output = client.global_max_pool2d(x).output
                except Exception as failed:
                    self.lost.append(f"{type(failed).__name__}: {failed}")
                    continue
                self.answered[seed] += 1
                self.wrong += not np.array_equal(output, x.max((2, 3), keepdims=True))

    def until_answered(self, more: int) -> None:
        """Wait until every caller has had so many more answers."""
        wanted = {seed: self.answered[seed] + more for seed in range(CALLERS)}
        begun = time.monotonic()
        while any(self.answered[seed] < count for seed, count in wanted.items()):
            assert time.monotonic() - begun < LIMIT_S, "callers are not answered any more"
            time.sleep(0.05)


def main() -> None:
    """Start, pool, kill, and count."""
    with on_ray(2) as port:
        answers_as_everywhere(port)
        before = replicas()
        say(f"two replicas answer as one does: processes {sorted(before)}")
        with Load(port) as load:
            load.until_answered(20)
            assert not load.lost, load.lost
            killed = min(before)
            os.kill(killed, signal.SIGKILL)
            begun = time.monotonic()
            load.until_answered(20)
            while len(replicas().keys() - {killed}) < 2:
                assert time.monotonic() - begun < LIMIT_S, "the replica was not replaced"
                time.sleep(0.1)
            replaced_s = time.monotonic() - begun
            load.until_answered(20)
        say(f"killed one: {load.answered.total()} answered, {len(load.lost)} lost, replaced after {replaced_s:.1f} s")
        for line, count in Counter(load.lost).items():
            say(f"lost {count}: {line}")
        assert load.wrong == 0
        # Each caller had at most one request in the replica that was killed.
        assert len(load.lost) <= CALLERS, "more was lost than can have been in it"
        answers_as_everywhere(port)


if __name__ == "__main__":
    main()
