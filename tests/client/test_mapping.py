"""A map over many inputs when some of them fail: which one it was, and what becomes of the others."""

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


@pytest.mark.parametrize("bad", [SHORT, RAGGED], ids=["refused by the service", "refused here"])
def test_an_error_names_its_input(any_client: AnyClient, bad: object) -> None:
    """Of a thousand pictures one is broken, and someone has to find it."""
    with pytest.raises(Unprocessable) as caught:
        any_client.map("max_pool1d", [GOOD, GOOD, GOOD, bad, GOOD], kernel_size=2, concurrency=2)

    assert caught.value.input_index == 3
    assert "This was input 3 of a map." in "".join(traceback.format_exception(caught.value))


def test_an_error_of_a_single_call_names_none(any_client: AnyClient) -> None:
    """There is one input."""
    with pytest.raises(Unprocessable) as caught:
        any_client.pool("max_pool1d", SHORT, kernel_size=2)

    assert caught.value.input_index is None


def test_errors_are_given_in_the_place_of_their_answers(any_client: AnyClient) -> None:
    """The others are not lost, as with asyncio.gather."""
    told: list[int] = []
    inputs: list[object] = [SHORT, GOOD, RAGGED, GOOD, SHORT]

    found = any_client.map(
        "max_pool1d", inputs, kernel_size=2, concurrency=2, return_exceptions=True, progress=told.append
    )

    assert [type(each) for each in found] == [Unprocessable, Pooled, Unprocessable, Pooled, Unprocessable]
    assert [each.input_index for each in found if isinstance(each, PoolhouseError)] == [0, 2, 4]
    assert told == [1, 2, 3, 4, 5]


class Odd(Exception):
    """What pooling an odd number comes to here."""


def _answer(number: object) -> Pooled[object, object | None]:
    assert isinstance(number, int)
    if number % 2:
        raise Odd(number)
    return Pooled(number, None)


def _sync(numbers: list[int], options: MapOptions) -> list[object]:
    return list(map_in_threads(lambda number, _: _answer(number), numbers, options, lambda _: None))


def _async(numbers: list[int], options: MapOptions) -> list[object]:
    async def pool(number: object) -> Pooled[object, object | None]:
        return _answer(number)

    async def all_of_them() -> list[object]:
        return [each async for each in map_in_tasks(pool, numbers, options)]

    return asyncio.run(all_of_them())


@pytest.mark.parametrize("run", [_sync, _async])
@given(numbers=st.lists(st.integers(0, 9), max_size=9), concurrency=st.integers(1, 4))
def test_a_map_is_gather_in_order(run: object, numbers: list[int], concurrency: int) -> None:
    """The same answers and exceptions in the same places, however many calls go at a time."""
    assert callable(run)

    async def gathered() -> list[object]:
        async def one(number: int) -> object:
            return _answer(number)

        return await asyncio.gather(*map(one, numbers), return_exceptions=True)

    found = run(numbers, MapOptions(concurrency, None, return_exceptions=True))

    assert [str(each) for each in found] == [str(each) for each in asyncio.run(gathered())]
    odd = [at for at, number in enumerate(numbers) if number % 2]
    if odd:
        with pytest.raises(Odd) as caught:
            run(numbers, MapOptions(concurrency, None, return_exceptions=False))
        assert caught.value.__notes__ == [f"This was input {odd[0]} of a map."]


def _broken() -> Iterator[object]:
    yield GOOD
    raise OSError("the disk is gone")


async def _broken_later() -> AsyncIterator[object]:
    for each in _broken():
        yield each


def test_inputs_that_break_off_are_no_answer() -> None:
    """What gives the inputs failed, not one of them: nothing can follow."""

    async def asked() -> None:
        async with AsyncClient.local() as client:
            async for _ in client.map("max_pool1d", _broken_later(), kernel_size=2, return_exceptions=True):
                pass

    with Client.local() as client, pytest.raises(OSError, match="disk") as caught:
        list(client.map("max_pool1d", _broken(), kernel_size=2, return_exceptions=True))
    assert not hasattr(caught.value, "__notes__")
    with pytest.raises(OSError, match="disk"):
        asyncio.run(asked())


def test_a_map_that_cannot_begin_says_so_at_once() -> None:
    """Not at its first answer, which may be asked for elsewhere."""
    with Client() as client, pytest.raises(ValueError, match="concurrency is 0"):
        client.map("max_pool1d", [], concurrency=0)
    with pytest.raises(ValueError, match="concurrency is 0"):
        AsyncClient().map("max_pool1d", [], concurrency=0)
