"""The whole service on a device: what it reports about it, queueing and deadlines, and a device failure."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from random import Random
from typing import Final

import httpx
import pytest

from tests.batching.test_batch_equivalence import CONNECTIONS
from tests.checked_requests import CheckedRequest, find_mismatch, random_checked_request
from tests.devices import device_named, each_device
from tests.hostile.server_process import ServerProcess, poll_until_at_most, server_process
from tests.rest.gated_service import becomes_true, parse_metrics, post_zeros, run_gated_service
from tests.rest.live_server import WAIT_TIMEOUT_S
from tests.rest.service_process import ServiceProcess, service_process

GAUGES: Final = ("poolhouse_jobs", "poolhouse_held_requests", "poolhouse_held_bytes")
ALLOWED_GROWTH_BYTES: Final = 32 * 2**20

BREAKS: Final = """
import torch
from poolhouse.backend.transfer import PinnedTransfer

send = PinnedTransfer._send

def breaks(self, spec, slices, buffer):
    if slices[0]["input"].shape[-1] == 13:
        torch.zeros(2, device=self._device)[torch.tensor([7], device=self._device)]
    return send(self, spec, slices, buffer)

PinnedTransfer._send = breaks
"""
"""An index that no check has seen: a device-side assert, after which nothing works on the card in that process."""


def metrics(server: ServerProcess) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    with server.http_connection() as connection:
        return parse_metrics(connection.send("GET", "/metrics").body.decode())


def share(server: ServerProcess, calls: Sequence[tuple[CheckedRequest, ...]], start: int, count: int) -> list[str]:
    """The requests of one connection; for each, the correct response of every device that may serve it."""
    faults = []
    with server.http_connection() as connection:
        for turn in range(count):
            rights = calls[(start * 7 + turn) % len(calls)]
            reply = connection.send("POST", rights[0].target, rights[0].headers, rights[0].body)
            found = [find_mismatch(call, reply.status, reply.body) for call in rights]
            if all(found):
                faults.append(str(found[0]))
    return faults


def send_concurrently(server: ServerProcess, calls: Sequence[tuple[CheckedRequest, ...]], count: int) -> list[str]:
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        parts = pool.map(lambda start: share(server, calls, start, count), range(CONNECTIONS))
        return [fault for part in parts for fault in part]


@each_device
@pytest.mark.parametrize("each", [2, pytest.param(16, marks=pytest.mark.slow)])
@pytest.mark.timeout(240)
def test_many_concurrent_requests_leave_no_lease_and_no_memory(device: str, each: int) -> None:
    """Requests with mixed operators, shapes and types over 64 connections get correct responses, and leave no lease
    and no memory behind."""
    calls = [(random_checked_request(Random(f"crowd {number}"), device_named(device)),) for number in range(128)]
    with server_process(device=device, inline_work=0, cpu_threads=1) as server:
        send_concurrently(server, calls, each)
        warm = server.resident_bytes
        faults = send_concurrently(server, calls, each)
        held = {name: metrics(server)[name, frozenset()] for name in GAUGES}
        grown = poll_until_at_most(lambda: server.resident_bytes - warm, ALLOWED_GROWTH_BYTES)
        used = [dict(labels)["device"] for name, labels in metrics(server) if name == "poolhouse_compute_seconds_count"]

    assert not faults, "\n".join([f"{len(faults)} wrong responses, of which:", *faults[:5]])
    assert held == dict.fromkeys(GAUGES, 0.0)
    assert grown <= ALLOWED_GROWTH_BYTES
    assert set(used) == {device_named(device).name}


@pytest.mark.gpu
@pytest.mark.timeout(240)
def test_two_kinds_of_devices_serve_concurrently() -> None:
    """Each request is pooled entirely on one device, so its response equals that device's, bit for bit."""
    devices = ("cuda", "cpu")
    calls = [
        tuple(random_checked_request(Random(f"both {number}"), device_named(name)) for name in devices)
        for number in range(128)
    ]
    with server_process(device=",".join(devices), inline_work=0, cpu_threads=1) as server:
        faults = send_concurrently(server, calls, 16)
        used = {dict(labels)["device"] for name, labels in metrics(server) if name == "poolhouse_compute_seconds_count"}
        ready = server.readiness_status()

    assert not faults, "\n".join([f"{len(faults)} wrong responses, of which:", *faults[:5]])
    assert used == {"cuda:0", "cpu"}
    assert ready == 200


@each_device
def test_the_service_reports_its_device(device: str) -> None:
    """Operations staff must see which device was found, without a shell on the machine."""
    chosen = device_named(device)
    with server_process(device=device) as server, server.http_connection() as connection:
        shown = [json.loads(connection.send("GET", path).body)["devices"] for path in ("/readyz", "/version")]
        state = metrics(server)["poolhouse_device_state", frozenset({("device", chosen.name), ("state", "ready")})]

    assert shown == [[{"name": chosen.name, "model": chosen.model, "ready": True}]] * 2
    assert state == 1


@each_device
def test_a_deadline_that_passes_in_the_queue_is_refused_at_once(device: str) -> None:
    """A request that waits for a busy device is refused at its deadline, and its work is never done."""
    late = (1, 1, 9, 9)
    with (
        run_gated_service(capacity_bytes=2**26, device=device) as held,
        ThreadPoolExecutor(2) as threads,
        held.gate.closed(),
    ):
        running = [threads.submit(pooled, held.server.client, (1, 1, 4, 4 + number)) for number in range(2)]
        assert becomes_true(lambda: held.pooling.status.job_count == 2)
        with held.server.client() as client:
            response = post_zeros(client, late, {"Request-Timeout": "0.2"})
        held.gate.open()
        assert [each.result(WAIT_TIMEOUT_S) for each in running] == [200] * 2
        assert becomes_true(lambda: held.pooling.status.held_bytes == 0)

    assert (response.status_code, response.json()["code"]) == (504, "deadline_passed")
    assert late not in held.gate.seen_shapes


def pooled(connect: Callable[[], httpx.Client], shape: tuple[int, ...]) -> int:
    with connect() as client:
        return post_zeros(client, shape).status_code


@pytest.mark.gpu
def test_a_broken_device_is_reported_and_the_process_still_stops() -> None:
    """The platform must see the failure, since only a restart repairs it, and must be able to stop the process."""
    with service_process(preamble=BREAKS, device="cuda") as running, running.server.client() as client:
        before = client.get("/readyz").status_code, post_zeros(client, (1, 1, 8, 8)).status_code
        broken = post_zeros(client, (1, 1, 13, 13))
        ready = client.get("/readyz")
        after = post_zeros(client, (1, 1, 8, 8))
        # Recreating the worker always fails, so the device stays lost.
        assert becomes_true(partial(break_rebuilds, running))
        still = client.get("/readyz").status_code
        page = parse_metrics(client.get("/metrics").text)
        running.process.send_signal(signal.SIGTERM)
        code = running.process.wait(WAIT_TIMEOUT_S)

    assert before == (200, 200)
    assert [(each.status_code, each.json()["code"]) for each in (broken, ready, after)] == [(503, "device_lost")] * 3
    assert still == 503
    assert page["poolhouse_device_state", frozenset({("device", "cuda:0"), ("state", "lost")})] == 1
    assert page["poolhouse_engine_events_total", frozenset({("event", "device_lost")})] == 1
    assert code == 0


def break_rebuilds(running: ServiceProcess) -> bool:
    return "could not be rebuilt" in running.next_log_line()


def test_a_missing_device_fails_the_start() -> None:
    """One sentence without a traceback, before the service accepts requests."""
    message = "^poolhouse cannot start: there is no device 'cuda:99' on this machine; use one of cpu"
    with pytest.raises(AssertionError, match=message), service_process(device="cuda:99"):
        pass
