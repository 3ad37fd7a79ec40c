"""The facts that follow from the request line and the headers of a pooling request, before its body is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from poolhouse.operators.plan import Plan
from poolhouse.rest.http.transfer_limits import TransferLimits
from poolhouse.rest.routes.pool.memory_footprint import ResponseFormat
from poolhouse.rest.routes.request_limits import UNREAD_BYTES
from poolhouse.tensors import TensorMetadata
from poolhouse.wire.codec import Codec
from poolhouse.wire.content_coding import Compression
from poolhouse.wire.json.codec import peak_memory_factor


class RawBodyPlan(NamedTuple):
    """A raw body as its query describes it, and the plan of its pooling.

    Attributes:
        metadata: of the input.
        plan: of the pooling.
        response_format: of the response.
        is_view: whether an aligned body is used as the input's memory without a copy.
        header_lines: the response's headers, if every response to this head has the same ones; None if the response
            is not raw, or compressed, or has a header of its own such as a drawn seed.
    """

    metadata: TensorMetadata
    plan: Plan
    response_format: ResponseFormat
    is_view: bool
    header_lines: bytes | None


@dataclass(frozen=True, slots=True)
class HeadPlan:
    """Everything that a head determines; computed once for all heads that agree in it.

    Attributes:
        operator: its name.
        codec: decodes the body.
        accept: the value of ``Accept``; None if it is absent or ``*/*``.
        compression: of the response.
        query: the fields of the query string; empty for a raw body, whose plan has them.
        raw: the plan of a raw body; None for other codecs.
        limits: of the body.
        length: of the body; None if unknown.
        is_inflated: whether the body has a content coding.
        admitted_bytes: the bytes to reserve on admission, before the body is received.
    """

    operator: str
    codec: Codec
    accept: str | None
    compression: Compression | None
    query: Mapping[str, str]
    raw: RawBodyPlan | None
    limits: TransferLimits
    length: int | None
    is_inflated: bool
    admitted_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "admitted_bytes", self.held_bytes(self.length or 0))

    def held_bytes(self, nbytes: int, extra_bytes: int = 0) -> int:
        """The bytes that the request holds while its body is received.

        Args:
            nbytes: of the body, received or announced.
            extra_bytes: held in addition while the body is received.
        """
        unread = UNREAD_BYTES if self.length is None or self.is_inflated else 0
        if self.codec.is_json:
            # The peak is reached while decoding, when the extra bytes are free again.
            return unread + nbytes * peak_memory_factor()
        if self.raw is None:
            return unread + nbytes + extra_bytes
        plan = self.raw.plan
        # guard: text-is-charged-before-body
        later = plan.held_bytes - plan.input_bytes + self.raw.response_format.extra_bytes
        return unread + max(plan.input_bytes, nbytes) + max(later, extra_bytes)
