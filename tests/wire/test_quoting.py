"""What a stranger sent, in a message: the same text, and nothing that a terminal or a log would take for a command."""

from __future__ import annotations

import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from poolhouse.wire.quoting import escape_unprintable

TEXTS = st.text(st.characters()) | st.text(
    st.sampled_from("a\x1b\x9b\x07\x00\x7f\r\n\t\u2028\u202e\u2066\u200f\ud800\U000e0001")
)
OBEYED = {"Cc", "Cf", "Cs", "Zl", "Zp"}


@given(TEXTS)
def test_nothing_is_left_that_is_obeyed(text: str) -> None:
    """Control characters, line ends, marks that turn the direction of writing, halves of characters."""
    assert not {unicodedata.category(each) for each in escape_unprintable(text)} & OBEYED


@given(TEXTS)
def test_what_is_seen_as_itself_is_left(text: str) -> None:
    """Most messages are plain, in whatever language."""
    plain = "".join(each for each in text if each.isprintable())

    assert escape_unprintable(plain) == plain
    assert escape_unprintable(escape_unprintable(text)) == escape_unprintable(text)


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5))
def test_json_stays_the_same_value(value: object) -> None:
    """What a command prints as JSON is read by programs."""
    text = json.dumps(value, ensure_ascii=False, indent=1)

    shown = escape_unprintable(text, allowed="\n")

    assert json.loads(shown) == value
    assert shown.count("\n") == text.count("\n")
