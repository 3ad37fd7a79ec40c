"""Keys are counted at any depth; duplicates are found; deep and large fields are refused."""

from __future__ import annotations

import pytest

from poolhouse.errors import Malformed, Unprocessable
from poolhouse.wire.json.key_checks import count_keys, refuse_duplicate_keys
from poolhouse.wire.json.refusals import MAX_FIELD_DEPTH, MAX_FIELD_VALUES


@pytest.mark.parametrize(
    ("document", "count"),
    [
        ({}, 0),
        ({"a": 1, "b": None}, 2),
        ({"input": {"shape": [1], "data": []}}, 3),
        ({"input": {"dtype": {"a": {"b": 1}}}}, 4),
        ({"a": [{"b": 1}, [{"c": {}, "d": 2}]]}, 4),
    ],
)
def test_keys_of_all_levels_count(document: dict[str, object], count: int) -> None:
    """A wrong count would either miss a duplicate or parse every body twice."""
    assert count_keys(document) == count


def test_depth_and_values_of_a_field_have_exact_limits() -> None:
    """Each field at its limit is accepted, and one more is refused."""
    deep: list[object] = []
    for _ in range(MAX_FIELD_DEPTH - 1):
        deep = [deep]

    assert count_keys({"a": deep, "b": [0] * (MAX_FIELD_VALUES - 1)}) == 2
    for value in ([deep], [0] * MAX_FIELD_VALUES):
        with pytest.raises(Unprocessable) as caught:
            count_keys({"a": value})
        assert caught.value.code == "invalid_fields"


@pytest.mark.parametrize("text", [b'{"a":1,"a":2}', b'{"b":[{"a":1,"\\u0061":2}]}'])
def test_a_duplicate_key_is_refused(text: bytes) -> None:
    """Parsers disagree on which of two values counts, so neither may."""
    with pytest.raises(Unprocessable, match="twice in one object"):
        refuse_duplicate_keys(text)


def test_equal_keys_of_different_objects_and_long_integers_pass() -> None:
    """Only keys matter: Python's limit on digits of an integer must not show."""
    refuse_duplicate_keys(memoryview(b'{"a":{"a":1},"b":{"a":' + b"9" * 5000 + b"}}"))


def test_a_text_too_deep_for_python_is_malformed() -> None:
    """The recursion limit of the second parser must be an error of the request."""
    with pytest.raises(Malformed, match="nested too deep"):
        refuse_duplicate_keys(b"[" * 200_000 + b"]" * 200_000)
