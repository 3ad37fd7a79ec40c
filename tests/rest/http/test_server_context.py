"""Which requests bypass the ASGI application."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from poolhouse.rest.http.server_context import DirectRoute, ServerContext
from poolhouse.rest.http.transfer_limits import TransferLimits

UNUSED: Any = None
CONTEXT = ServerContext(
    UNUSED, UNUSED, UNUSED, TransferLimits(1, 1, ""), 1, 1, 1, 1, (DirectRoute("/v1/pool/{operator}", UNUSED),), "/root"
)


def head(path: bytes = b"/v1/pool/max", method: str = "POST", length: int | None = 1, coding: bytes = b"") -> Any:
    """What is read of a head."""
    return SimpleNamespace(method=method, path=path, length=length, headers={b"content-encoding": coding})


@pytest.mark.parametrize("path", [b"/v1/pool/max", b"/root/v1/pool/max"])
def test_a_direct_route_matches_with_and_without_the_root_path(path: bytes) -> None:
    """A proxy may strip the root path or not; keys are checked without it, and problems name it."""
    match = CONTEXT.match(head(path, coding=b" Identity"))

    assert match is not None
    assert (match.operator, match.path, match.instance) == ("max", "/v1/pool/max", "/root/v1/pool/max")


@pytest.mark.parametrize(
    "other",
    [
        head(method="GET"),
        head(length=None),
        head(coding=b"gzip"),
        *map(head, (b"/v1/pool/", b"/v1/pool/a/b", b"/v1/pool/m%61x", b"/rootv1/pool/max", b"/max")),
    ],
)
def test_every_other_request_is_left_to_the_application(other: Any) -> None:
    """Only the application can route it, or read its body."""
    assert CONTEXT.match(other) is None


def test_new_default_headers_replace_the_cached_start() -> None:
    """Otherwise the Date of all responses stays that of the first."""
    first, second = [(b"date", b"1")], [(b"date", b"2")]

    assert CONTEXT.response_start(200, first) == b"HTTP/1.1 200 OK\r\ndate: 1\r\n"
    assert CONTEXT.response_start(404, first).startswith(b"HTTP/1.1 404 ")
    assert CONTEXT.response_start(200, second) == b"HTTP/1.1 200 OK\r\ndate: 2\r\n"
