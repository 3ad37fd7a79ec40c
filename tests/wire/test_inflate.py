"""Inflating request bodies; the compressors of the standard library and of backports.zstd make them."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.errors import Malformed, TooLarge, UnsupportedMediaType
from poolhouse.wire.inflate import Inflater

COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "zstd": zstd.compress,
    "deflate": zlib.compress,
    "": bytes,
    "identity": bytes,
}
every_coding = pytest.mark.parametrize("encoding", COMPRESSORS)
every_compression = pytest.mark.parametrize("encoding", ["gzip", "zstd", "deflate"])


def compressed(encoding: str, body: bytes) -> bytes:
    return COMPRESSORS[encoding](body)


def inflated(encoding: str, body: bytes, limit_bytes: int = 2**20, step: int = 2**16) -> bytes:
    inflater = Inflater(encoding, limit_bytes)
    out = b""
    for start in range(0, len(body), step):
        for piece in inflater.feed(body[start : start + step]):
            out += piece
    inflater.finish()
    return out


@every_coding
@given(body=st.binary(max_size=2000), step=st.integers(1, 200))
def test_a_body_may_be_split_anywhere(encoding: str, body: bytes, step: int) -> None:
    """The network splits a body at any byte."""
    assert inflated(encoding, compressed(encoding, body), step=step) == body


@every_compression
@given(parts=st.lists(st.binary(max_size=300), min_size=1, max_size=5), step=st.integers(1, 100))
def test_consecutive_frames_are_one_body(encoding: str, parts: list[bytes], step: int) -> None:
    """Parallel compressors write them."""
    assert inflated(encoding, b"".join(compressed(encoding, part) for part in parts), step=step) == b"".join(parts)


@every_coding
@pytest.mark.parametrize("spare", [0, 1])
def test_the_limit_itself_is_allowed(encoding: str, spare: int) -> None:
    """The limit is the largest allowed size."""
    body = bytes(range(256)) * 4096

    assert inflated(encoding, compressed(encoding, body), len(body) + spare) == body


@every_coding
def test_one_byte_above_the_limit_is_refused(encoding: str) -> None:
    """The error has the limit as a number."""
    with pytest.raises(TooLarge) as caught:
        inflated(encoding, compressed(encoding, bytes(100_001)), 100_000)

    assert caught.value.limit_bytes == 100_000


@every_compression
def test_a_bomb_is_never_inflated(encoding: str) -> None:
    """64 MiB in a few KiB: output and memory stop at the limit."""
    bomb = compressed(encoding, bytes(64 * 2**20))
    inflater = Inflater(encoding, 2**20)
    output_bytes = 0

    def inflate() -> None:
        nonlocal output_bytes
        for piece in inflater.feed(bomb):
            output_bytes += len(piece)

    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            inflate()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert 0 < output_bytes <= 2**20
    assert peak <= 2 * 2**20


@every_compression
@given(body=st.binary(min_size=1, max_size=500), data=st.data())
def test_a_truncated_body_is_refused(encoding: str, body: bytes, data: st.DataObject) -> None:
    """The rest of the tensor would be missing."""
    whole = compressed(encoding, body)
    stop = data.draw(st.integers(0, len(whole) - 1))

    with pytest.raises(Malformed) as caught:
        inflated(encoding, whole[:stop])

    assert caught.value.code == "malformed_encoding"


@pytest.mark.parametrize("encoding", ["br", "compress", "gzip, gzip", "gzip, identity", "*"])
def test_the_error_for_an_unknown_coding_lists_the_supported_ones(encoding: str) -> None:
    """RFC 9110, 15.5.16: a 415 for a coding names the supported codings in Accept-Encoding."""
    with pytest.raises(UnsupportedMediaType) as caught:
        Inflater(encoding, 1)

    assert caught.value.code == "unsupported_encoding"
    assert caught.value.headers == {"Accept-Encoding": "gzip, zstd, deflate"}


@given(body=st.binary(max_size=500), level=st.integers(-1, 9), step=st.integers(1, 50))
def test_deflate_is_the_format_of_zlib(body: bytes, level: int, step: int) -> None:
    """RFC 9110 defines it so. Without the header and the checksum, as some servers once sent it, damage is not seen."""
    compressor = zlib.compressobj(level, wbits=-zlib.MAX_WBITS)
    raw = compressor.compress(body) + compressor.flush()

    assert inflated("deflate", zlib.compress(body, level), step=step) == body
    with pytest.raises(Malformed):
        inflated("deflate", raw, step=step)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@given(body=st.binary(min_size=1, max_size=300), data=st.data())
def test_a_wrong_checksum_is_refused(encoding: str, body: bytes, data: st.DataObject) -> None:
    """A damaged tensor would be pooled without a sign."""
    whole = bytearray(compressed(encoding, body))
    length = {"gzip": 8, "deflate": 4}[encoding]
    whole[data.draw(st.integers(len(whole) - length, len(whole) - 1))] ^= data.draw(st.integers(1, 255))

    with pytest.raises(Malformed):
        inflated(encoding, bytes(whole))
