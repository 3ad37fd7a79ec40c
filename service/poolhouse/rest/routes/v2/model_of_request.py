"""FastAPI dependencies of the routes below ``/v2/models/{model}``: the model that the path names."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path

from poolhouse.models import Model
from poolhouse.rest.dependencies import Service, get_service

ModelName = Annotated[str, Path(description="An operator, a preset of the service, or pool.")]
VersionName = Annotated[str, Path(description="The version; each model has only 1.")]


async def get_model(model: ModelName, service: Annotated[Service, Depends(get_service)]) -> Model:
    """The model of a path without a version.

    Raises:
        NotFound: there is none.
    """
    return service.models.find(model)


async def get_model_version(
    model: ModelName, version: VersionName, service: Annotated[Service, Depends(get_service)]
) -> Model:
    """The model of a path with a version.

    Raises:
        NotFound: there is none, or it has no such version.
    """
    return service.models.find(model, version)
