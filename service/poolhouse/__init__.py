"""Pooling as a service: torch's pooling operators over HTTP.

This is the face: what a caller imports. It stands on the plain install alone, without torch or FastAPI.
Code of this package imports by full path and never from here.
The client comes when it is first named: who wants an error class or the version does not wait for numpy and httpx.
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
    UnsupportedMediaType,
)
from poolhouse.version import __version__

if TYPE_CHECKING:
    from poolhouse.client.clients import AsyncClient, Client
    from poolhouse.client.errors import ConnectionFailed, TimedOut, UnexpectedAnswer
    from poolhouse.client.results import OperatorSummary, Plan, Pooled
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
    "Plan",
    "Pooled",
    "PoolhouseError",
    "QuotaExceeded",
    "TimedOut",
    "TooLarge",
    "TooSlow",
    "Unauthorized",
    "Unavailable",
    "UnexpectedAnswer",
    "Unprocessable",
    "UnsupportedMediaType",
    "__version__",
]

_LATER = {
    "AsyncClient": "poolhouse.client.clients",
    "Client": "poolhouse.client.clients",
    "ConnectionFailed": "poolhouse.client.errors",
    "DeadlineTransport": "poolhouse.client.transports.httpx_deadline",
    "OperatorSummary": "poolhouse.client.results",
    "Plan": "poolhouse.client.results",
    "Pooled": "poolhouse.client.results",
    "TimedOut": "poolhouse.client.errors",
    "UnexpectedAnswer": "poolhouse.client.errors",
}
"""What comes when it is first named, and where from."""


if not TYPE_CHECKING:
    # Hidden from checkers, who would else take every misspelt name for one that comes later.

    def __getattr__(name: str) -> object:
        if name not in _LATER:
            raise AttributeError(f"module 'poolhouse' has no attribute {name!r}")
        found: object = getattr(import_module(_LATER[name]), name)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
