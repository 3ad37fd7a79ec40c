"""Results of a client's calls: pooled tensors, plans, a summary of an operator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, Self, TypeVar, cast

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
    outputs: Mapping[str, Output]
    """Every output by name, of the same kind as the input, in the order of the response: ``level1``, ``level2``, … of a
    pyramid, ``mean``, ``max``, … of token_pool without ``concat``, and what a field asks for, such as ``indices``."""

    def __new__(
        cls,
        output: Output,
        indices: Indices,
        timings: Mapping[str, float] | None = None,
        request_id: str | None = None,
        seed: int | None = None,
        warnings: tuple[str, ...] = (),
        outputs: Mapping[str, Output] | None = None,
    ) -> Self:
        """Make a result from its parts."""
        made = super().__new__(cls, (output, indices))
        made.timings = dict(timings or {})
        made.request_id = request_id
        made.seed = seed
        made.warnings = warnings
        if outputs is None:
            # Indices are of the same kind as the output.
            pair = {"output": output, "indices": cast("Output", indices)}
            outputs = {name: each for name, each in pair.items() if each is not None}
        made.outputs = dict(outputs)
        return made

    def __getnewargs__(self) -> tuple[Output, Indices]:
        # Otherwise pickle and copy would pass the pair as one argument. The other attributes are pickled in __dict__.
        return self[0], self[1]

    @property
    def output(self) -> Output:
        """The pooled tensor, of the same kind as the input; with several of different names, the first."""
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
class TracedElement:
    """One output element, and what it was pooled from.

    Attributes:
        output: the name of its output.
        index: its indices there.
        window: all positions of its window along each spatial axis, those of the padding included; None without
            windows.
        of: the tensor of the positions: ``input``, or an earlier level of a pyramid.
        positions: the indices of the elements of the window, in order.
        values: these elements.
        counted: whether each counts, or is passed over.
        weights: what each is multiplied by in the sum that is the result; None if they have no weights.
        winner: the place among the positions of the element that was selected; None where none is.
        samples: points between the elements that were interpolated; None without them.
        results: the elements of the outputs at this place, by name.
        arithmetic: the computation in words.
    """

    output: str
    index: tuple[int, ...]
    window: tuple[range, ...] | None
    of: str
    positions: tuple[tuple[int, ...], ...]
    values: tuple[float | int | bool, ...]
    counted: tuple[bool, ...]
    weights: tuple[float | int | bool, ...] | None
    winner: int | None
    samples: tuple[tuple[float, ...], ...] | None
    results: Mapping[str, float | int | bool]
    arithmetic: str


@dataclass(frozen=True, slots=True)
class Trace:
    """What each output element of a small request was pooled from.

    Attributes:
        operator: its name.
        spec: every field, with defaults filled in.
        outputs: the result of pooling by name, of the same kind as the input.
        elements: the elements of the outputs, in order.
        formulas: how each size of the outputs follows from that of the input.
        seed: the seed of random pooling's windows.
        warnings: what is allowed but seldom intended.
        timings: milliseconds that the server spent: ``decode``, ``compute``, ``encode``.
        document: the whole response.
    """

    operator: str
    spec: Mapping[str, object]
    outputs: Mapping[str, object]
    elements: tuple[TracedElement, ...]
    formulas: tuple[str, ...]
    seed: int | None
    warnings: tuple[str, ...]
    timings: Mapping[str, float]
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


class PooledMany(Mapping[str, Output], Generic[Output]):
    """The outputs of several poolings by name, of the same kind as the inputs: ``result["peaks"]``.

    The first output of a pooling has its name, further ones ``peaks.indices``; of several inputs they begin with the
    name of the input, ``image.peaks``.

    Args:
        outputs: by name.
        timings, request_id, warnings: see :class:`Pooled`.
        seeds: of random poolings, by the name of their output; give them again to get the same windows.
    """

    def __init__(
        self,
        outputs: Mapping[str, Output],
        timings: Mapping[str, float] | None = None,
        request_id: str | None = None,
        seeds: Mapping[str, int] | None = None,
        warnings: tuple[str, ...] = (),
    ) -> None:
        self._outputs = dict(outputs)
        self.timings = dict(timings or {})
        self.request_id = request_id
        self.seeds = dict(seeds or {})
        self.warnings = warnings

    def __getitem__(self, name: str) -> Output:
        if name not in self._outputs:
            raise KeyError(f"there is no output {name!r}; there are {', '.join(self._outputs)}")
        return self._outputs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._outputs)

    def __len__(self) -> int:
        return len(self._outputs)

    def __repr__(self) -> str:
        return f"PooledMany({self._outputs!r}, request_id={self.request_id!r})"


@dataclass(frozen=True, slots=True)
class PlanMany:
    """Shapes and costs of several poolings.

    Attributes:
        poolings: the plan of each pooling of each input, in order.
        outputs: element type and shape of each output of the response, by name.
        input_bytes: bytes of all inputs.
        output_bytes: bytes of all outputs of the response.
        held_bytes: what the request holds in the service at most.
        warnings: what is allowed but seldom intended.
        document: the whole response.
    """

    poolings: tuple[Plan, ...]
    outputs: Mapping[str, TensorMetadata]
    input_bytes: int
    output_bytes: int
    held_bytes: int
    warnings: tuple[str, ...]
    document: Mapping[str, object]
