"""What the request line and the headers of a pooling tell, before a byte of its body is read."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import NamedTuple

from starlette.types import Scope

from poolhouse.errors import DeadlinePassed
from poolhouse.operators.operator import Plan
from poolhouse.rest.bodies import BodyRules
from poolhouse.rest.footprint import UNREAD_BYTES, Writing
from poolhouse.rest.headers import Headers, text, timeout_s
from poolhouse.rest.intake import Intake
from poolhouse.settings import Settings
from poolhouse.tensors import Outline
from poolhouse.wire.codec import Codec
from poolhouse.wire.inflate import Compression, Inflater
from poolhouse.wire.json.body import swells
from poolhouse.wire.query import parse_query


class Foreseen(NamedTuple):
    """Raw elements as their query tells them, and what will be done."""

    outline: Outline
    plan: Plan


class RequestHead(NamedTuple):
    """What is known of a request before its body.

    Attributes:
        raw: what is done, where the query tells it.
        writing: how that is answered.
    """

    name: str
    codec: Codec
    accept: str | None
    compression: Compression | None
    deadline: float | None
    query: Mapping[str, str]
    raw: Foreseen | None
    writing: Writing | None
    rules: BodyRules
    length: int | None
    inflater: Inflater | None
    intake: Intake | None

    def held_bytes(self, nbytes: int, beside_bytes: int = 0) -> int:
        """What the request holds while so many bytes of its body are here, or announced, and so many beside them."""
        unread = UNREAD_BYTES if self.length is None or self.inflater is not None else 0
        if self.codec.is_json:
            # By then nothing is beside it any more.
            return unread + nbytes * swells()
        if self.raw is None or self.writing is None:
            return unread + nbytes + beside_bytes
        plan = self.raw.plan
        later = plan.held_bytes - plan.input_bytes + self.writing.beside_bytes
        return unread + max(plan.input_bytes, nbytes) + max(later, beside_bytes)


def body_rules(settings: Settings) -> tuple[BodyRules, BodyRules]:
    """What binary and JSON bodies may be."""
    return (
        BodyRules(
            settings.max_body_bytes,
            settings.body_timeout_s,
            "Send fewer rows at once: pooling never mixes them, so the answers join to the same result.",
            settings.min_body_bytes_per_s,
            settings.crowded_body_s,
        ),
        BodyRules(
            settings.max_json_bytes,
            settings.body_timeout_s,
            "Send it as binary, where the limit is "
            f"{settings.max_body_bytes} bytes: Content-Type application/x-npy, "
            "application/vnd.safetensors or application/octet-stream, with the fields in the query string.",
            settings.min_body_bytes_per_s,
            settings.crowded_body_s,
        ),
    )


def deadline_of(headers: Headers) -> float | None:
    """The ``loop.time()`` at which ``Request-Timeout`` ends, or None.

    Read from the clock itself: a loop may count in milliseconds and read its clock once a turn.
    """
    if b"request-timeout" not in headers:
        return None
    seconds = timeout_s(headers)
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


def query_of(scope: Scope) -> Mapping[str, str]:
    """The fields of the query string; most JSON requests have none."""
    raw: bytes = scope["query_string"]
    return parse_query(raw) if raw else {}


def inflater_of(headers: Headers, rules: BodyRules) -> Inflater | None:
    """What undoes the request's Content-Encoding, or None where there is none."""
    encoding = text(headers, b"content-encoding")
    if encoding is None or encoding.strip().lower() in ("", "identity"):
        return None
    return Inflater(encoding, rules.limit_bytes)
