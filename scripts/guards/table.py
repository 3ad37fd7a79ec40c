"""All guards, by group, in the order of docs/guards.md.

``scripts/prove_guards`` removes each guard in a copy of the checkout and runs its test. ``tests/test_guards.py`` checks
that entries and markers match.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from guards import (
    admission,
    deadlines,
    devices,
    disconnects,
    failed_batches,
    failed_callbacks,
    memory,
    metrics,
    open_inference,
    pictures,
    poolings,
    rpc,
    scheduling,
    shared_memory,
    shutdown,
    slow_bodies,
    slow_readers,
    traces,
)
from guards.guard import Guard

GROUPS: Final[Mapping[str, Sequence[Guard]]] = {
    "Scheduling": scheduling.GUARDS,
    "Batches that fail": failed_batches.GUARDS,
    "Callbacks that raise": failed_callbacks.GUARDS,
    "Devices that break or hang": devices.GUARDS,
    "Memory": memory.GUARDS,
    "Admission": admission.GUARDS,
    "Shared memory": shared_memory.GUARDS,
    "Deadlines": deadlines.GUARDS,
    "Clients that disconnect": disconnects.GUARDS,
    "Slow request bodies": slow_bodies.GUARDS,
    "Clients that read slowly": slow_readers.GUARDS,
    "Shutdown": shutdown.GUARDS,
    "Pictures and forms": pictures.GUARDS,
    "Several poolings": poolings.GUARDS,
    "Traces": traces.GUARDS,
    "Metrics": metrics.GUARDS,
    "Open Inference Protocol": open_inference.GUARDS,
    "gRPC": rpc.GUARDS,
}
GUARDS: Final[Sequence[Guard]] = tuple(guard for guards in GROUPS.values() for guard in guards)
