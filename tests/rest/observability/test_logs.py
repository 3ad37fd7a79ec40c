"""What the service writes about requests: a line each, nothing of their data, and never at their expense."""

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
from tests.rest.service_process import service_process

KEY = "correct-horse-battery"
TRACE = "0af7651916cd43dd8448eb211c80319c"


class RecordingObserver:
    """An observer that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[RequestRecord] = []
        self.came = threading.Semaphore(0)

    def request_finished(self, request: RequestRecord) -> None:
        self.told.append(request)
        self.came.release()

    def close(self) -> None:
        """Nothing to pass on."""

    def next(self) -> RequestRecord:
        """The next request that nobody has looked at yet; waits for it."""
        assert self.came.acquire(timeout=WAIT_TIMEOUT_S)
        return self.told.pop(0)


@pytest.fixture
def observer() -> RecordingObserver:
    return RecordingObserver()


@pytest.fixture
def observed_server(observer: RecordingObserver) -> Iterator[LiveServer]:
    settings = Settings.model_validate({"port": 0})
    with run_live_server(settings, app=create_app(settings, observers=[observer])) as server:
        yield server


def test_a_request_that_is_over_is_told_once_with_all_there_is_to_know(
    observed_server: LiveServer, observer: RecordingObserver
) -> None:
    """Log line and trace are made of this alone."""
    with observed_server.client() as client:
        answer = client.post(
            POOL + "?kernel_size=2",
            json={"input": IMAGE},
            headers={"X-Request-ID": "abc", "traceparent": f"00-{TRACE}-b7ad6b7169203331-01"},
        )
    told = observer.next()

    assert (told.method, told.path, told.route) == ("POST", POOL, "/v1/pool/{operator}")
    assert (told.operator, told.status, told.code) == ("max_pool2d", 200, "")
    assert (told.request_id, told.trace_id) == (b"abc", TRACE)
    assert told.received_bytes == len(answer.request.content)
    assert told.sent_bytes == len(answer.content)
    assert told.stages is not None
    assert (
        told.started_at
        <= told.stages.read_at
        <= told.stages.decoded_at
        <= told.stages.pooled_at
        <= told.stages.encoded_at
        <= told.ended_at
    )
    assert not observer.told


def test_a_refusal_is_told_with_its_code(observed_server: LiveServer, observer: RecordingObserver) -> None:
    """That is what one looks for."""
    with observed_server.client() as client:
        client.post(POOL, json={"input": IMAGE, "kernel_size": 9})
        client.get("/nope")
    refused, lost = observer.next(), observer.next()

    assert (refused.status, refused.code, refused.stages) == (422, "window_does_not_fit", None)
    assert (lost.status, lost.code, lost.route, lost.path) == (404, "unknown_path", "other", "/nope")


def test_a_caller_who_left_is_told_too(observed_server: LiveServer, observer: RecordingObserver) -> None:
    """Status 0: nobody was there to be answered."""
    with observed_server.connect() as connection:
        connection.sendall(
            f"POST {POOL} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n".encode()
        )
        connection.sendall(b"[1")

    assert observer.next().status == 0


def test_an_observer_that_throws_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """Logs and traces are for us; a fault in them must not reach a caller."""

    class Broken(RecordingObserver):
        def request_finished(self, request: RequestRecord) -> None:
            raise RuntimeError("broken")

    settings = Settings.model_validate({"port": 0})
    with run_live_server(settings, app=create_app(settings, observers=[Broken()])) as server, server.client() as client:
        answers = [client.post(POOL, json={"input": IMAGE, "kernel_size": 2}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert "could not be told of" in caplog.text


def test_json_lines_have_the_request_and_nothing_of_its_data() -> None:
    """A line is read by machines and by people who may not see the data."""
    with (
        service_process(log_format="json", log_requests="true", api_keys=f"vision={KEY}") as service,
        service.server.client() as client,
    ):
        answer = client.post(
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
    assert first["request_id"] == answer.headers["x-request-id"]
    assert (first["received_bytes"], first["sent_bytes"]) == (len(answer.request.content), len(answer.content))
    parts = ("read_ms", "decode_ms", "queue_ms", "compute_ms", "encode_ms", "send_ms")
    assert sum(first[part] for part in parts) <= first["ms"] + 0.01
    assert KEY not in lines[0]
    assert "1234567" not in lines[0]
    assert "stride" not in lines[0]
    # The probe between them went well and has no line.
    assert (second["status"], second["code"]) == (404, "unknown_path")
    assert second["path"] == "/%F0%9F%8F%8A%E2%80%A8"


def test_the_line_that_says_where_the_service_is_is_json_too() -> None:
    """One format for all lines, or the reader stumbles over the first."""
    with service_process(log_format="json") as service:
        said = json.loads(service.ready_line)

    assert service.server.url.rpartition(":")[2] in said["message"]


def line_of(formatted: logging.Formatter, **given: object) -> str:
    record = logging.LogRecord("x", logging.INFO, "", 0, "%s", ("message",), None)
    record.__dict__.update(given)
    return formatted.format(record)


def test_whatever_is_logged_is_one_line_of_json() -> None:
    """A stranger's path may hold anything."""
    line = line_of(logs.JsonFormatter(), poolhouse_fields={"path": "/a\nb\ud800\x1b[31m", "odd": object()})

    assert "\n" not in line
    assert json.loads(line)["path"].startswith("/a\nb")


def test_an_exception_is_in_its_line() -> None:
    """Else the traceback is scattered over many."""
    try:
        raise RuntimeError("broken")
    except RuntimeError as broken:
        line = line_of(logs.JsonFormatter(), exc_info=(RuntimeError, broken, broken.__traceback__))

    assert "RuntimeError: broken" in json.loads(line)["error"]


class BlockedStream(io.StringIO):
    """A reader that stops reading until it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.reading = threading.Event()
        self.asked = threading.Event()

    def write(self, text: str) -> int:
        self.asked.set()
        self.reading.wait(WAIT_TIMEOUT_S)
        return super().write(text)


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    """The root logger, put back as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    server = logging.getLogger("uvicorn.error")
    filters, server_level = list(server.filters), server.level
    yield root
    root.handlers[:], server.filters[:] = handlers, filters
    root.setLevel(level)
    server.setLevel(server_level)
    logging.captureWarnings(False)


def test_a_reader_who_stops_holds_nobody_up_and_hears_how_much_was_lost(root_logger: logging.Logger) -> None:
    """A full disk behind the log must not become an outage, nor fill the memory."""
    stream = BlockedStream()
    end = logs.configure_logging(Settings(), stream)
    log = logging.getLogger("poolhouse.test")
    log.info("first")
    assert stream.asked.wait(WAIT_TIMEOUT_S)
    for number in range(12_000):
        log.info("line %d", number)
    stream.reading.set()
    # Wait until there is room again, as the next line would.
    while "line 5" not in stream.getvalue():
        os.sched_yield()
    log.info("last")
    end()
    lines = stream.getvalue().splitlines()

    assert len(lines) == 10_000 + 3
    assert "2000 log lines were dropped" in lines[-2]
    assert lines[-1].endswith("last")


def test_what_is_no_request_is_not_logged(root_logger: logging.Logger) -> None:
    """A port scanner would fill the log; the metrics count it."""
    stream = io.StringIO()
    end = logs.configure_logging(Settings(), stream)
    with run_live_server(Settings.model_validate({"port": 0})) as server:
        assert b" 400 " in server.exchange(b"\x16\x03\x01 this is no request\r\n\r\n")
    end()

    assert stream.getvalue() == ""


def test_client_text_cannot_forge_a_line_of_text(root_logger: logging.Logger) -> None:
    """A line break in a request id would be a line of its own."""
    stream = io.StringIO()
    end = logs.configure_logging(Settings.model_validate({"log_requests": True}), stream)
    record = RequestRecord("GET", "/a\n2026 INFO all is well\x1b[2J", b"x")
    record.route, record.status, record.code, record.ended_at = "other", 404, "unknown_path", 1
    logs.RequestLogger().request_finished(record)
    end()

    assert len(stream.getvalue().splitlines()) == 1
    assert "\x1b" not in stream.getvalue()
