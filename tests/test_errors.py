"""The table of error codes: every class has codes, and a code belongs to one class."""

from __future__ import annotations

from http import HTTPStatus

import pytest

from poolhouse.errors import (
    CODES,
    FieldProblem,
    Malformed,
    MethodNotAllowed,
    PoolhouseError,
    Unavailable,
    Unprocessable,
    deadline_error,
    device_lost_error,
    draining_error,
)

SERVICE_CLASSES = [each for each in PoolhouseError.__subclasses__() if each.__module__ == PoolhouseError.__module__]


@pytest.mark.parametrize("error_class", SERVICE_CLASSES, ids=lambda each: str(each.__name__))
def test_every_class_has_codes_and_a_status_of_its_own(error_class: type[PoolhouseError]) -> None:
    """The client chooses the class by the code, and a program that knows only HTTP by the status."""
    assert error_class in CODES.values()
    assert HTTPStatus(error_class.status) >= HTTPStatus.BAD_REQUEST
    assert "title" in vars(error_class)
    assert [other for other in SERVICE_CLASSES if other.status == error_class.status] == [error_class]


def test_a_code_of_another_class_is_refused() -> None:
    """The response would have a status that contradicts its code."""
    for error_class, code in ((Malformed, "overloaded"), (Unprocessable, "nonsense"), (PoolhouseError, "internal")):
        with pytest.raises(AssertionError, match=f"{code} is not a code of {error_class.__name__}"):
            error_class(code, "a detail")


def test_an_error_has_its_own_copies_of_what_it_is_given() -> None:
    """Its problems and headers are sent later, when the lists of the caller may have changed."""
    problems, headers = [FieldProblem("/stride", "range", "0 is too small")], {"allow": "GET"}
    error = MethodNotAllowed("method_not_allowed", "what was given", problems=problems, headers=headers)

    problems.clear()
    headers.clear()

    assert str(error) == error.detail == "what was given"
    assert error.problems == (FieldProblem("/stride", "range", "0 is too small"),)
    assert error.headers == {"allow": "GET"}
    assert Malformed("malformed_body", "").headers == {}
    assert (error.request_id, error.input_index, dict(error.problem)) == (None, None, {})


@pytest.mark.parametrize(("error", "code"), [(draining_error(), "draining"), (device_lost_error(), "device_lost")])
def test_a_temporary_error_says_when_to_try_again(error: Unavailable, code: str) -> None:
    """Clients wait for that time; without it they would try again at once, or never."""
    assert (error.code, error.status) == (code, 503)
    assert error.retry_after_s is not None
    assert error.retry_after_s >= 1


def test_a_passed_deadline_is_not_retried() -> None:
    """The same request would fail again, so the message says what to change."""
    error = deadline_error("passed after 2 s", "Send less.")

    assert (error.code, error.status, error.retry_after_s) == ("deadline_passed", 504, None)
    assert error.detail == "The deadline of Request-Timeout passed after 2 s. Send less."
