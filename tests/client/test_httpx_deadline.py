"""The transport for httpx's blocking client: everything but the deadline is as with httpx's own.

What the deadline itself holds is in test_transports and test_endless.
"""

from __future__ import annotations

import base64
import inspect
import socket
import time

import httpcore
import httpx
import pytest

from poolhouse.client.transports.httpx_deadline import DEADLINE, DeadlineTransport, _translate_errors
from tests.client.test_transports import EMPTY_LIST, run_scripted_server

# httpcore catches this one itself.
INTERNAL = {"ConnectionNotAvailable"}
ERRORS = [
    error
    for name, error in inspect.getmembers(httpcore, inspect.isclass)
    if issubclass(error, Exception) and not error.__subclasses__() and name not in INTERNAL
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_an_error_of_httpcore_becomes_the_one_of_httpx(error: type[Exception]) -> None:
    """A caller of httpx catches httpx's classes alone."""
    with pytest.raises(getattr(httpx, error.__name__), match="told"), _translate_errors():
        raise error("told")


def test_a_refused_connection_is_an_error_of_httpx() -> None:
    """The retries of the client know it by that."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]

    with httpx.Client(transport=DeadlineTransport()) as client, pytest.raises(httpx.ConnectError):
        client.get(f"http://127.0.0.1:{port}/")


def test_a_proxy_gets_its_password() -> None:
    """It stands in the address that the environment gives."""
    with run_scripted_server(lambda _: EMPTY_LIST) as proxy:
        address = proxy.url.replace("http://", "http://ann:secret@")
        with httpx.Client(transport=DeadlineTransport(proxy=address)) as client:
            assert client.get("http://pool.example/v1/operators").json() == {"operators": []}

        assert base64.b64encode(b"ann:secret") in proxy.heads[0]
        assert proxy.heads[0].startswith(b"GET http://pool.example/v1/operators ")


def test_a_request_without_a_deadline_is_any_request() -> None:
    """The httpx client is the caller's own, and calls other services too."""
    with run_scripted_server(lambda _: EMPTY_LIST) as listener, httpx.Client(transport=DeadlineTransport()) as client:
        assert client.get(listener.url).json() == {"operators": []}
        with pytest.raises(httpx.ReadTimeout):
            client.get(listener.url, extensions={DEADLINE: time.monotonic() - 1})
        assert client.get(listener.url).json() == {"operators": []}
