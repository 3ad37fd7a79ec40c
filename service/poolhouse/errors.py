"""The errors of the service: a class for each HTTP status, and stable codes in one table.

The server raises them, the response carries ``code``, and the client raises the same class again.
Messages say what was given, what was expected, and how to correct it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final

MAX_PROBLEMS: Final = 8
"""The most field problems that an error lists; the others are only counted."""


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """A problem with one field: its JSON pointer, a code of :data:`FIELD_CODES`, and a sentence."""

    pointer: str
    code: str
    message: str


class PoolhouseError(Exception):
    """Base class of all errors of the service. ``code`` is stable; ``detail`` is for people.

    An error from a response also has ``request_id``, which is in the server's log, and ``problem``, the received
    document. An error from a client's ``map`` has ``input_index``, the position of its input.

    Args:
        code: one of :data:`CODES` for this class.
        detail: what was given, what was expected, and how to correct it.
        problems: the invalid fields.
        retry_after_s: the seconds after which a retry makes sense; at least 1 in a response.
        limit_bytes: the limit that was exceeded, for programs.
        headers: further response headers (``Allow``, ``Accept-Post``).
    """

    status: int = 500
    title: ClassVar[str] = "Internal error"
    request_id: str | None = None
    input_index: int | None = None
    problem: Mapping[str, object] = MappingProxyType({})

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        problems: Sequence[FieldProblem] = (),
        retry_after_s: float | None = None,
        limit_bytes: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code, detail)
        assert CODES.get(code) is type(self), f"{code} is not a code of {type(self).__name__}"
        self.code = code
        self.detail = detail
        self.problems = tuple(problems)
        self.retry_after_s = retry_after_s
        self.limit_bytes = limit_bytes
        self.headers = dict(headers or {})

    def __str__(self) -> str:
        return self.detail

    def __reduce__(self) -> tuple[object, ...]:
        # Exception's own __reduce__ calls the class with args, which does not fit these constructors. A process pool
        # that cannot unpickle an error waits for its result forever.
        return _unpickled, (type(self), self.args), self.__dict__


def _unpickled(kind: type[PoolhouseError], args: tuple[object, ...]) -> PoolhouseError:
    """An error with its args alone; pickle sets the attributes."""
    return kind.__new__(kind, *args)


class Malformed(PoolhouseError):
    """The bytes of the request do not have the announced format."""

    status = 400
    title = "The request cannot be read"


class Unauthorized(PoolhouseError):
    """The API key is missing or unknown."""

    status = 401
    title = "A valid API key is required"


class Forbidden(PoolhouseError):
    """The API key lacks the permission, or a web page of another origin sent the request."""

    status = 403
    title = "The request is not allowed"


class NotFound(PoolhouseError):
    """There is no such operator or path."""

    status = 404
    title = "Not found"


class MethodNotAllowed(PoolhouseError):
    """The path does not support the method."""

    status = 405
    title = "Method not allowed"


class NotAcceptable(PoolhouseError):
    """The service cannot respond with any media type of ``Accept``."""

    status = 406
    title = "No acceptable media type"


class TooSlow(PoolhouseError):
    """The client sent the body too slowly, or stopped."""

    status = 408
    title = "The body was sent too slowly"


class TooLarge(PoolhouseError):
    """The request exceeds a size limit."""

    status = 413
    title = "The request is too large"


class UnsupportedMediaType(PoolhouseError):
    """The service does not support the media type or content coding of the request body."""

    status = 415
    title = "Unsupported media type"


class Unprocessable(PoolhouseError):
    """The request is well-formed, but a field, shape, element type or index is invalid."""

    status = 422
    title = "The request cannot be pooled"


class HeadersTooLarge(PoolhouseError):
    """The request line and headers exceed their limit."""

    status = 431
    title = "The headers are too large"


class QuotaExceeded(PoolhouseError):
    """The quota of the API key is used up."""

    status = 429
    title = "Quota exceeded"


class InternalError(PoolhouseError):
    """The service failed unexpectedly; its log has the cause."""

    status = 500
    title = "Internal error"


class Unsupported(PoolhouseError):
    """The service does not have this function of the protocol, or has it turned off."""

    status = 501
    title = "Not supported"


class Unavailable(PoolhouseError):
    """The service is overloaded, starting, draining, or without a device; a retry makes sense."""

    status = 503
    title = "Temporarily unavailable"


class DeadlinePassed(PoolhouseError):
    """The deadline that the client set passed before the response was ready."""

    status = 504
    title = "The deadline has passed"


def draining_error() -> Unavailable:
    """Return the error for a request that arrives, or is still unfinished, while the service shuts down."""
    return Unavailable(
        "draining", "The service is shutting down; send the request to another instance.", retry_after_s=1
    )


def device_lost_error() -> Unavailable:
    """Return the error for a request whose device failed, or for which no device is left."""
    return Unavailable(
        "device_lost", "A device failed and is being restarted; send the request again.", retry_after_s=2
    )


def deadline_error(passed: str, advice: str = "Allow more time, or send less.") -> DeadlinePassed:
    """Return the error for a request whose deadline passed, or would pass.

    Args:
        passed: verb and time, such as "would pass before the result is ready".
        advice: what the client can do.
    """
    return DeadlinePassed("deadline_passed", f"The deadline of Request-Timeout {passed}. {advice}")


CODES: dict[str, type[PoolhouseError]] = {
    "malformed_body": Malformed,
    "malformed_header": Malformed,
    "malformed_encoding": Malformed,
    "malformed_request": Malformed,
    "missing_key": Unauthorized,
    "wrong_key": Unauthorized,
    "key_not_allowed": Forbidden,
    "origin_not_allowed": Forbidden,
    "unknown_operator": NotFound,
    "unknown_model": NotFound,
    "unknown_region": NotFound,
    "unknown_path": NotFound,
    "method_not_allowed": MethodNotAllowed,
    "not_acceptable": NotAcceptable,
    "body_too_slow": TooSlow,
    "body_too_large": TooLarge,
    "trace_too_large": TooLarge,
    "unsupported_media_type": UnsupportedMediaType,
    "unsupported_encoding": UnsupportedMediaType,
    "invalid_fields": Unprocessable,
    "unknown_tensor": Unprocessable,
    "missing_tensor": Unprocessable,
    "invalid_data": Unprocessable,
    "unsupported_dtype": Unprocessable,
    "wrong_rank": Unprocessable,
    "empty_dimension": Unprocessable,
    "shape_mismatch": Unprocessable,
    "window_does_not_fit": Unprocessable,
    "padding_too_large": Unprocessable,
    "empty_window": Unprocessable,
    "empty_row": Unprocessable,
    "index_out_of_range": Unprocessable,
    "sum_too_large": Unprocessable,
    "output_too_large": Unprocessable,
    "work_too_large": Unprocessable,
    "headers_too_large": HeadersTooLarge,
    "quota_exceeded": QuotaExceeded,
    "internal": InternalError,
    "unsupported": Unsupported,
    "overloaded": Unavailable,
    "starting": Unavailable,
    "draining": Unavailable,
    "device_lost": Unavailable,
    "deadline_passed": DeadlinePassed,
}
"""All error codes, and the class of each."""

FIELD_CODES: dict[str, str] = {
    "unknown": "the operator has no such field",
    "missing": "the field is required and was not given",
    "duplicate": "the field was given twice, or in two places",
    "type": "the value has the wrong type",
    "range": "the value is out of range",
    "length": "the list has the wrong number of entries for the rank of the operator",
    "conflict": "the field contradicts another field",
}
"""Codes of a single field, in ``errors[].code`` of an ``invalid_fields`` response."""
