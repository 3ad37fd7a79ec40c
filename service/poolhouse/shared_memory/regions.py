"""The registered regions: parts of shared memory objects, by the names that requests use."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Final, Literal, NamedTuple, Protocol

from poolhouse.errors import NotFound, TooLarge, Unavailable, Unprocessable, Unsupported
from poolhouse.shared_memory.cuda_object import CudaDriver, CudaObject, cuda_driver
from poolhouse.shared_memory.posix_object import DIRECTORY, PosixObject
from poolhouse.wire.open_inference.request import InferInput, RegionRange, field_error
from poolhouse.wire.quoting import quote_clipped

MAX_OBJECTS: Final = 256
"""The most open objects, registered or in use by requests. Each takes a file descriptor, like a connection."""
MAX_NAME_CHARS: Final = 128
"""The longest name of a region."""


Kind = Literal["system", "cuda"]
"""Whether a region is a POSIX object or memory of a GPU."""


class RegionObject(Protocol):
    """Opened memory of another process; see :class:`.posix_object.PosixObject`."""

    @property
    def nbytes(self) -> int:
        """Its current size."""
        ...

    def read(self, offset: int, nbytes: int) -> memoryview:
        """Copy a range."""
        ...

    def write(self, offset: int, elements: memoryview) -> None:
        """Write a range."""
        ...


class Region(NamedTuple):
    """A registered region.

    Attributes:
        name: given by the client.
        key: of the POSIX object, as the client gave it; empty for memory of a GPU.
        device_id: the GPU; None for a POSIX object.
        offset: of the region in the object, in bytes.
        nbytes: its length.
        opened: the object. Unfinished requests refer to it too, so it stays open until the last of them has ended.
    """

    name: str
    key: str
    device_id: int | None
    offset: int
    nbytes: int
    opened: RegionObject


class RegionWriter:
    """Writes an output into a range of a region, even if that is unregistered meanwhile.

    Args:
        opened: the object.
        offset: of the range in the object.
        nbytes: of the output.
    """

    def __init__(self, opened: RegionObject, offset: int, nbytes: int) -> None:
        self._object = opened
        self._offset = offset
        self._nbytes = nbytes

    def write(self, elements: memoryview) -> None:
        """Write the bytes of the output; thread-safe.

        Raises:
            Unprocessable: the client has made the object shorter.
            Unavailable: the system has no shared memory left.
        """
        assert len(elements) == self._nbytes, (len(elements), self._nbytes)
        self._object.write(self._offset, elements)


class SharedMemory:
    """The registered regions; thread-safe.

    Args:
        enabled: whether clients may register regions.
        max_input_bytes: the most bytes of regions that one request may read, since it copies them.
        gpus: the GPUs of the service, whose memory clients may share, too.
        directory: of the shared memory objects.
        driver: returns the CUDA driver; called when memory of a GPU is registered.
    """

    def __init__(
        self,
        *,
        enabled: bool,
        max_input_bytes: int,
        gpus: Collection[int] = (),
        directory: Path = DIRECTORY,
        driver: Callable[[], CudaDriver] = cuda_driver,
    ) -> None:
        self._gpus = frozenset(gpus)
        self._driver = driver
        self._enabled = enabled
        self._max_input_bytes = max_input_bytes
        self._directory = directory
        self._is_available = directory.is_dir()
        self._lock = threading.Lock()
        self._regions: dict[str, Region] = {}
        self._objects = weakref.WeakSet[RegionObject]()

    def check_enabled(self) -> None:
        """Refuse shared memory where it is turned off, or where the system has none.

        Raises:
            Unsupported: always then.
        """
        # guard: shared-memory-is-off-by-default
        if not self._enabled:
            raise Unsupported(
                "unsupported",
                "Shared memory is turned off. Start the service with POOLHOUSE_SHARED_MEMORY=true if all of its "
                "clients are trusted processes of the same machine, or send the tensors as binary data.",
            )
        if not self._is_available:
            raise Unsupported(
                "unsupported",
                "The system of the service has no POSIX shared memory in /dev/shm, as Linux has. Send the tensors as "
                "binary data.",
            )

    def register(self, name: str, key: str, offset: int, nbytes: int) -> None:
        """Register a region.

        Args:
            name: by which requests refer to it.
            key: of the shared memory object, as given to ``shm_open``.
            offset: of the region in the object, in bytes.
            nbytes: its length.

        Raises:
            Unsupported: see :meth:`check_enabled`.
            Unprocessable: the name is taken or too long, there is no such object, or the region exceeds it.
            Unavailable: too many objects are open.
        """
        self.check_enabled()
        self._add(name, key, None, offset, nbytes, lambda: PosixObject(key, self._directory))

    def register_cuda(self, name: str, handle: bytes, device_id: int, nbytes: int) -> None:
        """Register memory of another process on a GPU.

        Args:
            name: by which requests refer to it; system and GPU regions share one name space.
            handle: a ``cudaIpcMemHandle_t``, 64 bytes.
            device_id: the GPU, as the service numbers it.
            nbytes: the length of the region, from the address of the handle on.

        Raises:
            Unsupported: see :meth:`check_enabled`; or the service pools on no such GPU.
            Unprocessable: the name is taken or too long, the handle opens nothing, or the region exceeds its memory.
            Unavailable: too many objects are open.
        """
        self.check_enabled()
        if device_id not in self._gpus:
            used = f"its GPUs are {', '.join(map(str, sorted(self._gpus)))}" if self._gpus else "it uses no GPU"
            raise Unsupported(
                "unsupported",
                f"The service cannot open memory on the GPU {device_id}: {used}. Use system shared memory, or send the "
                "tensors as binary data.",
            )
        driver = self._driver()
        self._add(name, "", device_id, 0, nbytes, lambda: CudaObject(handle, device_id, driver))

    def _add(
        self,
        name: str,
        key: str,
        device_id: int | None,
        offset: int,
        nbytes: int,
        open_object: Callable[[], RegionObject],
    ) -> None:
        if not name.isprintable() or not 0 < len(name) <= MAX_NAME_CHARS:
            raise Unprocessable(
                "invalid_data",
                f"The name {quote_clipped(name)} of a region must have 1 to {MAX_NAME_CHARS} printable characters.",
            )
        with self._lock:
            if name in self._regions:
                raise Unprocessable(
                    "invalid_data",
                    f"There is a region {quote_clipped(name)} already; unregister it, or take another name.",
                )
            # guard: open-objects-have-limit
            if len(self._objects) >= MAX_OBJECTS:
                raise Unavailable(
                    "overloaded",
                    f"{MAX_OBJECTS} shared memory regions are registered or in use; unregister some.",
                    retry_after_s=1,
                )
            opened = open_object()
            self._objects.add(opened)
            size = opened.nbytes
            # Python's integers cannot overflow.
            # guard: region-is-inside-object
            if offset < 0 or nbytes < 1 or offset + nbytes > size:
                raise field_error(
                    "/byte_size",
                    f"A region of {nbytes} bytes at offset {offset} is not inside its object of {size} bytes; "
                    "offset and byte_size together may be at most that, and byte_size at least 1.",
                    "range",
                )
            self._regions[name] = Region(name, key, device_id, offset, nbytes, opened)

    def unregister(self, name: str, kind: Kind = "system") -> None:
        """Forget a region, if there is one of this kind. Requests that use it end as if it were still registered."""
        with self._lock:
            if name in self._regions and _kind(self._regions[name]) == kind:
                del self._regions[name]

    def unregister_all(self, kind: Kind | None = None) -> None:
        """Forget all regions of a kind; without one, of both."""
        with self._lock:
            self._regions = {name: each for name, each in self._regions.items() if kind and _kind(each) != kind}

    def regions(self, kind: Kind = "system") -> tuple[Region, ...]:
        """All regions of a kind, in the order of their registration."""
        with self._lock:
            return tuple(each for each in self._regions.values() if _kind(each) == kind)

    def find(self, name: str, kind: Kind = "system") -> Region:
        """The region of this name and kind.

        Raises:
            NotFound: there is none.
        """
        with self._lock:
            found = self._regions.get(name)
        if found is None or _kind(found) != kind:
            raise NotFound("unknown_region", _unknown(name))
        return found

    def check_inputs(self, inputs: Iterable[InferInput]) -> None:
        """Check the inputs of a request that are in regions, before memory is reserved for their copies.

        Raises:
            Unsupported: see :meth:`check_enabled`.
            Unprocessable: there is no such region, or a range exceeds it.
            TooLarge: a request may not copy so much.
        """
        ranges = [each.region for each in inputs if each.region is not None]
        for each in ranges:
            self._locate(each)
        nbytes = sum(each.nbytes for each in ranges)
        # An object may have any size without taking memory, and a lone request is admitted whatever it holds.
        # guard: shared-inputs-have-limit
        if nbytes > self._max_input_bytes:
            raise TooLarge(
                "body_too_large",
                f"The inputs in shared memory have {nbytes} bytes; like those of a body, they may have "
                f"{self._max_input_bytes}. Send fewer rows in each request: pooling never mixes rows, so the joined "
                "responses are the same result.",
                limit_bytes=self._max_input_bytes,
            )

    def read(self, source: RegionRange) -> memoryview:
        """Copy a range of a region.

        Returns:
            A buffer that the client cannot change.

        Raises:
            Unsupported: see :meth:`check_enabled`.
            Unprocessable: there is no such region, the range exceeds it, or the client has made the object shorter.
        """
        opened, offset = self._locate(source)
        return opened.read(offset, source.nbytes)

    def writer(self, target: RegionRange, nbytes: int) -> RegionWriter:
        """Make a writer of an output, which keeps the object open.

        Args:
            target: the range.
            nbytes: of the output; at most those of the range.

        Raises:
            Unsupported: see :meth:`check_enabled`.
            Unprocessable: there is no such region, or the range exceeds it.
        """
        assert nbytes <= target.nbytes, "resolving the request has checked it"
        opened, offset = self._locate(target)
        return RegionWriter(opened, offset, nbytes)

    def _locate(self, found: RegionRange) -> tuple[RegionObject, int]:
        """The object of a range, and the range's offset in it."""
        self.check_enabled()
        with self._lock:
            region = self._regions.get(found.region)
        if region is None:
            # Triton's status is 400: the path exists, and the request is wrong.
            raise Unprocessable("invalid_data", _unknown(found.region))
        # guard: range-is-inside-region
        if found.offset < 0 or found.offset + found.nbytes > region.nbytes:
            raise Unprocessable(
                "invalid_data",
                f"The range of {found.nbytes} bytes at offset {found.offset} is not inside the shared memory region "
                f"{quote_clipped(region.name)}, which has {region.nbytes} bytes.",
            )
        return region.opened, region.offset + found.offset


def _kind(region: Region) -> Kind:
    return "system" if region.device_id is None else "cuda"


def _unknown(name: str) -> str:
    return (
        f"There is no shared memory region {quote_clipped(name)}; register it with "
        "POST /v2/systemsharedmemory/region/{name}/register."
    )
