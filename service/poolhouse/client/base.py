"""What both clients are made of: their options, their budget of retries, and how they are pickled and copied."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Generic, Self, TypeVar

from poolhouse.client.attribute_hints import AttributeHints
from poolhouse.client.endpoint import KEY_VARIABLE, client_headers, strip_api_key
from poolhouse.client.exchange import Request
from poolhouse.client.flow import Flow, Options, call
from poolhouse.client.retry import Budget, RetryPolicy
from poolhouse.errors import Unauthorized

if TYPE_CHECKING:
    from poolhouse.client.transports.httpx_transport import AsyncTransport, Transport

_OwnTransport = TypeVar("_OwnTransport", bound="Transport | AsyncTransport")

_UNSET: Final = -1.0
_MAX_TIMEOUT_S: Final = 366 * 86_400.0
"""Beyond this a number of seconds means "for ever", and not every clock of the kernel can count it."""


class BaseClient(AttributeHints, Generic[_OwnTransport]):
    """What both clients know: where, how, and what is left of the budget.

    Pickled, it is all of that without its API key, which is read from the environment where the pickle is read.
    Copied, it calls over the same connections.
    """

    _lacks_key = False
    _transport: _OwnTransport

    def __init__(self, prefix: str, options: Options) -> None:
        self._prefix = prefix
        self._options = options
        self._budget = Budget()

    def __getstate__(self) -> dict[str, object]:
        # A model that holds a client is written to files, and files are passed on: a key in one would be given away.
        headers = strip_api_key(self._options.headers)
        lacks_key = self._lacks_key or headers != self._options.headers
        return {**self.__dict__, "_options": replace(self._options, headers=headers), "_lacks_key": lacks_key}

    def __setstate__(self, state: Mapping[str, object]) -> None:
        self.__dict__.update(state)
        if self._lacks_key:
            headers = client_headers(None)
            self._lacks_key = headers == strip_api_key(headers)
            self._options = replace(self._options, headers=headers)

    def __copy__(self) -> Self:
        return self.with_options()

    def __deepcopy__(self, memo: Mapping[int, object]) -> Self:
        # Models are copied whole, and a connection cannot be: the copy calls through the same one.
        return self

    def _raise_if_closed(self) -> None:
        if self._transport.closed:
            raise RuntimeError("this client is closed; make another one")

    def _start_flow(self, request: Request) -> Flow:
        if self._lacks_key:
            raise Unauthorized(
                "missing_key",
                "This client was pickled, and API keys stay out of pickles; "
                f"set {KEY_VARIABLE} in the process that reads it, or make the client there.",
            )
        placed = request._replace(target=self._prefix + request.target) if self._prefix else request
        return call(placed, self._options, self._budget, now=time.monotonic, random=random.random)

    def with_options(self, *, timeout: float | None = _UNSET, max_retries: int | None = None) -> Self:
        """A client that shares this one's connections and budget, and differs in these options.

        Close the first one; closing this one closes both.

        Args:
            timeout: a call's deadline in seconds; None for none; not given, as it was.
            max_retries: retries after the first try; not given, as it was.
        """
        options = self._options
        # A negative number is no deadline that anyone means, so it can stand for "not given", where None cannot.
        if timeout != _UNSET:
            options = replace(options, timeout_s=normalize_timeout_s(timeout))
        if max_retries is not None:
            options = replace(options, retry=replace(options.retry, max_retries=max_retries))
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin._options = options
        return twin


def make_options(
    timeout: float | None,
    connect_timeout: float,
    read_timeout: float,
    max_retries: int,
    api_key: str | None,
    max_answer_bytes: int,
) -> Options:
    """The options that a client's arguments mean.

    Raises:
        ValueError: a time, a key or a size that nobody means.
    """
    if max_answer_bytes < 1:
        raise ValueError(f"max_answer_bytes is {max_answer_bytes}; give a number of bytes above 0")
    return Options(
        normalize_timeout_s(timeout),
        _positive_seconds("connect_timeout", connect_timeout),
        _positive_seconds("read_timeout", read_timeout),
        RetryPolicy(max_retries=max_retries),
        client_headers(api_key),
        max_answer_bytes,
    )


def _positive_seconds(name: str, given: float) -> float:
    # None is what others take for "as long as it needs", so it is told apart before it is compared with a number.
    if given is None or not given > 0:
        raise ValueError(f"{name} is {given}; give a number of seconds above 0")
    return min(given, _MAX_TIMEOUT_S)


def normalize_timeout_s(given: float | None) -> float | None:
    """A call's deadline as an option has it; None for none.

    Raises:
        ValueError: a time that nobody means.
    """
    return None if given is None or given >= _MAX_TIMEOUT_S else _positive_seconds("timeout", given)
