"""What travels between the rooms: a tensor's metadata, a tensor, and a message of named tensors and fields."""

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
    """A tensor without its elements: what a plan needs."""

    dtype: ElementType
    shape: tuple[int, ...]

    @property
    def elements(self) -> int:
        """How many elements; the product of nothing is 1. A plain int, so it cannot overflow."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """How many bytes the elements take."""
        return self.elements * self.dtype.itemsize


@dataclass(slots=True, eq=False)
class Tensor:
    """An element type and a C-ordered array in its storage dtype (uint16 bits for bfloat16).

    The array may be a read-only view of a request's body; nobody writes to it, and nobody sets another one.
    """

    dtype: ElementType
    array: npt.NDArray[np.generic]

    def __post_init__(self) -> None:
        assert self.array.dtype == self.dtype.storage, (self.array.dtype, self.dtype)
        assert self.array.flags.c_contiguous

    def __reduce__(self) -> tuple[type[Tensor], tuple[ElementType, npt.NDArray[np.generic]]]:
        # The oldest pickles know nothing of slots.
        return Tensor, (self.dtype, self.array)

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes, outermost first."""
        return self.array.shape

    @property
    def metadata(self) -> TensorMetadata:
        """This tensor without its elements."""
        return TensorMetadata(self.dtype, self.array.shape)

    @property
    def buffer(self) -> memoryview:
        """The elements as flat bytes, not copied."""
        # An array without elements cannot be cast.
        return self.array.data.cast("B") if self.array.size else memoryview(b"")


class Note(NamedTuple):
    """A text in the metadata of a file: a field, or what some other program wrote there.

    Attributes:
        text: what it says.
        pointer: where it stands, as a JSON pointer.
        is_field: whether its name says that it is a field; else it is one only where an operator has one of that name.
    """

    text: str
    pointer: str
    is_field: bool


@dataclass(frozen=True, slots=True)
class Message:
    """Named tensors and the fields beside them, in either direction.

    Attributes:
        tensors: by wire name: ``input``, ``indices``, ``output``.
        values: spec fields with JSON's types (from a JSON body).
        texts: spec fields as text, still to be read (query string).
        encoding: how a JSON answer writes elements: ``list`` or ``base64``.
        notes: texts of the metadata of a file, by the field that each would be.
    """

    tensors: Mapping[str, Tensor]
    json_fields: Mapping[str, object] = field(default_factory=dict)
    text_fields: Mapping[str, str] = field(default_factory=dict)
    encoding: str = "list"
    notes: Mapping[str, Note] = field(default_factory=dict)
