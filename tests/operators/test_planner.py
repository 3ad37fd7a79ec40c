"""Plans are cached by the text of their fields, but a client's long values are never formatted completely."""

from __future__ import annotations

import tracemalloc

import pytest

from poolhouse.dtypes import FLOAT32
from poolhouse.errors import Unprocessable
from poolhouse.operators.plan import Limits
from poolhouse.operators.planner import Planner
from poolhouse.tensors import TensorMetadata
from tests.operators.random_cases import CATALOGUE

INPUT = {"input": TensorMetadata(FLOAT32, (1, 1, 4, 4))}
TEXT = "\ue000" * 2_000_000
"""repr() would write each of its characters as six."""


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ({"kernel_size": TEXT}, {}),
        ({"kernel_size": [TEXT, TEXT]}, {}),
        ({"kernel_size": {"a": TEXT}}, {}),
        ({"kernel_size": 2, TEXT: 1}, {}),
        ({}, {"kernel_size": TEXT}),
        ({}, {"kernel_size": "2", TEXT: "1"}),
        ({"kernel_size": 2}, {"return_indices": TEXT}),
        ({"kernel_size": 2, "padding": TEXT}, {}),
        ({"kernel_size": 2, "padding": [[TEXT, 0], [0, 0]]}, {}),
    ],
)
def test_no_long_field_is_formatted_completely(values: dict[str, object], texts: dict[str, str]) -> None:
    """Formatting megabytes holds the interpreter lock, and blocks the event loop, for tenths of a second."""
    planner = Planner(CATALOGUE, Limits(2**40, 2**60))
    tracemalloc.start()
    try:
        with pytest.raises(Unprocessable) as refused:
            planner.plan("max_pool2d", values, texts, INPUT)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak_bytes < 1_000_000
    assert len(str(refused.value)) < 2_000


def test_equal_requests_share_a_plan() -> None:
    """Most requests repeat earlier ones."""
    planner = Planner(CATALOGUE, Limits(2**40, 2**60))

    for fields in ({"kernel_size": [2, 2], "ceil_mode": True}, {"kernel_size": 2, "padding": [[0, 1], [1, 0]]}):
        plans = [planner.plan("max_pool2d", fields, {}, INPUT) for _ in range(2)]

        assert plans[0] is plans[1]
