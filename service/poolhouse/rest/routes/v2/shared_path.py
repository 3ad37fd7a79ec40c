"""GET routes whose path has a POST route too."""

from __future__ import annotations

from typing import ClassVar

from poolhouse.rest.routes.get_route import GetRoute


class SharedPathRoute(GetRoute):
    """A GET route beside a POST route of the same path, which the refusal of other methods names."""

    allow: ClassVar[str] = "GET, HEAD, POST"
