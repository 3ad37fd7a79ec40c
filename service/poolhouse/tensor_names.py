"""The names that the tensors of a request may have, and the element types of JSON lists under these names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from poolhouse.dtypes import FLOAT32, INT64, ElementType

TENSOR_TYPES: Final[Mapping[str, ElementType]] = {
    "input": FLOAT32,
    "indices": INT64,
    "mask": INT64,
    "weights": FLOAT32,
    "offsets": INT64,
    "spans": INT64,
    "segments": INT64,
    "boxes": FLOAT32,
    "rois": FLOAT32,
    "batch_indices": INT64,
}
"""The default element type of each tensor; a test compares them with those that the operators declare."""
MAYBE_BOOLEAN: Final = frozenset({"mask"})
"""The tensors that are of type bool if a JSON list holds nothing but true and false."""
TENSOR_NAMES: Final = tuple(TENSOR_TYPES)
