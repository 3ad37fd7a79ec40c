"""The error that a client gets for a failure of a worker."""

from __future__ import annotations

import pytest

from poolhouse.batching.client_errors import client_error
from poolhouse.batching.worker import DeviceFault, OutOfMemory
from poolhouse.errors import InternalError, PoolhouseError, Unprocessable

SECRET = "/srv/models/secret.bin"


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (OutOfMemory(SECRET), "overloaded", 503),
        (DeviceFault(SECRET), "device_lost", 503),
        (ValueError(SECRET), "internal", 500),
        (MemoryError(SECRET), "internal", 500),
        (KeyboardInterrupt(SECRET), "internal", 500),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_a_failure_has_a_code_and_hides_its_text(error: BaseException, code: str, status: int) -> None:
    """The text of an exception may name files and addresses; only a failure that may pass asks for a retry."""
    found = client_error(error)

    assert isinstance(found, PoolhouseError)
    assert (found.code, found.status) == (code, status)
    assert (found.retry_after_s is not None) == (status == 503)
    assert SECRET not in f"{found} {found.args} {found.problems}"


def test_the_services_own_error_is_passed_on() -> None:
    """It says what to correct in the request."""
    error = Unprocessable("index_out_of_range", "index 9 is outside its plane")

    assert client_error(error) is error


def test_the_log_has_the_cause_of_an_internal_error() -> None:
    """The client is told to look there."""
    cause = ValueError("the cause")

    found = client_error(cause)

    assert isinstance(found, InternalError)
    assert found.__cause__ is cause
