"""All caches of requests are bounded in bytes: a client may vary every word of a request without end."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from poolhouse.dtypes import FLOAT32
from poolhouse.models import Models
from poolhouse.operators.catalogue import discover
from poolhouse.operators.plan import Limits
from poolhouse.operators.planner import Planner
from poolhouse.operators.windows import SlidingWindow, adaptive_windows
from poolhouse.rest.http.head import Head, HeadCache, HeadReader, PartialHeadBudget
from poolhouse.rest.observability.metrics import Metrics
from poolhouse.rest.observability.request_record import RequestRecord
from poolhouse.rest.routes.infer.format import InferFormat
from poolhouse.rest.routes.pool.handler import PoolHandler
from poolhouse.rest.routes.pool.tensor_format import TensorFormat
from poolhouse.service import PoolingService
from poolhouse.settings import Settings
from poolhouse.shared_memory.regions import SharedMemory
from poolhouse.tensors import TensorMetadata
from poolhouse.wire.json.encoder import _entry_head
from tests.operators.resource_usage import measure_usage
from tests.rest.measured_process import run_measured_process

REQUESTS = 1500
MIB = 1 << 20


def plan_requests() -> Callable[[int], object]:
    planner = Planner(discover(), Limits(max_output_bytes=1 << 30, max_steps=10**12))

    def plan(number: int) -> object:
        fields = {"kernel_size": [2, 2], "stride": [1, number + 1], "padding": [1, 1], "return_indices": True}
        texts = {"dilation": "1,1", "ceil_mode": "true"}
        plan = planner.plan("max_pool2d", fields, texts, {"input": TensorMetadata(FLOAT32, (1, 1, 99, 9999 + number))})
        # Computed properties are cached with their plan.
        return plan.held_bytes, plan.output_bytes, plan.is_empty, plan.batch_key

    return plan


def plan_heads() -> Callable[[int], object]:
    settings = Settings.model_validate({"device": "cpu"})
    pooling = PoolingService.from_settings(settings)
    handler = PoolHandler(pooling, TensorFormat(pooling, settings), Metrics(pooling))

    def plan_head(number: int) -> object:
        for size in (1, 60_000):
            kind = b"application/octet-stream; x=" + b"%d" % number * size
            headers = {b"content-type": kind, b"content-length": b"%d" % (4 * number + 4)}
            query = f"shape=1,1,{number + 1}&dtype=float32&kernel_size=1".encode()
            scope = {"method": "POST", "path": "/", "query_string": query, "headers": []}
            head = Head.of_scope(scope, headers)
            handler.on_head(head, "max_pool1d", RequestRecord("POST", "/", b"")).close()
        return None

    return plan_head


def decode_json() -> Callable[[int], object]:
    settings = Settings.model_validate({"device": "cpu"})
    pooling = PoolingService.from_settings(settings)
    body_format = TensorFormat(pooling, settings)

    def decode(number: int) -> object:
        body = {"input": [[[1.5] * (number % 9 + 1)]], "kernel_size": 1, "stride": number + 1}
        for spaces in (0, 900, 2_000):
            text = json.dumps(body).encode()[:-1] + b" " * spaces + b"}"
            headers = {
                b"content-type": b"application/json",
                b"content-length": b"%d" % len(text),
                b"accept": b"application/json;x=%d" % number * (1 + number % 2 * 100),
            }
            scope = {"method": "POST", "path": "/", "query_string": b"padding=0" * (number % 2), "headers": []}
            head = Head.of_scope(scope, headers)
            for _ in range(2):
                body_format.decode(body_format.plan_of(head, "max_pool1d"), memoryview(text), 0)
        return None

    return decode


def decode_inferences() -> Callable[[int], object]:
    settings = Settings.model_validate({"device": "cpu"})
    pooling = PoolingService.from_settings(settings)
    body_format = InferFormat(
        pooling, Models(pooling.catalogue), SharedMemory(enabled=False, max_input_bytes=0), settings
    )

    def decode(number: int) -> object:
        # A text with an escape is remembered in another way.
        end = "\n" if number % 4 else " "
        parameters = {"kernel_size": 1, "stride": number + 1, "binary_data_output": number % 2 == 0}
        for more in (0, 300, 60_000):
            entry: dict[str, object] = {"name": "input", "shape": [1, 1, number % 9 + 1], "datatype": "FP32"}
            entry |= (
                {"data": [0] * (number % 9 + 1)}
                if number % 3
                else {"parameters": {"binary_data_size": 4 * (number % 9 + 1)}}
            )
            text = json.dumps({"id": f"{number}{end}" * 80, "inputs": [entry], "parameters": parameters}).encode()
            text += b" " * more
            binary = b"" if number % 3 else bytes(4 * (number % 9 + 1))
            headers = {
                b"inference-header-content-length": b"%d" % len(text),
                b"content-length": b"%d" % (len(text) + len(binary)),
                b"pool-parameters": b"padding=0" * (number % 2),
                b"authorization": b"Bearer %d" % number,
            }
            head = Head.of_scope({"method": "POST", "path": "/", "query_string": b"", "headers": []}, headers)
            body_format.decode(body_format.plan_of(head, "max_pool1d"), memoryview(text + binary), 0)
        return None

    return decode


def parse_heads() -> Callable[[int], object]:
    cache = HeadCache()

    def parse_head(number: int) -> object:
        reader = HeadReader(4096, PartialHeadBudget())
        pairs = b"".join(b"%d: %d\r\n" % (at, at) for at in range(30)) + b"x: %b\r\n" % (b"x" * 700)
        reader.feed(memoryview(b"GET /%d HTTP/1.1\r\nHost: x\r\n%b\r\n" % (number, pairs)))
        assert reader.head is not None
        cache.add(reader.head)
        return None

    return parse_head


KINDS: dict[str, Callable[[], Callable[[int], object]]] = {
    "plans": plan_requests,
    "heads of requests": plan_heads,
    "inference requests": decode_inferences,
    "JSON bodies": decode_json,
    "heads of connections": parse_heads,
    "sliding windows": lambda: lambda number: SlidingWindow(2, 1).windows(100 + number),
    "windows of long axes": lambda: lambda number: SlidingWindow(2, 1).windows(16_000 + number),
    "adaptive windows": lambda: lambda number: adaptive_windows(100_000, 100 + number),
    "heads of responses": lambda: lambda number: _entry_head("output", "float32", (1,) * 30 + (2**60, number), "data"),
}

SLOW_KINDS = ("plans", "heads of requests", "inference requests", "JSON bodies")


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.slow if kind in SLOW_KINDS else ()) for kind in KINDS]
)
def test_caches_hold_a_few_megabytes_at_most(kind: str) -> None:
    """Fourteen thousand small requests were kept as 250 MB for the life of the process."""
    handle = KINDS[kind]()
    handle(0)

    with measure_usage() as cost:
        for number in range(1, 3000):
            handle(number)

    assert cost.peak_bytes < 5 * MIB


def unique_request(number: int) -> tuple[str, dict[str, str], bytes]:
    """The path with its query, the headers and the body of a request unlike all others."""
    if number % 3 == 0:
        # The estimates for large bodies are cached by the values of their headers.
        headers = {"Content-Type": f"application/octet-stream; x={'x' * 50_000}{number}"}
        return f"/v1/pool/max_pool1d?shape=1,1,{70_000 + number}&dtype=uint8&kernel_size=70000", headers, b""
    if number % 3 == 1:
        length = 16_000 + number
        headers = {"Content-Type": "application/octet-stream"}
        return f"/v1/pool/avg_pool1d?shape=1,1,{length}&dtype=int8&kernel_size=1", headers, bytes(length)
    body = b'{"input":[[%s]],"kernel_size":1}' % b",".join([b"1"] * (number % 500 + 1))
    return f"/v1/pool/max_pool1d?stride={number + 1}", {"Content-Type": "application/json"}, body


@pytest.mark.slow
def test_a_process_hardly_grows_with_many_kinds_of_requests() -> None:
    """Measured by the operating system, so that no cache is overlooked."""
    with run_measured_process() as service:
        for number in range(REQUESTS):
            path, headers, body = unique_request(number)
            content = body or bytes(70_000 + number)
            assert service.client.post(path, headers=headers, content=content).status_code == 200
        kept = service.rss_growth_bytes()

    assert kept < 40 * MIB
