"""Framing finds the end of a body: all of its bytes are passed on, and none behind it."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.errors import HeadersTooLarge, Malformed
from poolhouse.rest.http.framing import ChunkedFraming, Framing, LengthFraming

LIMIT = 4096
BODIES = st.binary(max_size=300) | st.lists(st.sampled_from([b"\r\n\r\n", b"0\r\n", b"\r", b"\n", b"x"])).map(b"".join)


def read(framing: Framing, sent: bytes, cuts: list[int]) -> tuple[bytes, int]:
    """The body, and the number of bytes consumed."""
    body, taken = bytearray(), 0
    edges = sorted({0, len(sent), *(cut % (len(sent) + 1) for cut in cuts)})
    for begin, end in itertools.pairwise(edges):
        used = framing.feed(memoryview(sent)[begin:end], body.extend)
        taken += used
        if framing.is_complete:
            break
        assert used == end - begin
    return bytes(body), taken


def chunked(body: bytes, sizes: list[int], trailer: bytes = b"") -> bytes:
    """A body in chunks of these sizes, and one more for the rest."""
    sent = bytearray()
    for size in [*sizes, len(body)]:
        piece, body = body[:size], body[size:]
        if piece:
            sent += b"%x;x=y\r\n%b\r\n" % (len(piece), piece)
    return bytes(sent) + b"0\r\n" + trailer + b"\r\n"


@given(BODIES, st.lists(st.integers(1, 50), max_size=8), BODIES, st.lists(st.integers(0, 1000), max_size=8))
def test_a_chunked_body_ends_at_its_last_chunk(body: bytes, sizes: list[int], behind: bytes, cuts: list[int]) -> None:
    """Blank lines in a body do not end it, and the next request is not part of it, in any pieces."""
    for trailer in (b"", b"A: b\r\n"):
        sent = chunked(body, sizes, trailer)
        framing = ChunkedFraming(LIMIT)

        assert read(framing, sent + behind, cuts) == (body, len(sent))
        assert framing.is_complete


@given(BODIES, BODIES, st.lists(st.integers(0, 1000), max_size=8))
def test_a_body_ends_at_its_length(body: bytes, behind: bytes, cuts: list[int]) -> None:
    """The other framing has the same property."""
    framing = LengthFraming(len(body))
    if body:
        assert read(framing, body + behind, cuts) == (body, len(body))
    assert framing.is_complete


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=6))
def test_any_bytes_are_valid_chunks_or_refused(sent: bytes, cuts: list[int]) -> None:
    """No input may raise another error."""
    framing = ChunkedFraming(LIMIT)
    try:
        _, taken = read(framing, sent, cuts)
    except Malformed:
        return
    assert framing.is_complete or taken == len(sent)


@pytest.mark.parametrize(
    "sent",
    [
        b"1;" + b"e" * 2 * LIMIT,
        b"1\r\nx\r\n0\r\nTrailer: " + b"t" * 2 * LIMIT,
        (b"1;" + b"e" * 1000 + b"\r\n{\r\n") * 20,
        b"%x\r\n" % (9 * LIMIT) + b"x" * 9 * LIMIT + b"\r\n0\r\nTrailer: " + b"t" * 9 * LIMIT,
    ],
)
@pytest.mark.parametrize("step", [1, 100, 1 << 20])
def test_framing_without_a_body_is_limited(sent: bytes, step: int) -> None:
    """Gigabytes of extensions and trailers were accepted for an empty body."""
    with pytest.raises(HeadersTooLarge):
        read(ChunkedFraming(LIMIT), sent, list(range(0, len(sent), step)))
