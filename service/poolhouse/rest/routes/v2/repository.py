"""``POST /v2/repository/index``, and the refusals of ``…/models/{model}/load`` and ``…/unload``."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from poolhouse.errors import NotFound, TooLarge, Unprocessable, Unsupported
from poolhouse.models import VERSION, Model
from poolhouse.rest.dependencies import Service, get_service, require_key
from poolhouse.rest.openapi.problem_models import refusal_responses
from poolhouse.rest.routes.v2.json_body import JsonBody, body_schema, check_members, get_json_body
from poolhouse.rest.routes.v2.model_of_request import get_model
from poolhouse.status import State
from poolhouse.wire.open_inference.request import field_error
from poolhouse.wire.quoting import describe_value

router = APIRouter(prefix="/v2/repository", tags=["inference_admin"], dependencies=[Depends(require_key)])

_STATES: Final[dict[State, str]] = {
    "starting": "LOADING",
    "ready": "READY",
    "draining": "UNLOADING",
    "device_lost": "UNAVAILABLE",
}
"""Triton's names; all models are in the state of the service."""
_READY_FLAG: Final = {"ready": {"type": "boolean", "default": False, "description": "List only models that are ready."}}


class RepositoryEntry(BaseModel):
    """A model and its state."""

    name: str
    version: str
    state: str = Field(json_schema_extra={"enum": list(_STATES.values())})
    reason: str = Field(description="Why it is not ready; empty if it is.")


@router.post(
    "/index",
    summary="List all models.",
    responses=refusal_responses(TooLarge, Unprocessable),
    openapi_extra=body_schema(_READY_FLAG, {"ready": True}, required=False),
)
async def list_models(
    body: Annotated[JsonBody, Depends(get_json_body)], service: Annotated[Service, Depends(get_service)]
) -> list[RepositoryEntry]:
    """Every operator, the presets of the service, and the generic model."""
    check_members(body, _READY_FLAG)
    only_ready = body.get("ready", False)
    if not isinstance(only_ready, bool):
        raise field_error("/ready", f"ready is {describe_value(only_ready)}; write true or false.")
    state = service.pooling.status.state
    if only_ready and state != "ready":
        return []
    reason = "" if state == "ready" else f"the service is {state.replace('_', ' ')}"
    return [
        RepositoryEntry(name=name, version=VERSION, state=_STATES[state], reason=reason)
        for name in service.models.names
    ]


@router.post(
    "/models/{model}/load", summary="Refused: models are fixed.", responses=refusal_responses(NotFound, Unsupported)
)
async def load_model(model: Annotated[Model, Depends(get_model)]) -> None:
    """Triton loads a model from files here. The models of this service are its operators and the presets of its
    configuration."""
    raise _fixed(model, "loaded")


@router.post(
    "/models/{model}/unload", summary="Refused: models are fixed.", responses=refusal_responses(NotFound, Unsupported)
)
async def unload_model(model: Annotated[Model, Depends(get_model)]) -> None:
    """Triton removes a model here."""
    raise _fixed(model, "unloaded")


def _fixed(model: Model, what: str) -> Unsupported:
    return Unsupported(
        "unsupported",
        f"The model {model.name} cannot be {what}: the models are the operators, which are always there, and the "
        "presets of POOLHOUSE_MODELS_FILE, which is read at the start.",
    )
