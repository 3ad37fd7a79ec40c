"""Parsing heads from any pieces: no byte behind a head is consumed, and no ambiguous head is accepted."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.errors import HeadersTooLarge, Malformed
from poolhouse.rest.http.head import Head, HeadCache, HeadReader, PartialHeadBudget

LIMIT = 4096
NAMES = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=20).map(lambda name: f"x-{name}".encode())
VALUES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=40).map(str.encode)


def read(sent: bytes, cuts: list[int], limit: int = LIMIT) -> tuple[Head | None, int]:
    """The head that was sent in these pieces, and the number of bytes consumed."""
    reader, taken = HeadReader(limit, PartialHeadBudget()), 0
    edges = sorted({0, len(sent), *(cut % (len(sent) + 1) for cut in cuts)})
    for begin, end in itertools.pairwise(edges):
        used = reader.feed(memoryview(sent)[begin:end])
        taken += used
        if used < end - begin or reader.head is not None:
            break
    return reader.head, taken


@given(
    st.lists(st.tuples(NAMES, VALUES), max_size=8),
    st.integers(0, 3),
    st.binary(max_size=100),
    st.lists(st.integers(0, 1000), max_size=8),
    st.booleans(),
)
def test_a_head_in_any_pieces_is_the_same_head(
    pairs: list[tuple[bytes, bytes]], empty_lines: int, behind: bytes, cuts: list[int], upgrade: bool
) -> None:
    """The bytes behind a head are a body or another request; consuming them would allow request smuggling."""
    offer = [(b"connection", b"upgrade"), (b"upgrade", b"h2c")] if upgrade else []
    given = [(b"host", b"x"), (b"content-length", b"%d" % len(behind)), *offer, *pairs]
    lines = b"".join(b"%b: %b\r\n" % pair for pair in given)
    sent = b"\r\n" * empty_lines + b"POST /a/b?c=d HTTP/1.1\r\n" + lines + b"\r\n"

    head, taken = read(sent + behind, cuts)

    assert head is not None
    assert taken == len(sent)
    assert (head.method, head.path, head.query, head.length) == ("POST", b"/a/b", b"c=d", len(behind))
    assert head.raw_headers == given


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=6))
def test_any_bytes_are_a_valid_head_or_refused(sent: bytes, cuts: list[int]) -> None:
    """Ports are scanned all day; no input may raise another error."""
    try:
        head, taken = read(sent, cuts)
    except Malformed:
        return
    assert head is None
    assert taken == len(sent)


@given(st.integers(1, 3 * LIMIT), st.lists(st.integers(0, 4 * LIMIT), max_size=6))
def test_the_size_limit_does_not_depend_on_the_pieces(size: int, cuts: list[int]) -> None:
    """A limit that depends on TCP segments would be unpredictable."""
    sent = b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * size + b"\r\n\r\n"
    if len(sent) <= LIMIT:
        assert read(sent, cuts)[0] is not None
    else:
        with pytest.raises(HeadersTooLarge) as caught:
            read(sent, cuts)
        assert caught.value.limit_bytes == LIMIT


@pytest.mark.parametrize("line", [b"Authorization: Bearer secret", b"Cookie: secret", b"Proxy-Authorization: secret"])
def test_heads_with_credentials_are_not_kept(line: bytes) -> None:
    """Kept heads outlive their request."""
    head, _ = read(b"GET / HTTP/1.1\r\nHost: x\r\n" + line + b"\r\n\r\n", [])

    assert head is not None
    assert head.raw == b""


def test_short_heads_in_one_piece_are_kept() -> None:
    """The next head on a connection is usually the same."""
    sent = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    long = sent[:-2] + b"X: " + b"a" * 3000 + b"\r\n\r\n"
    heads = [read(sent, [])[0], read(long, [])[0], read(sent, [5])[0]]

    assert [head.raw for head in heads if head is not None] == [sent, b"", b""]


HEADS = st.lists(
    st.tuples(st.integers(0, 9), st.sampled_from([b"", b"X-Request-ID: a\r\n", b"Authorization: Bearer key\r\n"])),
    max_size=30,
)


@given(HEADS, st.binary(max_size=20))
def test_a_cached_head_matches_all_of_its_bytes(seen: list[tuple[int, bytes]], behind: bytes) -> None:
    """Another head's match would give the client the response to another request."""
    cache = HeadCache()
    for number, line in seen:
        sent = b"POST /%d HTTP/1.1\r\nHost: x\r\n%b\r\n" % (number, line)
        found = cache.get(bytearray(sent + behind), len(sent + behind))
        if found is not None:
            assert (found.target, found.raw) == (b"/%d" % number, sent)
        head, _ = read(sent, [])
        assert head is not None
        cache.add(head)
        again = cache.get(bytearray(sent + behind), len(sent + behind))
        assert (again is None) == bool(line), "heads with a key or a request id are not cached"
        assert cache.get(bytearray(sent), len(sent) - 1) is None, "the head is incomplete"


def test_the_head_cache_is_bounded() -> None:
    """A client may vary its heads without end; the oldest are evicted first."""
    cache = HeadCache()
    sent = [b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % number for number in range(300)]
    for each in sent:
        head, _ = read(each, [])
        assert head is not None
        cache.add(head)

    found = [cache.get(bytearray(each), len(each)) is not None for each in sent]
    assert found == [False] * 44 + [True] * 256
