"""Load the gRPC server, which needs the extra ``grpc``; the HTTP server starts and stops it."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Protocol

from poolhouse.rest.dependencies import Service
from poolhouse.settings import Settings


class GrpcPort(Protocol):
    """The gRPC server, as the HTTP server sees it.

    Attributes:
        port: its port, also if port 0 was requested.
    """

    port: int

    @property
    def is_busy(self) -> bool:
        """Whether a request is in progress."""
        ...

    async def start(self) -> None:
        """Accept calls."""

    async def stop(self, grace_s: float) -> None:
        """Finish the requests in progress within the grace period, and cancel the others."""

    def reload(self) -> None:
        """Reload the TLS certificate."""


MakeGrpcPort = Callable[[Service], GrpcPort]
"""Makes the gRPC server on the running event loop, and opens its port.

Raises:
    ValueError: the port is not available.
"""


def load_grpc(settings: Settings) -> MakeGrpcPort | None:
    """What makes the gRPC server; None if the settings have no port for it.

    Raises:
        ValueError: the extra is not installed. The message is for the person who starts the service.
    """
    if settings.grpc_port is None:
        return None
    try:
        # Imported by name, since it needs the extra.
        make: MakeGrpcPort = import_module("poolhouse.rpc.server").GrpcServer
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in ("grpc", "google"):
            raise
        raise ValueError("grpc_port needs the extra grpc: pip install 'poolhouse[server,grpc]'") from None
    return make
