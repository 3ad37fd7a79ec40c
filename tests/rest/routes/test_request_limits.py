"""The limits that headers put on a request."""

from __future__ import annotations

from time import monotonic

import pytest

from poolhouse.errors import DeadlinePassed
from poolhouse.rest.http.transfer_limits import TransferLimits
from poolhouse.rest.routes.request_limits import body_limits, check_deadline, deadline_of, inflater_of
from poolhouse.settings import Settings


def test_json_bodies_have_their_own_limit() -> None:
    """A JSON body takes many times its size once parsed; its advice names the larger limit."""
    binary, as_json = body_limits(Settings(max_body_bytes=2_000_000, max_json_bytes=1_000_000))

    assert (binary.limit_bytes, as_json.limit_bytes) == (2_000_000, 1_000_000)
    assert "2000000 bytes" in as_json.advice


def test_a_deadline_is_counted_from_now() -> None:
    """The client's timeout is a duration; without one there is no deadline."""
    before = monotonic()
    deadline = deadline_of({b"request-timeout": b"5"})

    assert deadline is not None
    assert before + 5 <= deadline <= monotonic() + 5
    assert deadline_of({}) is None


def test_only_a_passed_deadline_refuses_work() -> None:
    """Nobody waits for the result any more."""
    check_deadline(None)
    check_deadline(monotonic() + 60)

    with pytest.raises(DeadlinePassed, match="before the work began"):
        check_deadline(monotonic())


@pytest.mark.parametrize(("encoding", "is_inflated"), [(b"", False), (b" Identity ", False), (b"gzip", True)])
def test_only_a_compressed_body_is_inflated(encoding: bytes, is_inflated: bool) -> None:
    """A body in the coding identity is read into one buffer of its length."""
    inflater = inflater_of({b"content-encoding": encoding}, TransferLimits(1000, 10, ""))

    assert (inflater is not None) == is_inflated
