"""The body of a response in the memory of its request: any pieces, any buffers, lengths and limits."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from poolhouse.client.errors import ConnectionFailed, UnexpectedAnswer
from poolhouse.client.exchange import Headers, Request
from poolhouse.client.transports.response_body import MAX_DOCUMENT_BYTES, ResponseBody


def make_body(sizes: list[int]) -> ResponseBody:
    """A body in buffers of these sizes."""
    buffers = [memoryview(bytearray(size)) for size in sizes]
    return ResponseBody(Request("GET", "/", allocate_body=lambda *_: buffers), 200, {})


@example(parts=[b"ab"], announced=None, max_bytes=1)
@given(
    parts=st.lists(st.binary(max_size=9), max_size=9),
    announced=st.none() | st.integers(0, 99),
    max_bytes=st.integers(1, 99),
)
def test_a_document_takes_memory_only_as_it_arrives(parts: list[bytes], announced: int | None, max_bytes: int) -> None:
    """Independent of its length header, and never more than the limit."""
    headers = {} if announced is None else {"content-length": str(announced)}
    request = Request("GET", "/", max_response_bytes=max_bytes)
    if announced is not None and announced > max_bytes:
        with pytest.raises(UnexpectedAnswer, match="max_answer_bytes"):
            ResponseBody(request, 200, headers)
        return
    body = ResponseBody(request, 200, headers)
    whole = b"".join(parts)

    try:
        for part in parts:
            body.write(part)
    except UnexpectedAnswer:
        assert len(whole) > max_bytes
    else:
        assert b"".join(body.finish()) == whole
        assert len(whole) <= max_bytes


@given(sizes=st.lists(st.integers(0, 9), max_size=5), parts=st.lists(st.binary(max_size=9), max_size=9))
def test_pieces_fill_the_buffers_in_order(sizes: list[int], parts: list[bytes]) -> None:
    """A piece may end anywhere, buffers may be empty, and only a body of exactly their size is returned."""
    body, whole = make_body(sizes), b"".join(parts)

    try:
        for part in parts:
            body.write(part)
        buffers = body.finish()
    except UnexpectedAnswer:
        assert len(whole) > sum(sizes)
    except ConnectionFailed:
        assert len(whole) < sum(sizes)
    else:
        assert b"".join(buffers) == whole
        assert list(map(len, buffers)) == sizes


@given(sizes=st.lists(st.integers(0, 9), max_size=5), data=st.data())
def test_the_rest_can_be_written_to_the_unfilled_buffers(sizes: list[int], data: st.DataObject) -> None:
    """The socket transports receive directly into them, behind what arrived with the head."""
    body = make_body(sizes)
    whole = bytes(range(1, 1 + body.buffer_bytes))
    count = data.draw(st.integers(0, len(whole)))

    body.write(whole[:count])
    rest = iter(whole[count:])
    for buffer in body.unfilled_buffers():
        buffer[:] = bytes(next(rest) for _ in range(len(buffer)))
    body.mark_filled()

    assert list(rest) == []
    assert b"".join(body.finish()) == whole
    assert body.unfilled_buffers() == ()
    with pytest.raises(UnexpectedAnswer, match="longer than its headers announce"):
        body.write(b"x")


@pytest.mark.parametrize("length", ["", "four", "-4", "+4", "4 ", "1_0", "4, 4", "0x4", "٤"])
def test_a_length_is_decimal_digits_only(length: str) -> None:
    """Another reader on the way would find another end of the body."""
    with pytest.raises(UnexpectedAnswer, match="not a number") as caught:
        ResponseBody(Request("GET", "/"), 200, {"content-length": length})

    assert (caught.value.code, caught.value.status) == ("unexpected_answer", 200)


@pytest.mark.parametrize("length", [str(MAX_DOCUMENT_BYTES + 1), "9" * 18, "9" * 19, "9" * 5000])
def test_a_document_that_announces_too_much_is_refused_before_it_is_read(length: str) -> None:
    """int() refuses thousands of digits with an error of its own."""
    with pytest.raises(UnexpectedAnswer, match=r"a document has at most|max_answer_bytes"):
        ResponseBody(Request("GET", "/"), 500, {"content-length": length})


def test_the_limit_of_documents_is_none_of_tensors() -> None:
    """A pooled image may be larger than any document."""
    found: list[tuple[int, Headers, int]] = []

    def allocate(status: int, headers: Headers, max_bytes: int) -> list[memoryview]:
        found.append((status, headers, max_bytes))
        return [memoryview(b"")]

    headers = {"content-length": str(MAX_DOCUMENT_BYTES + 1)}
    request = Request("GET", "/", allocate_body=allocate, max_response_bytes=MAX_DOCUMENT_BYTES + 1)

    assert ResponseBody(request, 200, headers).content_length == MAX_DOCUMENT_BYTES + 1
    assert found == [(200, headers, MAX_DOCUMENT_BYTES + 1)]
    with pytest.raises(UnexpectedAnswer, match="max_answer_bytes"):
        ResponseBody(request._replace(max_response_bytes=MAX_DOCUMENT_BYTES), 200, headers)
    assert len(found) == 1, "refused before memory is allocated"


@pytest.mark.parametrize(
    ("coding", "accepted"), [("", True), ("Identity", True), ("gzip", False), ("identity,", False)]
)
def test_a_compressed_body_is_refused_before_memory_is_allocated(coding: str, accepted: bool) -> None:
    """A few kilobytes could become gigabytes, or be taken for the elements of a tensor."""
    allocated: list[int] = []
    request = Request("GET", "/", allocate_body=lambda status, *_: allocated.append(status))

    if accepted:
        assert not ResponseBody(request, 200, {"content-encoding": coding}).has_buffers
    else:
        with pytest.raises(UnexpectedAnswer, match="Content-Encoding"):
            ResponseBody(request, 200, {"content-encoding": coding})

    assert bool(allocated) == accepted
