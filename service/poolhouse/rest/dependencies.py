"""What the routes depend on: the service behind them, the headers, and the key that a caller shows.

The application binds its service to all of its routes, so a route answers for the same service wherever its router is
included; ``dependency_overrides`` takes each of these functions.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Request, Response, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from poolhouse.rest.http.accounting import Accounting
from poolhouse.rest.http.headers import HEADERS_KEY, Headers, read_headers
from poolhouse.rest.observability.metrics import Metrics
from poolhouse.service import PoolingService
from poolhouse.settings import Settings

_BEARER: Final = HTTPBearer(
    scheme_name="key",
    description="Where the service has keys. Open without one are the probes, this document and its page.",
    auto_error=False,
)


@dataclass(frozen=True, slots=True)
class Service:
    """What the routes of one application serve with."""

    settings: Settings
    pooling: PoolingService
    metrics: Metrics
    accounting: Accounting


def bind_service(service: Service) -> Callable[[Request], Awaitable[None]]:
    """The dependency of an application that gives its routes this service."""

    async def bound(request: Request) -> None:
        request.state.service = service

    return bound


async def get_service(request: Request) -> Service:
    """The service that the request is for."""
    service: Service = request.state.service
    return service


async def require_key(
    request: Request,
    service: Annotated[Service, Depends(get_service)],
    _shown: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
) -> AsyncIterator[None]:
    """Ask for a key, where there are some. Our middleware has done so before the routes, since paths that do not exist
    need one too; in an application that has only our routes it is done here."""
    with service.accounting.authorized(request.scope):
        yield


async def get_pooling(service: Annotated[Service, Depends(get_service)]) -> PoolingService:
    """What pools, plans and knows the operators."""
    return service.pooling


async def get_headers(request: Request) -> Headers:
    """The headers by name; the middleware has read them already."""
    headers: Headers | None = request.scope.get(HEADERS_KEY)
    return read_headers(request.scope["headers"]) if headers is None else headers


async def set_no_store(response: Response) -> None:
    """Tell caches that the answer holds for now only."""
    response.headers["Cache-Control"] = "no-store"
