"""The methods that describe the service, its models and their use: they return what the routes below ``/v2`` return."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, NamedTuple

from google.protobuf.message import DecodeError
from pydantic import BaseModel

from poolhouse.errors import NotFound, TooLarge
from poolhouse.models import model_config, model_metadata
from poolhouse.rest.dependencies import Service, check_admin
from poolhouse.rest.observability.bounded_page import BoundedPage
from poolhouse.rest.observability.statistics_document import statistics_document
from poolhouse.rest.routes.v2 import log_settings, trace_settings
from poolhouse.rest.routes.v2.repository import list_models, load_model, unload_model
from poolhouse.rest.routes.v2.server import read_server
from poolhouse.rest.routes.v2.statistics import read_statistics
from poolhouse.rpc.calls import Respond
from poolhouse.rpc.exchange import Exchange
from poolhouse.rpc.messages import CLASSES, HEALTH_CLASSES, from_json
from poolhouse.rpc.request_message import malformed_message_error
from poolhouse.shared_memory.cuda_object import HANDLE_BYTES
from poolhouse.shared_memory.regions import Kind, SharedMemory
from poolhouse.wire.open_inference.request import field_error

_MAX_MESSAGE_BYTES: Final = 64 * 1024
_STATISTICS: Final = "ModelStatisticsResponse"


class Method(NamedTuple):
    """A method with one small message and one response.

    Attributes:
        respond: to the bytes of its message.
        is_public: whether it needs no key; then it gets no message, see :meth:`.calls.Calls.unary`.
    """

    respond: Respond
    is_public: bool = False


class Methods:
    """The methods, by name.

    Args:
        service: the objects of the service.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._all_statistics = BoundedPage(self._render_statistics)

    def by_name(self) -> Mapping[str, Method]:
        """The methods of the inference service."""
        return {
            "ServerLive": Method(_method("Empty", self._server_live), is_public=True),
            "ServerReady": Method(_method("Empty", self._server_ready), is_public=True),
            "ServerMetadata": Method(_method("Empty", self._server_metadata)),
            "ModelReady": Method(_method("ModelRequest", self._model_ready)),
            "ModelMetadata": Method(_method("ModelRequest", self._model_metadata)),
            "ModelConfig": Method(_method("ModelRequest", self._model_config)),
            "ModelStatistics": Method(_method("ModelRequest", self._model_statistics)),
            "RepositoryIndex": Method(_method("RepositoryIndexRequest", self._repository_index)),
            "RepositoryModelLoad": Method(_method("ModelControlRequest", self._load)),
            "RepositoryModelUnload": Method(_method("ModelControlRequest", self._unload)),
            "SystemSharedMemoryStatus": Method(_method("RegionRequest", self._regions)),
            "SystemSharedMemoryRegister": Method(_method("SystemRegion", self._register)),
            "SystemSharedMemoryUnregister": Method(_method("RegionRequest", self._unregister)),
            # A service without any region of a GPU returns none, and forgets all.
            "CudaSharedMemoryStatus": Method(_method("RegionRequest", self._cuda_regions)),
            "CudaSharedMemoryRegister": Method(_method("CudaSharedMemoryRegisterRequest", self._register_cuda)),
            "CudaSharedMemoryUnregister": Method(_method("RegionRequest", self._unregister_cuda)),
            "TraceSetting": Method(_method("TraceSettings", self._trace_settings)),
            "LogSettings": Method(_method("LogSettings", self._log_settings)),
        }

    def health_by_name(self) -> Mapping[str, Method]:
        """The methods of gRPC's own health checks, which orchestrators call."""
        return {"Check": Method(_method("Empty", self._check_health), is_public=True)}

    # ---- the service

    async def _server_live(self, _request: Any, _exchange: Exchange) -> Any:
        return CLASSES["ServerLiveResponse"](live=True)

    async def _server_ready(self, _request: Any, _exchange: Exchange) -> Any:
        return CLASSES["ServerReadyResponse"](ready=self._is_ready)

    async def _server_metadata(self, _request: Any, _exchange: Exchange) -> Any:
        return _from_model("ServerMetadataResponse", await read_server(self._service))

    async def _check_health(self, _request: Any, _exchange: Exchange) -> Any:
        # Whatever service the message names: all have the same state.
        return HEALTH_CLASSES["HealthCheckResponse"](status="SERVING" if self._is_ready else "NOT_SERVING")

    @property
    def _is_ready(self) -> bool:
        return self._service.pooling.status.state == "ready"

    # ---- models

    async def _model_ready(self, request: Any, _exchange: Exchange) -> Any:
        try:
            self._service.models.find(request.name, request.version)
        except NotFound:
            # As Triton does: clients ask until a model is there.
            return CLASSES["ModelReadyResponse"](ready=False)
        return CLASSES["ModelReadyResponse"](ready=self._is_ready)

    async def _model_metadata(self, request: Any, _exchange: Exchange) -> Any:
        model = self._service.models.find(request.name, request.version)
        return from_json("ModelMetadataResponse", model_metadata(model))

    async def _model_config(self, request: Any, _exchange: Exchange) -> Any:
        model = self._service.models.find(request.name, request.version)
        config = model_config(model, self._service.pooling.status.device_states())
        return from_json("ModelConfigResponse", {"config": config})

    async def _model_statistics(self, request: Any, _exchange: Exchange) -> Any:
        if request.name:
            return from_json(_STATISTICS, read_statistics(self._service, request.name, request.version))
        return CLASSES[_STATISTICS].FromString(await self._all_statistics.render())

    def _render_statistics(self) -> bytes:
        found: bytes = from_json(
            _STATISTICS, statistics_document(self._service.metrics.models.items())
        ).SerializeToString()
        return found

    async def _repository_index(self, request: Any, _exchange: Exchange) -> Any:
        models = await list_models({"ready": request.ready}, self._service)
        return from_json("RepositoryIndexResponse", {"models": [each.model_dump() for each in models]})

    async def _load(self, request: Any, _exchange: Exchange) -> Any:
        await load_model(self._service.models.find(request.model_name))

    async def _unload(self, request: Any, _exchange: Exchange) -> Any:
        await unload_model(self._service.models.find(request.model_name))

    # ---- shared memory

    async def _regions(self, request: Any, _exchange: Exchange) -> Any:
        regions = self._enabled_memory()
        found = [regions.find(request.name)] if request.name else regions.regions()
        response = CLASSES["SystemSharedMemoryStatusResponse"]()
        for each in found:
            entry = response.regions[each.name]
            entry.name, entry.key, entry.offset, entry.byte_size = each.name, each.key, each.offset, each.nbytes
        return response

    async def _register(self, request: Any, _exchange: Exchange) -> Any:
        self._enabled_memory().register(request.name, request.key, request.offset, request.byte_size)
        return CLASSES["Empty"]()

    async def _unregister(self, request: Any, _exchange: Exchange) -> Any:
        self._forget(request.name, "system")
        return CLASSES["Empty"]()

    async def _unregister_cuda(self, request: Any, _exchange: Exchange) -> Any:
        self._forget(request.name, "cuda")
        return CLASSES["Empty"]()

    def _forget(self, name: str, kind: Kind) -> None:
        if name:
            self._enabled_memory().unregister(name, kind)
        else:
            self._enabled_memory().unregister_all(kind)

    async def _cuda_regions(self, request: Any, _exchange: Exchange) -> Any:
        regions = self._enabled_memory()
        found = [regions.find(request.name, "cuda")] if request.name else regions.regions("cuda")
        response = CLASSES["CudaSharedMemoryStatusResponse"]()
        for each in found:
            entry = response.regions[each.name]
            entry.name, entry.device_id, entry.byte_size = each.name, each.device_id or 0, each.nbytes
        return response

    def _enabled_memory(self) -> SharedMemory:
        self._service.shared_memory.check_enabled()
        return self._service.shared_memory

    async def _register_cuda(self, request: Any, _exchange: Exchange) -> Any:
        regions, handle = self._enabled_memory(), bytes(request.raw_handle)
        if len(handle) != HANDLE_BYTES:
            raise field_error(
                "/raw_handle",
                f"raw_handle has {len(handle)} bytes; send the {HANDLE_BYTES} bytes of cudaIpcMemHandle_t.",
            )
        # Opening may wait for the GPU.
        await asyncio.to_thread(regions.register_cuda, request.name, handle, request.device_id, request.byte_size)
        return CLASSES["Empty"]()

    # ---- settings of the running service

    async def _trace_settings(self, request: Any, exchange: Exchange) -> Any:
        model = self._service.models.find(request.model_name).name if request.model_name else ""
        if request.settings:
            check_admin(exchange.record.grant)
            body = {name: _trace_value(name, list(value.value)) for name, value in request.settings.items()}
            found = trace_settings.change_settings(self._service, exchange.record.key, model, body)
        else:
            found = trace_settings.card_of(self._service.trace_control.settings(model))
        response = CLASSES["TraceSettings"]()
        for name, value in found.model_dump().items():
            response.settings[name].value.extend(value if isinstance(value, list) else [value])
        return response

    async def _log_settings(self, request: Any, exchange: Exchange) -> Any:
        if request.settings:
            check_admin(exchange.record.grant)
            body = {
                name: getattr(value, value.WhichOneof("choice") or "", None) for name, value in request.settings.items()
            }
            found = log_settings.change_settings(exchange.record.key, body)
        else:
            found = await log_settings.read_log_settings()
        response = CLASSES["LogSettings"]()
        for name, value in found.model_dump().items():
            field = {bool: "bool_param", int: "uint32_param"}.get(type(value), "string_param")
            setattr(response.settings[name], field, value)
        return response


def _trace_value(name: str, values: list[str]) -> object:
    """The value of a trace setting as HTTP has it: null for none, a list for a level, else a string."""
    if not values:
        return None
    return values if name == "trace_level" or len(values) > 1 else values[0]


def _from_model(name: str, model: BaseModel) -> Any:
    return from_json(name, model.model_dump())


def _method(request_name: str, function: Callable[[Any, Exchange], Awaitable[Any]]) -> Respond:
    """A function of bytes from one of messages.

    Args:
        request_name: the name of the request's message.
        function: responds to a message.
    """

    async def respond(message: bytes, exchange: Exchange) -> bytes:
        # guard: small-message-has-limit
        if len(message) > _MAX_MESSAGE_BYTES:
            raise TooLarge(
                "body_too_large",
                f"The message has {len(message)} bytes, and those of this method have at most {_MAX_MESSAGE_BYTES}.",
                limit_bytes=_MAX_MESSAGE_BYTES,
            )
        try:
            request = CLASSES[request_name].FromString(message)
        except DecodeError:
            raise malformed_message_error() from None
        response = await function(request, exchange)
        return response.SerializeToString()  # type: ignore[no-any-return]

    return respond
