"""Sending an answer: the start with its length, then the bytes as they lie in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import orjson
from starlette.types import Scope, Send

from poolhouse.batching.ledger import Lease
from poolhouse.rest.sending import SENDING_KEY, Sending
from poolhouse.wire.codec import Encoded

# Joining costs a copy, a further message costs an event-loop call: below this the copy is cheaper.
_ONE_MESSAGE_BYTES = 64 * 1024
_COPIED_BYTES = 1024 * 1024
_ENCRYPTED_BYTES = 256 * 1024

VIEWS_KEY: Final = "poolhouse.views"
"""In the scope of a server that writes a memoryview as it lies. ASGI promises bytes, and other servers count on them:
one that runs the application in another process sends it what was pickled, and a view cannot be."""

Pairs = Iterable[tuple[str, str]]


async def send_encoded(scope: Scope, send: Send, encoded: Encoded, headers: Pairs, lease: Lease) -> None:
    """Send what a codec wrote. Chunks of a large answer go out as they are, not copied, where the server takes that.

    Args:
        scope: ASGI's.
        send: ASGI's.
        encoded: media type, chunks, and the codec's own headers.
        headers: further ones.
        lease: what is held for the answer; a large one gives way where it is read slowly and others find no room.
    """
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [
                (b"content-type", encoded.media_type.encode("latin-1")),
                (b"content-length", b"%d" % encoded.nbytes),
                *_encode(encoded.headers),
                *_encode(headers),
            ],
        }
    )
    chunks: Iterable[bytes | memoryview] = encoded.chunks
    if encoded.nbytes <= _ONE_MESSAGE_BYTES:
        await send({"type": "http.response.body", "body": b"".join(encoded.chunks)})
        return
    if VIEWS_KEY not in scope:
        chunks = _sliced(chunks, _COPIED_BYTES, bytes)
    elif scope["scheme"] == "https":
        # The transport would encrypt all of a chunk at once: a copy that nobody counts, and a second of the event loop.
        chunks = _sliced(chunks, _ENCRYPTED_BYTES, memoryview)
    sending: Sending | None = scope.get(SENDING_KEY)
    if sending is not None:
        sending.begin(encoded.nbytes)
        lease.arriving(sending)
    try:
        for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            if sending is not None:
                sending.handed(len(chunk))
        # The server waits with the next message, not after the last one: without this one the tensors would still lie
        # in its buffers when their bytes are given back.
        await send({"type": "http.response.body", "body": b""})
    finally:
        lease.arrived()
        if sending is not None:
            sending.end()


def _sliced(
    chunks: Iterable[bytes | memoryview], size: int, form: type[bytes] | type[memoryview]
) -> Iterator[bytes | memoryview]:
    """The chunks in slices of this size."""
    for chunk in chunks:
        for start in range(0, len(chunk), size):
            yield form(memoryview(chunk)[start : start + size])


async def send_bytes(
    scope: Scope, send: Send, body: bytes, media_type: str, headers: Pairs = (), status: int = 200
) -> None:
    """Send a body that is at hand; to HEAD, all but the body."""
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", media_type.encode("latin-1")),
                (b"content-length", b"%d" % len(body)),
                *_encode(headers),
            ],
        }
    )
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


async def send_json(scope: Scope, send: Send, document: object, headers: Pairs = ()) -> None:
    """Send a document as JSON."""
    await send_bytes(scope, send, orjson.dumps(document), "application/json", headers)


def _encode(headers: Pairs) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
