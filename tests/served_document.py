"""The OpenAPI document of a service with default settings, made once for all tests of a process."""

from __future__ import annotations

from functools import cache
from typing import Any

import orjson

from poolhouse.rest.app import openapi_document


@cache
def _text() -> bytes:
    return orjson.dumps(openapi_document())


def served_document() -> dict[str, Any]:
    """A copy, which may be changed."""
    document: dict[str, Any] = orjson.loads(_text())
    return document
