"""Parsing Accept and Accept-Encoding from untrusted clients, in time linear in their length."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.wire.accept import MAX_MEMBERS, parse_accept

TOKEN = st.text(st.sampled_from("abz09-.+*/"), min_size=1, max_size=12)
SPACE = st.sampled_from(["", " ", "\t", "  "])
QUOTED = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12).map(
    lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
)
WEIGHT = st.integers(0, 1000)


@st.composite
def members(draw: st.DrawFn) -> tuple[str, tuple[str, float]]:
    """A member's text, and its name and weight."""
    name, weight, space = draw(TOKEN), draw(WEIGHT), draw(SPACE)
    parameter = f";{space}x={draw(QUOTED)}" if draw(st.booleans()) else ""
    return f"{space}{name}{space}{parameter};{space}q={weight / 1000}{space}", (name, weight / 1000)


@given(st.lists(members(), max_size=MAX_MEMBERS))
def test_names_and_weights_of_a_valid_header_are_parsed(header_members: list[tuple[str, tuple[str, float]]]) -> None:
    """Commas and weights inside a quoted parameter are part of the parameter."""
    header = ",".join(text for text, _ in header_members)

    assert parse_accept(header) == [expected for _, expected in header_members]


@given(st.text())
def test_any_text_is_parsed(header: str) -> None:
    """A malformed header is no reason to refuse the request."""
    for name, weight in parse_accept(header):
        assert name == name.strip().lower() != ""
        assert weight is None or 0 <= weight <= 1


@pytest.mark.parametrize(
    ("text", "weight"),
    [
        ("1", 1.0),
        ("1.000", 1.0),
        (".2", 0.2),
        ("0.123456", 0.123456),
        ("0", 0.0),
        ("1.1", None),
        ("-0.5", None),
        ("1e-1", None),
        ("", None),
        (".", None),
        ("٣", None),
        ('"0.5"', None),
    ],
)
def test_a_weight_is_a_number_from_0_to_1(text: str, weight: float | None) -> None:
    """Java writes .2, and other clients more digits than RFC 9110 allows."""
    assert parse_accept(f"a/b;q={text}") == [("a/b", weight)]


@pytest.mark.parametrize(
    ("prefix", "piece", "suffix"),
    [
        ("a/b", "; ", "@"),
        ("a/b", ' ; a="', "@"),
        ("a/b", ";a=a", "@"),
        ("", "a/b,", "@"),
        ('a/b;a="', "\\", '"'),
        ("", '"', ","),
        ("", " ", "@"),
        ("a/b;q=", "1", "@"),
        ("", "a/b;q=.1,", ""),
    ],
)
def test_the_time_is_linear_in_the_length_of_the_header(prefix: str, piece: str, suffix: str) -> None:
    """The header is parsed before the key is checked: 52 bytes once blocked the event loop for half a minute."""
    header = prefix + piece * (2**20 // len(piece)) + suffix
    start = process_time()

    parse_accept(header)

    # A megabyte at a few nanoseconds a character; a backtracking parser would practically never return.
    assert process_time() - start < 1.0
