"""``GET /v2/models/{model}``, ``…/config`` and ``…/ready``, each with and without ``/versions/{version}``."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from poolhouse.errors import NotFound, Unavailable
from poolhouse.models import JsonObject, Model, model_config, model_metadata
from poolhouse.rest.dependencies import get_pooling, require_key
from poolhouse.rest.openapi.problem_models import refusal_responses
from poolhouse.rest.routes.get_route import GetRoute
from poolhouse.rest.routes.v2.model_of_request import get_model, get_model_version
from poolhouse.service import PoolingService

router = APIRouter(
    prefix="/v2/models/{model}",
    tags=["inference"],
    route_class=GetRoute,
    dependencies=[Depends(require_key)],
    responses=refusal_responses(NotFound),
)

NamedModel = Annotated[Model, Depends(get_model)]
VersionedModel = Annotated[Model, Depends(get_model_version)]
Pooling = Annotated[PoolingService, Depends(get_pooling)]

Sizes = Annotated[list[int], Field(description="One number for each axis; -1 is any size.")]


class TensorMetadata(BaseModel):
    """Name, datatype and shape of a tensor."""

    name: str
    datatype: str
    shape: Sizes


class ModelMetadata(BaseModel):
    """Inputs and outputs of a model."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]
    properties: dict[str, str] = Field(
        default_factory=dict, description="All accepted datatypes, the parameters, and those that a preset fixes."
    )


class TensorConfig(BaseModel):
    """Name, datatype and shape of a tensor, as ModelConfig has them."""

    name: str
    data_type: str
    dims: Sizes


class InstanceGroup(BaseModel):
    """Where the model runs."""

    name: str
    kind: str
    count: int
    gpus: list[int]


class LatestVersions(BaseModel):
    """How many versions are served."""

    num_versions: int


class VersionPolicy(BaseModel):
    """Which versions are served."""

    latest: LatestVersions


class DynamicBatching(BaseModel):
    """How requests are batched."""

    max_queue_delay_microseconds: int


class TransactionPolicy(BaseModel):
    """How many responses a request has."""

    decoupled: bool


class FixedParameter(BaseModel):
    """A parameter that a preset fixes, as JSON text."""

    string_value: str


class ModelConfig(BaseModel):
    """The configuration of a model in the JSON form of Triton's ModelConfig message."""

    name: str
    platform: str
    backend: str
    version_policy: VersionPolicy
    max_batch_size: int = Field(description="0: the first axis of a request is an axis like any other.")
    input: list[TensorConfig]
    output: list[TensorConfig]
    instance_group: list[InstanceGroup]
    dynamic_batching: DynamicBatching
    model_transaction_policy: TransactionPolicy
    parameters: dict[str, FixedParameter]


class ModelReady(BaseModel):
    """The model is ready."""

    name: str
    ready: Literal[True] = True


@router.get("", summary="Describe a model.", response_model=ModelMetadata, response_model_exclude_unset=True)
async def read_model(model: NamedModel) -> JsonObject:
    """Inputs, outputs, accepted datatypes and parameters."""
    return model_metadata(model)


@router.get(
    "/versions/{version}",
    summary="Describe a version of a model.",
    response_model=ModelMetadata,
    response_model_exclude_unset=True,
)
async def read_model_version(model: VersionedModel) -> JsonObject:
    """The same as without a version, which is the only one."""
    return model_metadata(model)


@router.get("/config", summary="The configuration of a model.", response_model=ModelConfig)
async def read_model_config(model: NamedModel, pooling: Pooling) -> JsonObject:
    """In the form of Triton, which load generators read."""
    return _config(model, pooling)


@router.get(
    "/versions/{version}/config", summary="The configuration of a version of a model.", response_model=ModelConfig
)
async def read_model_version_config(model: VersionedModel, pooling: Pooling) -> JsonObject:
    """The same as without a version, which is the only one."""
    return _config(model, pooling)


@router.get("/ready", summary="Whether a model is ready.", responses=refusal_responses(Unavailable))
async def read_model_ready(model: NamedModel, pooling: Pooling) -> ModelReady:
    """All models are ready when the service is; returns 503 when it is not."""
    return _ready(model, pooling)


@router.get(
    "/versions/{version}/ready",
    summary="Whether a version of a model is ready.",
    responses=refusal_responses(Unavailable),
)
async def read_model_version_ready(model: VersionedModel, pooling: Pooling) -> ModelReady:
    """The same as without a version, which is the only one."""
    return _ready(model, pooling)


def _config(model: Model, pooling: PoolingService) -> JsonObject:
    return model_config(model, pooling.status.device_states())


def _ready(model: Model, pooling: PoolingService) -> ModelReady:
    pooling.status.check_ready()
    return ModelReady(name=model.name)
