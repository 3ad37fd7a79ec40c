"""Names of tensors: those that the operators declare, with their types."""

from __future__ import annotations

from poolhouse.dtypes import FLOAT32
from poolhouse.operators.catalogue import discover
from poolhouse.tensor_names import TENSOR_NAMES, TENSOR_TYPES


def test_the_codecs_know_every_tensor_of_every_operator() -> None:
    """A name that is missing would be an unknown field in JSON."""
    declared = {each.name: each.default_type for member in discover() for each in member.companions}

    assert {"input": FLOAT32, **declared} == TENSOR_TYPES
    assert TENSOR_NAMES[0] == "input"
