"""What both clients share: options, copies with other options, the prefix of every path."""

from __future__ import annotations

import copy
import math

import pytest

from poolhouse.client.base import make_options
from poolhouse.client.clients import AsyncClient, Client
from poolhouse.client.exchange import Request, Send
from poolhouse.client.retry import RetryPolicy

YEAR_S = 366 * 86_400.0


@pytest.mark.parametrize("timeouts", [{"timeout": 0}, {"timeout": -2}, {"timeout": math.nan}, {"connect_timeout": 0}])
def test_an_invalid_timeout_is_refused_by_the_constructor(timeouts: dict[str, float]) -> None:
    """With a timeout of 0 every call would fail."""
    with pytest.raises(ValueError, match=next(iter(timeouts))):
        Client(**timeouts)  # type: ignore[arg-type]  # a checker does not know the key
    with pytest.raises(ValueError, match="read_timeout"):
        AsyncClient(read_timeout=None)  # type: ignore[arg-type]  # what httpx accepts for no timeout
    with pytest.raises(ValueError, match="timeout"), Client() as client:
        client.with_options(timeout=-5)


def test_an_invalid_limit_is_refused_by_the_constructor() -> None:
    """Not at the first call."""
    with pytest.raises(ValueError, match="max_answer_bytes"):
        Client(max_answer_bytes=0)


@pytest.mark.parametrize(("given_s", "timeout_s"), [(None, None), (3, 3), (YEAR_S, None), (math.inf, None)])
def test_a_timeout_of_a_year_is_none(given_s: float | None, timeout_s: float | None) -> None:
    """The kernel does not accept every large value."""
    options = make_options(given_s, given_s or 1, given_s or 1, 4, None, 5)

    assert (options.timeout_s, options.retry, options.max_answer_bytes) == (timeout_s, RetryPolicy(max_retries=4), 5)
    assert options.connect_timeout_s == options.read_timeout_s == min(given_s or 1, YEAR_S)


def test_other_options_are_those_of_a_copy() -> None:
    """A part of a program may wait longer; a closed connection and a used budget are those of all parts."""
    client = Client("http://localhost:1", timeout=7, max_retries=1)

    copied = client.with_options(timeout=None, max_retries=5)

    assert (copied._options.timeout_s, copied._options.retry.max_retries) == (None, 5)
    assert (client._options.timeout_s, client._options.retry.max_retries) == (7, 1)
    assert copied._transport is client._transport
    assert copied._budget is client._budget
    assert copied.with_options(max_retries=0)._options.timeout_s is None, "unchanged if not given"
    assert client.with_options(timeout=3)._options.retry.max_retries == 1
    assert copy.copy(copied)._options == copied._options
    assert copy.deepcopy(copied) is copied
    client.close()
    with pytest.raises(RuntimeError, match="closed"):
        copied.operators()


@pytest.mark.parametrize(("url", "target"), [("http://h", "/v1/operators?a"), ("http://h/p/q/", "/p/q/v1/operators?a")])
def test_the_prefix_of_the_address_precedes_every_path(url: str, target: str) -> None:
    """A proxy tells services apart by it."""
    first = next(Client(url)._start_flow(Request("GET", "/v1/operators?a")))

    assert isinstance(first, Send)
    assert first.request.target == target
