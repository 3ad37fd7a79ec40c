"""Serialization of a request as HTTP/1.1 bytes; large bodies are views, not copies.

Source: RFC 9112.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from poolhouse.client.exchange import Send

SEND_BYTES: Final = 1024 * 1024
"""The largest piece of a body that is sent at once."""

_COALESCE_BYTES: Final = 64 * 1024
"""Up to this size a body is copied behind its head: one packet to the server is worth more than a copy."""


def serialize_request(send: Send, host: str) -> Iterator[bytes | memoryview]:
    """The bytes of a request, in pieces of at most :data:`SEND_BYTES` of body."""
    request = send.request
    lines = [f"{request.method} {request.target} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in request.headers]
    if request.method != "GET":
        lines.append(f"Content-Length: {request.nbytes}")
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    if request.nbytes <= _COALESCE_BYTES:
        yield b"".join((head, *request.body))
        return
    yield head
    for part in request.body:
        view = memoryview(part)
        for start in range(0, len(view), SEND_BYTES):
            yield view[start : start + SEND_BYTES]
