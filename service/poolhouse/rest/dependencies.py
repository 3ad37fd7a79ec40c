"""FastAPI dependencies of the routes: the service, the request's headers, and the API key.

The application binds its service to all of its routes, so a router uses the service of the application that includes
it. Each of these functions can be replaced by ``dependency_overrides``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Request, Response, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from poolhouse.errors import Forbidden
from poolhouse.models import Models
from poolhouse.rest.auth.authorization import Grant
from poolhouse.rest.http.accounting import Accounting
from poolhouse.rest.http.headers import HEADERS_KEY, Headers, read_headers
from poolhouse.rest.observability.metrics import Metrics
from poolhouse.rest.observability.trace_control import TraceControl
from poolhouse.service import PoolingService
from poolhouse.settings import Settings
from poolhouse.shared_memory.regions import SharedMemory

_BEARER: Final = HTTPBearer(
    scheme_name="key",
    description="Needed if the service has API keys. The probes, this document and the pages need none.",
    auto_error=False,
)


@dataclass(frozen=True, slots=True)
class Service:
    """The objects that the routes of one application use."""

    settings: Settings
    pooling: PoolingService
    metrics: Metrics
    accounting: Accounting
    models: Models
    shared_memory: SharedMemory
    trace_control: TraceControl


def bind_service(service: Service) -> Callable[[Request], Awaitable[None]]:
    """An application's dependency that binds this service to its routes."""

    async def bound(request: Request) -> None:
        request.state.service = service

    return bound


async def get_service(request: Request) -> Service:
    """The service bound to the request."""
    service: Service = request.state.service
    return service


async def require_key(
    request: Request,
    service: Annotated[Service, Depends(get_service)],
    _shown: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
) -> AsyncIterator[None]:
    """Require a key if the service has keys.

    Our middleware has checked it already, since unknown paths need a key too. In an application that includes only our
    routers, it is checked here.
    """
    with service.accounting.authorized(request.scope):
        yield


async def require_admin_key(
    request: Request,
    service: Annotated[Service, Depends(get_service)],
    _checked: Annotated[None, Depends(require_key)],
) -> None:
    """Require a key that may change the running service.

    Raises:
        Forbidden: the key may not, or the service has no keys, so that everybody could.
    """
    check_admin(service.accounting.record_of(request.scope).grant)


def check_admin(grant: Grant | None) -> None:
    """Check that a key may change the running service.

    Args:
        grant: of the request.

    Raises:
        Forbidden: the key may not, or the service has no keys, so that everybody could.
    """
    if grant is not None and grant.is_admin:
        return
    if grant is None:
        detail = (
            "This changes the service for all clients, and without API keys nobody may. Give the service a key file, "
            "POOLHOUSE_API_KEYS_FILE, with admin = true in the table of the key that may."
        )
    else:
        detail = (
            f"This changes the service for all clients, and the key {grant.name} may not; use one with admin = true in "
            "the API key file."
        )
    raise Forbidden("key_not_allowed", detail)


async def get_pooling(service: Annotated[Service, Depends(get_service)]) -> PoolingService:
    """The pooling service."""
    return service.pooling


async def get_headers(request: Request) -> Headers:
    """The headers by name; parsed by the middleware, if it is ours."""
    headers: Headers | None = request.scope.get(HEADERS_KEY)
    return read_headers(request.scope["headers"]) if headers is None else headers


async def set_no_store(response: Response) -> None:
    """Forbid caches to store the response."""
    response.headers["Cache-Control"] = "no-store"
