"""Sample the use of GPUs in a thread, since the driver may take long to answer, and never answers for a hung GPU."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

from poolhouse.backend.gpu_usage import GpuUsage, read_gpu_usage

LONGEST_WAIT_S: Final = 0.5
"""The longest wait for a new sample; after it the last one is shown."""


class GpuSampler:
    """Keeps the latest sample of each GPU.

    Args:
        names: torch's names of the GPUs.
        read: reads a sample.
        longest_wait_s: the longest wait of :meth:`refresh`.

    Attributes:
        latest: the samples of the last time that all GPUs answered; GPUs that failed are left out.
    """

    def __init__(
        self,
        names: Iterable[str],
        read: Callable[[str], GpuUsage | None] = read_gpu_usage,
        longest_wait_s: float = LONGEST_WAIT_S,
    ) -> None:
        self._names = tuple(names)
        self._read = read
        self._longest_wait_s = longest_wait_s
        self._running: asyncio.Future[None] | None = None
        self.latest: tuple[GpuUsage, ...] = ()

    async def refresh(self) -> None:
        """Take a new sample; calls while one is taken share it, so that a hung GPU blocks one thread."""
        if not self._names:
            return
        if self._running is None:
            loop = asyncio.get_running_loop()
            self._running = loop.create_future()
            # A daemon, since the process must be able to end while a GPU hangs.
            threading.Thread(target=self._sample, args=(loop,), name="gpu-usage", daemon=True).start()
        await asyncio.wait((self._running,), timeout=self._longest_wait_s)

    def _sample(self, loop: asyncio.AbstractEventLoop) -> None:
        found = [self._read(name) for name in self._names]
        # The event loop may have been closed.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(self._finish, tuple([each for each in found if each is not None]))

    def _finish(self, samples: tuple[GpuUsage, ...]) -> None:
        self.latest = samples
        if self._running is not None:
            self._running.set_result(None)
            self._running = None
