"""The base of both clients: options, retry budget, pickling and copying."""

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
    from poolhouse.client.transports.protocols import AsyncTransport, Transport

_AnyTransport = TypeVar("_AnyTransport", bound="Transport | AsyncTransport")

_UNSET: Final = -1.0
_MAX_TIMEOUT_S: Final = 366 * 86_400.0
"""A longer timeout means no timeout; the kernel does not accept every large value."""


class BaseClient(AttributeHints, Generic[_AnyTransport]):
    """Address, options, retry budget and transport of a client.

    It is pickled without its API key, which is read from the environment where it is unpickled. A copy uses the same
    connections.
    """

    _lacks_key = False

    def __init__(self, prefix: str, options: Options, transport: _AnyTransport) -> None:
        self._prefix = prefix
        self._options = options
        self._budget = Budget()
        self._transport = transport

    @classmethod
    def local(cls, *, timeout: float | None = 60.0) -> Self:
        """Make a client of the real service in this process, without a socket, for tests.

        Args:
            timeout: the deadline of a call in seconds; None for none.

        Raises:
            ModuleNotFoundError: the server extra is not installed.
        """
        return cls._with_transport(cls._make_local_transport(), timeout)

    @staticmethod
    def _make_local_transport() -> _AnyTransport:
        raise NotImplementedError

    @classmethod
    def _with_transport(cls, transport: _AnyTransport, timeout: float | None) -> Self:
        made = object.__new__(cls)
        options = Options(_normalize_timeout_s(timeout), headers=client_headers(None))
        BaseClient.__init__(made, "", options, transport)
        return made

    def __getstate__(self) -> dict[str, object]:
        # A model that has a client is saved to files, and files are shared: they must not contain the key.
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
        # A connection cannot be copied, so a deep copy of a model uses the same client.
        return self

    def _raise_if_closed(self) -> None:
        if self._transport.closed:
            raise RuntimeError("this client is closed; make a new one")

    def _start_flow(self, request: Request) -> Flow:
        if self._lacks_key:
            raise Unauthorized(
                "missing_key",
                "This client was pickled, and its API key was not; "
                f"set {KEY_VARIABLE} in the process that unpickles it, or make the client there.",
            )
        prefixed = request._replace(target=self._prefix + request.target) if self._prefix else request
        return call(prefixed, self._options, self._budget, now=time.monotonic, random=random.random)

    def with_options(self, *, timeout: float | None = _UNSET, max_retries: int | None = None) -> Self:
        """Make a client with other options that shares the connections and the retry budget of this one.

        Closing either closes both.

        Args:
            timeout: the deadline of a call in seconds; None for none. Unchanged if not given.
            max_retries: retries after the first attempt. Unchanged if not given.
        """
        options = self._options
        # None means no deadline, so an invalid value stands for "not given".
        if timeout != _UNSET:
            options = replace(options, timeout_s=_normalize_timeout_s(timeout))
        if max_retries is not None:
            options = replace(options, retry=replace(options.retry, max_retries=max_retries))
        copied = object.__new__(type(self))
        copied.__dict__.update(self.__dict__)
        copied._options = options
        return copied


def make_options(
    timeout: float | None,
    connect_timeout: float,
    read_timeout: float,
    max_retries: int,
    api_key: str | None,
    max_answer_bytes: int,
) -> Options:
    """Check a client's arguments and make its options.

    Raises:
        ValueError: a time, the key or the size is invalid.
    """
    if max_answer_bytes < 1:
        raise ValueError(f"max_answer_bytes is {max_answer_bytes}; give at least 1")
    return Options(
        _normalize_timeout_s(timeout),
        _positive_seconds("connect_timeout", connect_timeout),
        _positive_seconds("read_timeout", read_timeout),
        RetryPolicy(max_retries=max_retries),
        client_headers(api_key),
        max_answer_bytes,
    )


def _positive_seconds(name: str, seconds: float) -> float:
    # Callers of other libraries pass None for no timeout, against the types.
    if seconds is None or not seconds > 0:
        raise ValueError(f"{name} is {seconds}; give a number of seconds above 0")
    return min(seconds, _MAX_TIMEOUT_S)


def _normalize_timeout_s(timeout: float | None) -> float | None:
    return None if timeout is None or timeout >= _MAX_TIMEOUT_S else _positive_seconds("timeout", timeout)
