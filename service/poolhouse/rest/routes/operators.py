"""``GET /v1/operators`` and ``/v1/operators/{operator}``: the catalogue's cards."""

from __future__ import annotations

from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from poolhouse.describe import card, catalogue_card
from poolhouse.pooling import Pooling
from poolhouse.rest.answers import send_json


class Operators:
    """The list: a line for each operator."""

    def __init__(self, pooling: Pooling) -> None:
        self._pooling = pooling

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 200."""
        await send_json(scope, send, {"operators": catalogue_card(self._pooling.catalogue)})


class Operator:
    """One card: fields, inputs, outputs, element types, a worked example."""

    def __init__(self, pooling: Pooling) -> None:
        self._pooling = pooling

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 200, or raise NotFound with the nearest names."""
        await send_json(scope, send, card(self._pooling.catalogue.find(scope["path_params"]["operator"])))


def routes(pooling: Pooling) -> list[BaseRoute]:
    """The routes of the catalogue."""
    return [
        Route("/v1/operators", Operators(pooling), methods=["GET"]),
        Route("/v1/operators/{operator}", Operator(pooling), methods=["GET"]),
    ]
