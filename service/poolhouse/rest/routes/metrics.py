"""``GET /metrics`` and ``GET /version``. If an admin port is set, only that port serves them."""

from __future__ import annotations

import sys
from importlib import metadata
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Response
from fastapi.responses import PlainTextResponse
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from pydantic import BaseModel

from poolhouse.rest.dependencies import Service, get_pooling, get_service, require_key, set_no_store
from poolhouse.rest.routes.get_route import GetRoute
from poolhouse.rest.routes.probes import Device
from poolhouse.service import PoolingService
from poolhouse.version import __version__

router = APIRouter(tags=["platform"], route_class=GetRoute, dependencies=[Depends(require_key)])

_VERSIONS: Final = {
    "name": "poolhouse",
    "version": __version__,
    "python": ".".join(str(part) for part in sys.version_info[:3]),
    "torch": metadata.version("torch"),
}


class Version(BaseModel):
    """The versions of the running software, and its devices."""

    name: str
    version: str
    python: str
    torch: str
    devices: list[Device]


@router.get(
    "/metrics",
    summary="Metrics for Prometheus.",
    response_class=PlainTextResponse,
)
async def metrics(service: Annotated[Service, Depends(get_service)]) -> Response:
    """In Prometheus's text format, with the metrics of the process; the service is one process."""
    headers = {"Content-Type": CONTENT_TYPE_PLAIN_0_0_4, "Cache-Control": "no-store"}
    return Response(await service.metrics.render(), headers=headers)


@router.get("/version", summary="Versions and devices.", response_model=Version, dependencies=[Depends(set_no_store)])
async def version(pooling: Annotated[PoolingService, Depends(get_pooling)]) -> dict[str, object]:
    """The versions of the service, of Python and of torch, and for each device whether it is ready."""
    return {**_VERSIONS, "devices": pooling.status.devices()}
