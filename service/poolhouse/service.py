"""The use case: an operator's name and a message in, a message out. The only module that joins the packages below.

``prepare`` decides everything that can be decided without touching a device; ``pool`` acts.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from time import monotonic
from typing import Literal, NamedTuple, TypeVar

import numpy as np

from poolhouse import describe, dtypes
from poolhouse.backend.cores import available_cores
from poolhouse.backend.devices import Device, choose_devices
from poolhouse.backend.heap import HeapTrimmer, find_malloc_trim
from poolhouse.backend.kernel_loading import load_kernels
from poolhouse.backend.payload import Payload
from poolhouse.backend.torch_worker import TorchWorker, run_plan
from poolhouse.batching.device_state import State as DeviceState
from poolhouse.batching.engine import Engine
from poolhouse.batching.memory import Lease, MemoryBudget
from poolhouse.batching.observer import Observer
from poolhouse.batching.offload import OffloadPool
from poolhouse.batching.worker import Worker
from poolhouse.errors import Unavailable, device_lost_error, draining_error
from poolhouse.operators.catalogue import Catalogue, discover
from poolhouse.operators.plan import Limits, Plan, make_plan
from poolhouse.operators.planner import Planner
from poolhouse.settings import Settings
from poolhouse.tensors import Message, Tensor, TensorMetadata

_CHECKED_ON_LOOP_BYTES = 1024 * 1024
"""Looking at every element of more than this would hold up the loop."""

_LITTLE_BYTES = 64 * 1024

_LOOKS_EVERY_S = 0.005
"""How old the time may be that a refusal names."""

Result = TypeVar("Result")

State = Literal["starting", "ready", "draining", "device_lost"]

SEED_HEADER = "Pool-Seed"
"""Names the seed of a random pooling, given or drawn, so that the same answer can be had again."""

WARNING_HEADER = "Pool-Warning"
"""Names the plan's warnings where nobody asked for the plan."""


class PreparedRequest(NamedTuple):
    """A request that can be pooled: its plan and its tensors.

    Attributes:
        plan: what will be done.
        tensors: the inputs.
        headers: what the answer must say beside its outputs.
        extra_bytes: what the request holds beside what its plan counts.
    """

    plan: Plan
    tensors: Mapping[str, Tensor]
    headers: Mapping[str, str]
    extra_bytes: int = 0

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs, in order."""
        return tuple(self.plan.outputs)

    @property
    def held_bytes(self) -> int:
        """What the request holds until it is answered."""
        return self.plan.held_bytes + self.extra_bytes


class PoolResult(NamedTuple):
    """The outputs, what belongs beside them, and where the time went, in seconds."""

    tensors: Mapping[str, Tensor]
    headers: Mapping[str, str]
    queue_s: float
    compute_s: float


class PoolingService:
    """Every operator of a catalogue on the devices of one engine.

    Args:
        catalogue: the operators.
        devices: where to run.
        limits: what one request may ask for.
        capacity_bytes: inputs and outputs held at once.
        inline_steps: work small enough to be done without handing it to a thread.
        device_hang_timeout_s: a batch that a device works on for longer has hung.
        make_worker: what drives a device; a test gives one that can be held.
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
        self._limits = limits
        self._planner = Planner(catalogue, limits)
        self._budget = MemoryBudget(capacity_bytes)
        self._heap = HeapTrimmer(lambda: self.held_bytes, find_malloc_trim())
        # Work for another device always goes through its worker: it would block the loop for the way there.
        # guard: inline-only-on-cpu
        self._inline_steps = inline_steps if all(device.name == "cpu" for device in devices) else -1
        self._engine = Engine(
            [(device.name, make_worker(device)) for device in devices],
            inline_steps=self._inline_steps,
            device_hang_timeout_s=device_hang_timeout_s,
        )
        self._threads = OffloadPool("beside", available_cores())
        # JSON is read and written by calls that keep the interpreter to themselves. The loop waits for one of them at
        # most: two at once would be no faster, and it would wait for both.
        self._gil_threads = OffloadPool("holding", 1)
        self._retry_after_s = self._retry_after_expires_at = 0.0
        self._is_warm = False
        self._drain_ends_at = math.inf

    @classmethod
    def from_settings(cls, settings: Settings) -> PoolingService:
        """All operators on the devices that the settings ask for, with their limits."""
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
        """Refuses all that the spec and the metadata_by_name can refuse; allocates nothing and touches no device."""
        metadata_by_name = {each: tensor.metadata for each, tensor in message.tensors.items()}
        return self.prepare_planned(
            self._planner.plan(operator, message.json_fields, message.text_fields, metadata_by_name, message.notes),
            message.tensors,
        )

    def prepare_planned(self, plan: Plan, tensors: Mapping[str, Tensor]) -> PreparedRequest:
        """A request whose plan is known by :meth:`plan_from_metadata`."""
        plan = plan.with_seed()
        seed = getattr(plan.spec, "seed", None)
        headers = {} if seed is None else {SEED_HEADER: str(seed)}
        if plan.warnings:
            headers[WARNING_HEADER] = _as_header(plan.warnings)
        return PreparedRequest(plan, tensors, headers)

    def plan_from_metadata(
        self, operator: str, metadata: Mapping[str, TensorMetadata], text_fields: Mapping[str, str]
    ) -> Plan:
        """Plan a request from the metadata of its tensors, before their elements have been received."""
        return self._planner.plan(operator, {}, text_fields, metadata)

    def _check_admission(self, deadline: float | None) -> None:
        if self.is_draining:
            raise draining_error()
        if deadline is not None:
            self._engine.check_meets_deadline(deadline)

    def admit(self, nbytes: int, deadline: float | None = None) -> Lease:
        """Reserve memory for a request before its body is read.

        Args:
            nbytes: what its headers tell of it.
            deadline: on the loop's clock; None for no deadline.

        Returns:
            a lease that the caller releases when the answer is written, or the caller is gone.

        Raises:
            Unavailable: ``overloaded`` or ``is_draining``.
            DeadlinePassed: by what waits already, this one's turn comes too late.
        """
        self._check_admission(deadline)
        return self.reserve(nbytes)

    def reserve(self, nbytes: int) -> Lease:
        """A lease for what is no pooling, and goes on while the service stops.

        Raises:
            Unavailable: ``overloaded``.
        """
        lease = self._budget.reserve(nbytes)
        # guard: full-budget-refuses
        if lease is None:
            raise self._overloaded(nbytes)
        self._heap.schedule_check()
        return lease

    def can_admit(self, nbytes: int) -> bool:
        """Whether a request that takes so many bytes is let in, without anybody else's giving way."""
        return self._drain_ends_at == math.inf and self._budget.can_reserve(nbytes)

    def pool_unreserved(
        self, plan: Plan, tensors: Mapping[str, Tensor], extra_bytes: int
    ) -> tuple[Payload, float] | None:
        """Pools what is answered before anything else can happen, so that nothing is held for it.

        Args:
            plan: of the request; settled.
            tensors: the inputs.
            extra_bytes: what the request takes beside what its plan counts.

        Returns:
            the request, pooled, and the seconds that it took; None for work that is not small, where there is no room,
            or where nobody is let in any more.

        Raises:
            Unprocessable: for elements that must not reach a kernel.
            Unavailable: ``device_lost``.
        """
        # guard: inline-needs-capacity
        if plan.steps > self._inline_steps or not self.can_admit(plan.held_bytes + extra_bytes):
            return None
        self._heap.schedule_check()
        return self._run_inline(plan, tensors)

    def pool_inline(self, prepared: PreparedRequest, lease: Lease) -> PoolResult | None:
        """Pools what is over before anyone could leave, without waiting; None for everything else.

        Args:
            prepared: from :meth:`prepare`.
            lease: from :meth:`admit`; set to what the plan needs.

        Raises:
            Unprocessable: for elements that must not reach a kernel.
            Unavailable: ``overloaded``, or ``device_lost``.
        """
        if prepared.plan.steps > self._inline_steps:
            return None
        self.resize_lease(lease, prepared.held_bytes)
        ran = self._run_inline(prepared.plan, prepared.tensors)
        return None if ran is None else PoolResult(ran[0].output_tensors(), prepared.headers, 0.0, ran[1])

    def _run_inline(self, plan: Plan, tensors: Mapping[str, Tensor]) -> tuple[Payload, float] | None:
        # guard: indices-are-checked-inline
        plan.spec.check_elements(tensors)
        payload = Payload(plan, tensors)
        if plan.is_empty:
            return payload, 0.0
        seconds = self._engine.run_inline(payload, plan.steps, plan.planes, plan.spec.name)
        return None if seconds is None else (payload, seconds)

    def resize_lease(self, lease: Lease, nbytes: int) -> None:
        """Sets a lease to what its request holds from now on, before that is taken; a little too much stays as it is.

        Raises:
            Unavailable: ``overloaded``.
        """
        # guard: lease-follows-plan
        if not nbytes <= lease.nbytes <= nbytes + _LITTLE_BYTES and not lease.resize(nbytes):
            raise self._overloaded(nbytes)

    async def pool(self, prepared: PreparedRequest, lease: Lease, deadline: float | None = None) -> PoolResult:
        """Pools a prepared request.

        Args:
            prepared: from :meth:`prepare`.
            lease: from :meth:`admit`; set to what the plan needs.
            deadline: on the loop's clock; None for no deadline.

        Raises:
            Unprocessable: for elements that must not reach a kernel; before anything waits.
            Unavailable, DeadlinePassed: see :meth:`batching.engine.Engine.submit`.
        """
        plan = prepared.plan
        self.resize_lease(lease, prepared.held_bytes)
        # guard: indices-are-checked, many-indices-are-checked-off-loop
        if plan.input_bytes > _CHECKED_ON_LOOP_BYTES:
            await self.run_in_thread(
                partial(plan.spec.check_elements, prepared.tensors), lease, "indices were checked", deadline
            )
        else:
            plan.spec.check_elements(prepared.tensors)
        payload = Payload(plan, prepared.tensors)
        if plan.is_empty:
            return PoolResult(payload.output_tensors(), prepared.headers, 0.0, 0.0)
        done = await self._engine.submit(payload.make_job(), lease, plan.spec.name, deadline)
        return PoolResult(payload.output_tensors(), prepared.headers, done.queue_s, done.compute_s)

    async def run_in_thread(
        self,
        work: Callable[[], Result],
        lease: Lease,
        activity: str,
        deadline: float | None = None,
        *,
        holds_gil: bool = False,
    ) -> Result:
        """Does what would hold the event loop for long, in a thread; see :meth:`batching.offload.OffloadPool.run`.

        Args:
            work: what to do.
            lease: from :meth:`admit`; held until it is done.
            doing: what is done, for the words of a refusal: "while {doing}".
            deadline: on the loop's clock; None for no deadline.
            holds_gil: whether other threads stand still meanwhile, the event loop's too.
        """
        threads = self._gil_threads if holds_gil else self._threads
        return await threads.run(work, lease, activity, deadline)

    def _overloaded(self, nbytes: int) -> Unavailable:
        memory_budget, now = self._budget, monotonic()
        if now >= self._retry_after_expires_at:
            # A full service refuses many in that time, and what waits is then hardly less.
            self._retry_after_s, self._retry_after_expires_at = self._engine.retry_after_s(), now + _LOOKS_EVERY_S
        wait_s = self._retry_after_s
        return Unavailable(
            "overloaded",
            f"{memory_budget.held_bytes} of {memory_budget.capacity_bytes} bytes are taken and "
            f"this request needs {nbytes}; try again in about {math.ceil(wait_s)} s.",
            retry_after_s=wait_s,
        )

    def plan(
        self,
        operator: str,
        metadata: Mapping[str, TensorMetadata],
        json_fields: Mapping[str, object],
        text_fields: Mapping[str, str],
    ) -> dict[str, object]:
        """What pooling tensors with these metadata_by_name would give and cost, or the refusal it would meet."""
        plan = self._planner.plan(operator, json_fields, text_fields, metadata)
        return describe.plan_card(plan, tuple(device.name for device in self._devices))

    @property
    def state(self) -> State:
        """How the service stands; requests are welcome where it is ready."""
        if self.is_draining:
            return "draining"
        if not self._is_warm:
            return "starting"
        return "ready" if "ready" in self._engine.device_states().values() else "device_lost"

    def check_ready(self) -> None:
        """Refuses, with the reason as its code, unless requests are welcome.

        Raises:
            Unavailable: ``starting``, ``is_draining`` or ``device_lost``.
        """
        state = self.state
        if state == "starting":
            raise Unavailable("starting", "the service is warming up; ask again in a moment.", retry_after_s=1)
        if state == "draining":
            raise draining_error()
        if state == "device_lost":
            raise device_lost_error()

    @property
    def is_draining(self) -> bool:
        """Whether new requests are turned away."""
        return self._drain_ends_at < math.inf

    @property
    def held_bytes(self) -> int:
        """Bytes that all admitted requests hold."""
        return self._budget.held_bytes

    @property
    def capacity_bytes(self) -> int:
        """How much may be held."""
        return self._budget.capacity_bytes

    @property
    def lease_count(self) -> int:
        """Requests that hold bytes: from their headers to the last byte of their answer."""
        return self._budget.lease_count

    @property
    def job_count(self) -> int:
        """Jobs that wait for a device or run on one."""
        return self._engine.job_count

    def device_states(self) -> dict[str, DeviceState]:
        """The state of each device by name."""
        return self._engine.device_states()

    def set_observer(self, observer: Observer) -> None:
        """Tells an observer what the engine does from now on."""
        self._engine.set_observer(observer)

    def devices(self) -> list[dict[str, object]]:
        """Each device with its state, for the platform's routes."""
        states = self._engine.device_states()
        return [
            {"name": device.name, "model": device.model, "ready": self._is_warm and states[device.name] == "ready"}
            for device in self._devices
        ]

    async def start(self) -> None:
        """Warms every operator up once on every device, so that no caller pays for a first time."""
        await asyncio.to_thread(self._warm_up)
        self._is_warm = True
        self._heap.start()

    def drain(self, grace_s: float = 30.0) -> None:
        """Turns new requests away; those that were admitted go on, also those whose body is still coming.

        Args:
            grace_s: how long :meth:`stop` may take, counted from now; a later call can only shorten it.
        """
        self._drain_ends_at = min(self._drain_ends_at, monotonic() + grace_s)

    async def stop(self, grace_s: float = 30.0) -> None:
        """Finishes what has begun, as far as the grace goes."""
        self.drain(grace_s)
        await self._engine.stop(max(0.0, self._drain_ends_at - monotonic()))
        self._threads.shutdown()
        self._gil_threads.shutdown()

    def _warm_up(self) -> None:
        if self._limits.allow_compiled_loops:
            load_kernels()
        for device in self._devices:
            for member in self.catalogue:
                sample = member.samples[0]
                shape = (1, 1, *sample.spatial[-member.rank :])
                dtype = dtypes.ELEMENT_TYPES[sample.dtype]
                tensors = {"input": Tensor(dtype, np.zeros(shape, dtype.storage))}
                if "indices" in member.inputs:
                    tensors["indices"] = Tensor(dtypes.INT64, np.zeros(shape, np.int64))
                spec = member.of(**sample.fields).with_seed()
                plan = make_plan(spec, {name: tensor.metadata for name, tensor in tensors.items()}, self._limits)
                run_plan(plan, tensors, device)


@lru_cache
def _as_header(warnings: tuple[str, ...]) -> str:
    """A list of strings, as RFC 8941 section 3.1 writes one."""
    return ", ".join(json.dumps(warning) for warning in warnings)
