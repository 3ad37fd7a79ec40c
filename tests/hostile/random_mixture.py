"""A seeded mixture of the random requests of both protocols."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain, islice
from random import Random
from typing import Final

from tests.hostile.random_inferences import (
    damaged_inference,
    hostile_inference,
    strange_call,
    strange_inference,
    valid_inference,
)
from tests.hostile.random_regions import ClientRegions
from tests.hostile.random_requests import Request, damaged, hostile, out_of_range, random_route, valid

KINDS: Final[tuple[tuple[Callable[[Random], Request], int], ...]] = (
    (valid, 20),
    (damaged, 25),
    (out_of_range, 20),
    (hostile, 8),
    (random_route, 4),
    (valid_inference, 9),
    (damaged_inference, 7),
    (strange_inference, 4),
    (hostile_inference, 3),
    (strange_call, 3),
)


SHARED_MEMORY_WEIGHT: Final = 6


def requests(seed: int, count: int, regions: ClientRegions | None = None) -> Iterator[Request]:
    """The first ``count`` requests of a seed; some have their tensors in the regions, if there are any.

    The requests that register regions are part of the count.
    """
    random = Random(seed)
    makers: list[Callable[[Random], list[Request]]] = [partial(_one_of, make) for make, _ in KINDS]
    weights = [weight for _, weight in KINDS]
    if regions is not None:
        makers.append(lambda random: [*regions.registrations(), regions.valid_inference(random)])
        weights.append(SHARED_MEMORY_WEIGHT)
    made: Iterator[Request] = chain.from_iterable(iter(lambda: random.choices(makers, weights)[0](random), None))
    return islice(made, count)


def _one_of(make: Callable[[Random], Request], random: Random) -> list[Request]:
    return [make(random)]
