"""Write a tensor as a PNG file: grey or RGB, with or without alpha, of 8 or 16 bits.

Each row is filtered by what makes its bytes smallest, and the rows are compressed by zlib. Pillow cannot write RGB of
16 bits, and needs more memory.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from poolhouse.tensors import Tensor, TensorMetadata
from poolhouse.wire.images.header import MAX_PIXELS, UINT8, UINT16
from poolhouse.wire.images.png_file import GREY, GREY_ALPHA, RGB, RGB_ALPHA, SIGNATURE, make_chunk

_COLOUR: Final = {1: GREY, 2: GREY_ALPHA, 3: RGB, 4: RGB_ALPHA}
_LEVEL: Final = 4
_BLOCK_BYTES: Final = 2**18


def picture_problem(outputs: Mapping[str, TensorMetadata]) -> str | None:
    """Why these outputs are no picture; None if they are one."""
    if len(outputs) != 1:
        return f"the response holds {len(outputs)} tensors, and a PNG file can hold only one"
    (metadata,) = outputs.values()
    shape = metadata.shape[1:] if len(metadata.shape) == 4 and metadata.shape[0] == 1 else metadata.shape
    if len(shape) != 3 or shape[0] not in _COLOUR or not metadata.nbytes or shape[1] * shape[2] > MAX_PIXELS:
        return (
            f"the output has the shape {list(metadata.shape)}, and a PNG file holds one picture (1, C, H, W) of 1 to 4 "
            "channels"
        )
    if metadata.dtype not in (UINT8, UINT16):
        return f"the output is of type {metadata.dtype.name}, and a PNG file holds uint8 or uint16"
    return None


def encode_png_bytes(metadata: TensorMetadata) -> int:
    """Bytes that :func:`encode_png` allocates at most: the compressed rows twice, and one block of rows."""
    compressed = metadata.nbytes + metadata.nbytes // 512 + 64 * 1024
    row_bytes = metadata.nbytes // metadata.shape[-2] if metadata.nbytes else 0
    # Reckoned with the longest row of a block, and a filtered and an absolute form of each of three filters.
    return 2 * (compressed + metadata.shape[-2]) + 16 * min(metadata.nbytes, max(_BLOCK_BYTES, row_bytes))


def encode_png(tensor: Tensor) -> bytes:
    """A PNG file of a tensor that has no :func:`picture_problem`."""
    planes = tensor.array[0] if tensor.array.ndim == 4 else tensor.array
    channels, height, width = planes.shape
    head = struct.pack(">II5B", width, height, 8 * tensor.dtype.itemsize, _COLOUR[channels], 0, 0, 0)
    compressor = zlib.compressobj(_LEVEL)
    chunks = [SIGNATURE, make_chunk(b"IHDR", head)]
    pixel_bytes = channels * tensor.dtype.itemsize
    block_rows = max(1, _BLOCK_BYTES // (width * pixel_bytes))
    above = np.zeros(width * pixel_bytes, np.uint8)
    storage = tensor.dtype.storage.newbyteorder(">")
    for start in range(0, height, block_rows):
        block = planes[:, start : start + block_rows].transpose(1, 2, 0)
        rows = np.ascontiguousarray(block, storage).view(np.uint8).reshape(block.shape[0], -1)
        if compressed := compressor.compress(_filter_rows(rows, above, pixel_bytes).tobytes()):
            chunks.append(make_chunk(b"IDAT", compressed))
        above = rows[-1]
    chunks += [make_chunk(b"IDAT", compressor.flush()), make_chunk(b"IEND", b"")]
    return b"".join(chunks)


def _filter_rows(rows: npt.NDArray[np.uint8], above: npt.NDArray[np.uint8], pixel_bytes: int) -> npt.NDArray[np.uint8]:
    """Rows with the number of their filter in front: 0 none, 1 the difference to the left, 2 to the row above.

    Source: the PNG specification, section 12.7: take the filter with the least sum of absolute differences.
    """
    left = rows.copy()
    left[:, pixel_bytes:] -= rows[:, :-pixel_bytes]
    up = rows.copy()
    up[0] -= above
    up[1:] -= rows[:-1]
    candidates = (rows, left, up)
    sums = [np.abs(each.view(np.int8).astype(np.int16)).sum(axis=1, dtype=np.int64) for each in candidates]
    best = np.argmin(np.stack(sums), axis=0)
    filtered = np.empty((rows.shape[0], rows.shape[1] + 1), np.uint8)
    for number, candidate in enumerate(candidates):
        filtered[best == number, 1:] = candidate[best == number]
    filtered[:, 0] = best
    return filtered
