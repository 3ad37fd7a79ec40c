"""Read request bodies that hold no elements, such as shapes or settings, whole and within a small limit."""

from __future__ import annotations

from typing import Final

from starlette.types import Receive

from poolhouse.admission import Admission
from poolhouse.batching.memory import Lease
from poolhouse.rest.http.headers import Headers, content_length
from poolhouse.rest.http.request_body import read_body
from poolhouse.rest.http.transfer_limits import TransferLimits
from poolhouse.rest.routes.request_limits import UNREAD_BYTES, deadline_of, inflater_of

MAX_SMALL_BODY_BYTES: Final = 64 * 1024
"""The limit of these bodies; a kilobyte would be long."""


async def read_small_body(
    headers: Headers, receive: Receive, limits: TransferLimits, admission: Admission
) -> memoryview:
    """Read a body. One that was received with its head needs no lease; any other may take long, and gets one.

    Args:
        headers: of the request.
        receive: of ASGI.
        limits: of the body.
        admission: leases the memory.

    Raises:
        PoolhouseError: as :func:`..http.request_body.read_body` does.
    """
    leases: list[Lease] = []

    def reserve(nbytes: int, extra_bytes: int) -> None:
        held_bytes = UNREAD_BYTES + nbytes + extra_bytes
        if leases:
            admission.resize_lease(leases[0], held_bytes)
        else:
            leases.append(admission.reserve(held_bytes))

    try:
        return await read_body(
            receive,
            limits,
            length=content_length(headers),
            inflater=inflater_of(headers, limits),
            deadline=deadline_of(headers),
            reserve=reserve,
        )
    finally:
        for lease in leases:
            lease.release()
