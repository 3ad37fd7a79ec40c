"""Tensors from bytes: C-ordered, little-endian elements, accepted only if the number of bytes fits the shape.

Sizes are multiplied as Python ints and compared with the actual number of bytes before an array is made. The array is
a view of the body if the bytes are aligned and ordered as their type needs, else one copy. All supported machines are
little-endian, so the byte order of the wire is the native one.
"""

from __future__ import annotations

import math

import numpy as np

from poolhouse.dtypes import ELEMENT_TYPES, ElementType, element_type_names
from poolhouse.errors import FieldProblem, Malformed, Unprocessable
from poolhouse.tensors import Tensor, TensorMetadata
from poolhouse.wire.quoting import quote_clipped

MAX_RANK = 32
MAX_TENSOR_BYTES = 2**63 - 1


def parse_element_type(name: str, pointer: str) -> ElementType:
    """The element type of this name.

    Raises:
        Unprocessable: there is none.
    """
    found = ELEMENT_TYPES.get(name)
    if found is None:
        raise unsupported_type_error(quote_clipped(name), pointer)
    return found


def unsupported_type_error(type_name: str, pointer: str) -> Unprocessable:
    """The error for an unsupported element type, with the supported ones."""
    message = f"Elements of type {type_name} are not supported; convert to one of {element_type_names()}."
    return Unprocessable("unsupported_dtype", message, problems=(FieldProblem(pointer, "type", message),))


def check_shape(shape: tuple[int, ...], dtype: ElementType, name: str, pointer: str) -> None:
    """Check that a tensor can have this shape.

    Raises:
        Unprocessable: no dimension or more than 32, a negative size, or 2**63 bytes and more.
    """
    if not shape:
        raise Unprocessable(
            "wrong_rank",
            f"{name} has no dimension; shapes are (N, C, *spatial) or (C, *spatial). "
            "Send a single number as shape [1, 1, 1].",
        )
    if len(shape) > MAX_RANK:
        raise Unprocessable(
            "wrong_rank",
            f"{name} has {len(shape)} dimensions, more than {MAX_RANK}; shapes are (N, C, *spatial) or (C, *spatial).",
        )
    if min(shape) < 0:
        message = f"The shape of {name} has the negative size {min(shape)}; sizes are 0 or more."
        raise Unprocessable("invalid_data", message, problems=(FieldProblem(pointer, "range", message),))
    # Zeros are left out: they would make the product zero and hide sizes that no array can have.
    if math.prod(size for size in shape if size) * dtype.itemsize > MAX_TENSOR_BYTES:
        message = f"A tensor of the shape of {name} takes more than {MAX_TENSOR_BYTES} bytes; send a smaller one."
        raise Unprocessable("invalid_data", message, problems=(FieldProblem(pointer, "range", message),))


def check_nbytes(actual: int, metadata: TensorMetadata, name: str) -> None:
    """Check that the number of bytes fits the shape.

    Raises:
        Malformed: it does not.
    """
    if actual != metadata.nbytes:
        raise Malformed(
            "malformed_body",
            f"{name} of shape {list(metadata.shape)} and type {metadata.dtype.name} takes {metadata.nbytes} bytes, "
            f"and the body holds {actual}; send exactly the bytes of the shape.",
        )


def tensor_from_bytes(
    data: memoryview,
    dtype: ElementType,
    shape: tuple[int, ...],
    name: str,
    *,
    big_endian: bool = False,
    fortran_order: bool = False,
) -> Tensor:
    """The tensor with these bytes as its elements.

    Returns:
        A view of ``data``; one copy if that is unaligned, big-endian or in Fortran order (:func:`touched_bytes`).

    Raises:
        Malformed: the number of bytes does not fit the shape.
        Unprocessable: see :func:`check_shape`; or a bool that is neither 0 nor 1.
    """
    check_shape(shape, dtype, name, f"/{name}")
    check_nbytes(len(data), TensorMetadata(dtype, shape), name)
    flat = np.frombuffer(data, dtype=np.uint8)
    if dtype.kind == "boolean" and flat.size and int(flat.max()) > 1:
        raise Unprocessable(
            "invalid_data", f"{name} is of type bool and holds a byte that is neither 0 nor 1; send only 0 and 1."
        )
    storage = dtype.storage.newbyteorder(">") if big_endian and dtype.itemsize > 1 else dtype.storage
    array: np.ndarray[tuple[int, ...], np.dtype[np.generic]] = flat.view(storage)
    if storage is dtype.storage and not fortran_order and array.flags.aligned:
        return Tensor(dtype, array.reshape(shape))
    array = array.reshape(shape[::-1]).T if fortran_order else array.reshape(shape)
    # One copy corrects alignment, byte order and Fortran order together.
    return Tensor(dtype, np.require(array, dtype.storage, ("C", "A")))


def touched_bytes(
    metadata: TensorMetadata, offset: int, *, big_endian: bool = False, fortran_order: bool = False
) -> int:
    """Bytes that :func:`tensor_from_bytes` copies or scans for elements that begin at this offset of a body."""
    plain = not fortran_order and not (big_endian and metadata.dtype.itemsize > 1)
    if plain and offset % metadata.dtype.itemsize == 0 and metadata.dtype.kind != "boolean":
        return 0
    return metadata.nbytes
