"""Parsing request headers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.errors import Malformed
from poolhouse.rest.http.headers import content_length, read_headers, request_id, request_timeout_s, trace_id

TRACE = b"4bf92f3577b34da6a3ce929d0e0e4736"


@given(st.lists(st.tuples(st.sampled_from([b"a", b"b", b"c"]), st.binary(max_size=4)), max_size=8))
def test_no_header_is_lost(pairs: list[tuple[bytes, bytes]]) -> None:
    """RFC 9110 reads a repeated header as one list; a proxy might use the value that we drop."""
    headers = read_headers(pairs)

    for name in {name for name, _ in pairs}:
        assert headers[name] == b", ".join(value for other, value in pairs if other == name)
    assert set(headers) == {name for name, _ in pairs}


@given(st.binary(max_size=140))
def test_a_request_id_is_short_printable_ascii(given_id: bytes) -> None:
    """The id is written to logs and headers, so control characters and long texts must not pass."""
    is_valid = 0 < len(given_id) <= 128 and all(0x20 <= byte <= 0x7E for byte in given_id)

    found = request_id({b"x-request-id": given_id})

    assert found.isascii()
    assert 0 < len(found) <= 128
    assert (found == given_id) == is_valid


def test_new_request_ids_are_unique() -> None:
    """A shared id would identify neither request in a log."""
    assert len({request_id({}) for _ in range(1000)}) == 1000


@pytest.mark.parametrize(
    ("given_parent", "trace"),
    [
        (b"00-" + TRACE + b"-00f067aa0ba902b7-01", TRACE.decode()),
        (b"ff-" + TRACE + b"-00f067aa0ba902b7-01", None),
        (b"00-" + b"0" * 32 + b"-00f067aa0ba902b7-01", None),
        (b"00-" + TRACE + b"-0000000000000000-01", None),
        (b"00-" + TRACE.upper() + b"-00f067aa0ba902b7-01", None),
        (b"", None),
    ],
)
def test_only_a_valid_traceparent_gives_a_trace_id(given_parent: bytes, trace: str | None) -> None:
    """W3C Trace Context 3.2: an invalid parent is ignored, never repaired."""
    assert trace_id({b"traceparent": given_parent}) == trace


@given(st.decimals(min_value="0.001", max_value=99999, places=3))
def test_a_timeout_is_read_as_written(seconds: object) -> None:
    """Any decimal number of seconds is read exactly."""
    assert request_timeout_s({b"request-timeout": str(seconds).encode()}) == float(str(seconds))


@pytest.mark.parametrize("value", [b"", b"0", b"-1", b"1e3", b"inf", b"nan", b"5s", b"1,2", b"0.0", b"9" * 30])
def test_an_invalid_timeout_is_refused(value: bytes) -> None:
    """A deadline that is silently ignored is worse than an error."""
    with pytest.raises(Malformed, match="Request-Timeout"):
        request_timeout_s({b"request-timeout": value})


@pytest.mark.parametrize("value", [b"", b"-1", b"+1", b"1, 1", b"0x10", b"1_0", b"9" * 5000])
def test_an_invalid_content_length_is_refused(value: bytes) -> None:
    """If a proxy reads it differently, requests can be smuggled."""
    with pytest.raises(Malformed, match="Content-Length"):
        content_length({b"content-length": value})
