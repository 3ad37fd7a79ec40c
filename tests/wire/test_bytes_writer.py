"""The byte buffer holds exactly the pieces, in order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.wire.bytes_writer import BytesWriter
from tests.hypothesis_profiles import scaled_examples


@scaled_examples(50)
@given(st.lists(st.binary(max_size=20)), st.integers(0, 10))
def test_written_bytes_are_the_joined_pieces(pieces: list[bytes], spare: int) -> None:
    """A body is put together from pieces; unwritten capacity must not show."""
    joined = b"".join(pieces)
    writer = BytesWriter(len(joined) + spare)

    for piece in pieces:
        writer.write(piece)

    assert bytes(writer.written) == joined
    assert len(writer) == len(joined)


def test_a_piece_past_the_capacity_fails() -> None:
    """A body longer than promised must fail rather than be cut."""
    writer = BytesWriter(3)
    writer.write(b"ab")

    with pytest.raises(ValueError, match="assign"):
        writer.write(b"cd")

    assert bytes(writer.written) == b"ab"
