"""The steps common to all requests: records, keys, the error for any exception, and the account at the end."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from poolhouse.errors import PoolhouseError, Unauthorized, Unprocessable
from poolhouse.rest.auth.authorization import Authorization
from poolhouse.rest.auth.keys import Key, Keyring
from poolhouse.rest.auth.quotas import Quota
from poolhouse.rest.http.accounting import Accounting, ClientDisconnected
from poolhouse.rest.http.headers import HEADERS_KEY, RECORD_KEY
from poolhouse.rest.observability.request_record import RequestRecord

KEY = "correct-horse-battery"
BEARER = (b"authorization", f"Bearer {KEY}".encode())
POOLING: Any = SimpleNamespace(admission=SimpleNamespace(is_draining=False))
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class RecordingMetrics:
    """Records what is counted."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        if not name.startswith("record_"):
            raise AttributeError(name)
        return lambda *arguments: self.calls.append((name, *arguments))

    def route_of(self, scope: dict[str, Any]) -> str:
        """A route."""
        return "/theirs"


class RecordingObserver:
    """Records finished requests; the first may fail."""

    def __init__(self, *, fails: bool = False) -> None:
        self.records: list[RequestRecord] = []
        self._fails = fails

    def request_finished(self, request: RequestRecord) -> None:
        self.records.append(request)
        if self._fails:
            raise RuntimeError("broken")

    def close(self) -> None:
        """Nothing to flush."""


def keyed(quota: Quota | None = None) -> Authorization:
    return Authorization(lambda: Keyring((Key("mine", hashlib.sha256(KEY.encode()).digest(), quota or Quota()),)))


def accounting_of(
    metrics: RecordingMetrics | None = None,
    authorization: Authorization | None = None,
    observers: tuple[RecordingObserver, ...] = (),
) -> Accounting:
    return Accounting(POOLING, metrics or RecordingMetrics(), authorization, observers)  # type: ignore[arg-type]


def test_a_record_has_what_its_observers_need_and_no_more() -> None:
    """A path of nine kilobytes would be kept in every log line; without observers no time is taken."""
    headers = {
        b"traceparent": f"00-{TRACE}-b7ad6b7169203331-01".encode(),
        b"tracestate": b"a=1",
        b"x-request-id": b"abc",
    }

    observed = accounting_of(observers=(RecordingObserver(),)).begin_request("GET", "/" + "x" * 9000, headers)
    plain = accounting_of().begin_request("GET", "/" + "x" * 9000, headers)

    assert (observed.request_id, observed.trace_id, observed.tracestate) == (b"abc", TRACE, "a=1")
    assert observed.traceparent.startswith("00-4bf9")
    assert (len(observed.path), observed.started_at > 0) == (256, True)
    assert (plain.trace_id, plain.started_at, plain.tracestate) == (TRACE, 0.0, "")
    assert accounting_of().begin_request("GET", "/", {b"traceparent": b"00-zz"}).trace_id == ""


@pytest.mark.parametrize(
    ("raised", "code", "level"),
    [
        (Unprocessable("invalid_data", "no"), "invalid_data", None),
        (asyncio.CancelledError(), "draining", None),
        (MemoryError(), "overloaded", logging.WARNING),
        (RuntimeError("the secret"), "internal", logging.ERROR),
        (KeyboardInterrupt(), "internal", logging.ERROR),
        (ClientDisconnected(), None, None),
    ],
)
def test_every_exception_has_its_error_for_the_client(
    raised: BaseException, code: str | None, level: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    """Only texts of this project are sent; what is unexpected is logged with the request's id, and nothing else is."""
    record = RequestRecord("GET", "/", b"find-me")

    with caplog.at_level(logging.DEBUG):
        error = accounting_of().error_for_client(raised, record)

    assert (error.code if error else None) == code
    assert error is None or "secret" not in error.detail
    assert [entry.levelno for entry in caplog.records] == ([] if level is None else [level])
    assert all("find-me" in entry.getMessage() for entry in caplog.records)
    assert all(bool(entry.exc_info) == (level == logging.ERROR) for entry in caplog.records)


@pytest.mark.parametrize("expects", [True, False])
def test_a_refusal_is_counted_and_ends_a_connection_that_may_hold_a_body(expects: bool) -> None:
    """After an error instead of 100 Continue nobody knows whether the next bytes are the body or another request."""
    metrics = RecordingMetrics()
    accounting, record = accounting_of(metrics), RequestRecord("POST", "/p", b"r")

    problem = accounting.refuse(
        Unprocessable("invalid_data", "no"), record, {b"expect": b"100-continue"} if expects else {}
    )

    assert metrics.calls == [("record_refusal", "invalid_data")]
    assert (record.code, problem.status) == ("invalid_data", 422)
    assert json.loads(problem.body)["instance"] == "/p"
    assert json.loads(problem.body)["request_id"] == "r"
    assert ((b"connection", b"close") in problem.headers) == expects


def test_a_finished_request_is_counted_settled_and_observed(caplog: pytest.LogCaptureFixture) -> None:
    """Also if an observer fails: the others see the request, and the client gets its response."""
    metrics, broken, last = RecordingMetrics(), RecordingObserver(fails=True), RecordingObserver()
    accounting = accounting_of(metrics, keyed(), (broken, last))
    record = accounting.begin_request("POST", "/v1/x", dict([BEARER]))
    accounting.authorize(record, "/v1/x", dict([BEARER]))
    record.route, record.operator, record.status = "/v1/{x}", "max_pool2d", 200
    record.received_bytes, record.sent_bytes = 30, 12

    accounting.finish_request(record)

    assert metrics.calls == [
        ("record_response", "/v1/{x}", "max_pool2d", 200, 30, 12),
        ("record_key_usage", "mine", 42),
    ]
    assert broken.records == last.records == [record]
    assert record.key == "mine"
    assert record.ended_at >= record.started_at > 0
    assert "an observer failed on request" in caplog.text


def test_a_finished_request_is_charged_for_its_bytes() -> None:
    """Otherwise the response is free, and a quota of bytes has no meaning."""
    authorization = keyed(Quota(bytes_per_s=100))
    accounting = accounting_of(authorization=authorization)
    headers = dict([BEARER])
    record = accounting.begin_request("POST", "/v1/x", headers)
    accounting.authorize(record, "/v1/x", headers)
    record.sent_bytes = 100_000

    accounting.finish_request(record)

    with pytest.raises(PoolhouseError) as caught:
        accounting.authorize(accounting.begin_request("POST", "/v1/x", headers), "/v1/x", headers)
    assert caught.value.code == "quota_exceeded"


def test_paths_are_listed_only_for_those_who_may_see_them() -> None:
    """A client without a key must not learn which paths exist."""
    open_service, service = accounting_of(), accounting_of(authorization=keyed())
    record = service.begin_request("GET", "/nope", {})

    assert open_service.may_list_paths(record)
    assert not service.may_list_paths(record)
    service.authorize(record, "/nope", dict([BEARER]))
    assert service.may_list_paths(record)
    public = service.begin_request("GET", "/livez", {})
    service.authorize(public, "/livez", {})
    assert not service.may_list_paths(public)


def scope_of(*headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {"type": "http", "method": "GET", "path": "/livez", "headers": list(headers)}


def test_a_route_in_another_application_checks_the_key_itself() -> None:
    """There our middleware has not checked it, and none of our public paths is meant by theirs."""
    metrics = RecordingMetrics()
    accounting = accounting_of(metrics, keyed())

    with pytest.raises(Unauthorized), accounting.authorized(scope_of()):
        pytest.fail("it was served")
    with accounting.authorized(scope_of(BEARER, (b"content-length", b"70"))) as record:
        assert record.key == "mine"

    refused, served, used = metrics.calls
    assert refused == ("record_response", "/theirs", "", 401, 0, 0)
    assert served == ("record_response", "/theirs", "", 200, 70, 0)
    assert used == ("record_key_usage", "mine", 70)


def test_a_request_of_our_middleware_is_neither_checked_nor_counted_twice() -> None:
    """The middleware does both, and charges the quota once."""
    metrics = RecordingMetrics()
    accounting = accounting_of(metrics, keyed())
    scope = scope_of((b"x-request-id", b"one"))
    record = accounting.record_of(scope)

    with accounting.authorized(scope) as again:
        assert again is record is accounting.record_of(scope) is scope[RECORD_KEY]

    assert scope[HEADERS_KEY] == {b"x-request-id": b"one"}
    assert metrics.calls == []
