"""One request and its response: its record, its memory and its deadline."""

from __future__ import annotations

from time import monotonic
from typing import Final

import grpc
import grpc.aio

from poolhouse.admission import Admission
from poolhouse.batching.memory import Lease
from poolhouse.errors import PoolhouseError, deadline_error
from poolhouse.rest.observability.request_record import RequestRecord

Context = grpc.aio.ServicerContext[bytes, bytes]

UNREAD_BYTES: Final = 64 * 1024
"""What gRPC receives of a message before the service reads it."""
_LONGEST_DETAIL: Final = 2048
"""The status is a header, whose size clients limit; a character of it takes up to three bytes."""

_WORDS: Final = (
    ("The deadline of Request-Timeout", "The deadline of the call"),
    ("POST /v2/repository/index", "RepositoryIndex"),
    ("POST /v2/systemsharedmemory/region/{name}/register", "SystemSharedMemoryRegister"),
)
"""Words of errors that are those of HTTP, and ours."""

_STATUS_CODES: Final = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    408: grpc.StatusCode.DEADLINE_EXCEEDED,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    415: grpc.StatusCode.UNIMPLEMENTED,
    422: grpc.StatusCode.INVALID_ARGUMENT,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    500: grpc.StatusCode.INTERNAL,
    501: grpc.StatusCode.UNIMPLEMENTED,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
}


class Exchange:
    """One request and its response.

    Args:
        record: of the request.
        admission: reserves memory.
        remaining_s: the time that the client waits; None for no limit.

    Attributes:
        record: of the request.
        deadline: in the event loop's time; None for no deadline.
        lease: the reserved memory; None before :meth:`admit` or :meth:`reserve`.
        message_id: the id in the message, to be repeated in the response.
    """

    lease: Lease | None = None
    message_id: str = ""

    def __init__(self, record: RequestRecord, admission: Admission, remaining_s: float | None) -> None:
        self.record = record
        self.deadline = None if remaining_s is None else monotonic() + remaining_s
        self._admission = admission

    def admit(self) -> None:
        """Reserve memory for the part of the message that may have been received.

        Raises:
            Unavailable: ``overloaded`` or ``draining``.
            DeadlinePassed: the queued jobs alone take longer than the time left.
        """
        self.lease = self._admission.admit(UNREAD_BYTES, self.deadline)

    @property
    def admitted(self) -> Lease:
        """The reserved memory."""
        assert self.lease is not None, "it is reserved first"
        return self.lease

    def reserve(self, nbytes: int) -> None:
        """Change what is reserved; without :meth:`admit` before, a reservation that also a draining service makes.

        Raises:
            Unavailable: ``overloaded``.
        """
        if self.lease is None:
            self.lease = self._admission.reserve(nbytes)
        else:
            self._admission.resize_lease(self.lease, nbytes)

    def limit_time(self, timeout_s: float | None) -> None:
        """Apply a time limit of the message.

        Raises:
            DeadlinePassed: the deadline has passed.
        """
        now = monotonic()
        if timeout_s is not None:
            self.deadline = now + timeout_s if self.deadline is None else min(self.deadline, now + timeout_s)
        if self.deadline is not None and now >= self.deadline:
            raise deadline_error("passed before the work began", "Allow more time.")

    def close(self) -> None:
        """End the reservation."""
        if self.lease is not None:
            self.lease.release()
            self.lease = None


def status_of(error: PoolhouseError) -> tuple[grpc.StatusCode, str]:
    """The status of gRPC for an error, and its text."""
    return _STATUS_CODES.get(error.status, grpc.StatusCode.INTERNAL), text_of(error)


def text_of(error: PoolhouseError) -> str:
    """The text of an error, in the words of gRPC."""
    detail = error.detail
    for words, ours in _WORDS:
        detail = detail.replace(words, ours)
    return detail if len(detail) <= _LONGEST_DETAIL else detail[: _LONGEST_DETAIL - 1] + "…"


def protocol_status(error: PoolhouseError) -> int:
    """The status of HTTP that counts an error; the protocol has no 422."""
    return 400 if error.status == 422 else error.status
