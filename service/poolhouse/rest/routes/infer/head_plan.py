"""What follows from the head of an inference request, before its body is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from poolhouse.models import Model
from poolhouse.rest.http.transfer_limits import TransferLimits
from poolhouse.rest.routes.request_limits import UNREAD_BYTES
from poolhouse.wire.content_coding import Compression
from poolhouse.wire.json import compiled_reader
from poolhouse.wire.json.codec import peak_memory_factor

_ALIGNED_BYTES: Final = 64
_PARSE_ON_LOOP_BYTES: Final = 64 * 1024
"""The largest JSON part that is parsed on the event loop."""


@dataclass(frozen=True, slots=True)
class InferHeadPlan:
    """The plan of a head; a :class:`..pool.body_format.RequestPlan`.

    Attributes:
        model: of the path.
        header_length: the bytes of the JSON part; None if the whole body is JSON.
        defaults: fields of the operator from a header, as text.
        compression: of the response.
        limits: of the body.
        length: of the body; None if unknown.
        is_inflated: whether the body has a content coding.
        admitted_bytes: the bytes to reserve on admission, before the body is received.
    """

    model: Model
    header_length: int | None
    defaults: Mapping[str, str]
    compression: Compression | None
    limits: TransferLimits
    length: int | None
    is_inflated: bool
    admitted_bytes: int = field(init=False)
    decode_on_loop_bytes: int = _PARSE_ON_LOOP_BYTES

    def __post_init__(self) -> None:
        object.__setattr__(self, "admitted_bytes", self.held_bytes(self.length or 0))

    @property
    def holds_gil(self) -> bool:
        """False where compiled loops parse the JSON part."""
        return not compiled_reader.is_ready()

    @property
    def body_padding(self) -> int:
        """The bytes to leave free before the body, so that the binary tensors behind the JSON part are aligned."""
        return -(self.header_length or 0) % _ALIGNED_BYTES

    @property
    def may_copy_on_loop(self) -> bool:
        """Whether a large body is decoded on the event loop, if little of it is copied."""
        return self.header_length is not None and self.header_length <= _PARSE_ON_LOOP_BYTES

    def _json_bytes(self, nbytes: int) -> int:
        return nbytes if self.header_length is None else min(self.header_length, nbytes)

    def held_bytes(self, nbytes: int, extra_bytes: int = 0) -> int:
        """The bytes that the request holds while its body is received; see :class:`..pool.body_format.RequestPlan`."""
        unread = UNREAD_BYTES if self.length is None or self.is_inflated else 0
        json_bytes = self._json_bytes(nbytes)
        # The peak of the JSON part is reached while decoding, when the extra bytes are free again.
        return unread + max(nbytes + extra_bytes, nbytes - json_bytes + json_bytes * peak_memory_factor())

    def copied_bytes(self, body: memoryview) -> int:
        """The bytes that decoding copies or scans: unaligned binary tensors, and booleans, which are checked."""
        if self.header_length is None:
            return len(body) * (peak_memory_factor() - 1)
        binary = len(body) - self._json_bytes(len(body))
        text = bytes(body[: self.header_length])
        # An escape may hide the name of the datatype.
        is_scanned = b'"BOOL"' in text or b"\\" in text
        is_aligned = (np.frombuffer(body, np.uint8).ctypes.data + self.header_length) % 8 == 0
        return binary if is_scanned or not is_aligned else 0

    def decoding_bytes(self, body: memoryview, copied_bytes: int) -> int:
        """The bytes to reserve for decoding."""
        return max(self.held_bytes(len(body)), len(body) + copied_bytes)
