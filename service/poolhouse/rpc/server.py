"""The gRPC server: its port, its limits and its end. It runs on the event loop of the HTTP server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from pathlib import Path
from typing import Final

import grpc
import grpc.aio

from poolhouse.batching.memory import Lease
from poolhouse.rest.dependencies import Service
from poolhouse.rpc.calls import Calls, Respond
from poolhouse.rpc.exchange import Exchange
from poolhouse.rpc.inference import Inference
from poolhouse.rpc.messages import HEALTH_PACKAGE, PACKAGE, SERVICE
from poolhouse.rpc.methods import Methods
from poolhouse.rpc.receiving import Receiver, RunInThread
from poolhouse.rpc.stream import StreamInference
from poolhouse.service import PoolingService
from poolhouse.settings import Settings

_MAX_CALLS: Final = 1024
"""The most calls at once; gRPC refuses further ones with RESOURCE_EXHAUSTED."""
_MAX_CALLS_PER_CONNECTION: Final = 256
_IDLE_S: Final = 300
"""How long a connection without calls stays open; clients open another without an error."""


class GrpcServer:
    """Serves the Open Inference Protocol.

    Args:
        service: the objects of the service, which has started.

    Raises:
        ValueError: the port is not available. The message is for the person who starts the service.
    """

    def __init__(self, service: Service) -> None:
        settings = service.settings
        receiver = Receiver(settings, _inflating_threads(service.pooling))
        self._calls = Calls(service, receiver)
        self._settings = settings
        self._tls: grpc.ServerCertificateConfiguration | None = None
        self._server = grpc.aio.server(
            options=_options(settings, receiver.max_message_bytes), maximum_concurrent_rpcs=_MAX_CALLS
        )
        self._server.add_generic_rpc_handlers(_handlers(service, self._calls, receiver))
        self.port = self._listen()

    @property
    def is_busy(self) -> bool:
        """Whether a request is in progress."""
        return self._calls.busy > 0

    async def start(self) -> None:
        """Accept calls."""
        await self._server.start()

    async def stop(self, grace_s: float) -> None:
        """Finish the requests in progress within the grace period, then cancel them and all streams."""
        # A stream may be open without a request in progress.
        try:
            async with asyncio.timeout(grace_s):
                await self._calls.wait_until_idle()
        except TimeoutError:
            pass
        await self._server.stop(None)

    def reload(self) -> None:
        """Use the TLS certificate and key of the files for all later handshakes."""
        if self._settings.tls_certificate is not None:
            self._tls = _read_certificate(self._settings)

    def _listen(self) -> int:
        settings = self._settings
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        address = f"{host}:{settings.grpc_port}"
        try:
            if settings.tls_certificate is None:
                port: int = self._server.add_insecure_port(address)
            else:
                port = self._server.add_secure_port(address, self._credentials(settings))
        except RuntimeError:
            raise ValueError(
                f"cannot listen for gRPC on {address}: the port is in use, or the host has no such address"
            ) from None
        return port

    def _credentials(self, settings: Settings) -> grpc.ServerCredentials:
        def new_certificate() -> grpc.ServerCertificateConfiguration | None:
            # gRPC calls this in a thread of its own, before each handshake.
            found, self._tls = self._tls, None
            return found

        return grpc.dynamic_ssl_server_credentials(
            _read_certificate(settings),
            new_certificate,
            require_client_authentication=settings.tls_client_ca is not None,
        )


def _options(settings: Settings, max_message_bytes: int) -> list[tuple[str, object]]:
    options: list[tuple[str, object]] = [
        ("grpc.max_receive_message_length", min(max_message_bytes, 2**31 - 1)),
        # A response has a limit of its own, before it is computed.
        ("grpc.max_send_message_length", -1),
        # Otherwise a second service could listen on the same port, and get half of the connections.
        ("grpc.so_reuseport", 0),
        ("grpc.max_concurrent_streams", _MAX_CALLS_PER_CONNECTION),
        ("grpc.max_connection_idle_ms", 1000 * _IDLE_S),
        ("grpc.server_handshake_timeout_ms", round(1000 * settings.header_timeout_s)),
        ("grpc.max_metadata_size", min(settings.max_header_bytes, 2**31 - 1)),
        ("grpc.absolute_max_metadata_size", min(settings.max_header_bytes, 2**31 - 1)),
    ]
    # gRPC would inflate a message without a limit; the service does it itself.
    # guard: grpc-inflates-nothing
    options.append(("grpc.per_message_decompression", 0))
    return options


def _handlers(service: Service, calls: Calls, receiver: Receiver) -> tuple[grpc.GenericRpcHandler, ...]:
    inference = Inference(service)

    def respond(message: bytes, exchange: Exchange) -> Awaitable[bytes]:
        return inference.infer(message, exchange, b"".join)

    methods = Methods(service)
    handlers: list[grpc.GenericRpcHandler] = []
    for name, group in (
        (f"{PACKAGE}.{SERVICE}", methods.by_name()),
        (f"{HEALTH_PACKAGE}.Health", methods.health_by_name()),
    ):
        found = {
            method: calls.unary(f"/{name}/{method}", each.respond, is_public=each.is_public)
            for method, each in group.items()
        }
        if name == f"{PACKAGE}.{SERVICE}":
            infer: Respond = respond
            found["ModelInfer"] = calls.unary(f"/{name}/ModelInfer", infer, needs_admission=True)
            found["ModelStreamInfer"] = StreamInference(
                f"/{name}/ModelStreamInfer", calls, receiver, inference
            ).handler()
        handlers.append(grpc.method_handlers_generic_handler(name, found))
    return tuple(handlers)


def _inflating_threads(pooling: PoolingService) -> RunInThread:
    async def run(work: object, lease: Lease) -> bytes:
        return await pooling.run_in_thread(work, lease, "the message was inflated")  # type: ignore[arg-type]

    return run


def _read_certificate(settings: Settings) -> grpc.ServerCertificateConfiguration:
    assert settings.tls_certificate is not None, "the caller checks it"
    chain = Path(settings.tls_certificate).read_bytes()
    key = chain if settings.tls_key is None else Path(settings.tls_key).read_bytes()
    authorities = None if settings.tls_client_ca is None else Path(settings.tls_client_ca).read_bytes()
    return grpc.ssl_server_certificate_configuration([(key, chain)], authorities)
