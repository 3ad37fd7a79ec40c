"""Tensors that an operator takes beside ``input``: their names, element types and shapes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from poolhouse.dtypes import INT64, ElementType


@dataclass(frozen=True, slots=True)
class TensorInput:
    """A tensor beside ``input``.

    Attributes:
        name: in requests.
        element_types: those that it may have; a JSON list without a dtype has the first.
        meaning: its shape and elements, in one sentence.
        dimensions: the possible numbers of dimensions; empty if it has the shape of ``input``.
        is_required: whether every request has it.
    """

    name: str
    element_types: tuple[ElementType, ...]
    meaning: str
    dimensions: tuple[int, ...] = ()
    is_required: bool = True

    @property
    def default_type(self) -> ElementType:
        """The element type of a JSON list without a dtype."""
        return self.element_types[0]


INDICES: Final = TensorInput("indices", (INT64,), "The indices that pooling returned, of the shape of input.")
