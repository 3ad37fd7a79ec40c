"""``/metrics`` of a real server, parsed by Prometheus's own parser."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpx
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from poolhouse.errors import CODES
from poolhouse.rest.observability.metric_families import FAMILIES
from tests.rest.gated_service import GatedService, becomes_true, parse_metrics, post_zeros, run_gated_service
from tests.rest.live_server import IMAGE, POOL

JSON = {"input": IMAGE, "kernel_size": 2}
STAGES = ("decode", "queue", "compute", "encode")


@pytest.fixture(scope="module")
def gated() -> Iterator[GatedService]:
    """One server for all tests, which compare metrics before and after."""
    with run_gated_service() as running:
        yield running


@pytest.fixture
def client(gated: GatedService) -> Iterator[httpx.Client]:
    with gated.server.client() as http:
        yield http


def test_the_page_has_the_declared_metrics(gated: GatedService, client: httpx.Client) -> None:
    """The documentation lists the table; other names or labels would be undocumented."""
    client.post(POOL, json=JSON)
    client.post(POOL, json={})
    page = client.get("/metrics")

    assert page.headers["content-type"].startswith("text/plain; version=0.0.4")
    seen = set[str]()
    for family in text_string_to_metric_families(page.text):
        if not family.name.startswith("poolhouse_"):
            assert family.name.startswith("process_")
            continue
        declared = FAMILIES[family.name + ("_total" if family.type == "counter" else "")]
        seen.add(declared.name)
        assert (family.type, family.documentation) == (declared.kind, declared.meaning)
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(declared.labels)
    assert seen == set(FAMILIES)


def test_server_timing_equals_the_metrics(gated: GatedService, client: httpx.Client) -> None:
    """Two measurements that differ would mislead the search for lost time."""
    before = gated.metrics()
    reported_s = dict.fromkeys(STAGES, 0.0)
    calls = 20
    for _ in range(calls):
        timing = client.post(POOL, json=JSON).headers["server-timing"]
        for stage, milliseconds in re.findall(r"(\w+);dur=([0-9.]+)", timing):
            reported_s[stage] += float(milliseconds) / 1e3
    after = gated.metrics()

    def grew(name: str, **labels: str) -> float:
        key = name, frozenset(labels.items())
        return after[key] - before.get(key, 0)

    # The header has three decimals of a millisecond.
    rounding = calls * 0.5e-6 + 1e-12
    for stage in STAGES:
        assert grew("poolhouse_stage_seconds_count", call="pool", stage=stage) == calls
        assert abs(grew("poolhouse_stage_seconds_sum", call="pool", stage=stage) - reported_s[stage]) <= rounding
    assert (
        abs(grew("poolhouse_compute_seconds_sum", operator="max_pool2d", device="cpu") - reported_s["compute"])
        <= rounding
    )
    assert grew("poolhouse_request_seconds_count", call="pool") == calls
    whole_s = grew("poolhouse_request_seconds_sum", call="pool")
    assert abs(whole_s - sum(reported_s.values())) <= len(STAGES) * rounding
    assert grew("poolhouse_compute_seconds_count", operator="max_pool2d", device="cpu") == calls
    assert grew("poolhouse_batch_requests_sum", device="cpu", reason="idle") == calls


def test_requests_refusals_and_bytes_are_counted(gated: GatedService, client: httpx.Client) -> None:
    """The sum over the labels is the total, so each label can be trusted."""
    before = gated.metrics()
    good = client.post(POOL, json=JSON)
    bad = client.post(POOL, json={**JSON, "kernel_size": 99})
    lost = client.post("/v1/pool/max_poll2d", json=JSON)
    after = gated.metrics()

    def grew(name: str, **labels: str) -> float:
        key = name, frozenset(labels.items())
        return after.get(key, 0) - before.get(key, 0)

    requests = "poolhouse_requests_total"
    route = "/v1/pool/{operator}"
    assert grew(requests, route=route, operator="max_pool2d", status="200") == 1
    assert grew(requests, route=route, operator="max_pool2d", status="422") == 1
    assert grew(requests, route=route, operator="other", status="404") == 1
    assert grew("poolhouse_refusals_total", code=bad.json()["code"]) == 1
    assert grew("poolhouse_refusals_total", code="unknown_operator") == 1
    # A request refused by its path has no body read.
    assert grew("poolhouse_received_bytes_total") == len(good.request.content) + len(bad.request.content)
    # The page before this one was sent in between.
    page = after["poolhouse_sent_bytes_total", frozenset()] - before["poolhouse_sent_bytes_total", frozenset()]
    assert page - sum(len(response.content) for response in (good, bad, lost)) > 1000


def test_open_connections_are_counted(gated: GatedService, client: httpx.Client) -> None:
    """A client that opens one for every call and closes none is found by their number."""
    client.get("/livez")
    before = gated.metric("poolhouse_connections")

    with gated.server.connect(), gated.server.connect():
        assert becomes_true(lambda: gated.metric("poolhouse_connections") == before + 2)

    assert becomes_true(lambda: gated.metric("poolhouse_connections") == before)


def test_malformed_requests_are_counted(gated: GatedService) -> None:
    """A port scan or a broken proxy appears in the metrics although no request reaches a route."""
    before = gated.metric("poolhouse_refusals_total", code="malformed_request")

    gated.server.exchange(b"\x16\x03\x01 no HTTP at all\r\n\r\n")

    assert gated.metric("poolhouse_refusals_total", code="malformed_request") == before + 1


def test_clients_cannot_grow_the_page(gated: GatedService, client: httpx.Client) -> None:
    """Each series takes memory here and in every Prometheus that reads it."""
    client.post("/v1/pool/unknown", json=JSON)
    client.get("/nowhere")
    client.delete("/livez")
    before = set(gated.metrics())
    for number in range(50):
        client.post(f"/v1/pool/unknown{number}", json=JSON)
        client.get(f"/nowhere/{number}")
        client.request(("DELETE", "PUT", "PATCH")[number % 3], "/livez")
    after = gated.metrics()

    fresh = {(name, labels) for name, labels in set(after) - before}
    assert len(fresh) <= 2, fresh
    codes = {dict(labels)["code"] for name, labels in after if name == "poolhouse_refusals_total"}
    assert codes <= set(CODES)


def test_batches_are_counted_by_reason(gated: GatedService) -> None:
    """Without the reason a batch of one job could mean that batching does not work, or that there was no other job."""
    before = gated.metrics()
    shape = (1, 2, 4, 4)
    with ThreadPoolExecutor(5) as threads, gated.gate.closed():
        futures = []
        for number in range(5):
            futures.append(threads.submit(posted, gated, shape))
            assert becomes_true(partial(has_jobs, gated, number + 1))
        gated.gate.open()
        statuses = [future.result() for future in futures]
    after = gated.metrics()

    def grew(name: str, reason: str) -> float:
        key = name, frozenset({"device": "cpu", "reason": reason}.items())
        return after.get(key, 0) - before.get(key, 0)

    assert statuses == [200] * 5
    reasons = ("idle", "drained", "full")
    assert sum(grew("poolhouse_batch_requests_sum", reason) for reason in reasons) == 5
    assert sum(grew("poolhouse_batch_planes_sum", reason) for reason in reasons) == 10
    # One batch runs, at most one waits at the device, and the later jobs form one batch.
    assert grew("poolhouse_batch_requests_count", "drained") == 1
    assert grew("poolhouse_batch_requests_sum", "drained") >= 3


def has_jobs(gated: GatedService, count: int) -> bool:
    return gated.pooling.status.job_count == count


def posted(gated: GatedService, shape: tuple[int, ...]) -> int:
    with gated.server.client() as client:
        return post_zeros(client, shape).status_code


def test_states_are_one_hot(gated: GatedService) -> None:
    """An alert sums over the states; two ones, or none, would raise or suppress it wrongly."""
    page = gated.metrics()
    states = {dict(labels)["state"]: value for (name, labels), value in page.items() if name == "poolhouse_state"}
    devices = [value for (name, _), value in page.items() if name == "poolhouse_device_state"]

    assert states == {"starting": 0, "ready": 1, "draining": 0, "device_lost": 0}
    assert sorted(devices) == [0, 1]
    assert [value for (name, _), value in page.items() if name == "poolhouse_build_info"] == [1]


def test_samples_are_distinguished_by_labels() -> None:
    """The parser that these tests rely on must distinguish samples by labels."""
    page = '# TYPE a counter\na_total{b="c"} 1.0\na_total{b="d"} 2.0\n'

    assert parse_metrics(page) == {("a_total", frozenset({("b", "c")})): 1, ("a_total", frozenset({("b", "d")})): 2}


def test_rendering_pages_takes_a_bounded_share_of_the_event_loop(
    gated: GatedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a long uptime the page takes tens of milliseconds; twenty clients once delayed all other requests."""
    made, step_s = list[float](), 0.02

    def slowly(registry: CollectorRegistry) -> bytes:
        made.append(time.monotonic())
        ends = time.monotonic() + step_s
        while time.monotonic() < ends:
            pass
        return generate_latest(registry)

    monkeypatch.setattr("poolhouse.rest.observability.metrics.generate_latest", slowly)
    with ThreadPoolExecutor(8) as pool:
        started = time.monotonic()
        pages = list(pool.map(lambda _: gated.metrics(), range(32)))
        elapsed = time.monotonic() - started

    assert len(pages) == 32
    # The event loop's time has a resolution of milliseconds.
    assert len(made) <= 1 + elapsed / (5 * step_s - 0.002)


def test_a_page_includes_everything_before_its_request(gated: GatedService, client: httpx.Client) -> None:
    """A page that was rendered earlier would miss what happened since."""
    before = gated.metric("poolhouse_refusals_total", code="malformed_body")
    for count in range(1, 20):
        client.post(POOL, content=b"{", headers={"Content-Type": "application/json"})

        assert gated.metric("poolhouse_refusals_total", code="malformed_body") == before + count
