"""The plan of a request with several poolings, from the list and the metadata of its inputs alone. Pure.

A run is one pooling of one input. Every run is planned by the planner of single requests, so what it accepts and
returns is the same; the sums over all runs have the limits of one request.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, NamedTuple

from poolhouse.errors import FieldProblem, PoolhouseError, Unprocessable
from poolhouse.operators.inputs import INDICES, TensorInput
from poolhouse.operators.plan import Limits, Plan
from poolhouse.poolings.entries import POOLINGS, Pooling, poolings_error
from poolhouse.poolings.names import output_name, response_prefix
from poolhouse.poolings.tensors import INPUT, GivenTensors
from poolhouse.tensor_names import TENSOR_NAMES
from poolhouse.tensors import TensorMetadata
from poolhouse.wire.quoting import quote_clipped

PlanRun = Callable[[str, Mapping[str, TensorMetadata], Mapping[str, object]], Plan]
"""Plans one pooling from the operator's name, the inputs' metadata and the fields."""

MAX_OUTPUTS: Final = 256
"""The most outputs of all runs together."""
_GIVEN: Final = -1
_MAX_WARNINGS: Final = 32
_TENSOR_POINTERS: Final = TENSOR_NAMES


class Source(NamedTuple):
    """Where an input of a run comes from: an output of an earlier run, or a tensor of the request.

    Attributes:
        run: the position of the earlier run; -1 for a tensor of the request.
        name: of the run's output, as its operator calls it, or of the tensor.
    """

    run: int
    name: str

    @property
    def is_given(self) -> bool:
        """Whether it is a tensor of the request."""
        return self.run == _GIVEN


@dataclass(frozen=True, slots=True)
class Run:
    """One pooling of one input.

    Attributes:
        pooling: of the list.
        input_name: of the input; empty if the request has one without a name.
        plan: of the pooling.
        sources: of its inputs, by the operator's names for them.
        names: of its outputs in the response, by the operator's names for them.
    """

    pooling: Pooling
    input_name: str
    plan: Plan
    sources: Mapping[str, Source]
    names: Mapping[str, str]

    @property
    def first_name(self) -> str:
        """The name of its first output in the response."""
        return next(iter(self.names.values()))

    def locate(self, error: PoolhouseError) -> PoolhouseError:
        """The error again, with the pooling in its message and in its pointers."""
        return located(error, self.pooling, self.input_name)


@dataclass(frozen=True)
class PoolingsPlan:
    """The plan of all runs; it has the attributes of a single plan that sums and responses need.

    Attributes:
        runs: each after those whose outputs it takes.
        inputs: the metadata of the tensors of the request, by name.
    """

    runs: tuple[Run, ...]
    inputs: Mapping[str, TensorMetadata]

    @cached_property
    def outputs(self) -> Mapping[str, TensorMetadata]:
        """The metadata of the outputs in the response, by name and in order."""
        return {
            run.names[name]: metadata
            for run in self.runs
            if run.pooling.is_returned
            for name, metadata in run.plan.outputs.items()
        }

    @cached_property
    def input_bytes(self) -> int:
        """Bytes of all inputs of the request, each counted once."""
        return sum(metadata.nbytes for metadata in self.inputs.values())

    @cached_property
    def output_bytes(self) -> int:
        """Bytes of the outputs in the response."""
        return sum(metadata.nbytes for metadata in self.outputs.values())

    @cached_property
    def pooled_bytes(self) -> int:
        """Bytes of the outputs of all runs, also of those that are not returned."""
        return sum(run.plan.output_bytes for run in self.runs)

    @cached_property
    def workspace_bytes(self) -> int:
        """Memory for intermediate results, if all runs are pooled at the same time."""
        return sum(run.plan.workspace_bytes for run in self.runs)

    @cached_property
    def held_bytes(self) -> int:
        """What the request holds until its response is sent."""
        return self.input_bytes + self.pooled_bytes + self.workspace_bytes

    @cached_property
    def steps(self) -> int:
        """Steps of all runs."""
        return sum(run.plan.steps for run in self.runs)

    @cached_property
    def planes(self) -> int:
        """Planes of all runs."""
        return sum(run.plan.planes for run in self.runs)

    @cached_property
    def batch_size(self) -> int:
        """The sizes of the leading axes of all runs together."""
        return sum(run.plan.batch_size for run in self.runs)

    @cached_property
    def is_empty(self) -> bool:
        """Whether no run has anything to pool."""
        return all(run.plan.is_empty for run in self.runs)

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """The warnings of all runs, each with the name of its first output; up to a bound."""
        found = [f"{run.first_name}: {text}" for run in self.runs for text in run.plan.warnings]
        return tuple(found[:_MAX_WARNINGS])

    @cached_property
    def seeds(self) -> Mapping[str, int]:
        """The seeds of random runs, by the name of their first output."""
        seeds = {run.first_name: getattr(run.plan.spec, "seed", None) for run in self.runs}
        return {name: seed for name, seed in seeds.items() if seed is not None}

    @cached_property
    def batch_keys(self) -> frozenset[Hashable]:
        """The different batch keys: runs that share one are pooled together."""
        return frozenset(run.plan.batch_key for run in self.runs)

    def with_seed(self) -> PoolingsPlan:
        """This plan with seeds drawn where a run needs one and has none; otherwise the same plan."""
        runs = [replace(run, plan=plan) if (plan := run.plan.with_seed()) is not run.plan else run for run in self.runs]
        return (
            self
            if all(new is old for new, old in zip(runs, self.runs, strict=True))
            else replace(self, runs=tuple(runs))
        )


def plan_poolings(
    poolings: Sequence[Pooling], given: GivenTensors[TensorMetadata], plan_run: PlanRun, limits: Limits
) -> PoolingsPlan:
    """Plan every pooling of every input.

    Args:
        poolings: the list.
        given: the metadata of the tensors.
        plan_run: plans one.
        limits: of the sums.

    Raises:
        PoolhouseError: a pooling would be refused alone, names an output that does not exist, or two outputs would have
            the same name; or the sums exceed the limits. The pointers name the pooling.
    """
    planner = _ListPlanner(given, plan_run, limits, is_only_unnamed=len(poolings) == 1 and not poolings[0].is_named)
    for input_name in given.inputs:
        planner.begin_input(input_name)
        for pooling in poolings:
            planner.add(pooling)
    planner.refuse_unused_companions()
    return PoolingsPlan(tuple(planner.runs), {**given.inputs, **given.companions})


class _ListPlanner:
    """Plans run after run, and checks the sums of those so far.

    Args:
        given: the metadata of the tensors.
        plan_run: plans one.
        limits: of the sums.
        is_only_unnamed: whether the request has one pooling, without a name.
    """

    def __init__(
        self, given: GivenTensors[TensorMetadata], plan_run: PlanRun, limits: Limits, *, is_only_unnamed: bool
    ) -> None:
        self.runs: list[Run] = []
        self._given = given
        self._plan_run = plan_run
        self._limits = limits
        self._is_only_unnamed = is_only_unnamed
        self._input_name = INPUT
        self._available: dict[str, tuple[Source, TensorMetadata]] = {}
        self._used_companions: set[str] = set()
        self._response_names: set[str] = set()
        self._output_bytes = self._steps = 0

    def begin_input(self, name: str) -> None:
        """Go on with this input: a chain takes outputs of the same input only."""
        self._input_name = name
        self._available = {}

    def add(self, pooling: Pooling) -> None:
        """Plan the next pooling of the current input."""
        sources, metadata = self._find_sources(pooling)
        try:
            plan = self._plan_run(pooling.operator.name, metadata, pooling.fields)
        except PoolhouseError as error:
            raise located(_with_companion_hint(error, pooling, metadata), pooling, self._shown_input) from None
        self._check_sums(pooling, plan)
        prefix = response_prefix(
            self._input_name,
            pooling.name,
            has_one_input=self._given.has_one_input,
            is_only_unnamed=self._is_only_unnamed,
        )
        names: dict[str, str] = {}
        for position, (output, produced) in enumerate(plan.outputs.items()):
            names[output] = output_name(prefix, output, position)
            self._add_response_name(pooling, names[output])
            local = output_name(pooling.name, output, position)
            self._available[local] = (Source(len(self.runs), output), produced)
        self.runs.append(Run(pooling, self._shown_input, plan, sources, names))
        # guard: outputs-of-poolings-have-limit
        if len(self._response_names) > MAX_OUTPUTS:
            raise poolings_error(
                "length",
                f"the poolings of all inputs have more than {MAX_OUTPUTS} outputs; ask for fewer, or send several "
                "requests.",
            )

    @property
    def _shown_input(self) -> str:
        """The name of the input, for messages; empty if there is only one."""
        return "" if self._given.has_one_input else self._input_name

    def refuse_unused_companions(self) -> None:
        """Refuse a tensor that no pooling takes: it may be an input under a wrong name."""
        for name in self._given.companions:
            if name not in self._used_companions:
                message = (
                    f"no pooling takes the tensor {quote_clipped(name)}; leave it out. To pool every tensor of a file, "
                    f"let none of them be named {INPUT}."
                )
                pointer = "/" + name[:60].replace("~", "~0").replace("/", "~1")
                problem = FieldProblem(pointer, "unknown", message)
                raise Unprocessable("unknown_tensor", message, problems=(problem,))

    def _find_sources(self, pooling: Pooling) -> tuple[dict[str, Source], dict[str, TensorMetadata]]:
        sources: dict[str, Source] = {}
        metadata: dict[str, TensorMetadata] = {}
        if pooling.source:
            sources[INPUT], metadata[INPUT] = self._earlier(pooling, "of", pooling.source)
        else:
            sources[INPUT], metadata[INPUT] = Source(_GIVEN, self._input_name), self._given.inputs[self._input_name]
        for companion in pooling.operator.companions:
            name = companion.name
            if name in pooling.without:
                continue
            if name in pooling.companions:
                sources[name], metadata[name] = self._earlier(pooling, name, pooling.companions[name])
            elif pooling.source and (beside := self._available.get(f"{pooling.source}.{name}")) is not None:
                # The indices of the pooling whose output it takes.
                sources[name], metadata[name] = beside
            elif name in self._given.companions and not (pooling.source and _is_of_the_input(companion)):
                self._used_companions.add(name)
                sources[name], metadata[name] = Source(_GIVEN, name), self._given.companions[name]
        return sources, metadata

    def _earlier(self, pooling: Pooling, member: str, name: str) -> tuple[Source, TensorMetadata]:
        found = self._available.get(name)
        if found is None:
            known = ", ".join(list(self._available)[:16]) or "none"
            message = (
                f"{POOLINGS}[{pooling.position}]: {member} is {quote_clipped(name)}, which is no output of an earlier "
                f"pooling; there are {known}."
            )
            problem = FieldProblem(f"{pooling.pointer}/{member}", "unknown", message)
            raise Unprocessable("invalid_fields", message, problems=(problem,))
        return found

    def _check_sums(self, pooling: Pooling, plan: Plan) -> None:
        self._output_bytes += plan.output_bytes
        self._steps += plan.steps
        limits = self._limits
        # guard: sum-of-outputs-has-limit
        if self._output_bytes > limits.max_output_bytes:
            message = (
                f"the outputs of all poolings up to this one take {self._output_bytes} bytes; the limit is "
                f"{limits.max_output_bytes}. Send several requests, or ask for smaller outputs."
            )
            error = Unprocessable("output_too_large", message, limit_bytes=limits.max_output_bytes)
            raise located(error, pooling, self._shown_input)
        # guard: sum-of-work-has-limit
        if self._steps > limits.max_steps:
            message = (
                f"all poolings up to this one would take about {self._steps} steps of a nanosecond; the limit is "
                f"{limits.max_steps}. Send several requests, or use smaller windows."
            )
            raise located(Unprocessable("work_too_large", message), pooling, self._shown_input)

    def _add_response_name(self, pooling: Pooling, name: str) -> None:
        if name in self._response_names:
            message = (
                f"{POOLINGS}[{pooling.position}]: two outputs would be called {quote_clipped(name, 140)}; give the "
                "pooling or the input another name."
            )
            problem = FieldProblem(f"{pooling.pointer}/name", "duplicate", message)
            raise Unprocessable("invalid_fields", message, problems=(problem,))
        self._response_names.add(name)


def _is_of_the_input(companion: TensorInput) -> bool:
    """Whether a tensor describes the elements of the input, and so not those of an output."""
    return companion is INDICES or not companion.is_required


def located(error: PoolhouseError, pooling: Pooling, input_name: str) -> PoolhouseError:
    """The error again, with the pooling in its message and in its pointers.

    Args:
        error: of a single pooling.
        pooling: that it is about.
        input_name: of the input; empty if there is only one.
    """
    where = f"{POOLINGS}[{pooling.position}]" + (f", input {input_name}" if input_name else "")
    problems = [
        FieldProblem(_pointer_below(pooling, each.pointer), each.code, each.message) for each in error.problems
    ] or [FieldProblem(pooling.pointer, "range", error.detail)]
    return type(error)(
        error.code,
        f"{where}: {error.detail}",
        problems=problems,
        retry_after_s=error.retry_after_s,
        limit_bytes=error.limit_bytes,
        headers=error.headers,
    )


def _pointer_below(pooling: Pooling, pointer: str) -> str:
    field = pointer[1:] if pointer[:1] in ("/", "?") else pointer
    if not field or field.partition("/")[0] in _TENSOR_POINTERS:
        # It is about an output of an earlier pooling, or the input of all of them.
        return pooling.pointer
    return f"{pooling.pointer}/{field}"


def _with_companion_hint(
    error: PoolhouseError, pooling: Pooling, metadata: Mapping[str, TensorMetadata]
) -> PoolhouseError:
    """An error for a missing tensor with advice where a pooling of this list can take it from."""
    name = INDICES.name
    if error.code != "missing_tensor" or name in metadata or INDICES not in pooling.operator.companions:
        return error
    advice = (
        f'{pooling.operator.name} needs {name} too. Let "of" name a pooling with return_{name} true, write '
        f'"{name}": "NAME.{name}" with the name of such a pooling, or send {name} beside {INPUT}.'
    )
    problem = FieldProblem("", "missing", advice)
    return Unprocessable("missing_tensor", advice, problems=(problem,))
