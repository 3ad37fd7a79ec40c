"""The interface between the handler of pooling requests and the formats of their bodies.

A format plans a request from its head, decodes its body to a prepared request, and encodes the outputs. The route of
``/v1`` has one, and that of the Open Inference Protocol another.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol, TypeVar

from poolhouse.poolings.run import PreparedPoolings
from poolhouse.rest.http.head import Head
from poolhouse.rest.http.transfer_limits import TransferLimits
from poolhouse.rest.routes.pool.response_format import Encode
from poolhouse.service import PreparedRequest
from poolhouse.wire.content_coding import Compression


class NeedsMemory(Exception):
    """Decoding needs more memory than the body's length told: inputs in shared memory are copied.

    Args:
        nbytes: to be reserved beside the body.
    """

    def __init__(self, nbytes: int) -> None:
        super().__init__(nbytes)
        self.nbytes = nbytes


class StaticResponse(NamedTuple):
    """A response that consists of known bytes and the elements of all outputs behind them.

    Attributes:
        header_lines: its headers.
        prefix: the bytes before the elements.
    """

    header_lines: bytes
    prefix: bytes


class Decoded(NamedTuple):
    """A decoded body.

    Attributes:
        prepared: the request to pool.
        encode: encodes the outputs.
        text_bytes: the most bytes of text that encoding makes; 0 if the elements are sent as they are in memory.
        encode_on_loop_bytes: the largest text or outputs that are encoded on the event loop; None for any.
        holds_gil: whether encoding holds the GIL.
        static: what is known of the response already; None if it has to be encoded.
        timeout_s: a time limit that the body gives; None for none.
    """

    prepared: PreparedRequest | PreparedPoolings
    encode: Encode
    text_bytes: int
    encode_on_loop_bytes: int | None
    holds_gil: bool
    static: StaticResponse | None = None
    timeout_s: float | None = None


class RequestPlan(Protocol):
    """What follows from the head of a request."""

    @property
    def limits(self) -> TransferLimits:
        """Of the body."""
        ...

    @property
    def compression(self) -> Compression | None:
        """Of the response."""
        ...

    @property
    def admitted_bytes(self) -> int:
        """The bytes to reserve on admission, before the body is received."""
        ...

    @property
    def decode_on_loop_bytes(self) -> int:
        """The largest body that is decoded on the event loop."""
        ...

    @property
    def holds_gil(self) -> bool:
        """Whether decoding holds the GIL."""
        ...

    @property
    def body_padding(self) -> int:
        """The bytes to leave free before the body in its buffer, so that its elements are aligned."""
        ...

    def held_bytes(self, nbytes: int, extra_bytes: int = 0) -> int:
        """The bytes that the request holds while its body is received.

        Args:
            nbytes: of the body, received or announced.
            extra_bytes: held in addition while the body is received.
        """
        ...

    def copied_bytes(self, body: memoryview) -> int:
        """The bytes that decoding a body copies or scans."""
        ...

    def decoding_bytes(self, body: memoryview, copied_bytes: int) -> int | None:
        """The bytes to reserve for decoding; None if admission has reserved enough."""
        ...

    @property
    def may_copy_on_loop(self) -> bool:
        """Whether larger bodies are decoded on the event loop too, if little of them is copied."""
        ...


HeadPlanType = TypeVar("HeadPlanType", bound=RequestPlan)


class BodyFormat(Protocol[HeadPlanType]):
    """Plans, decodes and encodes the requests of one route."""

    def plan_of(self, head: Head, name: str) -> HeadPlanType:
        """The plan of a head, cached where it may repeat.

        Args:
            head: of the request.
            name: of the operator or the model, from the path.

        Raises:
            PoolhouseError: no body could make this a valid request.
        """
        ...

    def decode(self, plan: HeadPlanType, body: memoryview, reserved_bytes: int) -> Decoded:
        """Decode a body; thread-safe.

        Args:
            plan: of the head.
            body: complete.
            reserved_bytes: what is reserved for inputs that are not in the body.

        Raises:
            PoolhouseError: the request is refused.
            NeedsMemory: these inputs take more.
        """
        ...
