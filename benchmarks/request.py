"""Measure the cost of one request on the event loop, without a socket: the bytes are passed to a connection object.

Rows differ in the features used: keys, a log of requests, a root path, CORS, and heads that differ from one request to
the next. Figures are CPU time, the minimum of some turns; rows alternate.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from uvicorn.server import ServerState

from _results import describe_machine, write_result
from poolhouse.rest.app import create_app
from poolhouse.rest.http.connection import Connection
from poolhouse.rest.listening import Listeners
from poolhouse.rest.server import make_server
from poolhouse.settings import Settings

_KEY: Final = "0123456789abcdef0123456789abcdef"
_QUERY: Final = "kernel_size=2&dtype=float32&shape=1,1,4,4"
_JSON: Final = b'{"input":[[[[1.5,2,3,4],[5,6,7,8],[9,10,11,12],[13,14,15,16]]]],"kernel_size":2}'

_INFERENCE_HEAD: Final = (
    b'{"inputs":[{"name":"input","shape":[1,1,4,4],"datatype":"FP32","parameters":{"binary_data_size":64}}],'
    b'"parameters":{"binary_data_output":true,"kernel_size":2}}'
)
_INFERENCE_JSON: Final = (
    b'{"inputs":[{"name":"input","shape":[1,1,4,4],"datatype":"FP32","data":[1.5,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]}],'
    b'"parameters":{"kernel_size":2}}'
)


class DiscardingTransport(asyncio.Transport):
    """A transport that discards written data."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """There is none."""
        return default

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """The buffer never fills."""

    def get_write_buffer_size(self) -> int:
        """The buffer is always empty."""
        return 0

    def is_closing(self) -> bool:
        """It stays open."""
        return False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Check the status; a response other than 200 would make the measurement invalid."""
        assert bytes(data[:12]) == b"HTTP/1.1 200", bytes(data)

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        """Discard a larger response."""


@dataclass(frozen=True)
class Case:
    """One row: a request, and the settings of the service."""

    name: str
    headers: tuple[str, ...] = ()
    settings: dict[str, object] = field(default_factory=dict)
    prefix: str = ""
    form: Literal["raw", "json", "inference", "inference json"] = "raw"
    has_unique_head: bool = False
    """Whether each head has a request id of its own."""


CASES: Final = (
    Case("a head that repeats the last one"),
    Case("another X-Request-ID each time", has_unique_head=True),
    Case(
        "another X-Request-ID and traceparent",
        ("traceparent: 00-" + "a" * 32 + "-" + "b" * 16 + "-01",),
        has_unique_head=True,
    ),
    Case("an API key", (f"Authorization: Bearer {_KEY}",), {"api_keys": f"somebody={_KEY}"}),
    Case("a log of requests", settings={"log_requests": True}),
    Case("a page's origin (CORS)", ("Origin: https://page.example",), {"cors_origins": ["https://page.example"]}),
    Case("a root path", settings={"root_path": "/pools"}, prefix="/pools"),
    Case("JSON", form="json"),
    Case("an inference request, binary", form="inference"),
    Case("an inference request, JSON", form="inference json"),
)


def request_factory(case: Case) -> Callable[[], bytes]:
    """A function that returns the next request of a row."""
    media_type = "application/json" if "json" in case.form else "application/octet-stream"
    body = {
        "raw": bytes(64),
        "json": _JSON,
        "inference": _INFERENCE_HEAD + bytes(64),
        "inference json": _INFERENCE_JSON,
    }[case.form]
    target = case.prefix
    target += "/v2/models/max_pool2d/infer" if "inference" in case.form else "/v1/pool/max_pool2d"
    target += f"?{_QUERY}" if case.form == "raw" else ""
    lines = [f"POST {target} HTTP/1.1", "Host: 127.0.0.1:8000", f"Content-Type: {media_type}", *case.headers]
    if case.form == "inference":
        lines.append(f"Inference-Header-Content-Length: {len(_INFERENCE_HEAD)}")
    head = "\r\n".join([*lines, f"Content-Length: {len(body)}"]).encode()
    whole = head + b"\r\n\r\n" + body
    numbers = itertools.count()
    if not case.has_unique_head:
        return lambda: whole
    return lambda: b"%b\r\nX-Request-ID: %08d\r\n\r\n%b" % (head, next(numbers), body)


async def measure(turn_count: int, requests_per_turn: int) -> dict[str, float]:
    """The microseconds per request by row."""
    services, minimum_s = [], dict.fromkeys((case.name for case in CASES), float("inf"))
    for case in CASES:
        settings = Settings.model_validate({"device": "cpu", "cpu_threads": 1, **case.settings})
        app = create_app(settings)
        await app.service.pooling.start()
        config = make_server(settings, app, lambda server: None, Listeners((), (), None)).config
        state = ServerState()
        state.default_headers = [(b"date", b"Sat, 28 Nov 2026 00:00:00 GMT")]
        connection = Connection(config, state, {}, asyncio.get_running_loop())
        connection.connection_made(DiscardingTransport())
        services.append((case.name, connection, request_factory(case), app))
    # As the server does once it is ready.
    gc.collect()
    gc.freeze()
    for _ in range(turn_count):
        for name, connection, make_request, _app in services:
            start = time.process_time()
            for _ in range(requests_per_turn):
                request = make_request()
                connection.get_buffer(-1)[: len(request)] = request
                connection.buffer_updated(len(request))
            minimum_s[name] = min(minimum_s[name], (time.process_time() - start) / requests_per_turn)
    for _, connection, _, app in services:
        connection.connection_lost(None)
        await app.service.pooling.stop()
    return {name: 1e6 * seconds for name, seconds in minimum_s.items()}


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=12, help="turns of each row")
    parser.add_argument("--count", type=int, default=1000, help="requests per turn")
    options = parser.parse_args()
    # The log lines are discarded, to measure the request and not the disk.
    logging.getLogger("poolhouse.requests").addHandler(logging.NullHandler())
    logging.getLogger("poolhouse.requests").setLevel(logging.INFO)
    logging.getLogger("poolhouse.requests").propagate = False
    machine = describe_machine()
    figures = asyncio.run(measure(options.turns, options.count))
    first = figures[CASES[0].name]
    rows = [[name, f"{us:.0f}", f"{us - first:+.0f}"] for name, us in figures.items()]
    write_result("request", machine, ("a tiny request with", "µs of the event loop", "difference"), rows, figures)


if __name__ == "__main__":
    main()
