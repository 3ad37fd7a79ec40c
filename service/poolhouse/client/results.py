"""What a caller gets: a pooled tensor, a plan, a line of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, Self, TypeVar

from poolhouse.tensors import TensorMetadata

Output = TypeVar("Output", covariant=True)
Indices = TypeVar("Indices", covariant=True)


class Pooled(tuple[Output, Indices], Generic[Output, Indices]):
    """An answer. Unpacks as torch's do: ``output, indices = client.max_pool2d(x, 2, return_indices=True)``.

    ``indices`` is None unless it was asked for.
    """

    # A tuple of two rather than a named one of four: what torch's callers unpack is a pair, and types know its parts.
    timings: Mapping[str, float]
    """Milliseconds that the server spent: ``decode``, ``queue``, ``compute``, ``encode``."""
    request_id: str | None
    """The name under which the server logged the request."""
    seed: int | None
    """What random pooling drew its windows from; give it again for the same windows."""
    warnings: tuple[str, ...]
    """What was legal and is seldom meant, such as channels behind the pooled axes."""

    def __new__(
        cls,
        output: Output,
        indices: Indices,
        timings: Mapping[str, float] | None = None,
        request_id: str | None = None,
        seed: int | None = None,
        warnings: tuple[str, ...] = (),
    ) -> Self:
        """Put the parts together."""
        made = super().__new__(cls, (output, indices))
        made.timings = dict(timings or {})
        made.request_id = request_id
        made.seed = seed
        made.warnings = warnings
        return made

    def __getnewargs__(self) -> tuple[Output, Indices]:
        # For pickle and copy, which would else hand the pair to the class as one argument. What stands beside the pair
        # travels in __dict__.
        return self[0], self[1]

    @property
    def output(self) -> Output:
        """The pooled tensor, of the kind that went in."""
        return self[0]

    @property
    def indices(self) -> Indices:
        """Where each value was, of the kind that went in; None unless ``return_indices`` was true."""
        return self[1]

    def __repr__(self) -> str:
        return f"Pooled(output={self.output!r}, indices={self.indices!r}, request_id={self.request_id!r})"


@dataclass(frozen=True, slots=True)
class Plan:
    """What pooling would give and cost.

    Attributes:
        operator: its name.
        spec: every field, defaults filled in.
        outputs: element type and shape of each output, by name.
        input_bytes: bytes of all inputs.
        output_bytes: bytes of all outputs.
        warnings: what is legal and seldom meant.
        document: all that the server said.
    """

    operator: str
    spec: Mapping[str, object]
    outputs: Mapping[str, TensorMetadata]
    input_bytes: int
    output_bytes: int
    warnings: tuple[str, ...]
    document: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class OperatorSummary:
    """One operator in short.

    Attributes:
        name: torch's functional name, ``max_pool2d``.
        rank: number of spatial axes.
        summary: one sentence.
        fields: names of its fields, in torch's order.
    """

    name: str
    rank: int
    summary: str
    fields: tuple[str, ...]
