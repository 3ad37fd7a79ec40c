"""Small bodies are read within their limit, and hold memory only while they arrive."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Message

from poolhouse.errors import TooLarge
from poolhouse.rest.app import create_app
from poolhouse.rest.http.transfer_limits import TransferLimits
from poolhouse.rest.routes.small_body import read_small_body
from poolhouse.settings import Settings

LIMITS = TransferLimits(8, 1.0, "Send less.")


def read(*pieces: bytes, length: int | None = None) -> tuple[bytes, list[int]]:
    """The body that is read, and the numbers of leases while its pieces arrived and afterwards."""
    pooling = create_app(Settings.model_validate({"device": "cpu"})).service.pooling
    leases: list[int] = []
    rest = list(pieces)

    async def receive() -> Message:
        leases.append(pooling.status.lease_count)
        return {"type": "http.request", "body": rest.pop(0), "more_body": bool(rest)}

    headers = {} if length is None else {b"content-length": b"%d" % length}
    try:
        body = asyncio.run(read_small_body(headers, receive, LIMITS, pooling.admission))
    finally:
        leases.append(pooling.status.lease_count)
        assert leases[-1] == 0
    return bytes(body), leases


@pytest.mark.parametrize("length", [None, 8])
def test_only_a_body_in_several_pieces_holds_memory(length: int | None) -> None:
    """A body that arrives with its head costs nothing further; another one may arrive slowly."""
    assert read(b"12345678", length=length) == (b"12345678", [0, 0])
    assert read(b"1234", b"", b"5678", length=length) == (b"12345678", [0, 1, 1, 0])


@pytest.mark.parametrize("pieces", [(b"123456789",), (b"12345678", b"9")])
def test_a_longer_body_is_refused(pieces: tuple[bytes, ...]) -> None:
    """Its memory is released at once."""
    with pytest.raises(TooLarge, match="Send less"):
        read(*pieces)
