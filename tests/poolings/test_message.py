"""Finding the list of poolings in a message."""

from __future__ import annotations

import numpy as np
import pytest

from poolhouse.dtypes import FLOAT32
from poolhouse.errors import Unprocessable
from poolhouse.poolings.message import find_list, read_request
from poolhouse.tensors import Message, Note, Tensor
from tests.operators.random_cases import CATALOGUE

LIST = '[{"operator": "max_pool2d", "kernel_size": 2}]'
IMAGE = Tensor(FLOAT32, np.zeros((1, 4, 4), np.float32))


def test_the_list_is_in_one_of_three_places() -> None:
    """The body, the query string, or the metadata of a file."""
    note = {"poolings": Note(LIST, "/__metadata__/poolings", is_field=False)}

    assert find_list({"poolings": [1]}, {}) == [1]
    assert find_list({}, {"poolings": LIST}) == LIST
    assert find_list({}, {}, note) == LIST


def test_metadata_of_other_programs_is_ignored() -> None:
    """Metadata with our prefix is not."""
    other = Note("pt", "/__metadata__/format", is_field=False)
    ours = Note("2", "/__metadata__/poolhouse.kernel_size", is_field=True)

    assert find_list({"poolings": []}, {}, {"format": other}) == []
    with pytest.raises(Unprocessable):
        find_list({"poolings": []}, {}, {"kernel_size": ours})


@pytest.mark.parametrize(
    ("fields", "texts", "pointer", "code"),
    [
        ({}, {}, "/poolings", "missing"),
        ({"poolings": []}, {"poolings": LIST}, "/poolings", "duplicate"),
        ({"poolings": [], "kernel_size": 2}, {}, "/kernel_size", "unknown"),
        ({"poolings": []}, {"a/b": "2"}, "/a~1b", "unknown"),
    ],
)
def test_refusals(fields: dict[str, object], texts: dict[str, str], pointer: str, code: str) -> None:
    """Fields of operators are in the list."""
    with pytest.raises(Unprocessable) as refusal:
        find_list(fields, texts)

    assert [(each.pointer, each.code) for each in refusal.value.problems] == [(pointer, code)]


def test_a_request() -> None:
    """The list and the tensors of a message."""
    request = read_request(Message({"u": IMAGE}, text_fields={"poolings": LIST}), CATALOGUE, are_named=False)

    assert [each.name for each in request.poolings] == ["max_pool2d"]
    assert request.given.inputs == {"u": IMAGE}
