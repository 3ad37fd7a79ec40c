"""The transport that leads to a place. Three of four go through httpx, which takes as long to import as all the rest
of the client: so it comes when the first of them is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from poolhouse.client.endpoint import Endpoint, parse_endpoint
from poolhouse.client.transports.sockets import AsyncSocketTransport, SocketTransport, TransferCallback

if TYPE_CHECKING:
    import httpx

    from poolhouse.client.transports.httpx_transport import AsyncTransport, Transport


def resolve_endpoint(
    base_url: str | None, uds: str | None, http_client: httpx.Client | httpx.AsyncClient | None, class_name: str
) -> Endpoint:
    """The place that a client's arguments name together.

    Args:
        base_url: else the injected client's, else that of the environment.
        uds: path of a Unix socket.
        http_client: a caller's own, or None.
        kind: the class of httpx that it must be.

    Raises:
        TypeError: it is the other one.
        ValueError: no such address, or two ways at once.
    """
    if http_client is None:
        return parse_endpoint(base_url, uds)
    if not isinstance(http_client, getattr(import_module("httpx"), class_name)):
        raise TypeError(
            f"http_client is of type {type(http_client).__name__}; this client drives an httpx.{class_name}"
        )
    if uds or (base_url or "").startswith("unix:"):
        raise ValueError(
            "a Unix socket and http_client are two ways to the service; leave one away, "
            "or give the httpx client a transport with uds="
        )
    return parse_endpoint(base_url or str(http_client.base_url), None)


def make_transport(
    endpoint: Endpoint, http_client: httpx.Client | None, on_transfer: TransferCallback | None
) -> Transport:
    """Plain sockets where they lead there, else httpx."""
    if http_client is None and endpoint.is_plain_http:
        return SocketTransport(endpoint.origin, endpoint.uds, on_transfer)
    made: Transport = import_module("poolhouse.client.transports.httpx_transport").HttpxTransport(
        endpoint.origin, http_client
    )
    return made


def make_async_transport(endpoint: Endpoint, http_client: httpx.AsyncClient | None) -> AsyncTransport:
    """The same for asyncio."""
    if http_client is None and endpoint.is_plain_http:
        return AsyncSocketTransport(endpoint.origin, endpoint.uds)
    made: AsyncTransport = import_module("poolhouse.client.transports.httpx_transport").AsyncHttpxTransport(
        endpoint.origin, http_client
    )
    return made


def make_local_transport() -> Transport:
    """To a service in this process."""
    local = import_module("poolhouse.client.transports.local")
    made: Transport = local.LocalTransport(local.LocalService())
    return made


def make_async_local_transport() -> AsyncTransport:
    """The same for asyncio."""
    local = import_module("poolhouse.client.transports.local")
    made: AsyncTransport = local.AsyncLocalTransport(local.LocalService())
    return made
