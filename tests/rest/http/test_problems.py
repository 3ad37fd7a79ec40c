"""Problem documents."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.errors import CODES, MAX_PROBLEMS, FieldProblem
from poolhouse.rest.http.problems import LARGEST_BODY_BYTES, render_problem

KEYS = ["type", "title", "status", "detail", "instance", "code", "request_id"]


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_a_complete_problem_document(code: str) -> None:
    """A client needs one parser for all errors."""
    error = CODES[code](code, "what and how", problems=[FieldProblem("/a", "type", "no")], limit_bytes=7)

    refusal = render_problem(error, instance="/v1", request_id="r")

    document = json.loads(refusal.body)
    assert list(document) == [*KEYS, "errors", "limit_bytes"]
    assert document["status"] == refusal.status == CODES[code].status
    assert document["type"] == f"urn:poolhouse:problem:{code}"
    assert document["errors"] == [{"pointer": "/a", "code": "type", "message": "no"}]
    headers = dict(refusal.headers)
    assert headers[b"content-type"] == b"application/problem+json"
    assert int(headers[b"content-length"]) == len(refusal.body)
    assert (b"retry-after" in headers) == (refusal.status in (429, 503))


@given(st.floats(min_value=0, max_value=1e6))
def test_retry_after_is_whole_seconds_and_never_too_early(seconds: float) -> None:
    """Retry-After has whole seconds only; rounding down would make the client retry too early."""
    error = CODES["overloaded"]("overloaded", "later", retry_after_s=seconds)

    headers = dict(render_problem(error, instance="/", request_id="r").headers)

    assert int(headers[b"retry-after"]) >= max(1, seconds)


@given(
    st.text(st.characters(codec=None), max_size=4).map(lambda text: text * 20_000),
    st.integers(0, 100),
    st.text(st.characters(codec=None), max_size=600),
)
def test_no_error_response_exceeds_its_limit(text: str, count: int, instance: str) -> None:
    """Whatever the error quotes: a request with 20 kB of wrong names once got a response of 300 kB."""
    faults = [FieldProblem(f"/{text}", "unknown", text) for _ in range(count)]

    refusal = render_problem(
        CODES["invalid_fields"]("invalid_fields", text, problems=faults), instance=instance, request_id="r"
    )

    assert len(refusal.body) <= LARGEST_BODY_BYTES
    document = json.loads(refusal.body.decode("utf-8"))
    assert document["detail"].rstrip("…") == text[: len(document["detail"].rstrip("…"))]
    assert len(document.get("errors", ())) <= MAX_PROBLEMS


@given(st.text(), st.text(st.characters(codec=None), max_size=600))
def test_any_text_can_be_encoded(detail: str, instance: str) -> None:
    """A hostile path, with lone surrogates for example, must not break the error response."""
    refusal = render_problem(CODES["unknown_path"]("unknown_path", detail), instance=instance, request_id="r")

    document = json.loads(refusal.body.decode("utf-8"))

    assert document["detail"] == detail
    assert document["instance"] == instance[:256]
