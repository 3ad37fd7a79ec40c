"""Parsing query strings, which the standard library encodes."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.errors import Malformed, Unprocessable
from poolhouse.wire.query import parse_query

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@given(st.dictionaries(TEXT.filter(bool), TEXT, max_size=20))
def test_encoded_fields_are_decoded(fields: dict[str, str]) -> None:
    """With spaces, punctuation and non-Latin scripts."""
    assert parse_query(urlencode(fields).encode()) == fields


@pytest.mark.parametrize(
    ("raw", "fields"),
    [
        (b"", {}),
        (b"kernel_size=3,2&stride=2", {"kernel_size": "3,2", "stride": "2"}),
        (b"kernel_size=3%2C2", {"kernel_size": "3,2"}),
        (b"a=1+2&b", {"a": "1 2", "b": ""}),
        (b"&&a=b=c&", {"a": "b=c"}),
    ],
)
def test_hand_written_queries_are_parsed(raw: bytes, fields: dict[str, str]) -> None:
    """Without percent escapes, or with empty parts."""
    assert parse_query(raw) == fields


def test_a_duplicate_name_is_refused_in_any_spelling() -> None:
    """A percent escape must not hide the second one."""
    with pytest.raises(Unprocessable) as caught:
        parse_query(b"stride=1&str%69de=2")

    assert caught.value.problems[0].pointer == "?stride"
    assert caught.value.problems[0].code == "duplicate"


@pytest.mark.parametrize(
    ("raw", "message_end"),
    [
        (b"kernel_size=2&kernel_size=2", "twice in the query string; give it once, as 'kernel_size=2,2'."),
        (b"a=1&size=2&size=3&size=4", "3 times in the query string; give it once, as 'size=2,3,4'."),
        (b"output_size%5B%5D=null&output_size%5B%5D=7", "give it once, as 'output_size=null,7'."),
        (b"ratio=0.5&ratio=.25", "give it once, as 'ratio=0.5,.25'."),
        (b"ceil_mode=true&ceil_mode=true", "twice in the query string; give it once."),
        (b"seed=x&seed=1", "twice in the query string; give it once."),
    ],
)
def test_the_error_for_a_repeated_name_suggests_a_list(raw: bytes, message_end: str) -> None:
    """httpx, requests and axios repeat the name for a list."""
    with pytest.raises(Unprocessable) as caught:
        parse_query(raw)

    assert caught.value.detail.endswith(message_end)


@pytest.mark.parametrize("raw", [b"a=%", b"a=%f", b"a=%gg", b"a=%ff", b"\xff=1", b"&".join([b"a=1"] * 65)])
def test_an_invalid_query_is_malformed(raw: bytes) -> None:
    """Guessing could pool with another spec than the client meant."""
    with pytest.raises(Malformed):
        parse_query(raw)


@given(st.binary(max_size=60))
def test_any_bytes_are_parsed_or_refused(raw: bytes) -> None:
    """No query raises another error."""
    try:
        fields = parse_query(raw)
    except (Malformed, Unprocessable):
        return
    assert all(isinstance(text, str) for text in fields.values())
