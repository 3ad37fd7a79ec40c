"""Everything that can be refused, by class and by stable code.

One class a status, one word a code, one table that joins them: the server raises these, the wire carries
``code``, the client raises the same class again, and the docs list the table.
Messages say what was given, what was expected, and how to mend it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final

MOST_PROBLEMS: Final = 8
"""Faults that one refusal lists; the rest is counted."""


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with one field: a JSON pointer to it, a code and a sentence."""

    pointer: str
    code: str
    message: str


class PoolhouseError(Exception):
    """Any refusal. ``status`` is HTTP's, ``code`` is stable, ``detail`` is for a person.

    One that came over the wire also has ``request_id``, the name under which the server logged it, and ``problem``,
    the whole document that was sent. One of a client's ``map`` has ``input_index``, the place of its input.

    Args:
        code: one of the words that :data:`CODES` lists for this class.
        detail: what was given, what was expected, how to mend it.
        problems: the fields at fault, where fields are.
        retry_after_s: when trying again makes sense; seconds, at least 1 on the wire.
        limit_bytes: the limit that was passed, for the caller to compute with.
        headers: further HTTP headers that belong to this answer (``Allow``, ``Accept-Post``).
    """

    status: int = 500
    title: ClassVar[str] = "The service failed"
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
        # Exception's own way calls the class with args, which is not what each class here is made of: a process pool
        # that cannot read an error back waits for its result for ever.
        return _unpickled, (type(self), self.args), self.__dict__


def _unpickled(kind: type[PoolhouseError], args: tuple[object, ...]) -> PoolhouseError:
    """An error with nothing but its args; what it carries is set by pickle."""
    return kind.__new__(kind, *args)


class Malformed(PoolhouseError):
    """Bytes that cannot be read as what they say they are."""

    status = 400
    title = "The request cannot be read"


class Unauthorized(PoolhouseError):
    """No key where one is needed, or one that is not known here."""

    status = 401
    title = "A valid key is needed"


class Forbidden(PoolhouseError):
    """A known key that may not do this; the service itself has no such keys, a proxy before it may."""

    status = 403
    title = "This key may not do that"


class NotFound(PoolhouseError):
    """No such operator, no such path."""

    status = 404
    title = "There is no such thing here"


class MethodNotAllowed(PoolhouseError):
    """The path exists, the method does not."""

    status = 405
    title = "This path takes another method"


class NotAcceptable(PoolhouseError):
    """None of the answer types that ``Accept`` names is spoken here."""

    status = 406
    title = "No answer of that type"


class TooSlow(PoolhouseError):
    """The body came too slowly, or stopped."""

    status = 408
    title = "The body came too slowly"


class TooLarge(PoolhouseError):
    """Over a size limit of the request."""

    status = 413
    title = "The request is too large"


class UnsupportedMediaType(PoolhouseError):
    """A request type or coding that is not spoken here."""

    status = 415
    title = "No request of that type"


class Unprocessable(PoolhouseError):
    """Well formed, and impossible: a field, a shape, an element type, an index."""

    status = 422
    title = "That cannot be pooled"


class HeadersTooLarge(PoolhouseError):
    """More header bytes than the service reads."""

    status = 431
    title = "The headers are too large"


class QuotaExceeded(PoolhouseError):
    """This caller's own quota is used up."""

    status = 429
    title = "Your quota is used up"


class InternalError(PoolhouseError):
    """Our fault, always."""

    status = 500
    title = "The service failed"


class Unavailable(PoolhouseError):
    """Overloaded, starting, draining, or without a device; trying again later makes sense."""

    status = 503
    title = "Not now"


class DeadlinePassed(PoolhouseError):
    """The caller's own deadline passed before the work was done."""

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
    "unknown_operator": NotFound,
    "unknown_path": NotFound,
    "method_not_allowed": MethodNotAllowed,
    "not_acceptable": NotAcceptable,
    "body_too_slow": TooSlow,
    "body_too_large": TooLarge,
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
    "index_out_of_range": Unprocessable,
    "output_too_large": Unprocessable,
    "work_too_large": Unprocessable,
    "headers_too_large": HeadersTooLarge,
    "quota_exceeded": QuotaExceeded,
    "internal": InternalError,
    "overloaded": Unavailable,
    "starting": Unavailable,
    "draining": Unavailable,
    "device_lost": Unavailable,
    "deadline_passed": DeadlinePassed,
}
"""Every code that the wire can carry, and the class it is raised as."""

FIELD_CODES: dict[str, str] = {
    "unknown": "no field of this operator has that name",
    "missing": "the field has no default and was not given",
    "duplicate": "the field was given twice, or in two places",
    "type": "the value is of the wrong kind",
    "range": "the value is outside what the field allows",
    "length": "a list with the wrong number of entries for this operator's rank",
    "conflict": "the field contradicts another one",
}
"""Codes of a single field, in ``errors[].code`` of an ``invalid_fields`` answer."""
