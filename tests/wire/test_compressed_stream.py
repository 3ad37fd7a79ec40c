"""Inflated pieces are bounded, and together are the original."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.wire.compressed_stream import GZIP_WBITS, OUTPUT_PIECE_BYTES, RAW_WBITS, DeflateStream, inflate_pieces
from tests.hypothesis_profiles import scaled_examples


def _compress(data: bytes, wbits: int) -> bytes:
    packer = zlib.compressobj(wbits=wbits)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize("wbits", [RAW_WBITS, GZIP_WBITS])
@scaled_examples(30)
@given(data=st.binary(max_size=300), piece_bytes=st.integers(1, 40))
def test_any_cut_of_the_input_gives_the_original(wbits: int, data: bytes, piece_bytes: int) -> None:
    """A network cuts a body anywhere; what follows the stream is not part of it."""
    packed = _compress(data, wbits) + b"rest"
    stream = DeflateStream(wbits)

    output = b"".join(
        piece
        for at in range(0, len(packed), piece_bytes)
        for piece in inflate_pieces(stream, packed[at : at + piece_bytes], len(data))
    )

    assert output == data
    assert stream.eof
    assert b"rest".startswith(stream.unused_data)


def test_pieces_of_a_bomb_are_bounded() -> None:
    """A small input that inflates a thousandfold must not be inflated at once."""
    size = 3 * OUTPUT_PIECE_BYTES + 5
    packed = _compress(bytes(size), RAW_WBITS)

    pieces = [len(piece) for piece in inflate_pieces(DeflateStream(RAW_WBITS), packed, size)]

    assert max(pieces) == OUTPUT_PIECE_BYTES
    assert sum(pieces) == size


@pytest.mark.parametrize("limit", [0, 1, 100])
def test_the_limit_is_passed_by_one_byte(limit: int) -> None:
    """The caller learns that the limit is passed and holds one byte more than it."""
    packed = _compress(bytes(1000), RAW_WBITS)

    first = next(inflate_pieces(DeflateStream(RAW_WBITS), packed, limit))

    assert len(first) == limit + 1
