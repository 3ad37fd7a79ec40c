"""Reading the list of poolings."""

from __future__ import annotations

import json

import pytest

from poolhouse.errors import MAX_PROBLEMS, Unprocessable
from poolhouse.poolings.entries import MAX_POOLINGS, MAX_TEXT_CHARS, parse_text, read_poolings
from tests.operators.random_cases import CATALOGUE

MAX = {"operator": "max_pool2d", "kernel_size": 2}


def test_a_list_and_its_text_are_the_same() -> None:
    """Binary bodies have the list as text."""
    given = [{**MAX, "name": "a", "returned": False}, {"operator": "avg_pool2d", "of": "a", "kernel_size": [2, 3]}]

    first, second = read_poolings(given, CATALOGUE)

    assert read_poolings(json.dumps(given), CATALOGUE) == (first, second)
    assert (first.name, first.is_named, first.is_returned, first.source) == ("a", True, False, "")
    assert (second.name, second.is_named, second.is_returned, second.source) == ("avg_pool2d", False, True, "a")
    assert second.fields == {"kernel_size": [2, 3]}


def test_further_inputs_name_earlier_outputs() -> None:
    """They are no fields."""
    (unpool,) = read_poolings([{"operator": "max_unpool2d", "of": "a", "indices": "b.indices"}], CATALOGUE)

    assert unpool.companions == {"indices": "b.indices"}
    assert unpool.fields == {}


@pytest.mark.parametrize(
    ("value", "pointer", "code"),
    [
        (None, "/poolings", "type"),
        ({}, "/poolings", "type"),
        (3, "/poolings", "type"),
        ([], "/poolings", "length"),
        ([MAX] * (MAX_POOLINGS + 1), "/poolings", "length"),
        ([1], "/poolings/0", "type"),
        ([MAX, []], "/poolings/1", "type"),
        ([{}], "/poolings/0/operator", "missing"),
        ([{"operator": 3}], "/poolings/0/operator", "type"),
        ([{"operator": "max_pool"}], "/poolings/0/operator", "unknown"),
        ([{**MAX, "name": ""}], "/poolings/0/name", "type"),
        ([{**MAX, "name": "a.b"}], "/poolings/0/name", "type"),
        ([{**MAX, "name": "a/\x1b"}], "/poolings/0/name", "type"),
        ([{**MAX, "name": 1}], "/poolings/0/name", "type"),
        ([{**MAX, "of": 1}], "/poolings/0/of", "type"),
        ([{**MAX, "of": ""}], "/poolings/0/of", "type"),
        ([{**MAX, "returned": 1}], "/poolings/0/returned", "type"),
        ([{**MAX, "returned": False}], "/poolings", "conflict"),
        ([MAX, MAX], "/poolings/1/name", "duplicate"),
        ([{**MAX, "name": "a"}, {**MAX, "name": "a"}], "/poolings/1/name", "duplicate"),
        ([{"operator": "max_unpool2d", "indices": [[1]]}], "/poolings/0/indices", "type"),
        ("[", "/poolings", "type"),
        ("", "/poolings", "type"),
        ('"a"', "/poolings", "type"),
        ('[{"operator": "\ud800"}]', "/poolings", "type"),
        (" " * (MAX_TEXT_CHARS + 1), "/poolings", "length"),
    ],
)
def test_each_refusal_names_its_place(value: object, pointer: str, code: str) -> None:
    """By a JSON pointer."""
    with pytest.raises(Unprocessable) as refusal:
        read_poolings(value, CATALOGUE)

    assert refusal.value.code == "invalid_fields"
    assert [(each.pointer, each.code) for each in refusal.value.problems] == [(pointer, code)]


def test_all_entries_are_checked_at_once() -> None:
    """The first problems are listed, the others counted."""
    with pytest.raises(Unprocessable) as refusal:
        read_poolings([{"operator": f"no_pool{number}"} for number in range(20)], CATALOGUE)

    assert len(refusal.value.problems) == MAX_PROBLEMS
    assert "and 12 more" in refusal.value.detail


@pytest.mark.parametrize(
    "text", ['[{"operator": "max_pool2d", "operator": "avg_pool2d"}]', "[" * 20 + "]" * 20, "[" * 60_000]
)
def test_text_that_is_ambiguous_or_deep_is_refused(text: str) -> None:
    """As in a JSON body."""
    with pytest.raises(Unprocessable) as refusal:
        parse_text(text)

    assert refusal.value.code == "invalid_fields"
