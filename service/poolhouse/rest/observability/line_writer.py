"""Lines on their way to the standard streams, whose readers may stop reading, or may never have been there.

The rules:

- a thread writes, so that no request and no signal waits for a reader;
- beyond some thousands that nobody has read, lines are not taken;
- at the end what is left is waited for, but not for long: a reader who has stopped must not hold up the exit;
- the thread writes to the file's descriptor, past Python's buffer: that has a lock, and an interpreter that ends while
  a thread holds it ends the process with SIGABRT.
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

_UNREAD_LINES: Final = 10_000
# A reader who is only slow has read what a pipe holds long before.
_LAST_LINES_S: Final = 2.0


class LineWriter:
    """Writes lines in a thread of its own.

    Args:
        write: writes one text; it may wait for its reader as long as it likes.
        unread_lines: so many lines may wait to be written.
    """

    def __init__(self, write: Callable[[str], object], unread_lines: int = _UNREAD_LINES) -> None:
        self._write = write
        self._lines: queue.Queue[str | None] = queue.Queue(unread_lines)
        # A daemon: the process must not wait for it when it is stuck.
        self._thread = threading.Thread(target=self._work, name="poolhouse-lines", daemon=True)
        self._thread.start()

    def put(self, line: str) -> bool:
        """Have a line written; False where too many wait already, and it is not."""
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            return False
        return True

    def close(self, wait_s: float = _LAST_LINES_S) -> None:
        """Write what waits, as far as that is done within some seconds; then no more is written.

        Args:
            wait_s: how long a reader is waited for.
        """
        ends = monotonic() + wait_s
        try:
            self._lines.put(None, timeout=wait_s)
        except queue.Full:
            return
        self._thread.join(max(0.0, ends - monotonic()))

    def _work(self) -> None:
        while (line := self._lines.get()) is not None:
            self._write(line + "\n")


def descriptor_writer(descriptor: int) -> Callable[[str], None]:
    """What writes a text to an open file; where that fails, as with a reader who has gone, the text is lost."""

    def write(text: str) -> None:
        rest = memoryview(text.encode("utf-8", "backslashreplace"))
        while rest:
            try:
                rest = rest[os.write(descriptor, rest) :]
            except BlockingIOError:
                # Whoever started us shares the file, and has set it so.
                select.select((), (descriptor,), ())
            except OSError:
                return

    return write


def fill_closed_streams() -> None:
    """Open the null device where a standard stream is closed.

    Else the next files and sockets get their numbers: what is meant for standard error goes to a caller, and libuv ends
    the process where it has to close one of them.
    """
    while (opened := os.open(os.devnull, os.O_RDWR)) <= STANDARD_ERROR:
        os.set_inheritable(opened, True)
    os.close(opened)
