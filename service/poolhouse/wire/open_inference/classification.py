"""The largest elements of an output as texts ``value:index``.

Source: Triton's extension for classification. The elements of each batch entry are ranked in descending order, equal
ones by index, and NaN last.
"""

from __future__ import annotations

import math
import struct
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from poolhouse.dtypes import BFLOAT16, ElementType, bfloat16_to_float32
from poolhouse.tensors import Tensor, TensorMetadata

_CLASS_CHARS: Final = 400
"""An upper bound for ``value:index``: float64 has up to 309 digits before its point."""
_RANKED_TOGETHER: Final = 64 * 1024
"""The most elements of several batch entries that are ranked in one call."""
_RANKING_BYTES: Final = 64
"""An upper bound for what is allocated to rank one element: copies, masks and indices."""


def classify(tensor: Tensor, classes: int, *, as_binary: bool) -> tuple[tuple[int, ...], bytes]:
    """The shape and the encoded texts of a classification.

    Args:
        tensor: its first axis is the batch; a tensor of one axis is one batch entry.
        classes: the largest number of elements of each batch entry.
        as_binary: whether the texts are encoded as bytes, each behind its length in four bytes; else as a JSON list.
    """
    batch, count = _rows(tensor.metadata)
    kept = min(classes, count)
    texts: list[str] = []
    # guard: empty-rows-are-not-ranked
    if kept:
        elements = tensor.array.reshape(batch, count)
        step = max(1, _RANKED_TOGETHER // count)
        for start in range(0, batch, step):
            rows = _comparable(elements[start : start + step], tensor.dtype)
            order = _rank(rows, kept)
            values = np.take_along_axis(rows, order, axis=1).ravel().tolist()
            spec = "f" if tensor.dtype.kind == "float" else "d"
            # A loop in Python: one in C, such as that of map, would not let the event loop run before its end.
            # guard: texts-are-made-in-a-python-loop
            texts += [f"{value:{spec}}:{index}" for value, index in zip(values, order.ravel().tolist(), strict=True)]
    shape = (batch, kept) if len(tensor.shape) > 1 else (kept,)
    if as_binary:
        return shape, b"".join([struct.pack("<I", len(each)) + each.encode() for each in texts])
    # They have only digits and a few other characters, so nothing needs to be escaped.
    return shape, ("[" + ",".join([f'"{each}"' for each in texts]) + "]").encode()


def class_count(metadata: TensorMetadata, classes: int) -> int:
    """The number of texts of a classification."""
    batch, count = _rows(metadata)
    return batch * min(classes, count)


def max_class_bytes(metadata: TensorMetadata, classes: int) -> int:
    """The maximum of what is allocated for a classification: the texts, their encoded form, and the ranking."""
    batch, count = _rows(metadata)
    ranked = min(batch * count, max(count, _RANKED_TOGETHER))
    return 3 * class_count(metadata, classes) * _CLASS_CHARS + ranked * _RANKING_BYTES


def _rows(metadata: TensorMetadata) -> tuple[int, int]:
    """The number of batch entries, and of the elements of each."""
    shape = metadata.shape
    return (shape[0], math.prod(shape[1:])) if len(shape) > 1 else (1, math.prod(shape))


def _comparable(rows: npt.NDArray[Any], dtype: ElementType) -> npt.NDArray[Any]:
    """The elements as numbers that numpy compares quickly."""
    if dtype is BFLOAT16:
        return bfloat16_to_float32(rows.view(np.uint16))
    if rows.dtype == np.float16:
        return rows.astype(np.float32)
    return rows.astype(np.int8) if rows.dtype == np.bool_ else rows


def _rank(rows: npt.NDArray[Any], kept: int) -> npt.NDArray[np.intp]:
    """The indices of the largest elements of each row, in order."""
    # Ascending keys are descending elements. The complement reverses the order of integers without an overflow; the
    # negation leaves NaN, which is sorted last.
    keys = ~rows if rows.dtype.kind in "iu" else -rows
    if len(keys) == 1 and kept < keys.size:
        (row,) = keys
        last = np.partition(row, kept - 1)[kept - 1]
        # It differs from itself if it is NaN.
        if last == last:
            before = np.flatnonzero(row < last)
            found = np.concatenate((before, np.flatnonzero(row == last)[: kept - before.size]))
            return found[np.argsort(row[found], kind="stable")][np.newaxis]
    order: npt.NDArray[np.intp] = np.argsort(keys, axis=1, kind="stable")[:, :kept]
    return order
