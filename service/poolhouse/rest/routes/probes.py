"""``GET /livez`` and ``GET /readyz``: the probes of orchestrators and load balancers."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from poolhouse.errors import Unavailable
from poolhouse.rest.dependencies import get_pooling, set_no_store
from poolhouse.rest.openapi.problem_models import refusal_responses
from poolhouse.rest.routes.get_route import GetRoute
from poolhouse.service import PoolingService

router = APIRouter(tags=["platform"], route_class=GetRoute, dependencies=[Depends(set_no_store)])


class Device(BaseModel):
    """A device, and whether it is ready."""

    name: str
    model: str
    ready: bool


class Alive(BaseModel):
    """The process is alive."""

    status: Literal["alive"]


class Ready(BaseModel):
    """The service is ready, on these devices."""

    status: Literal["ready"]
    devices: list[Device]


@router.get("/livez", summary="Whether the process is alive.")
async def livez() -> Alive:
    """Succeeds while the event loop runs; a lost device is no reason for a restart."""
    return Alive(status="alive")


@router.get(
    "/readyz",
    summary="Whether the service is ready.",
    response_model=Ready,
    responses=refusal_responses(Unavailable),
)
async def readyz(pooling: Annotated[PoolingService, Depends(get_pooling)]) -> dict[str, object]:
    """Returns 503 while the service starts or stops, and when no device is left; the code says which."""
    pooling.status.check_ready()
    return {"status": "ready", "devices": pooling.status.devices()}
