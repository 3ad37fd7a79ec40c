"""``/v2/systemsharedmemory`` and ``/v2/cudasharedmemory``: the shared memory regions that requests may name.

System and GPU regions share one name space, and each kind of path sees its own kind.
"""

from __future__ import annotations

import asyncio
import binascii
from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel

from poolhouse.errors import NotFound, TooLarge, Unavailable, Unprocessable, Unsupported
from poolhouse.rest.dependencies import Service, get_service, require_key
from poolhouse.rest.openapi.problem_models import refusal_responses
from poolhouse.rest.routes.get_route import GetRoute
from poolhouse.rest.routes.v2.json_body import JsonBody, body_schema, check_members, get_json_body
from poolhouse.shared_memory.cuda_object import HANDLE_BYTES
from poolhouse.shared_memory.regions import Region, SharedMemory
from poolhouse.wire.open_inference.request import field_error
from poolhouse.wire.quoting import describe_value


async def get_shared_memory(service: Annotated[Service, Depends(get_service)]) -> SharedMemory:
    """The regions.

    Raises:
        Unsupported: shared memory is turned off.
    """
    service.shared_memory.check_enabled()
    return service.shared_memory


_TAGS: Final[list[Any]] = ["inference"]
_COMMON: Final = [Depends(require_key), Depends(get_shared_memory)]
_RESPONSES: Final = refusal_responses(Unsupported)

reading_router = APIRouter(prefix="/v2", tags=_TAGS, route_class=GetRoute, dependencies=_COMMON, responses=_RESPONSES)
router = APIRouter(prefix="/v2", tags=_TAGS, dependencies=_COMMON, responses=_RESPONSES)

Regions = Annotated[SharedMemory, Depends(get_shared_memory)]
Body = Annotated[JsonBody, Depends(get_json_body)]

_MAX_INTEGER: Final = 2**63 - 1
_BYTES: Final = {"type": "integer", "minimum": 1, "maximum": _MAX_INTEGER}
_SYSTEM_MEMBERS: Final = {
    "key": {"type": "string", "description": "Of the object, as given to shm_open."},
    "offset": {"type": "integer", "minimum": 0, "maximum": _MAX_INTEGER, "default": 0},
    "byte_size": _BYTES,
}
_CUDA_MEMBERS: Final = {
    "raw_handle": {
        "type": "object",
        "properties": {"b64": {"type": "string", "description": "A cudaIpcMemHandle_t in base64."}},
        "required": ["b64"],
    },
    "device_id": {"type": "integer", "minimum": 0},
    "byte_size": _BYTES,
}
_SYSTEM_BODY: Final = body_schema(_SYSTEM_MEMBERS, {"key": "/pool_input", "byte_size": 4096}, required=True)
_CUDA_BODY: Final = body_schema(
    _CUDA_MEMBERS, {"raw_handle": {"b64": "A" * 86 + "=="}, "device_id": 0, "byte_size": 4096}, required=True
)


class RegionCard(BaseModel):
    """A registered region of system shared memory."""

    name: str
    key: str
    offset: int
    byte_size: int


class CudaRegionCard(BaseModel):
    """A registered region of a GPU."""

    name: str
    device_id: int
    byte_size: int


@reading_router.get("/systemsharedmemory/status", summary="List the shared memory regions.")
async def list_regions(regions: Regions) -> list[RegionCard]:
    """In the order of their registration."""
    return [_card(each) for each in regions.regions()]


@reading_router.get(
    "/systemsharedmemory/region/{region}/status",
    summary="Describe a shared memory region.",
    responses=refusal_responses(NotFound),
)
async def read_region(region: str, regions: Regions) -> list[RegionCard]:
    """A list of one entry."""
    return [_card(regions.find(region))]


@router.post(
    "/systemsharedmemory/region/{region}/register",
    summary="Register a shared memory region.",
    openapi_extra=_SYSTEM_BODY,
    response_class=Response,
    responses=refusal_responses(TooLarge, Unprocessable, Unavailable),
)
async def register_region(region: str, regions: Regions, body: Body) -> Response:
    """Names a part of a POSIX shared memory object, which inputs and outputs of requests can then refer to."""
    check_members(body, _SYSTEM_MEMBERS)
    key = body.get("key")
    if not isinstance(key, str):
        raise field_error("/key", f"key is {describe_value(key)}; write the name that was given to shm_open.")
    regions.register(region, key, _read_integer(body, "offset", 0), _read_integer(body, "byte_size"))
    return Response()


@router.post(
    "/systemsharedmemory/region/{region}/unregister",
    summary="Forget a shared memory region.",
    response_class=Response,
)
async def unregister_region(region: str, regions: Regions, _body: Body) -> Response:
    """Succeeds if there is none. Requests that use it end as if it were still registered."""
    regions.unregister(region)
    return Response()


@router.post("/systemsharedmemory/unregister", summary="Forget all shared memory regions.", response_class=Response)
async def unregister_regions(regions: Regions, _body: Body) -> Response:
    """The regions of all clients."""
    regions.unregister_all("system")
    return Response()


# ---- CUDA


@reading_router.get("/cudasharedmemory/status", summary="List the regions of GPUs.")
async def list_cuda_regions(regions: Regions) -> list[CudaRegionCard]:
    """In the order of their registration."""
    return [_cuda_card(each) for each in regions.regions("cuda")]


@reading_router.get(
    "/cudasharedmemory/region/{region}/status",
    summary="Describe a region of a GPU.",
    responses=refusal_responses(NotFound),
)
async def read_cuda_region(region: str, regions: Regions) -> list[CudaRegionCard]:
    """A list of one entry."""
    return [_cuda_card(regions.find(region, "cuda"))]


@router.post(
    "/cudasharedmemory/region/{region}/register",
    summary="Register a region of a GPU.",
    openapi_extra=_CUDA_BODY,
    response_class=Response,
    responses=refusal_responses(TooLarge, Unprocessable, Unavailable),
)
async def register_cuda_region(region: str, regions: Regions, body: Body) -> Response:
    """Names memory of another process on a GPU of the service; 501 if the service uses no such GPU."""
    check_members(body, _CUDA_MEMBERS)
    handle = _read_handle(body.get("raw_handle"))
    device_id, nbytes = _read_integer(body, "device_id", 0), _read_integer(body, "byte_size")
    # Opening may wait for the GPU.
    await asyncio.to_thread(regions.register_cuda, region, handle, device_id, nbytes)
    return Response()


@router.post(
    "/cudasharedmemory/region/{region}/unregister", summary="Forget a region of a GPU.", response_class=Response
)
async def unregister_cuda_region(region: str, regions: Regions, _body: Body) -> Response:
    """Succeeds if there is none. Requests that use it end as if it were still registered."""
    regions.unregister(region, "cuda")
    return Response()


@router.post("/cudasharedmemory/unregister", summary="Forget all regions of GPUs.", response_class=Response)
async def unregister_cuda_regions(regions: Regions, _body: Body) -> Response:
    """The regions of all clients."""
    regions.unregister_all("cuda")
    return Response()


def _card(region: Region) -> RegionCard:
    return RegionCard(name=region.name, key=region.key, offset=region.offset, byte_size=region.nbytes)


def _cuda_card(region: Region) -> CudaRegionCard:
    return CudaRegionCard(name=region.name, device_id=region.device_id or 0, byte_size=region.nbytes)


def _read_integer(body: JsonBody, name: str, default: int | None = None) -> int:
    value = body.get(name, default)
    # A bool is an int in Python.
    if type(value) is not int or not 0 <= value <= _MAX_INTEGER:
        raise field_error(
            f"/{name}",
            f"{name} is {describe_value(value)}; write a whole number of bytes up to {_MAX_INTEGER}.",
            "range",
        )
    return value


def _read_handle(handle: object) -> bytes:
    text = handle.get("b64") if isinstance(handle, Mapping) else None
    try:
        given = binascii.a2b_base64(text, strict_mode=True) if isinstance(text, str) else None
    except ValueError:
        given = None
    if given is None or len(given) != HANDLE_BYTES:
        said = "absent or not base64" if given is None else f"{len(given)} bytes long"
        raise field_error(
            "/raw_handle/b64", f"The handle is {said}; write the {HANDLE_BYTES} bytes of cudaIpcMemHandle_t in base64."
        )
    return given
