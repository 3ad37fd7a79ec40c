"""The text of a list of poolings: names, unset fields, tensors that a pooling does without, and numbers of JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest

from poolhouse.client.poolings_text import poolings_text
from poolhouse.errors import Unprocessable


def test_poolings_by_name_are_a_list_with_names() -> None:
    """In their order."""
    by_name = {"b": {"operator": "max_pool2d", "kernel_size": (2, 3)}, "a": {"operator": "global_max_pool2d"}}

    assert json.loads(poolings_text(by_name)) == [
        {"name": "b", "operator": "max_pool2d", "kernel_size": [2, 3]},
        {"name": "a", "operator": "global_max_pool2d"},
    ]


def test_none_leaves_a_field_unset_and_a_tensor_out() -> None:
    """The service takes null as the request to do without a tensor of the request."""
    given = [{"operator": "token_pool", "truncate": None, "mask": None}]

    assert json.loads(poolings_text(given)) == [{"operator": "token_pool", "mask": None}]


def test_numbers_are_those_of_json() -> None:
    """Of numpy's types, and infinities and NaN as strings."""
    given = [
        {"operator": "lp_pool1d", "norm_type": np.float32("inf"), "kernel_size": np.int64(2), "ceil_mode": np.True_}
    ]

    assert json.loads(poolings_text(given)) == [
        {"operator": "lp_pool1d", "norm_type": "Infinity", "kernel_size": 2, "ceil_mode": True}
    ]


@pytest.mark.parametrize("given", [3, "max_pool2d", ["max_pool2d"], {"a": {"name": "b"}}, [{"operator": object()}]])
def test_other_values_are_refused(given: object) -> None:
    """Before a request is made."""
    with pytest.raises(Unprocessable):
        poolings_text(given)
