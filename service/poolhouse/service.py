"""Pool tensors: an operator's name and a message in, a message out. The only module that joins the packages below.

``prepare`` decides everything that can be decided without a device; ``pool`` acts.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Collection, Coroutine, Mapping
from dataclasses import replace
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Final, NamedTuple, TypeVar

from poolhouse import describe
from poolhouse.admission import Admission
from poolhouse.backend.cores import available_cores
from poolhouse.backend.devices import Device, choose_devices
from poolhouse.backend.heap import HeapTrimmer, find_malloc_trim
from poolhouse.backend.kernel_loading import load_kernels
from poolhouse.backend.payload import Payload
from poolhouse.backend.torch_worker import TorchWorker, run_plan
from poolhouse.batching.engine import Engine
from poolhouse.batching.memory import Lease, MemoryBudget
from poolhouse.batching.observer import BatchShare, Observer
from poolhouse.batching.offload import OffloadPool
from poolhouse.batching.worker import Worker
from poolhouse.operators.catalogue import Catalogue, discover
from poolhouse.operators.plan import Limits, Plan, make_plan
from poolhouse.operators.planner import Planner
from poolhouse.settings import Settings
from poolhouse.status import ServiceStatus
from poolhouse.tensors import Message, Tensor, TensorMetadata
from poolhouse.text_values import NULL_TEXTS

_CHECK_ON_LOOP_BYTES: Final = 1024 * 1024
"""Checking every element of a larger input would block the event loop for too long."""

Result = TypeVar("Result")

_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})

SEED_HEADER: Final = "Pool-Seed"
"""Response header with the seed of a random pooling, given or chosen, so that the result can be reproduced."""

WARNING_HEADER: Final = "Pool-Warning"
"""Response header with the plan's warnings."""


class PreparedRequest(NamedTuple):
    """A request that can be pooled.

    Attributes:
        plan: with a seed, if the operator is random.
        tensors: the inputs.
        headers: response headers in addition to those of the outputs.
        extra_bytes: what the request holds in addition to the bytes of the plan.
    """

    plan: Plan
    tensors: Mapping[str, Tensor]
    headers: Mapping[str, str]
    extra_bytes: int = 0

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the outputs, in order."""
        return tuple(self.plan.outputs)

    @property
    def held_bytes(self) -> int:
        """The bytes that the request holds until its response is sent."""
        return self.plan.held_bytes + self.extra_bytes


class PoolResult(NamedTuple):
    """The outputs, their response headers, the seconds in the queue and on the device, and the share of the batches.

    The share is None if the request ran as a batch of its own, or is empty.
    """

    tensors: Mapping[str, Tensor]
    headers: Mapping[str, str]
    queue_s: float
    compute_s: float
    share: BatchShare | None = None


class PoolingService:
    """Pools with the operators of a catalogue, on the devices of one engine.

    Args:
        catalogue: the operators.
        devices: run the jobs.
        limits: of a single request.
        capacity_bytes: the memory that all requests together may hold.
        inline_steps: a request with no more steps may run on the event loop.
        device_hang_timeout_s: a device that works on one batch for longer counts as hung.
        make_worker: makes the worker of a device; tests replace it.

    Attributes:
        catalogue: the operators.
        limits: of a single request.
        admission: reserves memory for requests.
        status: the state of the service, for probes and metrics.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        devices: tuple[Device, ...],
        limits: Limits,
        *,
        capacity_bytes: int,
        inline_steps: int,
        device_hang_timeout_s: float = 300.0,
        make_worker: Callable[[Device], Worker[Payload]] = TorchWorker,
    ) -> None:
        self.catalogue = catalogue
        self._devices = devices
        self.limits = limits
        self._planner = Planner(catalogue, limits)
        # Other devices always run in their worker's thread: the transfers would block the event loop.
        # guard: inline-only-on-cpu
        self._inline_steps = inline_steps if all(device.name == "cpu" for device in devices) else -1
        self._engine = Engine(
            [(device.name, make_worker(device)) for device in devices],
            inline_steps=self._inline_steps,
            device_hang_timeout_s=device_hang_timeout_s,
        )
        budget = MemoryBudget(capacity_bytes)
        self._heap = HeapTrimmer(lambda: budget.held_bytes, find_malloc_trim())
        self.admission = Admission(budget, self._heap, self._engine)
        self.status = ServiceStatus(devices, self._engine, budget, self.admission)
        self._threads = OffloadPool("offload", available_cores())
        # JSON is read and written by calls that hold the GIL. Two at once would be no faster, and the event loop
        # would wait for both.
        self._gil_threads = OffloadPool("offload-gil", 1)

    @classmethod
    def from_settings(cls, settings: Settings) -> PoolingService:
        """A service with all operators, on the devices and with the limits of the settings."""
        return cls(
            discover(),
            choose_devices(settings.device),
            Limits(settings.max_output_bytes, settings.max_work, allow_compiled_loops=settings.kernels == "on"),
            capacity_bytes=settings.max_queue_bytes,
            inline_steps=settings.inline_work,
            device_hang_timeout_s=settings.device_hang_timeout_s,
            make_worker=partial(TorchWorker, threads=settings.cpu_threads or available_cores()),
        )

    def prepare(self, operator: str, message: Message) -> PreparedRequest:
        """Plan a request, and refuse what its fields and metadata can be refused for; allocates no tensor memory."""
        message = self.read_fields(operator, message)
        return self.prepare_planned(self.plan_message(operator, message), message.tensors)

    def read_fields(self, operator: str, message: Message) -> Message:
        """The message with the fields that its elements determine; the same message if they determine none, as then
        for every message with these tensors."""
        member = self.catalogue.find(operator)
        if member.tensor_fields:
            message = _read_tensor_fields(message, member.tensor_fields)
        if defaults := member.fields_from_elements(message.tensors):
            message = _with_defaults(message, defaults)
        return message

    def plan_message(self, operator: str, message: Message) -> Plan:
        """Plan a message from :meth:`read_fields`; no seed is drawn."""
        tensors = message.tensors
        metadata = {name: tensor.metadata for name, tensor in tensors.items()}
        return self._planner.plan(operator, message.json_fields, message.text_fields, metadata, message.notes, tensors)

    def prepare_planned(self, plan: Plan, tensors: Mapping[str, Tensor], extra_bytes: int = 0) -> PreparedRequest:
        """Prepare a request whose plan is known, from :meth:`plan_message` or :meth:`plan_from_metadata`."""
        if not plan.has_notes:
            return PreparedRequest(plan, tensors, _NO_HEADERS, extra_bytes)
        plan = plan.with_seed()
        seed = getattr(plan.spec, "seed", None)
        headers = {} if seed is None else {SEED_HEADER: str(seed)}
        if plan.warnings:
            headers[WARNING_HEADER] = string_list(plan.warnings)
        return PreparedRequest(plan, tensors, headers, extra_bytes)

    def plan_from_metadata(
        self,
        operator: str,
        metadata: Mapping[str, TensorMetadata],
        text_fields: Mapping[str, str],
        json_fields: Mapping[str, object] = MappingProxyType({}),
    ) -> Plan:
        """Plan a request from the metadata of its tensors, before their elements have been received."""
        return self._planner.plan(operator, json_fields, text_fields, metadata)

    def plan(
        self,
        operator: str,
        metadata: Mapping[str, TensorMetadata],
        json_fields: Mapping[str, object],
        text_fields: Mapping[str, str],
    ) -> dict[str, object]:
        """Describe what pooling would return and cost, or raise the refusal that pooling would meet."""
        plan = self._planner.plan(operator, json_fields, text_fields, metadata)
        return describe.plan_card(plan, self.device_names)

    @property
    def device_names(self) -> tuple[str, ...]:
        """The names of the devices."""
        return tuple(device.name for device in self._devices)

    def pool_unreserved(
        self, plan: Plan, tensors: Mapping[str, Tensor], extra_bytes: int, admitted_bytes: int = 0
    ) -> tuple[Payload, float] | None:
        """Pool a tiny request within one step of the event loop, so that it needs no lease.

        Args:
            plan: of the request, with its seed.
            tensors: the inputs.
            extra_bytes: what the request holds in addition to the bytes of the plan.
            admitted_bytes: for which :meth:`Admission.can_admit` was true in this step of the event loop.

        Returns:
            The pooled request, and the seconds that it took; None if the request is not tiny, does not fit into
            the free memory, or the service drains.

        Raises:
            Unprocessable: the kernel must not get these elements.
            Unavailable: ``device_lost``.
        """
        needed_bytes = plan.held_bytes + extra_bytes
        # guard: inline-needs-capacity
        if plan.steps > self._inline_steps or (
            needed_bytes > admitted_bytes and not self.admission.can_admit(needed_bytes)
        ):
            return None
        self._heap.schedule_check()
        return self.run_inline(plan, tensors)

    def is_inline(self, steps: int) -> bool:
        """Whether so few steps may run on the event loop."""
        return steps <= self._inline_steps

    def pool_inline(self, prepared: PreparedRequest, lease: Lease) -> PoolResult | None:
        """Pool a tiny request on the event loop; None if it is not tiny, or if no device is idle.

        Args:
            prepared: from :meth:`prepare`.
            lease: resized to what the plan needs.

        Raises:
            Unprocessable: the kernel must not get these elements.
            Unavailable: ``overloaded`` or ``device_lost``.
        """
        if prepared.plan.steps > self._inline_steps:
            return None
        self.admission.resize_lease(lease, prepared.held_bytes)
        ran = self.run_inline(prepared.plan, prepared.tensors)
        return None if ran is None else PoolResult(ran[0].output_tensors(), prepared.headers, 0.0, ran[1])

    def run_inline(self, plan: Plan, tensors: Mapping[str, Tensor]) -> tuple[Payload, float] | None:
        """Pool on the event loop, within memory that is reserved; None if it is not tiny, or if no device is idle.

        Raises:
            Unprocessable: the kernel must not get these elements.
            Unavailable: ``overloaded`` or ``device_lost``.
        """
        # guard: indices-are-checked-inline
        plan.spec.check_elements(tensors)
        payload = Payload(plan, tensors)
        if plan.is_empty:
            return payload, 0.0
        seconds = self._engine.run_inline(payload, plan.steps, plan.planes, plan.spec.name)
        return None if seconds is None else (payload, seconds)

    def pool(
        self, prepared: PreparedRequest, lease: Lease, deadline: float | None = None, model: str = ""
    ) -> Coroutine[None, None, PoolResult]:
        """Pool a prepared request.

        Args:
            prepared: from :meth:`prepare`.
            lease: resized to what the plan needs.
            deadline: in the event loop's time; None for no deadline.
            model: under which the request is counted while it waits; empty for the operator's own.

        Raises:
            Unprocessable: the kernel must not get these elements; raised before the job is queued.
            Unavailable, DeadlinePassed: see :meth:`poolhouse.batching.engine.Engine.submit`.
        """
        self.admission.resize_lease(lease, prepared.held_bytes)
        return self.run(prepared.plan, prepared.tensors, lease, deadline, model, prepared.headers)

    async def run(
        self,
        plan: Plan,
        tensors: Mapping[str, Tensor],
        lease: Lease,
        deadline: float | None = None,
        model: str = "",
        headers: Mapping[str, str] = _NO_HEADERS,
    ) -> PoolResult:
        """Pool as :meth:`pool` does, within a lease that has the memory already.

        Args:
            plan: with its seed.
            tensors: the inputs.
            lease, deadline, model: see :meth:`pool`.
            headers: of the result.
        """
        # guard: indices-are-checked, many-indices-are-checked-off-loop
        if plan.checked_bytes > _CHECK_ON_LOOP_BYTES:
            await self.run_in_thread(
                partial(plan.spec.check_elements, tensors), lease, "the indices were checked", deadline
            )
        else:
            plan.spec.check_elements(tensors)
        payload = Payload(plan, tensors)
        if plan.is_empty:
            return PoolResult(payload.output_tensors(), headers, 0.0, 0.0)
        done = await self._engine.submit(payload.make_job(), lease, plan.spec.name, deadline, model)
        return PoolResult(payload.output_tensors(), headers, done.queue_s, done.compute_s, done.share)

    async def run_in_thread(
        self,
        work: Callable[[], Result],
        lease: Lease,
        activity: str,
        deadline: float | None = None,
        *,
        holds_gil: bool = False,
    ) -> Result:
        """Run work that would block the event loop in a thread; see :mod:`poolhouse.batching.offload`.

        Args:
            work: to run.
            lease: retained until the work ends.
            activity: completes an error message: "the deadline passed while {activity}".
            deadline: in the event loop's time; None for no deadline.
            holds_gil: whether the work holds the GIL, so that more threads do not help.
        """
        threads = self._gil_threads if holds_gil else self._threads
        return await threads.run(work, lease, activity, deadline)

    def set_observer(self, observer: Observer) -> None:
        """Replace the observer of the engine."""
        self._engine.set_observer(observer)

    async def start(self) -> None:
        """Run every operator once on every device, so that no request pays for a first use."""
        await asyncio.to_thread(_warm_up, self.catalogue, self._devices, self.limits)
        self.status.is_warm = True
        self._heap.start()

    def drain(self, grace_s: float = 30.0) -> None:
        """Refuse new requests; admitted ones go on, even if their body has not been received.

        Args:
            grace_s: the longest time that :meth:`stop` takes, counted from now; a later call can only shorten it.
        """
        self.admission.drain(grace_s)

    async def stop(self, grace_s: float = 30.0) -> None:
        """Finish admitted jobs within the grace period, and end the threads."""
        self.drain(grace_s)
        await self._engine.stop(self.admission.remaining_grace_s())
        self._threads.shutdown()
        self._gil_threads.shutdown()


_MAX_TENSOR_FIELD: Final = 8
"""Elements of a tensor that is a field; a longer one is refused as an unknown tensor."""


def _read_tensor_fields(message: Message, names: Collection[str]) -> Message:
    """The message with the short lists of integers of these names as fields, which a file can hold as tensors alone."""
    lists = {
        name: tensor.array.tolist()
        for name, tensor in message.tensors.items()
        if name in names and tensor.array.ndim == 1 and tensor.array.size <= _MAX_TENSOR_FIELD
    }
    if not lists:
        return message
    tensors = {name: tensor for name, tensor in message.tensors.items() if name not in lists}
    return replace(message, tensors=tensors, json_fields={**message.json_fields, **lists})


def _with_defaults(message: Message, defaults: Mapping[str, object]) -> Message:
    """The message with these values of the fields that it does not give; null means that a field is not given."""
    texts = {name: text for name, text in message.text_fields.items() if not (name in defaults and text in NULL_TEXTS)}
    fields = {name: value for name, value in message.json_fields.items() if not (name in defaults and value is None)}
    added = {name: value for name, value in defaults.items() if name not in {*texts, *fields, *message.notes}}
    return replace(message, json_fields={**added, **fields}, text_fields=texts)


def _warm_up(catalogue: Catalogue, devices: tuple[Device, ...], limits: Limits) -> None:
    if limits.allow_compiled_loops:
        load_kernels()
    for device in devices:
        for member in catalogue:
            sample = member.samples[0]
            spec = member.of(**sample.fields).with_seed()
            tensors = member.example_inputs(sample)
            plan = make_plan(spec, {name: tensor.metadata for name, tensor in tensors.items()}, limits)
            run_plan(plan, tensors, device)


@lru_cache
def string_list(strings: tuple[str, ...]) -> str:
    """A list of strings in the syntax of RFC 8941, section 3.1."""
    return ", ".join(json.dumps(string) for string in strings)
