"""Pooling as a service: torch's pooling operators over HTTP.

This is the face: what a caller imports. It stands on the plain install alone, without torch or FastAPI.
Code of this package imports by full path and never from here.
"""

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

__all__ = [
    "DeadlinePassed",
    "FieldProblem",
    "Forbidden",
    "HeadersTooLarge",
    "InternalError",
    "Malformed",
    "MethodNotAllowed",
    "NotAcceptable",
    "NotFound",
    "PoolhouseError",
    "QuotaExceeded",
    "TooLarge",
    "TooSlow",
    "Unauthorized",
    "Unavailable",
    "Unprocessable",
    "UnsupportedMediaType",
    "__version__",
]
