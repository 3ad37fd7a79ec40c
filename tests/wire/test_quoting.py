"""Quoting untrusted text: the same text, without characters that control a terminal or a log."""

from __future__ import annotations

import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from poolhouse.wire.quoting import escape_unprintable

TEXTS = st.text(st.characters()) | st.text(
    st.sampled_from("a\x1b\x9b\x07\x00\x7f\r\n\t\u2028\u202e\u2066\u200f\ud800\U000e0001")
)
CONTROL_CATEGORIES = {"Cc", "Cf", "Cs", "Zl", "Zp"}


@given(TEXTS)
def test_no_control_character_is_left(text: str) -> None:
    """Control characters, line breaks, marks that change the direction of writing, lone surrogates."""
    assert not {unicodedata.category(each) for each in escape_unprintable(text)} & CONTROL_CATEGORIES


@given(TEXTS)
def test_printable_text_is_unchanged(text: str) -> None:
    """In any language; and escaping twice is escaping once."""
    plain = "".join(each for each in text if each.isprintable())

    assert escape_unprintable(plain) == plain
    assert escape_unprintable(escape_unprintable(text)) == escape_unprintable(text)


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5))
def test_json_stays_the_same_value(value: object) -> None:
    """Programs parse the JSON that a command prints."""
    text = json.dumps(value, ensure_ascii=False, indent=1)

    escaped = escape_unprintable(text, allowed="\n")

    assert json.loads(escaped) == value
    assert escaped.count("\n") == text.count("\n")
