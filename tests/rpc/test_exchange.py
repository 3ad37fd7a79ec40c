"""Each error has a status of gRPC, and its text is in gRPC's words."""

from __future__ import annotations

import grpc
import pytest

from poolhouse.errors import CODES, PoolhouseError, deadline_error
from poolhouse.rpc.exchange import protocol_status, status_of

EXPECTED = {
    "malformed_body": grpc.StatusCode.INVALID_ARGUMENT,
    "invalid_fields": grpc.StatusCode.INVALID_ARGUMENT,
    "unknown_model": grpc.StatusCode.NOT_FOUND,
    "missing_key": grpc.StatusCode.UNAUTHENTICATED,
    "key_not_allowed": grpc.StatusCode.PERMISSION_DENIED,
    "body_too_large": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "quota_exceeded": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "unsupported": grpc.StatusCode.UNIMPLEMENTED,
    "overloaded": grpc.StatusCode.UNAVAILABLE,
    "draining": grpc.StatusCode.UNAVAILABLE,
    "deadline_passed": grpc.StatusCode.DEADLINE_EXCEEDED,
    "internal": grpc.StatusCode.INTERNAL,
}


@pytest.mark.parametrize("code", EXPECTED)
def test_the_status_of_an_error(code: str) -> None:
    """Clients decide by it whether to send the request again."""
    assert status_of(CODES[code](code, "text")) == (EXPECTED[code], "text")


@pytest.mark.parametrize("code", CODES)
def test_only_a_fault_of_the_service_is_internal(code: str) -> None:
    """A client reports an internal error as a bug, and 422 is no status of the protocol."""
    error: PoolhouseError = CODES[code](code, "text")

    # A call has no path with other methods, no Accept, and headers that gRPC itself limits.
    if error.status not in (405, 406, 431):
        assert (status_of(error)[0] is grpc.StatusCode.INTERNAL) == (code == "internal")
    assert protocol_status(error) == (400 if error.status == 422 else error.status)


def test_the_text_is_in_the_words_of_grpc_and_short() -> None:
    """It is a header of the response; clients refuse long ones, and know no header Request-Timeout."""
    assert status_of(deadline_error("passed."))[1].startswith("The deadline of the call passed.")
    assert len(status_of(CODES["internal"]("internal", "x" * 10**6))[1]) == 2048
