"""Which transport a client gets, and which of its arguments contradict each other."""

from __future__ import annotations

import httpx
import pytest

from poolhouse.client.clients import AsyncClient, Client
from poolhouse.client.endpoint import Endpoint
from poolhouse.client.transports.async_sockets import AsyncSocketTransport
from poolhouse.client.transports.factory import make_async_transport, make_transport, resolve_endpoint
from poolhouse.client.transports.httpx_transport import AsyncHttpxTransport, HttpxTransport
from poolhouse.client.transports.sockets import SocketTransport


def test_contradicting_addresses_are_refused() -> None:
    """Silently ignoring one of them could call another service."""
    with pytest.raises(ValueError, match="Unix socket"):
        Client("https://h", uds="/run/s")
    with httpx.Client() as http:
        with pytest.raises(ValueError, match="Unix socket"):
            Client(uds="/run/s", http_client=http)
        with pytest.raises(ValueError, match="Unix socket"):
            Client("unix:/run/s", http_client=http)
        with pytest.raises(TypeError, match="AsyncClient"):
            AsyncClient(http_client=http)  # type: ignore[arg-type]  # the mistake that is tested


@pytest.mark.parametrize(
    ("base_url", "http_url", "origin"),
    [("http://a/p", "http://b", "http://a"), (None, "http://b/p/", "http://b"), (None, "", "http://localhost:8000")],
)
def test_the_argument_precedes_the_address_of_the_httpx_client(
    base_url: str | None, http_url: str, origin: str
) -> None:
    """Without either it is the address of any client."""
    with httpx.Client(base_url=http_url) as http:
        endpoint = resolve_endpoint(base_url, None, http, "Client")

    assert endpoint == Endpoint(origin, "/p" if "/p" in (base_url or http_url) else "", None)


@pytest.mark.parametrize(
    ("endpoint", "over_sockets"),
    [
        (Endpoint("http://localhost", "", None), True),
        (Endpoint("http://localhost", "", "/run/s"), True),
        (Endpoint("https://localhost", "", None), False),
        (Endpoint("http://ann:secret@localhost", "", None), False),
    ],
)
def test_sockets_are_used_where_they_suffice(endpoint: Endpoint, over_sockets: bool) -> None:
    """httpx costs noticeable time, and sockets know neither TLS nor passwords."""
    transport, async_transport = make_transport(endpoint, None, None), make_async_transport(endpoint, None)

    assert type(transport) is (SocketTransport if over_sockets else HttpxTransport)
    assert type(async_transport) is (AsyncSocketTransport if over_sockets else AsyncHttpxTransport)
    transport.close()


def test_a_callers_httpx_client_is_always_used() -> None:
    """It may have a proxy, certificates or hooks."""
    endpoint, http = Endpoint("http://localhost", "", None), httpx.Client()
    transport = make_transport(endpoint, http, None)

    assert isinstance(transport, HttpxTransport)
    assert isinstance(make_async_transport(endpoint, httpx.AsyncClient()), AsyncHttpxTransport)
    transport.close()
    assert http.is_closed
