"""Errors in a map: the error names its input, and the other results are kept if the caller wants them."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.client.clients import AsyncClient, Client
from poolhouse.client.concurrent_map import MapOptions, map_in_tasks, map_in_threads
from poolhouse.client.results import Pooled
from poolhouse.errors import PoolhouseError, Unprocessable
from tests.client.conftest import AnyClient

GOOD = [[1.0, 2.0]]
SHORT = [[1.0]]
RAGGED = [[1.0, 2.0], [1.0]]


@pytest.mark.parametrize("bad", [SHORT, RAGGED], ids=["refused by the service", "refused by the client"])
def test_an_error_names_its_input(any_client: AnyClient, bad: object) -> None:
    """So that a bad input can be found among many."""
    with pytest.raises(Unprocessable) as caught:
        any_client.map("max_pool1d", [GOOD, GOOD, GOOD, bad, GOOD], kernel_size=2, concurrency=2)

    assert caught.value.input_index == 3
    assert "This was input 3 of a map." in "".join(traceback.format_exception(caught.value))


def test_an_error_of_a_single_call_has_no_input_index(any_client: AnyClient) -> None:
    """Only maps have several inputs."""
    with pytest.raises(Unprocessable) as caught:
        any_client.pool("max_pool1d", SHORT, kernel_size=2)

    assert caught.value.input_index is None


def test_errors_take_the_place_of_their_results(any_client: AnyClient) -> None:
    """The other results are kept, as with asyncio.gather."""
    progress: list[int] = []
    inputs: list[object] = [SHORT, GOOD, RAGGED, GOOD, SHORT]

    results = any_client.map(
        "max_pool1d", inputs, kernel_size=2, concurrency=2, return_exceptions=True, progress=progress.append
    )

    assert [type(each) for each in results] == [Unprocessable, Pooled, Unprocessable, Pooled, Unprocessable]
    assert [each.input_index for each in results if isinstance(each, PoolhouseError)] == [0, 2, 4]
    assert progress == [1, 2, 3, 4, 5]


class OddNumber(Exception):
    """The error of pooling an odd number in these tests."""


def _pool(number: object) -> Pooled[object, object | None]:
    assert isinstance(number, int)
    if number % 2:
        raise OddNumber(number)
    return Pooled(number, None)


def _run_threads(numbers: list[int], options: MapOptions) -> list[object]:
    return list(map_in_threads(lambda number, _: _pool(number), numbers, options, lambda _: None))


def _run_tasks(numbers: list[int], options: MapOptions) -> list[object]:
    async def pool(number: object) -> Pooled[object, object | None]:
        return _pool(number)

    async def collect() -> list[object]:
        return [each async for each in map_in_tasks(pool, numbers, options)]

    return asyncio.run(collect())


@pytest.mark.parametrize("run", [_run_threads, _run_tasks])
@given(numbers=st.lists(st.integers(0, 9), max_size=9), concurrency=st.integers(1, 4))
def test_a_map_returns_the_same_as_gather(run: object, numbers: list[int], concurrency: int) -> None:
    """The same results and errors in the same order, for every concurrency."""
    assert callable(run)

    async def gather() -> list[object]:
        async def one(number: int) -> object:
            return _pool(number)

        return await asyncio.gather(*map(one, numbers), return_exceptions=True)

    results = run(numbers, MapOptions(concurrency, None, return_exceptions=True))

    assert [str(each) for each in results] == [str(each) for each in asyncio.run(gather())]
    odd = [index for index, number in enumerate(numbers) if number % 2]
    if odd:
        with pytest.raises(OddNumber) as caught:
            run(numbers, MapOptions(concurrency, None, return_exceptions=False))
        assert caught.value.__notes__ == [f"This was input {odd[0]} of a map."]


def _failing_inputs() -> Iterator[object]:
    yield GOOD
    raise OSError("the disk has failed")


async def _failing_async_inputs() -> AsyncIterator[object]:
    for each in _failing_inputs():
        yield each


def test_an_error_of_the_input_iterator_is_raised() -> None:
    """Also with ``return_exceptions``: it belongs to no input, and the map cannot go on."""

    async def run() -> None:
        async with AsyncClient.local() as client:
            async for _ in client.map("max_pool1d", _failing_async_inputs(), kernel_size=2, return_exceptions=True):
                pass

    with Client.local() as client, pytest.raises(OSError, match="disk") as caught:
        list(client.map("max_pool1d", _failing_inputs(), kernel_size=2, return_exceptions=True))
    assert not hasattr(caught.value, "__notes__")
    with pytest.raises(OSError, match="disk"):
        asyncio.run(run())


def test_invalid_options_of_a_map_are_refused_at_once() -> None:
    """Not when its first result is requested."""
    with Client() as client, pytest.raises(ValueError, match="concurrency is 0"):
        client.map("max_pool1d", [], concurrency=0)
    with pytest.raises(ValueError, match="concurrency is 0"):
        AsyncClient().map("max_pool1d", [], concurrency=0)
