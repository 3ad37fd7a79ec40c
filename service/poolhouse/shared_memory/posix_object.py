"""POSIX shared memory objects as files: opened by their key, read and written at positions.

They are never mapped. A client can make its object shorter at any time, and a process that touches a mapped page
behind the end gets SIGBUS, which would end the service for all clients; a read of the file just returns fewer bytes.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import weakref
from pathlib import Path
from typing import Final

from poolhouse.buffers import BUFFER_POOL
from poolhouse.errors import PoolhouseError, Unavailable, Unprocessable
from poolhouse.wire.open_inference.request import field_error
from poolhouse.wire.quoting import quote_clipped

DIRECTORY: Final = Path("/dev/shm")
RESERVED_PREFIXES: Final = ("poolhouse", "sem.", "torch_", "__KMP_")
"""Names of objects that are no tensors of a client: our own, POSIX semaphores, and those of torch and OpenMP."""
_MAX_NAME_BYTES: Final = 255
# A symbolic link could lead out of the directory, and opening a named pipe could wait for ever.
# guard: shared-memory-follows-no-link
_OPEN_FLAGS: Final = (
    0 if sys.platform == "win32" else os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY | os.O_NOFOLLOW
)
_BUSY: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EDQUOT})
_OPEN_PROBLEMS: Final = {
    errno.ENOENT: "there is none of this name; create it before, and let both processes use the same /dev/shm",
    errno.EACCES: "the user of the service may not read and write it; run both as one user, or change its mode",
    errno.ELOOP: "it is a symbolic link; name the object itself",
    errno.EISDIR: "it is a directory",
    errno.ENXIO: "it is a socket",
}


class PosixObject:
    """An open object. It is closed with the last reference to it, so a request may use it longer than it is registered.

    Args:
        key: the name given to ``shm_open``, with or without the slash before it.
        directory: of the objects.

    Raises:
        Unprocessable: the key is invalid, or there is no such object.
        Unavailable: the process or the system has too many open files.
    """

    def __init__(self, key: str, directory: Path = DIRECTORY) -> None:
        path = os.fsencode(directory) + b"/" + check_key(key)
        try:
            self._descriptor = os.open(path, _OPEN_FLAGS)
        except OSError as error:
            raise _open_error(key, error) from None
        # guard: shared-memory-is-regular-file
        if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
            # The traceback of the error refers to this object.
            os.close(self._descriptor)
            raise _key_error(key, "it is no shared memory object")
        weakref.finalize(self, os.close, self._descriptor).atexit = False

    @property
    def nbytes(self) -> int:
        """Its current size; the client may change it at any time."""
        return os.fstat(self._descriptor).st_size

    def read(self, offset: int, nbytes: int) -> memoryview:
        """Copy a range; thread-safe.

        Returns:
            A buffer of its own, which the client cannot change.

        Raises:
            Unprocessable: the object ends before the end of the range.
        """
        buffer = BUFFER_POOL.acquire(nbytes)
        done = 0
        while done < nbytes:
            try:
                count = os.preadv(self._descriptor, [buffer[done:]], offset + done)
            except OSError as error:
                raise _transfer_error(error) from None
            # guard: short-read-is-refused
            if not count:
                raise _shortened_error(offset + nbytes, self.nbytes)
            done += count
        return buffer

    def write(self, offset: int, elements: memoryview) -> None:
        """Write a range; thread-safe.

        Raises:
            Unprocessable: the object ends before the end of the range.
            Unavailable: the system has no shared memory left.
        """
        end = offset + len(elements)
        # Writing behind the end would make the object longer, at the cost of the service's memory.
        # guard: write-does-not-grow-object
        if end > self.nbytes:
            raise _shortened_error(end, self.nbytes)
        done = 0
        while done < len(elements):
            try:
                count = os.pwritev(self._descriptor, [elements[done:]], offset + done)
            except OSError as error:
                raise _transfer_error(error) from None
            if not count:
                raise _shortened_error(end, self.nbytes)
            done += count


def check_key(key: str) -> bytes:
    """The name of the file of an object.

    Raises:
        Unprocessable: no object of a client can have this key.
    """
    name = key.removeprefix("/")
    # guard: key-stays-in-directory
    if not name or "/" in name or name in (".", "..") or not name.isprintable():
        raise _key_error(key, 'write a name such as "/pool_input", without another slash or control characters')
    encoded = name.encode()
    if len(encoded) > _MAX_NAME_BYTES:
        raise _key_error(key, f"it has {len(encoded)} bytes; the system allows {_MAX_NAME_BYTES}")
    # guard: reserved-objects-are-refused
    if name.startswith(RESERVED_PREFIXES):
        raise _key_error(key, f"names that start with {', '.join(RESERVED_PREFIXES)} are reserved")
    return encoded


def _key_error(key: str, reason: str) -> Unprocessable:
    return field_error("/key", f"The shared memory object {quote_clipped(key)} cannot be used: {reason}.", "range")


def _open_error(key: str, error: OSError) -> PoolhouseError:
    if error.errno in _BUSY:
        return _transfer_error(error)
    return _key_error(key, _OPEN_PROBLEMS.get(error.errno or 0, f"the system refuses it ({_name_of(error)})"))


def _transfer_error(error: OSError) -> PoolhouseError:
    if error.errno in _BUSY:
        return Unavailable(
            "overloaded",
            "The system has no shared memory or no file descriptors left. Unregister regions, unlink their objects, or "
            "try again in a moment.",
            retry_after_s=1,
        )
    return Unprocessable(
        "invalid_data",
        f"The system refuses to read or write the shared memory object ({_name_of(error)}); make a new one.",
    )


def _name_of(error: OSError) -> str:
    # Its text would have the path.
    return errno.errorcode.get(error.errno or 0, "unknown error")


def _shortened_error(needed: int, found: int) -> Unprocessable:
    return Unprocessable(
        "invalid_data",
        f"The range of shared memory ends at byte {needed} of its object, which now has {found} bytes: it was made "
        "shorter after it was registered. Keep its size, or register it again.",
    )
