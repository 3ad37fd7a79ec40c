"""The serialization of status lines and headers lets no value inject another header."""

from __future__ import annotations

import pytest

from poolhouse.errors import Malformed
from poolhouse.rest.http.response import Response, header_lines, protocol_error_response, status_line


@pytest.mark.parametrize("value", [b"a\r\nb: c", b"a\n", b"\r", b"\0", b"\x7f", b"a\r\n\r\n"])
def test_control_characters_in_a_value_are_refused(value: bytes) -> None:
    """A value of the client's is echoed, such as its request id."""
    with pytest.raises(RuntimeError, match="control characters"):
        header_lines([(b"x-a", b"1"), (b"x-b", value)])


@pytest.mark.parametrize("name", [b"", b"X-A", b"x a", b"x:", b"x\r\n", b"x\n"])
def test_a_name_that_is_no_lower_case_token_is_refused(name: bytes) -> None:
    """Each time, since only valid names are remembered."""
    for _ in range(2):
        with pytest.raises(RuntimeError, match="header name"):
            header_lines([(name, b"1")])


def test_the_headers_of_a_response_are_those_that_were_serialized() -> None:
    """Values may hold colons, tabs and bytes above ASCII."""
    headers = [(b"x-a", b"b: c"), (b"x-b", b""), (b"x-c", b"\t\xff")]

    assert Response(200, header_lines(headers), (), 0).headers == headers


def test_an_unregistered_status_has_an_empty_phrase() -> None:
    """The space after the status is part of the syntax."""
    assert status_line(404) == b"HTTP/1.1 404 Not Found\r\n"
    assert status_line(599) == b"HTTP/1.1 599 \r\n"


def test_a_protocol_error_closes_the_connection() -> None:
    """What follows invalid HTTP cannot be parsed as a request."""
    error = Malformed("malformed_request", "No.")

    head, _, body = protocol_error_response(error, b"/\xff", [(b"x-a", b"1")]).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"\r\nconnection: close" in head
    assert b"\r\nx-a: 1" in head
    assert b"No." in body
