"""The use case: an operator's name and a message in, a message out. The only room that joins the wings.

``prepare`` decides everything that can be decided without touching a device; ``pool`` acts.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from poolhouse import describe, dtypes
from poolhouse.backend.cores import cores
from poolhouse.backend.devices import Device, choose_devices, use_threads
from poolhouse.backend.worker import Load, TorchWorker, run_plan
from poolhouse.batching.engine import Engine
from poolhouse.batching.ledger import Lease, Ledger
from poolhouse.errors import Unavailable
from poolhouse.operators.catalogue import Catalogue, discover
from poolhouse.operators.operator import Limits, Plan
from poolhouse.operators.planner import Planner
from poolhouse.settings import Settings
from poolhouse.tensors import Message, Outline, Tensor

_CHECKED_ON_LOOP_BYTES = 1024 * 1024
"""Looking at every element of more than this would hold up the loop."""

SEED_HEADER = "Pool-Seed"
"""Names the seed of a random pooling, given or drawn, so that the same answer can be had again."""


@dataclass(frozen=True, slots=True, eq=False)
class Ticket:
    """A request that can be pooled: its plan and its tensors.

    Attributes:
        plan: what will be done.
        tensors: the inputs.
        headers: what the answer must say beside its outputs.
    """

    plan: Plan
    tensors: Mapping[str, Tensor]
    headers: Mapping[str, str]

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs, in order."""
        return tuple(self.plan.outputs)


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """The outputs, what belongs beside them, and where the time went, in seconds."""

    tensors: Mapping[str, Tensor]
    headers: Mapping[str, str]
    queue_s: float
    compute_s: float


class Pooling:
    """Every operator of a catalogue on the devices of one engine.

    Args:
        catalogue: the operators.
        devices: where to run.
        limits: what one request may ask for.
        room_bytes: inputs and outputs held at once.
        inline_steps: work small enough to be done without handing it to a thread.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        devices: tuple[Device, ...],
        limits: Limits,
        *,
        room_bytes: int,
        inline_steps: int,
    ) -> None:
        self.catalogue = catalogue
        self._devices = devices
        self._limits = limits
        self._planner = Planner(catalogue, limits)
        self._ledger = Ledger(room_bytes)
        self._engine = Engine(
            [(device.name, TorchWorker(device)) for device in devices],
            # Work for another device always goes through its worker: it would block the loop for the way there.
            inline_steps=inline_steps if all(device.name == "cpu" for device in devices) else -1,
        )
        self._warm = False

    @classmethod
    def from_settings(cls, settings: Settings) -> Pooling:
        """All operators on the devices that the settings ask for, with their limits."""
        use_threads(settings.cpu_threads or cores())
        return cls(
            discover(),
            choose_devices(settings.device),
            Limits(output_bytes=settings.max_output_bytes, work=settings.max_work),
            room_bytes=settings.max_queue_bytes,
            inline_steps=settings.inline_work,
        )

    def prepare(self, name: str, message: Message) -> Ticket:
        """Refuses all that the spec and the outlines can refuse; allocates nothing and touches no device."""
        outlines = {each: tensor.outline for each, tensor in message.tensors.items()}
        plan = self._planner.plan(name, message.values, message.texts, outlines).settled()
        seed = getattr(plan.spec, "seed", None)
        return Ticket(plan, message.tensors, {} if seed is None else {SEED_HEADER: str(seed)})

    def admit(self, nbytes: int) -> Lease:
        """Room for a request, taken before its body is read.

        Args:
            nbytes: what its headers tell of it.

        Returns:
            a lease that the caller releases when the answer is written, or the caller is gone.

        Raises:
            Unavailable: ``overloaded`` or ``draining``.
        """
        if self._engine.draining:
            raise Unavailable("draining", "the service is shutting down; use another instance.", retry_after_s=1)
        lease = self._ledger.lease(nbytes)
        if lease is None:
            raise self._overloaded(nbytes)
        return lease

    async def pool(self, ticket: Ticket, lease: Lease, deadline: float | None = None) -> Answer:
        """Pools a prepared request.

        Args:
            ticket: from :meth:`prepare`.
            lease: from :meth:`admit`; set to what the plan needs.
            deadline: on the loop's clock; None for no deadline.

        Raises:
            Unprocessable: for elements that must not reach a kernel; before anything waits.
            Unavailable, DeadlinePassed: see :meth:`batching.engine.Engine.submit`.
        """
        plan = ticket.plan
        if not lease.resize(max(lease.nbytes, plan.held_bytes)):
            raise self._overloaded(plan.held_bytes)
        if plan.input_bytes > _CHECKED_ON_LOOP_BYTES:
            await asyncio.to_thread(plan.spec.check, ticket.tensors)
        else:
            plan.spec.check(ticket.tensors)
        load = Load(plan, ticket.tensors)
        if plan.nothing_to_pool:
            return Answer(load.answer(), ticket.headers, 0.0, 0.0)
        done = await self._engine.submit(load.job(), lease, plan.spec.name, deadline)
        return Answer(load.answer(), ticket.headers, done.queue_s, done.compute_s)

    def _overloaded(self, nbytes: int) -> Unavailable:
        ledger, wait_s = self._ledger, self._engine.retry_after_s()
        return Unavailable(
            "overloaded",
            f"{ledger.held_bytes} of {ledger.room_bytes} bytes are taken and this request needs {nbytes}; "
            f"try again in about {math.ceil(wait_s)} s.",
            retry_after_s=wait_s,
        )

    def plan(
        self,
        name: str,
        outlines: Mapping[str, Outline],
        values: Mapping[str, object],
        texts: Mapping[str, str],
    ) -> dict[str, object]:
        """What pooling tensors with these outlines would give and cost, or the refusal it would meet."""
        plan = self._planner.plan(name, values, texts, outlines)
        return describe.plan_card(plan, tuple(device.name for device in self._devices))

    @property
    def ready(self) -> bool:
        """Whether requests are welcome: warmed up, and not draining."""
        return self._warm and not self._engine.draining and "ready" in self._engine.states().values()

    @property
    def held_bytes(self) -> int:
        """Inputs and outputs of all requests in the house."""
        return self._ledger.held_bytes

    def devices(self) -> list[dict[str, object]]:
        """Each device with its state, for the platform's routes."""
        states = self._engine.states()
        return [
            {"name": device.name, "model": device.model, "ready": self._warm and states[device.name] == "ready"}
            for device in self._devices
        ]

    async def start(self) -> None:
        """Warms every operator up once on every device, so that no caller pays for a first time."""
        await asyncio.to_thread(self._warm_up)
        self._warm = True

    def drain(self) -> None:
        """Turns new requests away; those that are in go on."""
        self._engine.drain()

    async def stop(self) -> None:
        """Finishes what has begun."""
        await self._engine.stop()

    def _warm_up(self) -> None:
        for device in self._devices:
            for member in self.catalogue:
                sample = member.samples[0]
                shape = (1, 1, *sample.spatial[-member.rank :])
                dtype = dtypes.ELEMENT_TYPES[sample.dtype]
                tensors = {"input": Tensor(dtype, np.zeros(shape, dtype.storage))}
                if "indices" in member.inputs:
                    tensors["indices"] = Tensor(dtypes.INT64, np.zeros(shape, np.int64))
                spec = member.of(**sample.fields).settled()
                plan = spec.plan({name: tensor.outline for name, tensor in tensors.items()}, self._limits)
                run_plan(plan, tensors, device)
