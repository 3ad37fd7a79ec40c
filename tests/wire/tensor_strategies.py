"""Hypothesis strategies for tensors of every element type and any shape, with NaN, infinities and minus zero."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from poolhouse.dtypes import ELEMENT_TYPES, ElementType
from poolhouse.tensors import Message, Tensor
from poolhouse.wire.codec import Codec, EncodedBody

ALL_TYPES = tuple(ELEMENT_TYPES.values())
SHAPES = hnp.array_shapes(min_dims=1, max_dims=5, min_side=0, max_side=5)
NAMES = st.sampled_from(("input", "indices", "output"))


@st.composite
def tensors(draw: st.DrawFn, dtype: ElementType | None = None) -> Tensor:
    """Any tensor; floats have any bits, including NaN payloads."""
    row = dtype or draw(st.sampled_from(ALL_TYPES))
    shape = draw(SHAPES)
    if row.kind == "boolean":
        array: npt.NDArray[np.generic] = draw(hnp.arrays(np.bool_, shape))
    else:
        bits = np.dtype(f"u{row.itemsize}")
        array = draw(hnp.arrays(bits, shape)).view(row.storage)
        if row.kind == "float" and draw(st.booleans()) and array.size:
            special = np.array([np.nan, np.inf, -np.inf, -0.0], dtype=np.float32)
            halves = (special.view(np.uint32) >> np.uint32(16)).astype(np.uint16)
            pick = draw(st.integers(0, 3))
            array.reshape(-1)[0] = halves[pick] if row.name == "bfloat16" else special[pick]
    return Tensor(row, array)


def body_of(encoded: EncodedBody) -> bytes:
    """The chunks joined to one body; checks its length."""
    body = b"".join(encoded.chunks)
    assert len(body) == encoded.nbytes
    return body


def round_trip(codec: Codec, message: Message, query: dict[str, str] | None = None) -> Message:
    """Encode a message and decode the result."""
    return codec.decode(memoryview(body_of(codec.encode(message))), query or {}, 2**20)


def same_bits(one: Tensor, other: Tensor) -> bool:
    """Whether type, shape and every bit agree."""
    return one.metadata == other.metadata and bytes(one.buffer) == bytes(other.buffer)
