"""``GET /v2``: the metadata of the service."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from poolhouse.rest.dependencies import Service, get_service, require_key
from poolhouse.rest.observability.log_control import find_log_control
from poolhouse.rest.routes.get_route import GetRoute
from poolhouse.version import __version__

router = APIRouter(tags=["inference"], route_class=GetRoute, dependencies=[Depends(require_key)])


class ServerMetadata(BaseModel):
    """Name, version and extensions of the service."""

    name: str
    version: str
    extensions: list[str] = Field(description="The extensions of the protocol that work here.")


def extensions_of(service: Service) -> list[str]:
    """The extensions of the protocol that work, in the order of Triton's list."""
    works = {
        "classification": True,
        "model_repository": True,
        "schedule_policy": True,
        "model_configuration": True,
        "system_shared_memory": service.settings.shared_memory,
        "cuda_shared_memory": service.settings.shared_memory and bool(service.pooling.status.gpus()),
        "binary_tensor_data": True,
        "parameters": True,
        "statistics": True,
        "trace": service.trace_control.is_available,
        "logging": find_log_control() is not None,
    }
    return [name for name, does in works.items() if does]


@router.get("/v2/", include_in_schema=False)
async def read_server_below(service: Annotated[Service, Depends(get_service)]) -> ServerMetadata:
    """The path in the protocol's own OpenAPI document; clients take a redirect for a failure."""
    return await read_server(service)


@router.get("/v2", summary="Name, version and extensions of the service.")
async def read_server(service: Annotated[Service, Depends(get_service)]) -> ServerMetadata:
    """Clients read the extensions to find out which calls they can make."""
    return ServerMetadata(name="poolhouse", version=__version__, extensions=extensions_of(service))
