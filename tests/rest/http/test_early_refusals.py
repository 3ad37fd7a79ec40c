"""An overloaded service refuses large requests by their heads, and keeps their connections."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from tests.hypothesis_profiles import scaled_examples
from tests.rest.gated_service import GatedService, becomes_true, parse_metrics, run_gated_service
from tests.rest.http.test_handler_exchange import ROW_BYTES, ResponseReader, body, head
from tests.rest.live_server import WAIT_TIMEOUT_S

ROWS = 100
DEADLINE_HEADER = "Request-Timeout: 5\r\n"


@pytest.fixture(scope="module")
def gated() -> Iterator[GatedService]:
    """A service with memory for one of the requests below."""
    with run_gated_service(capacity_bytes=4 * ROWS * ROW_BYTES) as running:
        yield running


@contextmanager
def fill_service(gated: GatedService) -> Iterator[ResponseReader]:
    """Fill the service's memory with such a request; gives another connection."""
    assert becomes_true(lambda: gated.pooling.status.lease_count == 0)
    with gated.gate.closed():
        blocker = ResponseReader(gated.server)
        blocker.connection.sendall(head(ROWS) + body(ROWS))
        assert becomes_true(lambda: gated.pooling.status.job_count == 1)
        reader = ResponseReader(gated.server)
        yield reader
        gated.gate.open()
        assert blocker.read_response()[0] == 200
        reader.close()
        blocker.close()


def send_request(reader: ResponseReader, more: str = "") -> tuple[int, dict[str, str], bytes]:
    """Send one more such request, and read the response."""
    reader.connection.sendall(head(ROWS, more) + body(ROWS))
    return reader.read_response()


def test_a_request_is_refused_before_its_body(gated: GatedService) -> None:
    """A client need not send a body that will not be read."""
    with fill_service(gated) as reader:
        reader.connection.sendall(head(ROWS))
        status, headers, document = reader.read_response()
        reader.connection.sendall(body(ROWS))

    assert (status, json.loads(document)["code"]) == (503, "overloaded")
    assert json.loads(document)["request_id"] == headers["x-request-id"]
    assert int(headers["retry-after"]) >= 1


def test_an_early_refusal_is_counted_like_any_other(gated: GatedService) -> None:
    """Alerts on refusals must see it, with and without a header that only a handler reads."""
    counted: tuple[tuple[str, dict[str, str]], ...] = (
        ("poolhouse_requests_total", {"route": "/v1/pool/{operator}", "operator": "max_pool2d", "status": "503"}),
        ("poolhouse_refusals_total", {"code": "overloaded"}),
        ("poolhouse_received_bytes_total", {}),
    )
    sent = ("poolhouse_sent_bytes_total", frozenset[tuple[str, str]]())
    steps = []
    with fill_service(gated) as reader, gated.server.client() as client:
        for more in ("", DEADLINE_HEADER):
            page = client.get("/metrics")
            response = send_request(reader, more)[2]
            before, after = parse_metrics(page.text), parse_metrics(client.get("/metrics").text)
            labelled = [(name, frozenset(labels.items())) for name, labels in counted]
            steps.append([after.get(each, 0) - before.get(each, 0) for each in labelled])
            # The page itself is counted once it was sent.
            assert after[sent] - before[sent] == len(page.content) + len(response)

    assert steps == [[1, 1, 0], [1, 1, 0]]


def test_an_early_refusal_keeps_the_clients_request_id(gated: GatedService) -> None:
    """The id joins the logs of both sides."""
    with fill_service(gated) as reader:
        _, headers, document = send_request(reader, "X-Request-ID: mine-7\r\n")

    assert headers["x-request-id"] == json.loads(document)["request_id"] == "mine-7"


def test_a_request_that_fits_is_admitted(gated: GatedService) -> None:
    """Memory is free again after a refusal."""
    with fill_service(gated):
        pass
    reader = ResponseReader(gated.server)

    status, _, response = send_request(reader)
    reader.close()

    assert (status, response) == (200, body(ROWS))


@scaled_examples(20, HealthCheck.function_scoped_fixture)
@given(cuts=st.lists(st.floats(0, 1), max_size=5), refused=st.integers(1, 3))
def test_the_connection_continues_behind_a_discarded_body(
    gated: GatedService,
    cuts: list[float],
    refused: int,
) -> None:
    """In any pieces, each request gets its own response, and no byte of a body is parsed as another request."""
    with fill_service(gated) as reader:
        sent = (head(ROWS) + body(ROWS)) * refused + b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
        edges = sorted({0, len(sent), *(int(cut * len(sent)) for cut in cuts)})
        for begin, end in itertools.pairwise(edges):
            reader.connection.sendall(sent[begin:end])
        responses = [reader.read_response() for _ in range(refused + 1)]

    assert [status for status, _, _ in responses] == [503] * refused + [200]
    assert becomes_true(lambda: gated.pooling.status.held_bytes == 0)


def test_a_draining_service_refuses_as_draining(gated: GatedService) -> None:
    """After "overloaded" a client retries here; after "draining" it tries another instance."""
    with run_gated_service(capacity_bytes=4 * ROWS * ROW_BYTES) as stopping, fill_service(stopping) as reader:
        stopping.pooling.drain(WAIT_TIMEOUT_S)
        document = json.loads(send_request(reader)[2])

    assert document["code"] == "draining"
