"""The use case: an operator's name and a message in, a message out. The only room that joins the wings.

``prepare`` decides everything that can be decided without touching a device; ``pool`` acts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from poolhouse import describe, dtypes
from poolhouse.backend.cores import cores
from poolhouse.backend.devices import Device, choose_devices, use_threads
from poolhouse.backend.worker import run_plan
from poolhouse.batching.engine import Engine
from poolhouse.batching.job import Job
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
        self._engine = Engine(
            tuple(device.name for device in devices),
            room_bytes=room_bytes,
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

    async def pool(self, ticket: Ticket, deadline: float | None = None) -> Answer:
        """Pools a prepared request.

        Args:
            ticket: from :meth:`prepare`.
            deadline: on the loop's clock; None for no deadline.

        Raises:
            Unprocessable: for elements that must not reach a kernel; before anything waits.
        """
        plan = ticket.plan
        if plan.input_bytes > _CHECKED_ON_LOOP_BYTES:
            await asyncio.to_thread(plan.spec.check, ticket.tensors)
        else:
            plan.spec.check(ticket.tensors)
        job = Job(
            run=lambda index: run_plan(plan, ticket.tensors, self._devices[index]),
            held_bytes=plan.input_bytes + plan.output_bytes,
            steps=plan.work + plan.planes,
            deadline=deadline,
        )
        done = await self._engine.submit(job)
        return Answer(done.result, ticket.headers, done.queue_s, done.compute_s)

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
        return self._warm and not self._engine.draining

    @property
    def held_bytes(self) -> int:
        """Inputs and outputs of all requests in the house."""
        return self._engine.held_bytes

    def devices(self) -> list[dict[str, object]]:
        """Each device with its state, for the platform's routes."""
        return [{"name": device.name, "model": device.model, "ready": self.ready} for device in self._devices]

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
