"""What the request line and the headers of a pooling tell, before a byte of its body is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import NamedTuple

from poolhouse.errors import DeadlinePassed
from poolhouse.operators.operator import Plan
from poolhouse.rest.http.deadlines import BodyLimits
from poolhouse.rest.http.headers import Headers, header_text, request_timeout_s
from poolhouse.rest.routes.memory_footprint import UNREAD_BYTES, ResponseFormat
from poolhouse.settings import Settings
from poolhouse.tensors import TensorMetadata
from poolhouse.wire.codec import Codec
from poolhouse.wire.content_encoding import Compression, Inflater
from poolhouse.wire.json.codec import peak_memory_factor


class RawBodyPlan(NamedTuple):
    """Raw elements as their query tells them, and what will be done.

    Attributes:
        metadata: of the input.
        plan: of the pooling.
        writing: how the answer is written.
        is_view: whether the elements of a body that lies right are taken as they are.
        lines: the headers of an answer of raw elements; None where it is another's, or compressed, or where each
            request has its own, as a seed that is drawn.
    """

    metadata: TensorMetadata
    plan: Plan
    response_format: ResponseFormat
    is_view: bool
    header_lines: bytes | None


@dataclass(frozen=True, slots=True)
class HeadPlan:
    """What follows from a head alone, worked out once for all heads that ask the same.

    Attributes:
        name: of the operator.
        codec: reads the body.
        accept: the value of ``Accept``, where it says anything.
        compression: of the answer.
        query: the fields of the query string, where the codec does not tell what they mean.
        raw: what will be done, where the query tells it.
        limits: of the body.
        length: of the body; None where it is not known.
        is_inflated: whether the body has a content coding.
        admitted_bytes: what a request holds when it is let in, before its body is here.
    """

    operator: str
    codec: Codec
    accept: str | None
    compression: Compression | None
    query: Mapping[str, str]
    raw: RawBodyPlan | None
    limits: BodyLimits
    length: int | None
    is_inflated: bool
    admitted_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "admitted_bytes", self.held_bytes(self.length or 0))

    def held_bytes(self, nbytes: int, extra_bytes: int = 0) -> int:
        """What the request holds while so many bytes of its body are here, or announced, and so many beside them."""
        unread = UNREAD_BYTES if self.length is None or self.is_inflated else 0
        if self.codec.is_json:
            # By then nothing is beside it any more.
            return unread + nbytes * peak_memory_factor()
        if self.raw is None:
            return unread + nbytes + extra_bytes
        plan = self.raw.plan
        # guard: text-is-charged-before-body
        later = plan.held_bytes - plan.input_bytes + self.raw.response_format.extra_bytes
        return unread + max(plan.input_bytes, nbytes) + max(later, extra_bytes)


def body_limits(settings: Settings) -> tuple[BodyLimits, BodyLimits]:
    """What binary and JSON bodies may be."""
    return (
        BodyLimits(
            settings.max_body_bytes,
            settings.body_timeout_s,
            "Send fewer rows at once: pooling never mixes them, so the answers join to the same result.",
            settings.min_body_bytes_per_s,
            settings.contended_body_timeout_s,
        ),
        BodyLimits(
            settings.max_json_bytes,
            settings.body_timeout_s,
            "Send it as binary, where the limit is "
            f"{settings.max_body_bytes} bytes: Content-Type application/x-npy, "
            "application/vnd.safetensors or application/octet-stream, with the fields in the query string.",
            settings.min_body_bytes_per_s,
            settings.contended_body_timeout_s,
        ),
    )


def deadline_of(headers: Headers) -> float | None:
    """The ``loop.time()`` at which ``Request-Timeout`` ends, or None.

    Read from the clock itself: a loop may count in milliseconds and read its clock once a turn.
    """
    if b"request-timeout" not in headers:
        return None
    seconds = request_timeout_s(headers)
    return None if seconds is None else monotonic() + seconds


def check_deadline(deadline: float | None) -> None:
    """Refuse work that nobody waits for any more.

    Raises:
        DeadlinePassed: when the deadline is behind us.
    """
    if deadline is not None and monotonic() >= deadline:
        raise DeadlinePassed(
            "deadline_passed",
            "The deadline of Request-Timeout passed before the work began. Give more seconds.",
        )


def inflater_of(headers: Headers, limits: BodyLimits) -> Inflater | None:
    """What undoes the request's Content-Encoding, or None where there is none."""
    encoding = header_text(headers, b"content-encoding")
    if encoding is None or encoding.strip().lower() in ("", "identity"):
        return None
    return Inflater(encoding, limits.limit_bytes)
