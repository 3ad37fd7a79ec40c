"""``GET /v2/health/live`` and ``GET /v2/health/ready``: the probes of the Open Inference Protocol.

The protocol, Triton and KServe disagree about the bodies; these suit all three.
"""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from poolhouse.errors import Unavailable
from poolhouse.rest.dependencies import get_pooling, set_no_store
from poolhouse.rest.openapi.problem_models import refusal_responses
from poolhouse.rest.routes.get_route import GetRoute
from poolhouse.service import PoolingService

router = APIRouter(prefix="/v2/health", tags=["inference"], route_class=GetRoute, dependencies=[Depends(set_no_store)])


class ServerLive(BaseModel):
    """The process is alive."""

    live: Literal[True] = True


class ServerReady(BaseModel):
    """The service is ready."""

    live: Literal[True] = True
    ready: Literal[True] = True


@router.get("/live", summary="Whether the process is alive, as /livez.")
async def read_live() -> ServerLive:
    """Succeeds while the event loop runs."""
    return ServerLive()


@router.get("/ready", summary="Whether the service is ready, as /readyz.", responses=refusal_responses(Unavailable))
async def read_ready(pooling: Annotated[PoolingService, Depends(get_pooling)]) -> ServerReady:
    """Returns 503 while the service starts or stops, and when no device is left; the code says which."""
    pooling.status.check_ready()
    return ServerReady()
