"""``GET /v2/models/stats`` and ``GET /v2/models/{model}/stats``: the statistics of the models.

Source: the Open Inference Protocol's statistics extension by Triton, whose clients read all numbers as integers.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field

from poolhouse.errors import NotFound
from poolhouse.rest.dependencies import Service, get_service, require_key, set_no_store
from poolhouse.rest.observability.statistics_document import JsonObject, statistics_document
from poolhouse.rest.openapi.problem_models import refusal_responses
from poolhouse.rest.routes.get_route import GetRoute

# Registered before the routers with /v2/models/{model}, which would take "stats" for a model.
router = APIRouter(
    prefix="/v2/models",
    tags=["inference"],
    route_class=GetRoute,
    dependencies=[Depends(require_key), Depends(set_no_store)],
)

Count = Annotated[int, Field(ge=0)]


class Duration(BaseModel):
    """How often something happened, and the nanoseconds that it took in total."""

    count: Count
    ns: Count


class InferenceStatistics(BaseModel):
    """The requests of a model. No response is cached, so the two of the cache are 0."""

    success: Duration = Field(description="From the complete body to the encoded response.")
    fail: Duration = Field(description="From the complete body, if there was one, to the end.")
    queue: Duration = Field(description="Waiting for a device.")
    compute_input: Duration = Field(description="Decoding the body.")
    compute_infer: Duration = Field(description="Pooling; a batch counts for each of its requests.")
    compute_output: Duration = Field(description="Encoding the response.")
    cache_hit: Duration
    cache_miss: Duration


class BatchStatistics(BaseModel):
    """The batches of one size; requests that shared a batch count it once."""

    batch_size: Count = Field(description="Exact up to 64, then the next power of two.")
    compute_input: Duration
    compute_infer: Duration
    compute_output: Duration


class MemoryUsage(BaseModel):
    """The memory of a model on one device."""

    type: str
    id: Count
    byte_size: Count


class ModelStatistics(BaseModel):
    """The statistics of one model since the service started."""

    name: str
    version: str
    last_inference: Count = Field(description="When the last request succeeded, in milliseconds since 1970; 0: never.")
    inference_count: Count = Field(description="The sum of the batch sizes of all successful requests.")
    execution_count: Count = Field(description="The batches that devices ran for them.")
    inference_stats: InferenceStatistics
    response_stats: dict[str, Duration] = Field(description="Empty: no model sends several responses to a request.")
    batch_stats: list[BatchStatistics]
    memory_usage: list[MemoryUsage] = Field(description="Empty: a model holds no memory between requests.")


class StatisticsResponse(BaseModel):
    """The statistics of one model, or of all models."""

    model_stats: list[ModelStatistics]


@router.get("/stats", summary="Statistics of all models.", response_model=StatisticsResponse)
async def all_statistics(service: Annotated[Service, Depends(get_service)]) -> Response:
    """Counts and durations since the service started; requests to /v1/pool/{operator} count for its model."""
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    return Response(await service.metrics.render_statistics(), headers=headers)


@router.get(
    "/{model}/stats",
    summary="Statistics of one model.",
    response_model=StatisticsResponse,
    responses=refusal_responses(NotFound),
)
async def model_statistics(model: str, service: Annotated[Service, Depends(get_service)]) -> JsonObject:
    """Counts and durations since the service started; requests to /v1/pool/{operator} count for its model."""
    return read_statistics(service, model)


@router.get(
    "/{model}/versions/{version}/stats",
    summary="Statistics of one version of a model.",
    response_model=StatisticsResponse,
    responses=refusal_responses(NotFound),
)
async def version_statistics(model: str, version: str, service: Annotated[Service, Depends(get_service)]) -> JsonObject:
    """Every model has one version, so this is the same as without it."""
    return read_statistics(service, model, version)


def read_statistics(service: Service, name: str, version: str = "") -> JsonObject:
    """The statistics of one model.

    Args:
        service: has the models and their counts.
        name: of the model.
        version: of the model; empty for the current one.

    Raises:
        NotFound: there is no such model or version.
    """
    found = service.models.find(name, version)
    return statistics_document([(found.name, service.metrics.models[found.name])])
