"""The bytes of a request: as many as announced, in pieces, large bodies without a copy."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from poolhouse.client.exchange import Request, Send, Timeouts
from poolhouse.client.transports.request_writer import SEND_BYTES, serialize_request

COALESCED = 64 * 1024


def serialize(request: Request) -> list[bytes | memoryview]:
    """The pieces of a request to one host."""
    return list(serialize_request(Send(request, Timeouts(1, 1, None)), "h:1"))


@given(sizes=st.lists(st.integers(0, 3_000_000), max_size=3))
def test_a_request_has_as_many_bytes_as_it_announces(sizes: list[int]) -> None:
    """Otherwise the server would parse the next request at the wrong position."""
    request = Request("POST", "/p", (("A", "b"),), tuple(memoryview(bytes(size)) for size in sizes))

    sent = serialize(request)

    head, _, start = bytes(sent[0]).partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"POST /p HTTP/1.1",
        b"Host: h:1",
        b"A: b",
        b"Content-Length: %d" % sum(sizes),
    ]
    assert len(start) + sum(map(len, sent[1:])) == sum(sizes)
    assert all(len(piece) <= SEND_BYTES for piece in sent)


def test_the_parts_of_a_body_are_sent_in_order() -> None:
    """Also where a part is split, and where the body is small enough to follow its head in one piece."""
    for size in (1, COALESCED):
        parts = bytes([1]) * size, memoryview(bytes([2]) * (SEND_BYTES + 1)), bytes([3])

        for body in (parts, parts[::2]):
            sent = b"".join(serialize(Request("POST", "/", (), body)))

            assert sent.partition(b"\r\n\r\n")[2] == b"".join(body)


def test_only_a_small_body_is_copied_behind_its_head() -> None:
    """One packet is worth more than a copy, but a large body must not be in memory twice."""
    small, large = bytearray(COALESCED), bytearray(COALESCED + 1)

    assert len(serialize(Request("POST", "/", (), (memoryview(small),)))) == 1
    head, body = serialize(Request("POST", "/", (), (memoryview(large),)))
    assert bytes(head).endswith(b"\r\n\r\n")
    assert isinstance(body, memoryview)
    assert body.obj is large


def test_a_request_without_a_body_announces_its_length_only_if_it_is_a_post() -> None:
    """A server waits for the body of a POST without a length, or refuses it; a GET has none."""
    assert serialize(Request("GET", "/p?q")) == [b"GET /p?q HTTP/1.1\r\nHost: h:1\r\n\r\n"]
    assert serialize(Request("POST", "/p")) == [b"POST /p HTTP/1.1\r\nHost: h:1\r\nContent-Length: 0\r\n\r\n"]
