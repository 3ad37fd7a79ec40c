"""Run the poolings of one request: independent ones at the same time, those of a chain one after another."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from time import perf_counter
from types import MappingProxyType
from typing import Final, NamedTuple

from poolhouse.batching.memory import Lease
from poolhouse.batching.observer import BatchShare
from poolhouse.errors import PoolhouseError
from poolhouse.operators.plan import Plan
from poolhouse.poolings.entries import Pooling, read_poolings
from poolhouse.poolings.plan import PoolingsPlan, Run, Source, plan_poolings
from poolhouse.poolings.tensors import GivenTensors, split_tensors
from poolhouse.service import WARNING_HEADER, PoolingService, PoolResult, PreparedRequest, string_list
from poolhouse.tensors import Tensor, TensorMetadata

SEEDS_HEADER: Final = "Pool-Seeds"
"""Response header with the seeds of random poolings, given or chosen: a JSON object by the name of the output."""
_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


class PreparedPoolings(NamedTuple):
    """A request that can be pooled; like :class:`poolhouse.service.PreparedRequest`.

    Attributes:
        plan: with its seeds.
        tensors: of the request, by name.
        headers: response headers in addition to those of the outputs.
        extra_bytes: what the request holds in addition to the bytes of the plan.
    """

    plan: PoolingsPlan
    tensors: Mapping[str, Tensor]
    headers: Mapping[str, str]
    extra_bytes: int = 0

    @property
    def held_bytes(self) -> int:
        """The bytes that the request holds until its response is sent."""
        return self.plan.held_bytes + self.extra_bytes


def plan_with(
    service: PoolingService, poolings: tuple[Pooling, ...], given: GivenTensors[TensorMetadata]
) -> PoolingsPlan:
    """The plan of these poolings with the limits of the service; see :func:`.plan.plan_poolings`."""

    def plan_run(operator: str, metadata: Mapping[str, TensorMetadata], fields: Mapping[str, object]) -> Plan:
        return service.plan_from_metadata(operator, metadata, {}, fields)

    return plan_poolings(poolings, given, plan_run, service.limits)


def plan_listed(service: PoolingService, value: object, metadata: Mapping[str, TensorMetadata]) -> PoolingsPlan:
    """The plan of a list and of tensors as a file has them: one named ``input``, or several of other names.

    Args:
        service: plans.
        value: the list, as JSON has it or as text.
        metadata: of the tensors.

    Raises:
        PoolhouseError: as :func:`.entries.read_poolings` and :func:`.plan.plan_poolings` do.
    """
    return plan_with(service, read_poolings(value, service.catalogue), split_tensors(metadata, are_named=False))


def prepare_any(
    service: PoolingService, plan: Plan | PoolingsPlan, tensors: Mapping[str, Tensor], extra_bytes: int = 0
) -> PreparedRequest | PreparedPoolings:
    """Prepare a request with one pooling or with several; see :func:`prepare_poolings`."""
    if isinstance(plan, PoolingsPlan):
        return prepare_poolings(plan, tensors, extra_bytes)
    prepared = service.prepare_planned(plan, tensors)
    return PreparedRequest(prepared.plan, prepared.tensors, prepared.headers, extra_bytes)


def prepare_poolings(plan: PoolingsPlan, tensors: Mapping[str, Tensor], extra_bytes: int = 0) -> PreparedPoolings:
    """Prepare a request whose plan is known.

    Args:
        plan: of the request.
        tensors: of the request, by name.
        extra_bytes: what the request holds in addition to the bytes of the plan.
    """
    plan = plan.with_seed()
    headers = _NO_HEADERS
    if plan.seeds or plan.warnings:
        headers = {}
        if plan.seeds:
            headers[SEEDS_HEADER] = json.dumps(plan.seeds, separators=(",", ":"))
        if plan.warnings:
            headers[WARNING_HEADER] = string_list(plan.warnings)
    return PreparedPoolings(plan, tensors, headers, extra_bytes)


def run_inline(service: PoolingService, prepared: PreparedPoolings, lease: Lease) -> PoolResult | None:
    """Run tiny poolings on the event loop; None if they are not tiny in sum, or if no device is idle.

    Args:
        service: pools.
        prepared: the request.
        lease: resized to what the plan needs.

    Raises:
        PoolhouseError: a kernel must not get these elements, or the service cannot pool now.
    """
    plan = prepared.plan
    # guard: inline-only-for-tiny-sums
    if not service.is_inline(plan.steps):
        return None
    service.admission.resize_lease(lease, prepared.held_bytes)
    held = _HeldTensors(prepared)
    compute_s = 0.0
    for index, run in enumerate(plan.runs):
        try:
            ran = service.run_inline(run.plan, held.inputs_of(run))
        except PoolhouseError as error:
            raise run.locate(error) from None
        if ran is None:
            return None
        compute_s += ran[1]
        held.store(index, ran[0].output_tensors())
    return PoolResult(held.returned(), prepared.headers, 0.0, compute_s)


def run_any_inline(
    service: PoolingService, prepared: PreparedRequest | PreparedPoolings, lease: Lease
) -> PoolResult | None:
    """Run a tiny request with one pooling or with several; see :func:`run_inline`."""
    if isinstance(prepared, PreparedPoolings):
        return run_inline(service, prepared, lease)
    return service.pool_inline(prepared, lease)


async def run_any(
    service: PoolingService,
    prepared: PreparedRequest | PreparedPoolings,
    lease: Lease,
    deadline: float | None = None,
    model: str = "",
) -> PoolResult:
    """Run a request with one pooling or with several; see :func:`run_all`."""
    if isinstance(prepared, PreparedPoolings):
        return await run_all(service, prepared, lease, deadline, model)
    return await service.pool(prepared, lease, deadline, model)


async def run_all(
    service: PoolingService, prepared: PreparedPoolings, lease: Lease, deadline: float | None = None, model: str = ""
) -> PoolResult:
    """Run all poolings; the first failure ends the others, and so does a cancellation.

    Args:
        service: pools.
        prepared: the request.
        lease: resized to what the plan needs, and held for all runs.
        deadline: of all runs, in the event loop's time; None for no deadline.
        model: under which the jobs are counted while they wait.

    Raises:
        PoolhouseError: as :meth:`poolhouse.service.PoolingService.pool` does, with the pooling in its message.
    """
    # guard: lease-has-all-poolings
    service.admission.resize_lease(lease, prepared.held_bytes)
    started_at = perf_counter()
    held = _HeldTensors(prepared)
    tasks: list[asyncio.Task[_Timing]] = []

    async def run_one(index: int, run: Run) -> _Timing:
        # A failure there ends this task too, so it need not be raised here.
        await asyncio.gather(*[tasks[source.run] for source in run.sources.values() if not source.is_given])
        try:
            result = await service.run(run.plan, held.inputs_of(run), lease, deadline, model)
        except PoolhouseError as error:
            raise run.locate(error) from None
        held.store(index, result.tensors)
        return _Timing(result.compute_s, result.share or _own_share(run, result.compute_s))

    refusal: BaseException | None = None
    try:
        async with asyncio.TaskGroup() as group:
            # guard: failed-pooling-ends-others
            tasks += [group.create_task(run_one(index, run)) for index, run in enumerate(prepared.plan.runs)]
    except BaseExceptionGroup as failures:
        refusal = failures.exceptions[0]
    if refusal is not None:
        # Outside of the handler, so that the other failures and their tracebacks are not kept in its context.
        try:
            raise refusal
        finally:
            # They refer to each other by the traceback of the refusal.
            del refusal, tasks, held
    timings = [task.result() for task in tasks]
    compute_s = sum(each.compute_s for each in timings)
    shares = BatchShare(*map(sum, zip(*[each.share for each in timings], strict=True)))
    queue_s = max(0.0, perf_counter() - started_at - compute_s)
    return PoolResult(held.returned(), prepared.headers, queue_s, compute_s, shares if shares.batches else None)


class _Timing(NamedTuple):
    """The seconds that a device pooled a run, and the run's share of its batches."""

    compute_s: float
    share: BatchShare


def _own_share(run: Run, compute_s: float) -> BatchShare:
    return BatchShare(0.0, 0.0, 0.0) if run.plan.is_empty else BatchShare(1.0, run.plan.planes, compute_s)


class _HeldTensors:
    """The tensors of the request and the outputs of its runs, each kept as long as it is needed.

    Args:
        prepared: the request.
    """

    def __init__(self, prepared: PreparedPoolings) -> None:
        self._plan = prepared.plan
        self._given = prepared.tensors
        self._outputs: dict[Source, Tensor] = {}
        self._uses = Counter(source for run in prepared.plan.runs for source in run.sources.values())

    def inputs_of(self, run: Run) -> dict[str, Tensor]:
        """The inputs of a run whose earlier runs are done; called once for each run."""
        found: dict[str, Tensor] = {}
        for name, source in run.sources.items():
            if source.is_given:
                found[name] = self._given[source.name]
                continue
            self._uses[source] -= 1
            is_returned = self._plan.runs[source.run].pooling.is_returned
            # guard: intermediate-outputs-are-freed
            is_last = not is_returned and not self._uses[source]
            found[name] = self._outputs.pop(source) if is_last else self._outputs[source]
        return found

    def store(self, index: int, outputs: Mapping[str, Tensor]) -> None:
        """Keep those outputs of a run that are returned or taken by a later run."""
        is_returned = self._plan.runs[index].pooling.is_returned
        for name, tensor in outputs.items():
            source = Source(index, name)
            if is_returned or self._uses[source]:
                self._outputs[source] = tensor

    def returned(self) -> dict[str, Tensor]:
        """The outputs of the response by name, in order."""
        return {
            response_name: self._outputs[Source(index, name)]
            for index, run in enumerate(self._plan.runs)
            if run.pooling.is_returned
            for name, response_name in run.names.items()
        }
