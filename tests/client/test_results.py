"""The result of pooling, which is a pair with attributes."""

from __future__ import annotations

import pickle

import pytest

from poolhouse.client.results import Pooled


def test_a_result_unpacks_as_output_and_indices() -> None:
    """As torch's; the other attributes are no part of the pair."""
    pooled = Pooled("output", "indices", {"queue": 1.0}, "r1", 5, ("warning",))

    output, indices = pooled

    assert (output, indices) == (pooled.output, pooled.indices) == ("output", "indices")
    assert pooled == ("output", "indices")
    assert repr(pooled) == "Pooled(output='output', indices='indices', request_id='r1')"


def test_the_attributes_of_a_result_have_defaults() -> None:
    """A caller's own test doubles need only the pair."""
    pooled = Pooled("output", None)

    assert (pooled.timings, pooled.request_id, pooled.seed, pooled.warnings) == ({}, None, None, ())
    assert pooled.outputs == {"output": "output"}


def test_every_output_has_its_name() -> None:
    """A pyramid has more outputs than a pair."""
    assert Pooled("output", "indices").outputs == {"output": "output", "indices": "indices"}
    assert Pooled("a", None, outputs={"level1": "a", "level2": "b"}).outputs == {"level1": "a", "level2": "b"}


def test_the_timings_are_a_copy() -> None:
    """Results of equal responses must not change each other."""
    timings = {"queue": 1.0}
    pooled = Pooled("output", None, timings)

    timings.clear()

    assert pooled.timings == {"queue": 1.0}


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_result_is_pickled_with_its_attributes(protocol: int) -> None:
    """By default, pickle would pass the pair as one argument and lose its second half."""
    pooled = Pooled([1], [0], {"queue": 1.0}, "r1", 5, ("warning",))

    restored = pickle.loads(pickle.dumps(pooled, protocol))

    assert type(restored) is Pooled
    assert restored == pooled
    assert vars(restored) == vars(pooled)
