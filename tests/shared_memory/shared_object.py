"""A POSIX shared memory object of a client, and the descriptors of this process that refer to it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from poolhouse.shared_memory.posix_object import DIRECTORY


class SharedObject:
    """An object, as its client sees it.

    Args:
        path: of its file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def key(self) -> str:
        """The key, as clients give it to ``shm_open``."""
        return f"/{self.path.name}"

    def write(self, elements: bytes, offset: int = 0) -> None:
        """Write bytes; the object is as long as before, or longer."""
        with self.path.open("r+b") as file:
            file.seek(offset)
            file.write(elements)

    def read(self, offset: int = 0, nbytes: int = -1) -> bytes:
        """Read bytes; -1 for all."""
        with self.path.open("rb") as file:
            file.seek(offset)
            return file.read(nbytes)

    def truncate(self, nbytes: int) -> None:
        """Change the length."""
        os.truncate(self.path, nbytes)

    def unlink(self) -> None:
        """Remove the name; the object lives until nobody has it open."""
        self.path.unlink(missing_ok=True)

    @property
    def descriptors(self) -> int:
        """How many descriptors of this process refer to the object, whether it has a name or not."""
        # A removed file is shown with " (deleted)" behind its name.
        return sum(_target(each).startswith(str(self.path)) for each in Path("/proc/self/fd").iterdir())


def _target(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except FileNotFoundError:
        # Another thread has closed it since the folder was listed.
        return ""


@contextmanager
def shared_object(nbytes: int, directory: Path = DIRECTORY) -> Iterator[SharedObject]:
    """Make an object of zeros for the time of the block."""
    made = SharedObject(directory / f"pool_test_{secrets.token_hex(8)}")
    made.path.touch(mode=0o600, exist_ok=False)
    try:
        made.truncate(nbytes)
        yield made
    finally:
        made.unlink()
