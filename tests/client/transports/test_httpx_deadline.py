"""DeadlineTransport behaves as httpx's own transport, apart from the deadline.

The deadline itself is tested in test_transports and test_endless_responses.
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

# httpcore catches this error itself.
INTERNAL = {"ConnectionNotAvailable"}
ERRORS = [
    error
    for name, error in inspect.getmembers(httpcore, inspect.isclass)
    if issubclass(error, Exception) and not error.__subclasses__() and name not in INTERNAL
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_an_error_of_httpcore_becomes_the_one_of_httpx(error: type[Exception]) -> None:
    """Callers of httpx catch only its own classes."""
    with pytest.raises(getattr(httpx, error.__name__), match="message"), _translate_errors():
        raise error("message")


def test_a_refused_connection_is_an_error_of_httpx() -> None:
    """By which the client decides to retry."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]

    with httpx.Client(transport=DeadlineTransport()) as client, pytest.raises(httpx.ConnectError):
        client.get(f"http://127.0.0.1:{port}/")


def test_a_proxy_gets_its_password() -> None:
    """The password is part of the proxy's address."""
    with run_scripted_server(lambda _: EMPTY_LIST) as proxy:
        address = proxy.url.replace("http://", "http://ann:secret@")
        with httpx.Client(transport=DeadlineTransport(proxy=address)) as client:
            assert client.get("http://pool.example/v1/operators").json() == {"operators": []}

        assert base64.b64encode(b"ann:secret") in proxy.heads[0]
        assert proxy.heads[0].startswith(b"GET http://pool.example/v1/operators ")


def test_a_request_without_a_deadline_has_none() -> None:
    """The caller may use the httpx client for other services too, between calls with a deadline."""
    with run_scripted_server(lambda _: EMPTY_LIST) as server, httpx.Client(transport=DeadlineTransport()) as client:
        assert client.get(server.url).json() == {"operators": []}
        with pytest.raises(httpx.ReadTimeout):
            client.get(server.url, extensions={DEADLINE: time.monotonic() - 1})
        assert client.get(server.url).json() == {"operators": []}
