"""Pooling as a service: torch's pooling operators over HTTP.

The public API for Python. It needs the plain install alone, without torch or FastAPI.
The modules of this package never import from here, but by full path.
The client is loaded on first use, so that importing an error class does not load numpy and httpx.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from poolhouse.errors import (
    DeadlinePassed,
    FieldProblem,
    Forbidden,
    HeadersTooLarge,
    InternalError,
    Malformed,
    MethodNotAllowed,
    NotAcceptable,
    NotFound,
    PoolhouseError,
    QuotaExceeded,
    TooLarge,
    TooSlow,
    Unauthorized,
    Unavailable,
    Unprocessable,
    Unsupported,
    UnsupportedMediaType,
)
from poolhouse.version import __version__

if TYPE_CHECKING:
    from poolhouse.client.clients import AsyncClient, Client
    from poolhouse.client.errors import ConnectionFailed, TimedOut, UnexpectedAnswer
    from poolhouse.client.pictures import Picture
    from poolhouse.client.results import (
        OperatorSummary,
        Plan,
        PlanMany,
        Pooled,
        PooledMany,
        Trace,
        TracedElement,
    )
    from poolhouse.client.transports.httpx_deadline import DeadlineTransport

__all__ = [
    "AsyncClient",
    "Client",
    "ConnectionFailed",
    "DeadlinePassed",
    "DeadlineTransport",
    "FieldProblem",
    "Forbidden",
    "HeadersTooLarge",
    "InternalError",
    "Malformed",
    "MethodNotAllowed",
    "NotAcceptable",
    "NotFound",
    "OperatorSummary",
    "Picture",
    "Plan",
    "PlanMany",
    "Pooled",
    "PooledMany",
    "PoolhouseError",
    "QuotaExceeded",
    "TimedOut",
    "TooLarge",
    "TooSlow",
    "Trace",
    "TracedElement",
    "Unauthorized",
    "Unavailable",
    "UnexpectedAnswer",
    "Unprocessable",
    "Unsupported",
    "UnsupportedMediaType",
    "__version__",
]

_LAZY = {
    "AsyncClient": "poolhouse.client.clients",
    "Client": "poolhouse.client.clients",
    "ConnectionFailed": "poolhouse.client.errors",
    "DeadlineTransport": "poolhouse.client.transports.httpx_deadline",
    "OperatorSummary": "poolhouse.client.results",
    "Picture": "poolhouse.client.pictures",
    "Plan": "poolhouse.client.results",
    "PlanMany": "poolhouse.client.results",
    "Pooled": "poolhouse.client.results",
    "PooledMany": "poolhouse.client.results",
    "TimedOut": "poolhouse.client.errors",
    "Trace": "poolhouse.client.results",
    "TracedElement": "poolhouse.client.results",
    "UnexpectedAnswer": "poolhouse.client.errors",
}
"""The module of each name that is loaded on first use."""


if not TYPE_CHECKING:
    # Hidden from type checkers, which would otherwise accept every misspelt name.

    def __getattr__(name: str) -> object:
        if name not in _LAZY:
            raise AttributeError(f"module 'poolhouse' has no attribute {name!r}")
        found: object = getattr(import_module(_LAZY[name]), name)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
