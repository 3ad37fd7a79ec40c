"""Telling inputs from what goes with them."""

from __future__ import annotations

import pytest

from poolhouse.errors import Unprocessable
from poolhouse.poolings.tensors import MAX_INPUTS, split_tensors


def test_a_tensor_named_input_is_the_one_input() -> None:
    """As for one pooling; others go with it."""
    given = split_tensors({"indices": 1, "input": 2}, are_named=False)

    assert given == ({"input": 2}, {"indices": 1}, True)


@pytest.mark.parametrize("names", [("a",), ("a", "b"), ("indices",)])
def test_without_such_a_name_all_are_inputs(names: tuple[str, ...]) -> None:
    """A file of tensors needs no changes."""
    tensors = dict.fromkeys(names, 0)

    assert split_tensors(tensors, are_named=False) == (tensors, {}, False)


def test_named_inputs_may_have_any_name() -> None:
    """In JSON the key ``inputs`` tells them."""
    assert split_tensors({"input": 1, "indices": 2}, are_named=True) == ({"input": 1, "indices": 2}, {}, False)


@pytest.mark.parametrize(
    ("names", "code"),
    [
        ((), "missing_tensor"),
        (("a/b",), "invalid_fields"),
        (("a", "b\n"), "invalid_fields"),
        (("__metadata__",), "invalid_fields"),
        (tuple(map(str, range(MAX_INPUTS + 1))), "invalid_fields"),
    ],
)
def test_unusable_inputs_are_refused(names: tuple[str, ...], code: str) -> None:
    """Before they are read, in JSON."""
    with pytest.raises(Unprocessable) as refusal:
        split_tensors(dict.fromkeys(names, 0), are_named=True)

    assert refusal.value.code == code
    assert refusal.value.problems[0].pointer.startswith("/inputs")
