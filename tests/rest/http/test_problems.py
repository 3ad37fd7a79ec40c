"""Problem documents, and errors in the form of the Open Inference Protocol."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.errors import CODES, MAX_PROBLEMS, FieldProblem
from poolhouse.rest.http.problems import LARGEST_BODY_BYTES, render_error, render_inference_error, render_problem

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


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_an_error_of_the_inference_protocol(code: str) -> None:
    """Its clients read error, a text, and retry what is no 4xx; it has no status 422."""
    error = CODES[code](code, "what and how", problems=[FieldProblem("/a", "type", "no")], limit_bytes=7)

    refusal = render_inference_error(error, request_id="r")

    assert json.loads(refusal.body) == {
        "error": "what and how",
        "code": code,
        "request_id": "r",
        "errors": [{"pointer": "/a", "code": "type", "message": "no"}],
        "limit_bytes": 7,
    }
    assert refusal.status == (400 if CODES[code].status == 422 else CODES[code].status)
    headers = dict(refusal.headers)
    assert headers[b"content-type"] == b"application/json"
    assert int(headers[b"content-length"]) == len(refusal.body)
    plain = render_problem(error, instance="", request_id="r").headers
    assert [name for name, _ in refusal.headers] == [name for name, _ in plain]


@given(st.text(st.characters(codec=None), max_size=2000), st.integers(1, 20))
def test_any_error_of_the_inference_protocol_can_be_encoded(text: str, times: int) -> None:
    """A message may quote a lone surrogate of a request, and must be neither a bug nor of any length."""
    error = CODES["invalid_fields"]("invalid_fields", text * times, problems=[FieldProblem(text, "type", text)] * times)

    refusal = render_inference_error(error, request_id="r")

    assert len(refusal.body) <= LARGEST_BODY_BYTES
    assert json.loads(refusal.body.decode("utf-8"))["error"].rstrip("…") in text * times


@pytest.mark.parametrize(
    ("path", "root_path", "expected"),
    [
        ("/v2", "", True),
        ("/v2/", "", True),
        ("/v2/models/a/infer", "", True),
        ("/v2?a=/v1", "", True),
        ("/v2x", "", False),
        ("/v1/v2/", "", False),
        ("", "", False),
        ("/pools/v2", "/pools", True),
        ("/pools/v2/models/a", "/pools", True),
        ("/v2/models/a", "/pools", True),
        ("/pools/v1", "/pools", False),
        ("/pools/v2", "", False),
    ],
)
def test_the_path_decides_the_form(path: str, root_path: str, expected: bool) -> None:
    """With and without the path under which a proxy publishes the service, also if the request cannot be parsed."""
    error = CODES["unknown_path"]("unknown_path", "none")

    refusal = render_error(error, instance=path, request_id="r", root_path=root_path)

    assert ("error" in json.loads(refusal.body)) is expected
    assert (dict(refusal.headers)[b"content-type"] == b"application/json") is expected
