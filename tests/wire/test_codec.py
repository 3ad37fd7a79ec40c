"""The length of an encoded body is that of all its chunks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from poolhouse.wire.codec import EncodedBody


@given(st.lists(st.tuples(st.binary(max_size=9), st.booleans())))
def test_the_length_is_that_of_the_joined_chunks(pieces: list[tuple[bytes, bool]]) -> None:
    """It is sent as Content-Length before the chunks, which may be views."""
    chunks = tuple(memoryview(piece) if is_view else piece for piece, is_view in pieces)

    assert EncodedBody("a/b", chunks).nbytes == len(b"".join(chunks))


def test_a_body_has_no_further_headers_and_may_be_views() -> None:
    """A codec names what differs."""
    assert EncodedBody("a/b", ()) == ("a/b", (), (), False)
