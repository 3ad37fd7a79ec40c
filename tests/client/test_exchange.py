"""Texts and sizes of requests and responses."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from poolhouse.client.exchange import Request, Response


@given(text=st.text(min_size=1), data=st.data())
def test_a_character_may_be_split_between_two_buffers(text: str, data: st.DataObject) -> None:
    """Each output has a buffer of its own, and a refusal may arrive in any pieces."""
    body = memoryview(text.encode())
    cut = data.draw(st.integers(0, len(body)))

    assert Response(200, {}, (body[:cut], body[cut:])).text == text


def test_bytes_that_are_not_text_are_replaced() -> None:
    """A message quotes them, and an error must not hide another one."""
    assert Response(502, {}, (memoryview(b"a\xff"),)).text == "a\N{REPLACEMENT CHARACTER}"


def test_a_request_id_can_be_printed() -> None:
    """Error messages quote it, and the server that answers chooses it."""
    assert Response(200, {"x-request-id": "a\x1b[2J\r\n"}, ()).request_id == "a\\u001b[2J\\r\\n"
    assert Response(200, {}, ()).request_id is None


def test_the_length_of_a_body_counts_all_parts() -> None:
    """It is announced to the server."""
    assert Request("POST", "/", body=(b"ab", memoryview(b"cde"), b"")).nbytes == 5
    assert Request("GET", "/").nbytes == 0
