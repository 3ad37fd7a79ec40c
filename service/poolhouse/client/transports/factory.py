"""Constructors of the transports.

Importing httpx takes as long as importing the rest of the client, so its transport is imported when it is needed; the
socket transports do without.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from poolhouse.client.endpoint import Endpoint, parse_endpoint
from poolhouse.client.transports.async_sockets import AsyncSocketTransport
from poolhouse.client.transports.protocols import AsyncTransport, Transport
from poolhouse.client.transports.sockets import SocketTransport, TransferCallback

if TYPE_CHECKING:
    import httpx


def resolve_endpoint(
    base_url: str | None, uds: str | None, http_client: httpx.Client | httpx.AsyncClient | None, class_name: str
) -> Endpoint:
    """Resolve the endpoint that the arguments of a client name.

    Args:
        base_url: else that of ``http_client``, else that of the environment.
        uds: path of a Unix socket.
        http_client: the caller's own, or None.
        class_name: the class of httpx that ``http_client`` must have.

    Raises:
        TypeError: ``http_client`` has the other class.
        ValueError: the address is invalid, or a Unix socket and ``http_client`` are given.
    """
    if http_client is None:
        return parse_endpoint(base_url, uds)
    if not isinstance(http_client, getattr(import_module("httpx"), class_name)):
        raise TypeError(
            f"http_client has the type {type(http_client).__name__}; this client needs an httpx.{class_name}"
        )
    if uds or (base_url or "").startswith("unix:"):
        raise ValueError(
            "a Unix socket and http_client cannot be given together; omit one of them, "
            "or give the httpx client a transport with uds="
        )
    return parse_endpoint(base_url or str(http_client.base_url), None)


def make_transport(
    endpoint: Endpoint, http_client: httpx.Client | None, on_transfer: TransferCallback | None
) -> Transport:
    """Make a transport over sockets where the endpoint allows it, else over httpx."""
    if http_client is None and endpoint.is_plain_http:
        return SocketTransport(endpoint.origin, endpoint.uds, on_transfer)
    made: Transport = import_module("poolhouse.client.transports.httpx_transport").HttpxTransport(
        endpoint.origin, http_client
    )
    return made


def make_async_transport(endpoint: Endpoint, http_client: httpx.AsyncClient | None) -> AsyncTransport:
    """Make the asyncio transport for an endpoint, as :func:`make_transport`."""
    if http_client is None and endpoint.is_plain_http:
        return AsyncSocketTransport(endpoint.origin, endpoint.uds)
    made: AsyncTransport = import_module("poolhouse.client.transports.httpx_transport").AsyncHttpxTransport(
        endpoint.origin, http_client
    )
    return made


def make_local_transport() -> Transport:
    """Make a transport to a service in this process."""
    local = import_module("poolhouse.client.transports.local")
    made: Transport = local.LocalTransport(local.LocalService())
    return made


def make_async_local_transport() -> AsyncTransport:
    """Make an asyncio transport to a service in this process."""
    local = import_module("poolhouse.client.transports.local")
    made: AsyncTransport = local.AsyncLocalTransport(local.LocalService())
    return made
