"""What all connections of a server share: limits, metrics, caches, the direct routes and the ASGI application."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Final, NamedTuple

from starlette.types import ASGIApp
from uvicorn.config import Config

from poolhouse.rest.http.accounting import Accounting
from poolhouse.rest.http.handler import Handler
from poolhouse.rest.http.head import Head, HeadCache, PartialHeadBudget
from poolhouse.rest.http.outbox import Outbox
from poolhouse.rest.http.receive_budget import ReceiveBudget
from poolhouse.rest.http.response import HeaderPairs, header_lines, status_line
from poolhouse.rest.http.transfer_limits import TransferLimits
from poolhouse.rest.observability.metrics import Metrics

_IDENTITY: Final = (b"", b"identity")


class Match(NamedTuple):
    """The handler of a request.

    Attributes:
        handler: of the route.
        route: the path template.
        operator: the operator or the model, as the path names it.
        path: without the root path, to check API keys.
        instance: the path with the root path, for problem documents and logs.
    """

    handler: Handler
    route: str
    operator: str
    path: str
    instance: str


@dataclass(frozen=True, slots=True)
class DirectRoute:
    """A route that bypasses the ASGI application: ``POST`` to a path with the name of an operator or a model.

    Attributes:
        template: the path template, such as ``/v1/pool/{operator}``; it has one parameter, or none beside a ``name``.
        handler: of the route.
        label: the path template for metrics and logs; by default the same.
        name: for the handler, if the path has no parameter.
    """

    template: str
    handler: Handler
    label: str = ""
    name: str = ""
    prefix: str = field(init=False)
    suffix: str = field(init=False)

    def __post_init__(self) -> None:
        prefix, _, rest = self.template.partition("{")
        object.__setattr__(self, "prefix", prefix)
        object.__setattr__(self, "suffix", rest.partition("}")[2])
        object.__setattr__(self, "label", self.label or self.template)

    def name_in(self, path: str) -> str:
        """The name in a path; empty if the path is not of this route."""
        if self.name:
            return self.name if path == self.template else ""
        if not path.startswith(self.prefix) or not path.endswith(self.suffix):
            return ""
        name = path[len(self.prefix) : len(path) - len(self.suffix)]
        # Percent-encoded paths are left to the application's router.
        return "" if "/" in name or "%" in name else name


@dataclass
class ServerContext:
    """The state and the settings that all connections share.

    Attributes:
        app: the ASGI application, for requests without a handler.
        accounting: the steps common to all requests.
        metrics: counts protocol errors and disconnects.
        response_limits: the minimum rate of clients that read a response.
        max_header_bytes: the largest head.
        header_timeout_s: for a whole head.
        keep_alive_s: for an idle connection.
        stall_timeout_s: for a client that reads nothing.
        routes: the direct routes.
        root_path: the path under which a proxy publishes the service.
        cors_headers: makes the CORS headers for an origin; None if no origins are configured.
        receive_budget: limits the bytes received per event loop iteration.
        outbox: batches short responses.
        partial_head_budget: limits the memory of incomplete heads.
        head_cache: parsed heads that may repeat.
    """

    app: ASGIApp
    accounting: Accounting
    metrics: Metrics
    response_limits: TransferLimits
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
        """The status line and the headers that all responses of the server have.

        Args:
            status: of HTTP.
            headers: the server's default headers; a new list whenever they change, once a second.
        """
        if headers is not self._headers:
            self._headers, self._response_starts = headers, {}
        found = self._response_starts.get(status)
        if found is None:
            found = self._response_starts[status] = status_line(status) + header_lines(headers)
        return found

    def match(self, head: Head) -> Match | None:
        """The handler of a request; None if the ASGI application serves it: for another route or method, a body of
        unknown length, or a compressed body."""
        if head.method != "POST" or head.length is None:
            return None
        if head.headers.get(b"content-encoding", b"").strip().lower() not in _IDENTITY:
            return None
        path = head.path.decode("latin-1")
        if self.root_path and path.startswith(self.root_path + "/"):
            path = path[len(self.root_path) :]
        for route in self.routes:
            if name := route.name_in(path):
                return Match(route.handler, route.label, name, path, self.root_path + path)
        return None


class ServerConfig(Config):
    """uvicorn's configuration with our context."""

    server_context: ServerContext
    ssl_context: SSLContext | None = None

    def load(self) -> None:
        """Load the configuration, with our own TLS context: uvicorn's options would allow older protocols."""
        super().load()
        self.ssl = self.ssl_context
