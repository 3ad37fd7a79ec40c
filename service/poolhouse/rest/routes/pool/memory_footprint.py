"""The memory of a pooling request that neither its plan nor the format of its response counts: the rest of its body.

A plan counts inputs, outputs and workspace. The bytes computed here are added to the lease before they are allocated,
so the budget counts all memory that a request holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from poolhouse.tensors import Tensor

_SMALL_BYTES: Final = 64 * 1024


def retained_bytes(tensors: Mapping[str, Tensor], body: memoryview) -> int:
    """Bytes that a decoded request keeps in addition to its tensors.

    Args:
        tensors: the decoded tensors; one that is a view of the body keeps the whole body in memory.
        body: the body that they were decoded from.

    Returns:
        the bytes of a kept body that belong to no tensor, and the copies that a device needs of read-only tensors,
        since torch takes no read-only memory.
    """
    if len(body) <= _SMALL_BYTES:
        # An upper bound; an exact count would cost more than it saves.
        return 2 * len(body)
    whole = np.frombuffer(body, np.uint8)
    viewed = [tensor.array.nbytes for tensor in tensors.values() if np.may_share_memory(tensor.array, whole)]
    copied = sum(tensor.array.nbytes for tensor in tensors.values() if not tensor.array.flags.writeable)
    # guard: body-beside-tensors-is-charged
    return copied + (max(0, len(body) - sum(viewed)) if viewed else 0)
