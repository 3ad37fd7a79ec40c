"""The limits and defaults in the prose of the documents, read from the code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from poolhouse.backend.torch_worker import JOIN_BYTES
from poolhouse.client.exchange import DEFAULT_MAX_RESPONSE_BYTES
from poolhouse.settings import Settings, format_size


def _format_size(nbytes: int) -> str:
    """A size with a space before its unit, such as ``1 GiB``."""
    text = format_size(nbytes)
    digits = text.rstrip("KMGiB")
    return f"{digits} {text.removeprefix(digits)}"


def _default(field: str) -> int:
    """The default of a numeric setting."""
    value: object = Settings.model_fields[field].default
    assert isinstance(value, int | float), field
    return int(value)


LIMITS: Final[Mapping[str, Callable[[], str]]] = {
    "limits/body": lambda: _format_size(_default("max_body_bytes")),
    "limits/json": lambda: _format_size(_default("max_json_bytes")),
    "limits/answer": lambda: _format_size(DEFAULT_MAX_RESPONSE_BYTES),
    "limits/joining": lambda: _format_size(JOIN_BYTES),
    "limits/hang": lambda: f"{_default('device_hang_timeout_s')} s",
}
"""Each by its name in the marks of the documents, like measured figures."""
