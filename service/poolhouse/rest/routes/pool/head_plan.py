"""The facts that follow from the request line and the headers of a pooling request, before its body is read."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from poolhouse.operators.plan import Plan
from poolhouse.rest.http.transfer_limits import TransferLimits
from poolhouse.rest.routes.pool.body_format import StaticResponse
from poolhouse.rest.routes.pool.response_format import ResponseFormat
from poolhouse.rest.routes.request_limits import UNREAD_BYTES
from poolhouse.tensors import TensorMetadata
from poolhouse.wire.codec import Codec
from poolhouse.wire.content_coding import Compression
from poolhouse.wire.elements import touched_bytes
from poolhouse.wire.json.codec import peak_memory_factor
from poolhouse.wire.multipart.codec import MultipartCodec

# The largest bodies that each codec decodes on the event loop. A small npz may inflate to a thousand times its size.
# Pictures are decoded by a library, and a form is searched for its file.
# guard: pictures-are-decoded-off-loop
_PICTURES_ON_LOOP_BYTES: Final = 0
_DECODE_ON_LOOP_BYTES: Final = {
    "json": 64 * 1024,
    "npz": 4 * 1024,
    **dict.fromkeys(("png", "jpeg", "multipart"), _PICTURES_ON_LOOP_BYTES),
}
# The other codecs parse a header and make views. They decode larger bodies on the event loop too, if they copy and
# check little of them.
_SCAN_ON_LOOP_BYTES: Final = 64 * 1024


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
        key: what the plan depends on, but for the length; None if it is too long to be kept.
        admitted_bytes: the bytes to reserve on admission, before the body is received.
        decode_on_loop_bytes: the largest body that is decoded on the event loop.
        static: the headers of the response, if every response to this head has the same ones.
        body_padding: 0, as bodies have no part before their tensors whose length the head gives.
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
    key: Hashable = None
    admitted_bytes: int = field(init=False)
    decode_on_loop_bytes: int = field(init=False)
    static: StaticResponse | None = field(init=False)
    body_padding: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "admitted_bytes", self.held_bytes(self.length or 0))
        object.__setattr__(
            self, "decode_on_loop_bytes", _DECODE_ON_LOOP_BYTES.get(self.codec.name, _SCAN_ON_LOOP_BYTES)
        )
        lines = None if self.raw is None else self.raw.header_lines
        object.__setattr__(self, "static", None if lines is None else StaticResponse(lines, b""))

    @property
    def holds_gil(self) -> bool:
        """Whether decoding holds the GIL."""
        return self.codec.holds_gil

    @property
    def may_copy_on_loop(self) -> bool:
        """Whether larger bodies are decoded on the event loop too, if little of them is copied."""
        return self.codec.name not in _DECODE_ON_LOOP_BYTES

    def copied_bytes(self, body: memoryview) -> int:
        """The bytes that decoding a body copies or scans."""
        if self.raw is not None:
            return touched_bytes(self.raw.metadata, 0)
        if isinstance(self.codec, MultipartCodec):
            # Known only when the thread has found the file, which then asks for memory.
            return 0
        return self.codec.decode_extra_bytes(body)

    def decoding_bytes(self, body: memoryview, copied_bytes: int) -> int | None:
        """The bytes to reserve for decoding; None for a raw body, whose plan has reserved all that it will need."""
        return None if self.raw is not None else len(body) + copied_bytes

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
