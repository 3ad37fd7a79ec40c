"""Content codings: the standard library's gzip and zstd write, we read, and the other way round."""

from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Callable

import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.errors import Malformed, TooLarge, UnsupportedMediaType
from poolhouse.wire.codec import EncodedBody
from poolhouse.wire.content_encoding import Inflater, choose_encoding, compress

PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "zstd": zstd.compress,
    "": bytes,
    "identity": bytes,
}
CODINGS = pytest.mark.parametrize("encoding", PACK)
COMPRESSED = pytest.mark.parametrize("encoding", ["gzip", "zstd"])


def pack(encoding: str, body: bytes) -> bytes:
    return PACK[encoding](body)


def unpack(encoding: str, body: bytes, limit_bytes: int = 2**20, step: int = 2**16) -> bytes:
    inflater = Inflater(encoding, limit_bytes)
    out = b""
    for start in range(0, len(body), step):
        for piece in inflater.feed(body[start : start + step]):
            out += piece
    inflater.finish()
    return out


@CODINGS
@given(body=st.binary(max_size=2000), step=st.integers(1, 200))
def test_a_body_arrives_however_it_is_cut(encoding: str, body: bytes, step: int) -> None:
    """Where the network cuts a body has no meaning."""
    assert unpack(encoding, pack(encoding, body), step=step) == body


@COMPRESSED
@given(parts=st.lists(st.binary(max_size=300), min_size=1, max_size=5), step=st.integers(1, 100))
def test_frames_in_a_row_are_one_body(encoding: str, parts: list[bytes], step: int) -> None:
    """Parallel compressors write them."""
    assert unpack(encoding, b"".join(pack(encoding, part) for part in parts), step=step) == b"".join(parts)


@CODINGS
@pytest.mark.parametrize("spare", [0, 1])
def test_the_limit_itself_is_allowed(encoding: str, spare: int) -> None:
    """The limit is what may come, not the first that may not."""
    body = bytes(range(256)) * 4096

    assert unpack(encoding, pack(encoding, body), len(body) + spare) == body


@CODINGS
def test_one_byte_above_the_limit_is_refused(encoding: str) -> None:
    """And the refusal carries the limit, to compute with."""
    with pytest.raises(TooLarge) as caught:
        unpack(encoding, pack(encoding, bytes(100_001)), 100_000)

    assert caught.value.limit_bytes == 100_000


@COMPRESSED
def test_a_bomb_is_never_unfolded(encoding: str) -> None:
    """64 MiB in a few KiB: what is handed out stops at the limit, and so does the memory."""
    bomb = pack(encoding, bytes(64 * 2**20))
    inflater = Inflater(encoding, 2**20)
    unfolded = [0]

    def unfold() -> None:
        for piece in inflater.feed(bomb):
            unfolded[0] += len(piece)

    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            unfold()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert 0 < unfolded[0] <= 2**20
    assert peak <= 2 * 2**20


@COMPRESSED
@given(body=st.binary(min_size=1, max_size=500), data=st.data())
def test_a_body_that_stops_early_is_refused(encoding: str, body: bytes, data: st.DataObject) -> None:
    """Half a tensor is none."""
    packed = pack(encoding, body)
    stop = data.draw(st.integers(0, len(packed) - 1))

    with pytest.raises(Malformed) as caught:
        unpack(encoding, packed[:stop])

    assert caught.value.code == "malformed_encoding"


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "gzip, identity", "*"])
def test_an_unknown_coding_is_refused_with_the_known_ones(encoding: str) -> None:
    """RFC 9110, 15.5.16: a 415 for a coding names what would be taken in Accept-Encoding."""
    with pytest.raises(UnsupportedMediaType) as caught:
        Inflater(encoding, 1)

    assert caught.value.code == "unsupported_encoding"
    assert caught.value.headers == {"Accept-Encoding": "gzip, zstd"}


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
@given(chunks=st.lists(st.binary(max_size=500), max_size=4))
def test_a_compressed_answer_is_the_same_answer(encoding: str, chunks: list[bytes]) -> None:
    """Compressed only if that makes it smaller, and then marked."""
    plain = EncodedBody("application/x-npy", (*chunks, memoryview(bytes(1000))), (("A", "b"),))

    packed = compress(plain, "gzip" if encoding == "gzip" else "zstd")

    assert packed.nbytes < plain.nbytes
    assert packed.headers == (("A", "b"), ("Content-Encoding", encoding))
    assert unpack(encoding, b"".join(packed.chunks)) == b"".join(plain.chunks)


@COMPRESSED
def test_an_answer_that_would_grow_stays_plain(encoding: str) -> None:
    """Noise does not compress."""
    plain = EncodedBody("application/x-npy", (b"\x93",))

    assert compress(plain, "gzip" if encoding == "gzip" else "zstd") is plain


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        (None, None),
        ("", None),
        ("*", None),
        ("identity", None),
        ("br, deflate", None),
        ("gzip", "gzip"),
        ("X-GZIP", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip;q=1.0, zstd;q=0.5", "gzip"),
        ("gzip; q=0", None),
        ("gzip;q=0, zstd", "zstd"),
        ("gzip;q=0.5, identity", None),
        ("gzip;q=nonsense", None),
        ("gzip;;", "gzip"),
        ("gzip;q=.2", "gzip"),
        (",,gzip,", "gzip"),
    ],
)
def test_answers_are_compressed_only_when_asked(header: str | None, chosen: str | None) -> None:
    """Floats compress badly; who wants it says so."""
    assert choose_encoding(header) == chosen
