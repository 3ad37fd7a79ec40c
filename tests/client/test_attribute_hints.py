"""The error for an attribute that a client does not have."""

from __future__ import annotations

import re

import pytest

import poolhouse
from poolhouse.client.attribute_hints import AttributeHints


@pytest.mark.parametrize("client", [poolhouse.Client, poolhouse.AsyncClient])
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mean_pool2d", "did you mean avg_pool2d?"),
        ("MaxPool2d", "did you mean max_pool2d?"),
        ("GlobalAveragePooling1D", "did you mean global_avg_pool1d?"),
        ("clos", "has no attribute 'clos'"),
        ("_own", "has no attribute '_own'"),
    ],
)
def test_a_name_of_another_library_gets_a_suggestion(
    client: type[poolhouse.Client | poolhouse.AsyncClient], name: str, message: str
) -> None:
    """Python's own suggestion compares letters only: for ``mean`` it would suggest the maximum."""
    with pytest.raises(AttributeError, match=re.escape(message)) as caught:
        getattr(client("http://localhost:1"), name)

    assert not hasattr(client("http://localhost:1"), name)
    assert ("did you mean" in str(caught.value)) == ("did you mean" in message)


@pytest.mark.parametrize(("name", "has_hint"), [("mean_pool2d", True), ("clos", False), ("_mean_pool2d", False)])
def test_python_adds_its_own_suggestion_only_to_an_error_without_one(name: str, has_hint: bool) -> None:
    """Python needs the object for it, and sets that only in an error without a name."""
    hints = AttributeHints()

    with pytest.raises(AttributeError) as caught:
        getattr(hints, name)

    assert caught.value.obj is (None if has_hint else hints)
