"""The row of a hostile body."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class HostileBody:
    """A body that must be refused with one of ``statuses``."""

    name: str
    media_type: str
    make: Callable[[], bytes]
    statuses: tuple[int, ...]
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    path: str = "/v1/pool/max_pool2d"
