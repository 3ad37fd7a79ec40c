"""The admin port serves metrics and versions, which the public port then does not."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from poolhouse.rest.app import create_app
from poolhouse.rest.server import Server, make_server
from poolhouse.settings import Settings
from tests.rest.live_server import IMAGE, POOL, WAIT_TIMEOUT_S

KEY = "correct-horse-battery"


@contextmanager
def run_with_admin_port(**settings: object) -> Iterator[tuple[httpx.Client, httpx.Client]]:
    """Clients of the public port and of the admin port."""
    given = Settings.model_validate({"port": 0, "admin_port": 0, **settings})
    ready = threading.Event()
    found: list[Server] = []

    def note(server: Server) -> None:
        found.append(server)
        ready.set()

    server = make_server(given, create_app(given), note)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert ready.wait(WAIT_TIMEOUT_S)
    try:
        public = httpx.Client(base_url=found[0].url, timeout=WAIT_TIMEOUT_S, trust_env=False)
        apart = httpx.Client(base_url=f"http://127.0.0.1:{server.admin_port}", timeout=WAIT_TIMEOUT_S, trust_env=False)
        with public, apart:
            yield public, apart
    finally:
        server.should_exit = True
        thread.join(WAIT_TIMEOUT_S)
    assert not thread.is_alive()


def test_only_the_admin_port_serves_metrics_version_and_status() -> None:
    """A client need not know the load of the service."""
    with run_with_admin_port() as (public, apart):
        assert public.post(POOL, json={"input": IMAGE, "kernel_size": 2}).status_code == 200
        for path in ("/metrics", "/version", "/status", "/status/status.js"):
            assert public.get(path).status_code == 404
            assert apart.get(path).status_code == 200
        page = apart.get("/metrics").text

    assert 'poolhouse_requests_total{operator="max_pool2d",route="/v1/pool/{operator}",status="200"} 1.0' in page
    assert 'route="/metrics"' in page


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_both_ports_serve_the_probes(path: str) -> None:
    """A load balancer probes the port that it sends requests to; the kubelet can probe either."""
    with run_with_admin_port() as (public, apart):
        assert public.get(path).status_code == apart.get(path).status_code == 200


def test_the_admin_port_does_not_pool() -> None:
    """The admin port checks no keys, so it must not serve pooling. Its errors have the same form as all others."""
    with run_with_admin_port(api_keys=f"a={KEY}") as (public, apart):
        response = apart.post(POOL, json={"input": IMAGE, "kernel_size": 2})
        assert apart.get("/metrics").status_code == 200
        assert public.get("/metrics", headers={"Authorization": f"Bearer {KEY}"}).status_code == 404

    assert response.status_code == 404
    assert response.json()["code"] == "unknown_path"


def test_an_admin_port_in_use_fails_the_start() -> None:
    """A service that runs without metrics would be noticed too late."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = Settings.model_validate({"port": 0, "admin_port": taken.getsockname()[1]})
        with pytest.raises(ValueError, match=r"cannot listen on the admin port \d+ of 127\.0\.0\.1"):
            make_server(settings, create_app(settings), lambda _: pytest.fail("it started"))


def test_without_an_admin_port_the_public_port_serves_everything() -> None:
    """The two commands of the README show the metrics without further settings."""
    app = create_app(Settings())
    paths = {route.path for route in iter_route_contexts(app.routes)}

    assert {"/metrics", "/version", "/status", "/livez", "/readyz"} <= paths
