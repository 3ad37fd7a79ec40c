"""The door: a full service refuses large requests before anything is made of them, and nobody can tell."""

from __future__ import annotations

import itertools
import json
import re
import select
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from poolhouse.rest import door
from poolhouse.rest.app import create_app
from poolhouse.rest.intake import Sink
from poolhouse.rest.problems import Problem
from poolhouse.settings import Settings
from tests.rest.holding import Held, comes_true, holding, samples
from tests.rest.serving import PATIENCE_S
from tests.rest.test_intake import ROW_BYTES, Reader, body, head

ROWS = 100
OF_THE_APPLICATION = "X-Unusual: so that the application looks at it\r\n"


@pytest.fixture(scope="module")
def held() -> Iterator[Held]:
    """A service with room for one of the requests here."""
    with holding(room_bytes=4 * ROWS * ROW_BYTES) as running:
        yield running


@pytest.fixture
def at_the_door(monkeypatch: pytest.MonkeyPatch) -> list[Problem]:
    """What was refused at the door."""
    seen: list[Problem] = []
    refusal = door.Door.refusal

    def noting(self: door.Door, method: bytes, target: bytes, headers: dict[bytes, bytes]) -> Problem | None:
        found = refusal(self, method, target, headers)
        if found is not None:
            seen.append(found)
        return found

    monkeypatch.setattr(door.Door, "refusal", noting)
    return seen


@contextmanager
def full(held: Held) -> Iterator[Reader]:
    """The service with no room left, and knowing what such requests hold; a connection to it."""
    assert comes_true(lambda: held.pooling.held_requests == 0)
    with held.gate.closed():
        hog = Reader(held.served)
        hog.connection.sendall(head(ROWS) + body(ROWS))
        assert comes_true(lambda: held.pooling.jobs == 1)
        reader = Reader(held.served)
        yield reader
        held.gate.open()
        assert hog.answer()[0] == 200
        reader.close()
        hog.close()


def asked(reader: Reader, more: str = "") -> tuple[int, dict[str, str], bytes]:
    """The answer to one more request like the one that fills the service."""
    reader.connection.sendall(head(ROWS, more) + body(ROWS))
    return reader.answer()


def test_the_answer_is_the_applications_own(held: Held, at_the_door: list[Problem]) -> None:
    """A caller must not need to know that there are two ways to be refused."""
    with full(held) as reader:
        status, headers, document = asked(reader)
        taken = len(at_the_door)
        other_status, other_headers, other_document = asked(reader, OF_THE_APPLICATION)

    assert (taken, len(at_the_door)) == (1, 1)
    assert status == other_status == 503
    documents = [json.loads(each) for each in (document, other_document)]
    for each in documents:
        # The door knows all that the request would hold; the application looks at its body's length first.
        each["detail"] = re.sub("[0-9]+", "N", each["detail"])
    for one, other in ((headers, other_headers), documents):
        assert list(one) == list(other)
        varies = {"x-request-id", "request_id", "date", "content-length"}
        assert {name: one[name] for name in one.keys() - varies} == {
            name: other[name] for name in other.keys() - varies
        }
    assert json.loads(document)["request_id"] == headers["x-request-id"] != other_headers["x-request-id"]


def test_it_is_counted_as_the_applications_own(held: Held, at_the_door: list[Problem]) -> None:
    """An alert on refusals must see those at the door too."""
    counted: tuple[tuple[str, dict[str, str]], ...] = (
        ("poolhouse_requests_total", {"route": "/v1/pool/{operator}", "operator": "max_pool2d", "status": "503"}),
        ("poolhouse_refusals_total", {"code": "overloaded"}),
        ("poolhouse_received_bytes_total", {}),
    )
    sent = ("poolhouse_sent_bytes_total", frozenset[tuple[str, str]]())
    steps = []
    with full(held) as reader, held.served.client() as client:
        for more in ("", OF_THE_APPLICATION):
            page = client.get("/metrics")
            answer = asked(reader, more)[2]
            before, after = samples(page.text), samples(client.get("/metrics").text)
            labelled = [(name, frozenset(labels.items())) for name, labels in counted]
            steps.append([after.get(each, 0) - before.get(each, 0) for each in labelled])
            # The page itself is counted once it was sent.
            assert after[sent] - before[sent] == len(page.content) + len(answer)

    assert len(at_the_door) == 1
    assert steps == [[1, 1, 0], [1, 1, 0]]


def test_the_callers_name_of_the_request_is_kept(held: Held, at_the_door: list[Problem]) -> None:
    """It is what joins the logs of both sides."""
    with full(held) as reader:
        _, headers, document = asked(reader, "X-Request-ID: mine-7\r\n")

    assert len(at_the_door) == 1
    assert headers["x-request-id"] == json.loads(document)["request_id"] == "mine-7"


@pytest.mark.parametrize(
    "more",
    [
        OF_THE_APPLICATION,
        "Accept: text/html\r\n",
        "Request-Timeout: 5\r\n",
        "Expect: 100-continue\r\n",
        "Content-Encoding: gzip\r\n",
        "Connection: close\r\n",
    ],
)
def test_what_is_unusual_goes_the_applications_way(held: Held, at_the_door: list[Problem], more: str) -> None:
    """Only the application knows what else such a request would be refused for, and how to go on after it."""
    with full(held) as reader:
        status, _, _ = asked(reader, more)

    assert status >= 400
    assert not at_the_door


def test_who_is_not_known_goes_the_applications_way(held: Held, at_the_door: list[Problem]) -> None:
    """What another request holds says nothing of this one."""
    with full(held) as reader:
        reader.connection.sendall(head(ROWS + 1) + body(ROWS + 1))
        status, _, _ = reader.answer()

    assert status == 503
    assert not at_the_door


def test_whom_there_is_room_for_is_let_in(held: Held, at_the_door: list[Problem]) -> None:
    """The door turns nobody away who could be served."""
    with full(held):
        pass
    reader = Reader(held.served)

    status, _, answer = asked(reader)
    reader.close()

    assert (status, answer) == (200, body(ROWS))
    assert not at_the_door


@pytest.mark.parametrize("by", ["the kernel", "us"])
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.floats(0, 1), max_size=5), refused=st.integers(1, 3))
def test_the_connection_goes_on_behind_a_body_that_is_thrown_away(
    held: Held,
    at_the_door: list[Problem],
    monkeypatch: pytest.MonkeyPatch,
    by: str,
    cuts: list[float],
    refused: int,
) -> None:
    """However the bodies come, each request has its own answer, and no byte of one is taken for another."""
    at_the_door.clear()
    if by == "us":
        monkeypatch.setattr(Sink, "fits", lambda _: False)
    with full(held) as reader:
        sent = (head(ROWS) + body(ROWS)) * refused + b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
        edges = sorted({0, len(sent), *(int(cut * len(sent)) for cut in cuts)})
        for begin, end in itertools.pairwise(edges):
            reader.connection.sendall(sent[begin:end])
        answers = [reader.answer() for _ in range(refused + 1)]

    assert [status for status, _, _ in answers] == [503] * refused + [200]
    assert len(at_the_door) == refused
    assert comes_true(lambda: held.pooling.held_bytes == 0)


def test_a_service_that_stops_says_so(held: Held, at_the_door: list[Problem]) -> None:
    """A caller who is told that the service is full comes back to it; one who is told that it stops goes elsewhere."""
    with holding(room_bytes=4 * ROWS * ROW_BYTES) as stopping, full(stopping) as reader:
        stopping.pooling.drain(PATIENCE_S)
        document = json.loads(asked(reader)[2])

    assert document["code"] == "draining"
    assert not at_the_door


@pytest.mark.parametrize(
    ("asked_for", "there"),
    [
        ({}, True),
        ({"api_keys": "somebody=0123456789abcdef0123456789abcdef"}, False),
        ({"cors_origins": ["https://page.example"]}, False),
        ({"root_path": "/pooling"}, False),
        ({"log_requests": True}, False),
    ],
)
def test_where_somebody_must_see_every_request_there_is_no_door(asked_for: dict[str, object], there: bool) -> None:
    """Keys, pages of other origins, logs and traces: each has to do with refused requests too."""
    app = create_app(Settings.model_validate({"device": "cpu", **asked_for}))

    assert (app.door is not None) == there


def test_what_is_remembered_has_a_bound() -> None:
    """Queries are the callers' own words: neither many nor long ones may fill the memory."""
    needs = door.Needs()
    headers = {b"content-type": b"application/octet-stream", b"content-length": b"9"}
    for number in range(5000):
        needs.learn(b"/v1/pool/max_pool2d", b"shape=%d" % number, headers, door.Need(number, {}))
    needs.learn(b"/v1/pool/max_pool2d", b"x" * 100_000, headers, door.Need(1, {}))

    assert 0 < len(needs._known) <= 1024
    assert needs.of(b"/v1/pool/max_pool2d", b"shape=4999", headers) == door.Need(4999, {})
    assert needs.of(b"/v1/pool/max_pool2d", b"x" * 100_000, headers) is None


class _Transport:
    def __init__(self, told: socket.socket) -> None:
        self._told = told

    def get_extra_info(self, name: str) -> socket.socket:
        assert name == "socket"
        return self._told


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends of a TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        near = socket.create_connection(listening.getsockname())
        far, _ = listening.accept()
    yield near, far
    near.close()
    far.close()


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux throws bytes away by itself")


@on_linux
def test_the_sink_takes_so_many_bytes_and_leaves_the_next(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    sink = Sink(_Transport(far))  # type: ignore[arg-type]  # has what is asked of it
    near.sendall(b"x" * 1000 + b"next")
    assert comes_true(lambda: len(far.recv(2000, socket.MSG_PEEK)) == 1004)

    assert sink.take(1000) == 1000
    assert far.recv(2000) == b"next"
    assert sink.take(1000) == 0, "nothing is here"

    del sink
    assert far.fileno() >= 0
    near.sendall(b"more")
    assert far.recv(4) == b"more", "the connection is its owner's still"


@on_linux
def test_the_sink_leaves_a_lost_connection_to_its_owner(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    sink = Sink(_Transport(far))  # type: ignore[arg-type]  # has what is asked of it
    near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    near.close()
    assert comes_true(lambda: bool(select.select([far], [], [], 0)[0]))

    assert sink.take(10) == 0


def test_a_socket_of_another_kind_has_no_sink() -> None:
    one, other = socket.socketpair()
    with one, other:
        assert not Sink.fits(_Transport(one))  # type: ignore[arg-type]  # has what is asked of it
