"""Results of a client's calls: a pooled tensor, a plan, a summary of an operator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, Self, TypeVar

from poolhouse.tensors import TensorMetadata

Output = TypeVar("Output", covariant=True)
Indices = TypeVar("Indices", covariant=True)


class Pooled(tuple[Output, Indices], Generic[Output, Indices]):
    """The result of pooling. Unpacks like torch's: ``output, indices = client.max_pool2d(x, 2, return_indices=True)``.

    ``indices`` is None unless it was requested.
    """

    # A pair, and not a named tuple of all attributes: it unpacks like torch's, and type checkers know both types.
    timings: Mapping[str, float]
    """Milliseconds that the server spent: ``decode``, ``queue``, ``compute``, ``encode``."""
    request_id: str | None
    """The id of the request in the server's log."""
    seed: int | None
    """The seed of random pooling's windows; pass it again to get the same windows."""
    warnings: tuple[str, ...]
    """What is allowed but seldom intended, such as channels after the pooled axes."""

    def __new__(
        cls,
        output: Output,
        indices: Indices,
        timings: Mapping[str, float] | None = None,
        request_id: str | None = None,
        seed: int | None = None,
        warnings: tuple[str, ...] = (),
    ) -> Self:
        """Make a result from its parts."""
        made = super().__new__(cls, (output, indices))
        made.timings = dict(timings or {})
        made.request_id = request_id
        made.seed = seed
        made.warnings = warnings
        return made

    def __getnewargs__(self) -> tuple[Output, Indices]:
        # Otherwise pickle and copy would pass the pair as one argument. The other attributes are pickled in __dict__.
        return self[0], self[1]

    @property
    def output(self) -> Output:
        """The pooled tensor, of the same kind as the input."""
        return self[0]

    @property
    def indices(self) -> Indices:
        """The index of each value, of the same kind as the input; None unless ``return_indices`` was true."""
        return self[1]

    def __repr__(self) -> str:
        return f"Pooled(output={self.output!r}, indices={self.indices!r}, request_id={self.request_id!r})"


@dataclass(frozen=True, slots=True)
class Plan:
    """Shapes and costs of pooling an input.

    Attributes:
        operator: its name.
        spec: every field, with defaults filled in.
        outputs: element type and shape of each output, by name.
        input_bytes: bytes of all inputs.
        output_bytes: bytes of all outputs.
        warnings: what is allowed but seldom intended.
        document: the whole response.
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
    """Summary of one operator.

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
