"""The names of poolings, inputs and outputs."""

from __future__ import annotations

import pytest

from poolhouse.poolings.names import is_input_name, is_pooling_name, output_name, response_prefix
from tests.operators.random_cases import CATALOGUE

UNUSABLE = ["", "a/b", "a b", "a\n", "\x00", "ä", "-a", ".a", "__metadata__", "a" * 65, "a\u202e"]


@pytest.mark.parametrize("name", UNUSABLE)
def test_unusable_names_are_refused(name: str) -> None:
    """Names become members of files, headers and objects, so they have few characters."""
    assert not is_pooling_name(name)
    assert not is_input_name(name)


def test_only_inputs_may_have_dots() -> None:
    """The dot separates the parts of an output's name; layers of networks have dots in theirs."""
    assert is_input_name("layer1.0.weight")
    assert not is_pooling_name("a.b")
    assert is_pooling_name("a" * 64)


def test_the_first_output_has_the_name_of_its_pooling() -> None:
    """Others have their own behind a dot."""
    assert output_name("a", "output", 0) == "a"
    assert output_name("a", "level1", 0) == "a"
    assert output_name("a", "indices", 1) == "a.indices"


def test_prefixes() -> None:
    """One input has no name; a single pooling needs none."""
    assert response_prefix("input", "a", has_one_input=True, is_only_unnamed=False) == "a"
    assert response_prefix("u", "a", has_one_input=False, is_only_unnamed=False) == "u.a"
    assert response_prefix("u", "a", has_one_input=False, is_only_unnamed=True) == "u"


def test_members_of_a_pooling_are_no_fields_of_operators() -> None:
    """Otherwise a field could not be given."""
    from poolhouse.poolings.entries import MEMBERS

    assert not {field.name for member in CATALOGUE for field in member.fields()} & set(MEMBERS)
