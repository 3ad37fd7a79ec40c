"""Lists of words: a word, several, other spellings, and what is refused."""

from __future__ import annotations

import jsonschema
import pytest

from poolhouse.operators.field_types import FieldError
from poolhouse.operators.word_types import Words

MODES = Words(("mean", "max", "last"), {"lasttoken": "last"})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("mean", ("mean",)),
        (["max", "mean"], ("max", "mean")),
        ("lasttoken", ("last",)),
        (("last",), ("last",)),
    ],
)
def test_a_word_or_several_become_a_tuple(value: object, expected: tuple[str, ...]) -> None:
    """The order is kept, since outputs follow it; aliases become our word."""
    assert MODES.check(value, 0) == expected


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("median", "range"),
        ([], "range"),
        (["mean", "mean"], "range"),
        (["last", "lasttoken"], "range"),
        (3, "type"),
        (["mean", 3], "type"),
        (None, "type"),
        ("mean,max", "range"),
    ],
)
def test_other_values_are_refused(value: object, code: str) -> None:
    """The message lists the words."""
    with pytest.raises(FieldError) as raised:
        MODES.check(value, 0)

    assert raised.value.code == code
    assert "mean, max, last" in raised.value.message


@pytest.mark.parametrize("text", ["mean", "max,mean", "lasttoken, max", "[mean]"])
def test_texts_of_a_query_string_are_read(text: str) -> None:
    """As lists of numbers are."""
    found = MODES.check(MODES.read(text), 0)

    assert set(found) <= {"mean", "max", "last"}


def test_the_schema_accepts_what_the_check_accepts() -> None:
    """Clients are generated from it."""
    validator = jsonschema.Draft202012Validator(MODES.schema(0))

    assert all(validator.is_valid(value) for value in ("mean", ["max", "mean"], ["lasttoken"]))
    assert not any(validator.is_valid(value) for value in ("median", [], 3, ["mean", "max", "last", "mean"]))
