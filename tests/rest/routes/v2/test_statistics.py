"""The statistics of models on a real server: as JSON, through Triton's client, and as Triton's metrics."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx
import pytest
from tritonclient.http import InferenceServerClient

from poolhouse.models import Models
from poolhouse.operators.catalogue import discover
from tests.rest.gated_service import GatedService, becomes_true, post_zeros, run_gated_service
from tests.rest.live_server import IMAGE, POOL, WAIT_TIMEOUT_S

PRESET = "max_pool2d.k2s2"
SECTIONS = (
    *("success", "fail", "queue", "compute_input", "compute_infer", "compute_output"),
    *("cache_hit", "cache_miss"),
)


@pytest.fixture(scope="module")
def gated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatedService]:
    """One server for all tests, which compare statistics before and after; every request runs on its device."""
    models = tmp_path_factory.mktemp("models") / "models.json"
    models.write_text(json.dumps({PRESET: {"operator": "max_pool2d", "fields": {"kernel_size": 2}}}))
    with run_gated_service(nv_metrics=True, models_file=str(models)) as running:
        yield running


@pytest.fixture
def http(gated: GatedService) -> Iterator[httpx.Client]:
    """A client of that server."""
    with gated.server.client() as client:
        yield client


def statistics(http: httpx.Client, model: str = "max_pool2d") -> dict[str, Any]:
    """The statistics of a model."""
    (found,) = http.get(f"/v2/models/{model}/stats").raise_for_status().json()["model_stats"]
    assert isinstance(found, dict)
    return found


def infer(
    http: httpx.Client, model: str, shape: tuple[int, ...] = (1, 1, 4, 4), **parameters: object
) -> httpx.Response:
    """Pool ones by a model."""
    size = 1
    for each in shape:
        size *= each
    tensor = {"name": "input", "shape": shape, "datatype": "FP32", "data": [1.0] * size}
    return http.post(f"/v2/models/{model}/infer", json={"inputs": [tensor], "parameters": parameters})


def counts_of(found: dict[str, Any]) -> dict[str, int]:
    """The numbers that count something, without the times."""
    sections = {name: found["inference_stats"][name]["count"] for name in SECTIONS}
    return sections | {name: found[name] for name in ("inference_count", "execution_count")}


def growth(before: dict[str, Any], after: dict[str, Any]) -> dict[str, int]:
    """By how much each count grew."""
    old = counts_of(before)
    return {name: count - old[name] for name, count in counts_of(after).items()}


def grown(requests: int, items: int, failed: int = 0) -> dict[str, int]:
    """The growth of successful requests, each a batch of its own, and of failed ones."""
    unused = dict.fromkeys(("cache_hit", "cache_miss"), 0)
    stages = dict.fromkeys(("success", "queue", "compute_input", "compute_infer", "compute_output"), requests)
    return stages | unused | {"fail": failed, "inference_count": items, "execution_count": requests}


def check_integers(value: object) -> None:
    """Every number is an integer."""
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            check_integers(each)
    else:
        assert isinstance(value, str) or (type(value) is int and value >= 0)


def test_the_form_is_that_of_the_protocol(http: httpx.Client) -> None:
    """Load generators stop at a missing key, and at a number that is written as a fraction."""
    infer(http, "max_pool2d", kernel_size=2)
    response = http.get("/v2/models/stats")
    everything = response.json()

    assert list(everything) == ["model_stats"]
    assert [each["name"] for each in everything["model_stats"]] == [*Models(discover()).names, PRESET]
    check_integers(everything)
    for each in everything["model_stats"]:
        assert list(each) == [
            *("name", "version", "last_inference", "inference_count", "execution_count"),
            *("inference_stats", "response_stats", "batch_stats", "memory_usage"),
        ]
        assert each["version"] == "1"
        assert tuple(each["inference_stats"]) == SECTIONS
        assert all(list(section) == ["count", "ns"] for section in each["inference_stats"].values())
        for row in each["batch_stats"]:
            assert list(row) == ["batch_size", "compute_input", "compute_infer", "compute_output"]
    used = {each["name"] for each in everything["model_stats"] if each["last_inference"]}
    assert "max_pool2d" in used
    assert "lp_pool3d" not in used
    assert response.headers["cache-control"] == "no-store"


def test_requests_of_both_protocols_are_counted(http: httpx.Client) -> None:
    """A dashboard shows life whatever the clients speak; an unbatched image is one item."""
    before = statistics(http)
    for size in (1, 3):
        assert infer(http, "max_pool2d", (size, 2, 4, 4), kernel_size=2).status_code == 200
    assert infer(http, "max_pool2d/versions/1", (2, 4, 4), kernel_size=2).status_code == 200
    assert http.post(POOL, json={"input": IMAGE, "kernel_size": 2}).status_code == 200
    # In chunks, so that the application serves it and not the direct route.
    body = json.dumps({"input": IMAGE * 2, "kernel_size": 2}).encode()
    chunked = http.post(POOL, content=iter((body,)), headers={"Content-Type": "application/json"})
    assert chunked.status_code == 200
    after = statistics(http)

    assert growth(before, after) == grown(5, 1 + 3 + 1 + 1 + 2)
    assert after["last_inference"] >= before["last_inference"]
    for name in ("success", "compute_input", "compute_infer", "compute_output"):
        assert after["inference_stats"][name]["ns"] > before["inference_stats"][name]["ns"]


def test_a_tiny_request_on_the_event_loop_is_counted(client: httpx.Client) -> None:
    """It needs no device's thread, and is a batch of its own."""
    before = statistics(client)
    for size in (2, 5):
        assert infer(client, "max_pool2d", (size, 1, 4, 4), kernel_size=2).status_code == 200
    after = statistics(client)

    assert growth(before, after) == grown(2, 7)
    sections, old = after["inference_stats"], before["inference_stats"]
    assert sections["queue"]["ns"] == old["queue"]["ns"]
    stages = ("compute_input", "compute_infer", "compute_output")
    # Each was rounded to whole nanoseconds.
    assert sections["success"]["ns"] >= sum(sections[name]["ns"] for name in stages) - 3


@pytest.mark.parametrize(("model", "parameters"), [("pool", {"op": "max_pool2d", "kernel_size": 2}), (PRESET, {})])
def test_a_model_counts_under_its_own_name(http: httpx.Client, model: str, parameters: dict[str, object]) -> None:
    """Its operator pools for it; the operator's model would count it a second time."""
    before, operator = statistics(http, model), statistics(http)
    assert infer(http, model, (3, 1, 4, 4), **parameters).status_code == 200

    assert growth(before, statistics(http, model)) == grown(1, 3)
    assert counts_of(statistics(http)) == counts_of(operator)


def test_joined_requests_count_their_batches_once(gated: GatedService, http: httpx.Client) -> None:
    """The ratio of items and executions is the mean batch size; batching would otherwise seem to do nothing."""
    before = statistics(http)
    shapes = [(number, 2, 4, 4) for number in (1, 2, 3, 1, 4)]

    def post(shape: tuple[int, ...]) -> int:
        with gated.server.client() as own:
            return post_zeros(own, shape).status_code

    def post_to_preset() -> int:
        with gated.server.client() as own:
            return infer(own, PRESET).status_code

    with ThreadPoolExecutor(len(shapes) + 1) as threads, gated.gate.closed():
        futures = []
        for number, shape in enumerate(shapes, 1):
            futures.append(threads.submit(post, shape))
            assert becomes_true(partial(lambda wanted: gated.pooling.status.job_count == wanted, number))
        # The device has at most two batches: one that runs, and the next one.
        futures.append(threads.submit(post_to_preset))
        assert becomes_true(lambda: gated.pooling.status.job_count == len(shapes) + 1)
        waiting = gated.metric("nv_inference_pending_request_count", model="max_pool2d", version="1")
        waiting_for_preset = gated.metric("nv_inference_pending_request_count", model=PRESET, version="1")
        gated.gate.open()
        assert [future.result() for future in futures] == [200] * (len(shapes) + 1)
    after = statistics(http)

    grew = growth(before, after)
    assert 3 <= waiting < len(shapes)
    assert waiting_for_preset == 1
    assert (grew["success"], grew["inference_count"]) == (len(shapes), 11)
    assert grew["execution_count"] == len(shapes) - waiting + 1
    assert items_in_batches(after) - items_in_batches(before) == 11
    assert after["inference_stats"]["queue"]["ns"] > before["inference_stats"]["queue"]["ns"]


def items_in_batches(found: dict[str, Any]) -> int:
    """The items of all batches, by their sizes."""
    return sum(row["batch_size"] * row["compute_infer"]["count"] for row in found["batch_stats"])


def test_failures_have_their_reason(gated: GatedService, http: httpx.Client) -> None:
    """A request that came too late, a client that left, and invalid input need different people."""

    def failures(reason: str) -> float:
        name = "nv_inference_request_failure_total"
        return gated.metric(name, model="max_pool2d", version="1", reason=reason)

    reasons = ("REJECTED", "CANCELED", "BACKEND", "OTHER")
    before, counted = statistics(http), {reason: failures(reason) for reason in reasons}

    assert infer(http, "max_pool2d", kernel_size=0).status_code == 400
    assert http.post(POOL, content=b"{", headers={"Content-Type": "application/json"}).status_code == 400
    with gated.gate.closed():
        assert post_zeros(http, (1, 1, 2, 2), {"Request-Timeout": "0.01"}).status_code == 504
    with gated.gate.closed():
        body = b'{"input": [[[[1.0]]]], "kernel_size": 1}'
        head = (
            f"POST {POOL} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        with gated.server.connect() as connection:
            connection.sendall(head.encode() + body)
            assert gated.gate.batch_arrived.wait(WAIT_TIMEOUT_S)
        assert becomes_true(lambda: failures("CANCELED") > counted["CANCELED"])

    assert {reason: failures(reason) - counted[reason] for reason in reasons} == {
        "REJECTED": 1,
        "CANCELED": 1,
        "BACKEND": 0,
        "OTHER": 2,
    }
    after = statistics(http)
    assert growth(before, after) == grown(0, 0, failed=4)
    assert after["inference_stats"]["fail"]["ns"] > before["inference_stats"]["fail"]["ns"]
    assert after["last_inference"] == before["last_inference"]


def test_a_failure_takes_time_from_its_complete_body(http: httpx.Client) -> None:
    """A body that is refused by its head takes none, however slowly the client sends it."""
    headers = {"Content-Type": "application/json"}
    times = [statistics(http)["inference_stats"]["fail"]["ns"]]
    for content in (b"{", iter((b"{",))):
        assert http.post(POOL, content=content, headers=headers).status_code == 400
        times.append(statistics(http)["inference_stats"]["fail"]["ns"])
    assert http.post(POOL, content=b"{", headers={"Content-Type": "text/plain"}).status_code == 415
    times.append(statistics(http)["inference_stats"]["fail"]["ns"])

    assert times[0] < times[1] < times[2] == times[3]


def test_requests_that_reach_no_model_are_not_counted(http: httpx.Client) -> None:
    """A plan, the metadata and an unknown name pool nothing, and a wrong version is another model."""
    before = http.get("/v2/models/stats").json()
    http.post("/v1/plan/max_pool2d", json={"input": {"shape": [1, 1, 4, 4]}, "kernel_size": 2})
    http.post("/v1/plan/max_pool2d", json={})
    http.get("/v2/models/max_pool2d")
    infer(http, "max_poll2d", kernel_size=2)
    infer(http, "max_pool2d/versions/7", kernel_size=2)
    http.get(POOL)

    assert http.get("/v2/models/stats").json() == before


def test_a_client_of_triton_sees_both_forms(gated: GatedService, http: httpx.Client) -> None:
    """Its statistics and the metrics for dashboards are the same numbers."""
    infer(http, PRESET, (3, 2, 4, 4))
    with InferenceServerClient(f"127.0.0.1:{gated.server.port}") as triton:
        one = triton.get_inference_statistics(PRESET)
        versioned = triton.get_inference_statistics(PRESET, "1")
        everything = triton.get_inference_statistics()
    metrics = gated.metrics()

    def metric(name: str) -> float:
        return metrics[f"nv_inference_{name}_total", frozenset({"model": PRESET, "version": "1"}.items())]

    (found,) = one["model_stats"]
    assert one == versioned
    assert found in everything["model_stats"]
    assert metric("count") == found["inference_count"]
    assert metric("exec_count") == found["execution_count"]
    sections = found["inference_stats"]
    assert metric("request_success") == sections["success"]["count"] > 0
    for stage, section in (
        ("request", "success"),
        ("queue", "queue"),
        ("compute_input", "compute_input"),
        ("compute_infer", "compute_infer"),
        ("compute_output", "compute_output"),
    ):
        assert abs(1000 * metric(f"{stage}_duration_us") - sections[section]["ns"]) <= 501
    assert metrics["poolhouse_state", frozenset({("state", "ready")})] == 1


def test_unknown_models_and_versions_are_refused(http: httpx.Client) -> None:
    """Zeros for a misspelt name would look like a model that nobody uses."""
    for path in ("max_poll2d", "max_poll2d/versions/1", "max_pool2d/versions/2"):
        response = http.get(f"/v2/models/{path}/stats")
        assert (response.status_code, response.json()["code"]) == (404, "unknown_model")
    assert http.post("/v2/models/stats").status_code == 405
    assert http.head("/v2/models/stats").status_code == 200


def test_without_the_setting_there_are_no_such_metrics(client: httpx.Client) -> None:
    """They are more than the metrics of the service; only those who need them pay for them."""
    assert "nv_" not in client.get("/metrics").text
