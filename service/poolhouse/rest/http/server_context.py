"""What all connections of a listener share: limits, the handlers of the hot routes, and the ASGI application."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Final, NamedTuple

from starlette.types import ASGIApp
from uvicorn.config import Config

from poolhouse.rest.http.accounting import Accounting
from poolhouse.rest.http.body_limits import BodyLimits
from poolhouse.rest.http.handler import Handler
from poolhouse.rest.http.head import Head, HeadCache, PartialHeadBudget
from poolhouse.rest.http.outbox import Outbox
from poolhouse.rest.http.receive_budget import ReceiveBudget
from poolhouse.rest.http.response import HeaderPairs, header_lines, status_line
from poolhouse.rest.observability.metrics import Metrics

PARAMETER: Final = "{operator}"
_IDENTITY: Final = (b"", b"identity")


class Match(NamedTuple):
    """A request that a handler answers.

    Attributes:
        handler: answers it.
        route: its path template.
        operator: as the path names it.
        path: without the root path, for the API keys.
        instance: with it, for refusals and logs.
    """

    handler: Handler
    route: str
    operator: str
    path: str
    instance: str


class DirectRoute(NamedTuple):
    """A route that a handler answers: ``POST`` to a path that ends in an operator.

    Attributes:
        template: of the path, such as ``/v1/pool/{operator}``.
        handler: answers it.
    """

    template: str
    handler: Handler


@dataclass
class ServerContext:
    """What a connection needs beside its socket.

    Attributes:
        app: the ASGI application, for all routes without a handler.
        accounting: what is done for every request.
        metrics: counts what was no request.
        response_limits: the pace of answers.
        header_bytes: the largest head.
        header_timeout_s: for a head to come to its end.
        keep_alive_s: for an idle connection.
        silence_s: for a client that does not read.
        routes: those that handlers answer.
        root_path: below which a proxy serves us.
        cors_headers: of an answer to a page of this origin; None where no origins are named.
        turn: what may be received in this turn of the event loop.
        outbox: short answers of this turn.
        partial_heads: what is held of heads that are not whole.
        known_heads: heads that came before.
    """

    app: ASGIApp
    accounting: Accounting
    metrics: Metrics
    response_limits: BodyLimits
    max_header_bytes: int
    header_timeout_s: float
    keep_alive_s: float
    stall_timeout_s: float
    routes: tuple[DirectRoute, ...] = ()
    root_path: str = ""
    cors_headers: Callable[[bytes | None], HeaderPairs] | None = None
    receive_budget: ReceiveBudget = field(default_factory=ReceiveBudget)
    outbox: Outbox = field(default_factory=Outbox)
    partial_head_budget: PartialHeadBudget = field(default_factory=PartialHeadBudget)
    head_cache: HeadCache = field(default_factory=HeadCache)
    _headers: list[tuple[bytes, bytes]] | None = None
    _response_starts: dict[int, bytes] = field(default_factory=dict)

    def response_start(self, status: int, headers: list[tuple[bytes, bytes]]) -> bytes:
        """The first lines of an answer: its status, and the headers that all answers of the server have.

        Args:
            status: of HTTP.
            headers: the server's; another list as soon as they change, once a second.
        """
        if headers is not self._headers:
            self._headers, self._response_starts = headers, {}
        found = self._response_starts.get(status)
        if found is None:
            found = self._response_starts[status] = status_line(status) + header_lines(headers)
        return found

    def match(self, head: Head) -> Match | None:
        """The handler for a request; None where the application answers it: another route or method, a body of unknown
        length, or one that must be inflated."""
        if head.method != "POST" or head.length is None:
            return None
        if head.headers.get(b"content-encoding", b"").strip().lower() not in _IDENTITY:
            return None
        path = head.path.decode("latin-1")
        if self.root_path and path.startswith(self.root_path + "/"):
            path = path[len(self.root_path) :]
        for route in self.routes:
            prefix = route.template.removesuffix(PARAMETER)
            operator = path.removeprefix(prefix)
            # What is escaped in a path is for the router to undo.
            if operator and operator != path and "/" not in operator and "%" not in operator:
                return Match(route.handler, route.template, operator, path, self.root_path + path)
        return None


class ServerConfig(Config):
    """uvicorn's configuration, and what our connections share."""

    server_context: ServerContext
    ssl_context: SSLContext | None = None

    def load(self) -> None:
        """As uvicorn does, with our own context for TLS: its options would allow more than they should."""
        super().load()
        self.ssl = self.ssl_context
