"""Problem documents."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.errors import CODES, FieldProblem
from poolhouse.rest.problems import problem

KEYS = ["type", "title", "status", "detail", "instance", "code", "request_id"]


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_a_whole_problem_document(code: str) -> None:
    """A caller needs one reader for everything that can be refused."""
    error = CODES[code](code, "what and how", problems=[FieldProblem("/a", "type", "no")], limit_bytes=7)

    refusal = problem(error, instance="/v1", request_id="r")

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
    """Retry-After knows only whole seconds; rounding down would invite the caller too early."""
    error = CODES["overloaded"]("overloaded", "later", retry_after_s=seconds)

    headers = dict(problem(error, instance="/", request_id="r").headers)

    assert int(headers[b"retry-after"]) >= max(1, seconds)


@given(st.text(), st.text(st.characters(codec=None), max_size=600))
def test_any_text_can_be_told(detail: str, instance: str) -> None:
    """A hostile path, half surrogates included, must not break the answer that refuses it."""
    refusal = problem(CODES["unknown_path"]("unknown_path", detail), instance=instance, request_id="r")

    document = json.loads(refusal.body.decode("utf-8"))

    assert document["detail"] == detail
    assert document["instance"] == instance[:256]
