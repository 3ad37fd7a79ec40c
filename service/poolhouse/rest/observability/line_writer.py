"""Write lines to the standard streams without blocking, even if the process at the other end stops reading.

- A thread writes, so that no request and no signal handler waits for the reader.
- The queue is bounded: when it is full, further lines are dropped.
- At exit the remaining lines are written, within a timeout: a stopped reader must not delay the exit.
- The thread writes to the file descriptor, not to ``sys.stderr``, whose buffer has a lock: an interpreter that exits
  while a daemon thread holds it aborts the process with SIGABRT.
"""

from __future__ import annotations

import os
import queue
import select
import threading
from collections.abc import Callable
from time import monotonic
from typing import Final

STANDARD_OUTPUT: Final = 1
STANDARD_ERROR: Final = 2

_QUEUED_LINES: Final = 10_000
# Enough for a slow reader to read a full pipe.
_CLOSE_TIMEOUT_S: Final = 2.0


class LineWriter:
    """Writes lines in a thread of its own.

    Args:
        write: writes one text; it may block.
        queued_lines: the most lines that may wait to be written.
    """

    def __init__(self, write: Callable[[str], object], queued_lines: int = _QUEUED_LINES) -> None:
        self._write = write
        self._lines: queue.Queue[str | None] = queue.Queue(queued_lines)
        # A daemon: a blocked write must not keep the process alive.
        self._thread = threading.Thread(target=self._run, name="poolhouse-lines", daemon=True)
        self._thread.start()

    def put(self, line: str) -> bool:
        """Queue a line; False if the queue is full and the line is dropped."""
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            return False
        return True

    def close(self, timeout_s: float = _CLOSE_TIMEOUT_S) -> None:
        """Write the queued lines and end the thread; after ``timeout_s`` give up."""
        ends_at = monotonic() + timeout_s
        try:
            self._lines.put(None, timeout=timeout_s)
        except queue.Full:
            return
        self._thread.join(max(0.0, ends_at - monotonic()))

    def _run(self) -> None:
        while (line := self._lines.get()) is not None:
            self._write(line + "\n")


def descriptor_writer(descriptor: int) -> Callable[[str], None]:
    """A function that writes a text to a file descriptor. If that fails, as for a closed pipe, the text is lost."""

    def write(text: str) -> None:
        unwritten = memoryview(text.encode("utf-8", "backslashreplace"))
        while unwritten:
            try:
                unwritten = unwritten[os.write(descriptor, unwritten) :]
            except BlockingIOError:
                # The parent process shares the file and has made it non-blocking.
                select.select((), (descriptor,), ())
            except OSError:
                return

    return write


def fill_closed_streams() -> None:
    """Open the null device for each closed standard stream.

    Otherwise the next sockets get descriptors 0 to 2: output for standard error would be sent to a client, and libuv
    aborts the process when it closes one of them.
    """
    while (opened := os.open(os.devnull, os.O_RDWR)) <= STANDARD_ERROR:
        os.set_inheritable(opened, True)
    os.close(opened)
