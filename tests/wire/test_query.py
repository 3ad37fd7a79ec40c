"""The query string: the standard library writes, we read."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.errors import Malformed, Unprocessable
from poolhouse.wire.query import parse_query

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@given(st.dictionaries(TEXT.filter(bool), TEXT, max_size=20))
def test_fields_arrive_as_they_were_meant(fields: dict[str, str]) -> None:
    """Whatever a client encodes, spaces, signs and other scripts included."""
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
def test_plain_spellings_are_read(raw: bytes, fields: dict[str, str]) -> None:
    """People type these by hand."""
    assert parse_query(raw) == fields


def test_a_name_twice_is_refused_however_it_is_spelled() -> None:
    """An escape must not hide the second one."""
    with pytest.raises(Unprocessable) as caught:
        parse_query(b"stride=1&str%69de=2")

    assert caught.value.problems[0].pointer == "?stride"
    assert caught.value.problems[0].code == "duplicate"


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"kernel_size=2&kernel_size=2", "twice in the query string; give it once, as 'kernel_size=2,2'."),
        (b"a=1&size=2&size=3&size=4", "3 times in the query string; give it once, as 'size=2,3,4'."),
        (b"output_size%5B%5D=null&output_size%5B%5D=7", "give it once, as 'output_size=null,7'."),
        (b"ratio=0.5&ratio=.25", "give it once, as 'ratio=0.5,.25'."),
        (b"ceil_mode=true&ceil_mode=true", "twice in the query string; give it once."),
        (b"seed=x&seed=1", "twice in the query string; give it once."),
    ],
)
def test_a_list_sent_as_a_name_twice_is_told_how_it_is_written(raw: bytes, said: str) -> None:
    """httpx, requests and axios write a list so."""
    with pytest.raises(Unprocessable) as caught:
        parse_query(raw)

    assert caught.value.detail.endswith(said)


@pytest.mark.parametrize("raw", [b"a=%", b"a=%f", b"a=%gg", b"a=%ff", b"\xff=1", b"&".join([b"a=1"] * 65)])
def test_what_cannot_be_read_is_malformed(raw: bytes) -> None:
    """Guessing would pool with another spec than was meant."""
    with pytest.raises(Malformed):
        parse_query(raw)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    """Nothing else may come out of it."""
    try:
        fields = parse_query(raw)
    except (Malformed, Unprocessable):
        return
    assert all(isinstance(text, str) for text in fields.values())
