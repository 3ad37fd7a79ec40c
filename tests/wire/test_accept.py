"""Accept and Accept-Encoding as anybody may send them: read by what they name, in time that grows with their length."""

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
    """A member as it is written, and what it says."""
    name, weight, space = draw(TOKEN), draw(WEIGHT), draw(SPACE)
    parameter = f";{space}x={draw(QUOTED)}" if draw(st.booleans()) else ""
    return f"{space}{name}{space}{parameter};{space}q={weight / 1000}{space}", (name, weight / 1000)


@given(st.lists(members(), max_size=MAX_MEMBERS))
def test_every_well_formed_header_says_what_it_was_written_from(written: list[tuple[str, tuple[str, float]]]) -> None:
    """What a parameter quotes, commas and weights too, belongs to nobody but that parameter."""
    header = ",".join(text for text, _ in written)

    assert parse_accept(header) == [said for _, said in written]


@given(st.text())
def test_any_text_is_read(header: str) -> None:
    """Headers are whatever someone types, and a refusal is only for what cannot be answered."""
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
    """Java writes .2, and others more digits than the standard allows; what is no number is nobody's weight."""
    assert parse_accept(f"a/b;q={text}") == [("a/b", weight)]


@pytest.mark.parametrize(
    ("before", "piece", "behind"),
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
def test_no_header_takes_longer_than_its_length_explains(before: str, piece: str, behind: str) -> None:
    """It is read before anybody is asked for a key: 52 bytes once held the event loop for half a minute."""
    header = before + piece * (2**20 // len(piece)) + behind
    began = process_time()

    parse_accept(header)

    # A megabyte at a few nanoseconds a character; what backtracks would not come back.
    assert process_time() - began < 1.0
