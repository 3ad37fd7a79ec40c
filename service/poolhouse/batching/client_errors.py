"""Map an exception of a worker to the error that the client gets."""

from __future__ import annotations

from poolhouse.batching.worker import DeviceFault, OutOfMemory
from poolhouse.errors import InternalError, PoolhouseError, Unavailable, device_lost_error


def client_error(error: BaseException) -> Exception:
    """Return the error for the client; only a :class:`PoolhouseError` keeps its text."""
    if isinstance(error, PoolhouseError):
        return error
    # guard: out-of-memory-is-503
    if isinstance(error, OutOfMemory):
        return Unavailable(
            "overloaded",
            "The device has too little free memory for a single plane of this request; try again later.",
            retry_after_s=2,
        )
    if isinstance(error, DeviceFault):
        return device_lost_error()
    # guard: internal-errors-hide-details
    internal = InternalError("internal", "The service failed; its log has the cause.")
    internal.__cause__ = error
    return internal
