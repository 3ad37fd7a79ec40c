"""Tensors, their metadata, and messages: named tensors with fields."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from poolhouse.dtypes import ElementType


@dataclass(frozen=True, slots=True)
class TensorMetadata:
    """The element type and shape of a tensor, which suffice for a plan."""

    dtype: ElementType
    shape: tuple[int, ...]

    @property
    def element_count(self) -> int:
        """The number of elements; a Python int, so it cannot overflow."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """The bytes of the elements."""
        return self.element_count * self.dtype.itemsize


@dataclass(slots=True, eq=False)
class Tensor:
    """An element type and a C-ordered array in its storage dtype (uint16 bits for bfloat16).

    The array may be a read-only view of a request body. It must not be written to or replaced.
    """

    dtype: ElementType
    array: npt.NDArray[np.generic]

    def __post_init__(self) -> None:
        assert self.array.dtype == self.dtype.storage, (self.array.dtype, self.dtype)
        assert self.array.flags.c_contiguous

    def __reduce__(self) -> tuple[type[Tensor], tuple[ElementType, npt.NDArray[np.generic]]]:
        # Pickle protocols 0 and 1 do not support slots.
        return Tensor, (self.dtype, self.array)

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the axes, outermost first."""
        return self.array.shape

    @property
    def metadata(self) -> TensorMetadata:
        """The element type and shape."""
        return TensorMetadata(self.dtype, self.array.shape)

    @property
    def buffer(self) -> memoryview:
        """The elements as flat bytes, without a copy."""
        # The memoryview of an empty array cannot be cast.
        return self.array.data.cast("B") if self.array.size else memoryview(b"")


class Note(NamedTuple):
    """A text in the metadata of a file: a field, or an entry of some other program.

    Attributes:
        text: the value.
        pointer: its position, as a JSON pointer.
        is_field: whether its name marks it as a field; otherwise it is a field only if the operator has one of that
            name.
    """

    text: str
    pointer: str
    is_field: bool


@dataclass(frozen=True, slots=True)
class Message:
    """The named tensors and fields of a request, or the tensors of a response.

    Attributes:
        tensors: by name: ``input``, ``indices``, ``output``.
        json_fields: spec fields with JSON types, from a JSON body.
        text_fields: spec fields as unparsed text, from the query string.
        json_encoding: of the elements in a JSON response: ``list`` or ``base64``.
        notes: texts from the metadata of a file, by field name.
    """

    tensors: Mapping[str, Tensor]
    json_fields: Mapping[str, object] = field(default_factory=dict)
    text_fields: Mapping[str, str] = field(default_factory=dict)
    json_encoding: str = "list"
    notes: Mapping[str, Note] = field(default_factory=dict)
