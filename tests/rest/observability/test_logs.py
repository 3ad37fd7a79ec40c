"""Request logs: one line for each request, without payload data, and never at the expense of requests."""

from __future__ import annotations

import io
import json
import logging
import os
import threading
from collections.abc import Iterator

import pytest

from poolhouse.rest.app import create_app
from poolhouse.rest.observability import logs
from poolhouse.rest.observability.request_record import RequestRecord
from poolhouse.settings import Settings
from tests.rest.live_server import IMAGE, POOL, WAIT_TIMEOUT_S, LiveServer, run_live_server
from tests.rest.service_process import ServiceProcess, service_process

KEY = "correct-horse-battery"
TRACE = "0af7651916cd43dd8448eb211c80319c"


class RecordingObserver:
    """An observer that keeps the records it gets."""

    def __init__(self) -> None:
        self.records: list[RequestRecord] = []
        self._finished = threading.Semaphore(0)

    def request_finished(self, request: RequestRecord) -> None:
        self.records.append(request)
        self._finished.release()

    def close(self) -> None:
        """Nothing is buffered."""

    def next(self) -> RequestRecord:
        """The next record; waits for it."""
        assert self._finished.acquire(timeout=WAIT_TIMEOUT_S)
        return self.records.pop(0)


@pytest.fixture
def observer() -> RecordingObserver:
    return RecordingObserver()


@pytest.fixture
def observed_server(observer: RecordingObserver) -> Iterator[LiveServer]:
    settings = Settings.model_validate({"port": 0})
    with run_live_server(settings, app=create_app(settings, observers=[observer])) as server:
        yield server


def test_a_finished_request_is_observed_once_with_a_complete_record(
    observed_server: LiveServer, observer: RecordingObserver
) -> None:
    """The log line and the trace are made of the record alone."""
    with observed_server.client() as client:
        response = client.post(
            POOL + "?kernel_size=2",
            json={"input": IMAGE},
            headers={"X-Request-ID": "abc", "traceparent": f"00-{TRACE}-b7ad6b7169203331-01"},
        )
    record = observer.next()

    assert (record.method, record.path, record.route) == ("POST", POOL, "/v1/pool/{operator}")
    assert (record.operator, record.status, record.code) == ("max_pool2d", 200, "")
    assert (record.request_id, record.trace_id) == (b"abc", TRACE)
    assert record.received_bytes == len(response.request.content)
    assert record.sent_bytes == len(response.content)
    assert record.stages is not None
    assert (
        record.started_at
        <= record.stages.read_at
        <= record.stages.decoded_at
        <= record.stages.pooled_at
        <= record.stages.encoded_at
        <= record.ended_at
    )
    assert not observer.records


def test_a_refusal_is_observed_with_its_code(observed_server: LiveServer, observer: RecordingObserver) -> None:
    """The error code is what users search the log for."""
    with observed_server.client() as client:
        client.post(POOL, json={"input": IMAGE, "kernel_size": 9})
        client.get("/nope")
    refused, lost = observer.next(), observer.next()

    assert (refused.status, refused.code, refused.stages) == (422, "window_does_not_fit", None)
    assert (lost.status, lost.code, lost.route, lost.path) == (404, "unknown_path", "other", "/nope")


def test_a_disconnect_is_observed(observed_server: LiveServer, observer: RecordingObserver) -> None:
    """Status 0 means that the client disconnected before the response."""
    with observed_server.connect() as connection:
        connection.sendall(
            f"POST {POOL} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n".encode()
        )
        connection.sendall(b"[1")

    assert observer.next().status == 0


def test_an_observer_that_raises_does_not_affect_responses(caplog: pytest.LogCaptureFixture) -> None:
    """An exception in logging or tracing must not reach a client."""

    class Broken(RecordingObserver):
        def request_finished(self, request: RequestRecord) -> None:
            raise RuntimeError("broken")

    settings = Settings.model_validate({"port": 0})
    with run_live_server(settings, app=create_app(settings, observers=[Broken()])) as server, server.client() as client:
        responses = [client.post(POOL, json={"input": IMAGE, "kernel_size": 2}) for _ in range(2)]

    assert [response.status_code for response in responses] == [200, 200]
    assert "an observer failed on request" in caplog.text


@pytest.fixture(scope="module")
def json_log_service() -> Iterator[ServiceProcess]:
    """A process that logs in JSON; one test reads its first line, another the lines of requests."""
    with service_process(log_format="json", log_requests="true", api_keys=f"vision={KEY}") as service:
        yield service


def test_json_lines_describe_the_request_without_its_data(json_log_service: ServiceProcess) -> None:
    """Machines read the log, and people who may not see the data."""
    service = json_log_service
    with service.server.client() as client:
        response = client.post(
            POOL + "?kernel_size=2&stride=1",
            json={"input": [[[[1234567.0, 2.0], [3.0, 4.0]]]]},
            headers={"Authorization": f"Bearer {KEY}", "traceparent": f"00-{TRACE}-b7ad6b7169203331-01"},
        )
        client.get("/livez")
        client.get("/%F0%9F%8F%8A\u2028", headers={"Authorization": f"Bearer {KEY}"})
        lines = [service.next_log_line() for _ in range(2)]
    first, second = (json.loads(line) for line in lines)

    assert first["logger"] == "poolhouse.requests"
    assert first["level"] == "info"
    assert first["time"].endswith("+00:00")
    assert (first["method"], first["path"], first["operator"], first["status"]) == ("POST", POOL, "max_pool2d", 200)
    assert (first["key"], first["trace_id"]) == ("vision", TRACE)
    assert first["request_id"] == response.headers["x-request-id"]
    assert (first["received_bytes"], first["sent_bytes"]) == (len(response.request.content), len(response.content))
    parts = ("read_ms", "decode_ms", "queue_ms", "compute_ms", "encode_ms", "send_ms")
    assert sum(first[part] for part in parts) <= first["ms"] + 0.01
    assert KEY not in lines[0]
    assert "1234567" not in lines[0]
    assert "stride" not in lines[0]
    # The successful probe between them has no line.
    assert (second["status"], second["code"]) == (404, "unknown_path")
    assert second["path"] == "/%F0%9F%8F%8A%E2%80%A8"


def test_the_line_of_the_start_is_json_too(json_log_service: ServiceProcess) -> None:
    """All lines have one format, or a parser fails at the first."""
    ready = json.loads(json_log_service.ready_line)

    assert json_log_service.server.url.rpartition(":")[2] in ready["message"]


def line_of(formatted: logging.Formatter, **given: object) -> str:
    record = logging.LogRecord("x", logging.INFO, "", 0, "%s", ("message",), None)
    record.__dict__.update(given)
    return formatted.format(record)


def test_any_record_is_one_line_of_json() -> None:
    """A client's path may contain anything."""
    line = line_of(logs.JsonFormatter(), poolhouse_fields={"path": "/a\nb\ud800\x1b[31m", "odd": object()})

    assert "\n" not in line
    assert json.loads(line)["path"].startswith("/a\nb")


def test_a_traceback_is_in_the_line_of_its_record() -> None:
    """Otherwise the traceback is spread over several lines."""
    try:
        raise RuntimeError("broken")
    except RuntimeError as broken:
        line = line_of(logs.JsonFormatter(), exc_info=(RuntimeError, broken, broken.__traceback__))

    assert "RuntimeError: broken" in json.loads(line)["error"]


class BlockedStream(io.StringIO):
    """A stream whose writes block until it is released."""

    def __init__(self) -> None:
        super().__init__()
        self.reading = threading.Event()
        self.blocked = threading.Event()

    def write(self, text: str) -> int:
        self.blocked.set()
        self.reading.wait(WAIT_TIMEOUT_S)
        return super().write(text)


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    """Restores the root logger."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    server = logging.getLogger("uvicorn.error")
    filters, server_level = list(server.filters), server.level
    yield root
    root.handlers[:], server.filters[:] = handlers, filters
    root.setLevel(level)
    server.setLevel(server_level)
    logging.captureWarnings(False)


def test_a_stopped_reader_blocks_no_request_and_dropped_lines_are_counted(root_logger: logging.Logger) -> None:
    """A full disk behind the log must neither stop the service nor fill the memory."""
    stream = BlockedStream()
    end = logs.configure_logging(Settings(), stream)
    log = logging.getLogger("poolhouse.test")
    log.info("first")
    assert stream.blocked.wait(WAIT_TIMEOUT_S)
    for number in range(12_000):
        log.info("line %d", number)
    stream.reading.set()
    # Wait until the queue has space again, as the next line would find it.
    while "line 5" not in stream.getvalue():
        os.sched_yield()
    log.info("last")
    end()
    lines = stream.getvalue().splitlines()

    assert len(lines) == 10_000 + 3
    assert "2000 log lines were dropped" in lines[-2]
    assert lines[-1].endswith("last")


def test_malformed_requests_are_not_logged(root_logger: logging.Logger) -> None:
    """A port scanner would fill the log; the metrics count such requests."""
    stream = io.StringIO()
    end = logs.configure_logging(Settings(), stream)
    with run_live_server(Settings.model_validate({"port": 0})) as server:
        assert b" 400 " in server.exchange(b"\x16\x03\x01 this is no request\r\n\r\n")
    end()

    assert stream.getvalue() == ""


def test_client_text_cannot_forge_a_log_line(root_logger: logging.Logger) -> None:
    """A line break in a request id would otherwise start a new line."""
    stream = io.StringIO()
    end = logs.configure_logging(Settings.model_validate({"log_requests": True}), stream)
    record = RequestRecord("GET", "/a\n2026 INFO all is well\x1b[2J", b"x")
    record.route, record.status, record.code, record.ended_at = "other", 404, "unknown_path", 1
    logs.RequestLogger().request_finished(record)
    end()

    assert len(stream.getvalue().splitlines()) == 1
    assert "\x1b" not in stream.getvalue()
