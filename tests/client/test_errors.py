"""The errors of the client, and the error for each response that is not 200."""

from __future__ import annotations

import json

import pytest

from poolhouse.client.errors import (
    ConnectionFailed,
    TimedOut,
    UnexpectedAnswer,
    error_from_response,
    parse_object,
    parse_retry_after_s,
)
from poolhouse.client.exchange import Response
from poolhouse.errors import (
    CODES,
    FieldProblem,
    Forbidden,
    PoolhouseError,
    QuotaExceeded,
    TooLarge,
    Unauthorized,
    Unavailable,
)


def make_response(status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> Response:
    """Make a response as of a transport."""
    return Response(status, headers or {}, (memoryview(body),))


def make_refusal(code: str, **members: object) -> Response:
    """Make a refusal as the service sends it."""
    status = CODES[code].status
    document = {"status": status, "code": code, "detail": "Refused.", "request_id": "r1", **members}
    headers = {"content-type": "application/problem+json", "x-request-id": "r1"}
    return make_response(status, headers, json.dumps(document).encode())


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_raised_as_its_class(code: str) -> None:
    """Server and client share one table of codes."""
    fields = [{"pointer": "/stride", "code": "range", "message": "too small"}]

    error = error_from_response(make_refusal(code, errors=fields, limit_bytes=7))

    assert type(error) is CODES[code]
    assert (error.code, error.detail, error.request_id, error.limit_bytes) == (code, "Refused.", "r1", 7)
    assert error.problems == (FieldProblem("/stride", "range", "too small"),)


@pytest.mark.parametrize(
    "response",
    [
        make_response(502, body=b"<html>Bad Gateway</html>"),
        make_response(302, {"location": "elsewhere"}),
        make_response(500, {"content-type": "application/problem+json"}, b"{"),
        make_response(500, {"content-type": "application/problem+json"}, b"[]"),
        make_response(500, {"content-type": "application/problem+json"}, b'{"code": "of next year", "detail": "?"}'),
        make_response(500, {"content-type": "application/problem+json"}, b'{"code": ["internal"], "detail": "?"}'),
    ],
    ids=["page", "redirect", "invalid JSON", "no object", "unknown code", "code of another type"],
)
def test_a_response_of_another_service_raises_unexpected_answer(response: Response) -> None:
    """The error quotes it, for example the error page of a proxy."""
    error = error_from_response(response)

    assert type(error) is UnexpectedAnswer
    assert (error.code, error.status) == ("unexpected_answer", response.status)
    assert response.text[:10] in str(error)


@pytest.mark.parametrize(
    ("status", "error_class"),
    [(401, Unauthorized), (403, Forbidden), (413, TooLarge), (429, QuotaExceeded), (503, Unavailable)],
)
def test_a_refusal_of_a_proxy_has_the_same_class(status: int, error_class: type[PoolhouseError]) -> None:
    """As a refusal of the service with this status."""
    error = error_from_response(make_response(status, {"retry-after": "7"}, b"nginx"))

    assert type(error) is error_class
    assert (error.status, error.retry_after_s, error.headers) == (status, 7.0, {"retry-after": "7"})
    assert "from a proxy in front of the service: 'nginx'" in str(error)


@pytest.mark.parametrize("media_type", ["text/html", "application/json", ""])
def test_only_a_problem_document_is_read_as_a_refusal(media_type: str) -> None:
    """Another service may have codes of its own in its documents."""
    refusal = make_refusal("body_too_large")

    error = error_from_response(refusal._replace(headers={"content-type": media_type}))

    assert error.problem == {}
    assert "from a proxy" in str(error)
    assert "proxy" not in str(error_from_response(refusal))


def test_an_error_quotes_only_the_start_of_a_response() -> None:
    """Messages are logged, and an error page may have megabytes."""
    page = make_response(502, body=b"a" * 100_000)
    redirect = make_response(302, {"location": "b" * 30_000})

    assert str(error_from_response(page)).count("a" * 200) == 1
    assert max(len(str(error_from_response(each))) for each in (page, redirect)) < 400


@pytest.mark.parametrize(
    ("text", "found"), [('{"a": 1}', {"a": 1}), ("[]", None), ("7", None), ("{", None), ("[" * 100_000, None)]
)
def test_untrusted_text_is_an_object_or_none(text: str, found: object) -> None:
    """Lists nested a thousand deep raise an error that is not a ValueError."""
    assert parse_object(text) == found


def test_a_failure_without_a_response_has_every_attribute_of_a_refusal() -> None:
    """Callers read them without asking for the class of the error."""
    for error in (ConnectionFailed("no"), TimedOut("no"), UnexpectedAnswer(0, "no")):
        assert isinstance(error, PoolhouseError)
        assert (error.status, error.detail, error.problems, error.retry_after_s) == (0, "no", (), None)
        assert (error.limit_bytes, error.headers, error.request_id, error.problem) == (None, {}, None, {})
    assert [ConnectionFailed("").code, TimedOut("").code] == ["connection_failed", "timed_out"]


@pytest.mark.parametrize(
    ("retry_after", "expected_s"),
    [
        ("Wed, 21 Oct 2015 07:28:07 GMT", 7.0),
        ("Wed, 21 Oct 2015 07:27:59 GMT", 0.0),
        ("Wed, 21 Oct 99999 07:28:00 GMT", None),
        ("Wed, 21 Oct 2015 09:28:09 +0200", 9.0),
        ("0", 0.0),
        ("007", 7.0),
        ("٧", None),
        ("1.5", None),
        ("", None),
        ("soon", None),
        ("9" * 400, None),
        ("-1", None),
    ],
)
def test_a_date_is_compared_with_the_date_of_the_response(retry_after: str, expected_s: float | None) -> None:
    """A proxy may send a date, and its time may differ from that of this machine."""
    headers = {"retry-after": retry_after, "date": "Wed, 21 Oct 2015 07:28:00 GMT"}

    assert parse_retry_after_s(make_response(503, headers)) == expected_s
    assert parse_retry_after_s(make_response(503, {"retry-after": "Wed, 21 Oct 2015 07:28:07 GMT"})) is None
