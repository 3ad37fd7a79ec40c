"""Compressing responses; :class:`Inflater` reads them back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.wire.codec import EncodedBody
from poolhouse.wire.compress import compress
from poolhouse.wire.content_coding import CODINGS, Compression
from poolhouse.wire.inflate import Inflater

every_compression = pytest.mark.parametrize("compression", CODINGS)


@every_compression
@given(chunks=st.lists(st.binary(max_size=500), max_size=4))
def test_a_compressed_body_inflates_to_the_same_bytes(compression: Compression, chunks: list[bytes]) -> None:
    """It is smaller, and has the header Content-Encoding."""
    plain = EncodedBody("application/x-npy", (*chunks, memoryview(bytes(1000))), (("A", "b"),))

    compressed = compress(plain, compression)

    assert compressed.nbytes < plain.nbytes
    assert compressed.headers == (("A", "b"), ("Content-Encoding", compression))
    inflater = Inflater(compression, 2**20)
    assert b"".join(inflater.feed(b"".join(compressed.chunks))) == b"".join(plain.chunks)
    inflater.finish()


@every_compression
def test_a_body_that_would_grow_stays_uncompressed(compression: Compression) -> None:
    """Random bytes do not compress."""
    plain = EncodedBody("application/x-npy", (b"\x93",))

    assert compress(plain, compression) is plain
