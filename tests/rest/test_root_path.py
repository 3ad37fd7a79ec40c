"""Behind a proxy with a path prefix the responses are the same, whether the proxy strips the prefix or not."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse import Client
from poolhouse.rest.app import create_app
from poolhouse.rest.root_path import add_root_path
from poolhouse.settings import Settings
from tests.rest.gated_service import becomes_true
from tests.rest.live_server import IMAGE, POOL, WAIT_TIMEOUT_S, LiveServer, run_live_server

ROOT = "/pooling"
KEY = "correct-horse-battery"
NGINX_CONFIG = Path(__file__).resolve().parents[2] / "deploy" / "nginx" / "below-a-path.conf"
NGINX = shutil.which("nginx", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"]))

segments = st.text("abcdefgh", min_size=1, max_size=4)
roots = st.lists(segments, min_size=1, max_size=3).map(lambda parts: "/" + "/".join(parts))
paths = st.lists(segments, max_size=4).map(lambda parts: "/v1/" + "/".join(parts))


def apply_root_path(path: str, root: str, server: str) -> tuple[str, bytes, str]:
    """The path of a request after :func:`add_root_path`, for a server that is configured with this root path."""
    scope = {"root_path": server, "path": server + path, "raw_path": (server + path).encode()}
    add_root_path(scope, root)
    return scope["path"], scope["raw_path"], scope["root_path"]  # type: ignore[return-value]  # as it was put in


@given(roots, paths, st.booleans(), st.booleans())
def test_a_path_is_the_same_with_and_without_the_root_path(root: str, path: str, stripped: bool, known: bool) -> None:
    """ASGI requires the full path in both cases, whether the server knows the root path or not."""
    wire = path if stripped else root + path

    assert apply_root_path(wire, root, root if known else "") == (root + path, (root + path).encode(), root)


@given(roots, segments)
def test_a_path_that_only_starts_with_the_same_letters_is_not_below(root: str, more: str) -> None:
    """/pools is not below /pool."""
    assert apply_root_path(root + more, root, root)[0] == root + root + more


def test_the_root_path_of_another_server_is_kept() -> None:
    """Ray Serve has a route prefix of its own, and sets ``root_path`` to it."""
    scope = {"root_path": "/ray", "path": "/ray/v1/operators"}
    add_root_path(scope, ROOT)

    assert scope == {"root_path": "/ray", "path": "/ray/v1/operators"}


@pytest.mark.parametrize("root", ["/v1", "/docs", "/v1/pool", "/livez/below", "/openapi.json"])
def test_a_root_path_like_one_of_our_paths_is_refused(root: str) -> None:
    """With the root path /v1, the path /v1/pool would be ambiguous."""
    with pytest.raises(ValueError, match=f"root_path {root} starts like the service's own path /"):
        create_app(Settings.model_validate({"root_path": root}))


@pytest.fixture(scope="module")
def prefixed_server() -> Iterator[LiveServer]:
    """A server configured with a root path."""
    with run_live_server(Settings.model_validate({"port": 0, "root_path": ROOT})) as server:
        yield server


def check(client: httpx.Client, base: str) -> None:
    """Everything that a client uses: pooling, errors, the start page, the document, the documentation page and its
    assets."""
    assert client.post(f"{base}{POOL}", json={"input": IMAGE, "kernel_size": 2}).status_code == 200
    assert client.get(f"{base}/livez").status_code == 200
    # Without a body: the refusal comes early, and a proxy that still sends the body may abort the connection.
    lost = client.post(f"{base}/v1/poll/max_pool2d", json={}, headers={"Connection": "close"})
    assert lost.json()["code"] == "unknown_path"
    assert f"There is no path {ROOT}/v1/poll/max_pool2d. Nearest: {ROOT}/v1/p" in lost.json()["detail"]
    assert lost.json()["instance"] == f"{ROOT}/v1/poll/max_pool2d"
    assert client.get(f"{base}/").json()["links"]["docs"] == f"{ROOT}/docs"
    start = client.get(f"{base}/", headers={"Accept": "text/html"})
    assert f'src="{ROOT}/page/main.js"' in start.text
    assert client.get(f"{base}/page/main.js").status_code == 200
    assert client.get(f"{base}/openapi.json").json()["servers"][0]["url"] == ROOT
    page = client.get(f"{base}/docs")
    script = page.text.partition('<script src="')[2].partition('"')[0]
    assert client.get(f"{base}/docs").url.join(script).path == f"{base}/{script}"
    assert client.get(f"{base}/{script}").status_code == 200


@pytest.mark.parametrize("base", ["", ROOT])
def test_requests_with_and_without_the_root_path_are_served(prefixed_server: LiveServer, base: str) -> None:
    """A path with the prefix was once treated as a path below the root path, and not found."""
    with prefixed_server.client() as client:
        check(client, base)


def test_the_root_path_itself_is_the_page(prefixed_server: LiveServer) -> None:
    """Users type it without the slash, and relative links would miss."""
    with prefixed_server.client() as client:
        response = client.get(ROOT, headers={"Accept": "text/html"})

    assert response.status_code == 200
    assert 'href="./' not in response.text


@pytest.mark.parametrize("base", ["", ROOT])
def test_keys_are_required_below_the_root_path(base: str) -> None:
    """The same paths need a key as without a root path."""
    settings = Settings.model_validate({"port": 0, "root_path": ROOT, "api_keys": f"a={KEY}"})
    with run_live_server(settings) as server, server.client() as client:
        assert client.get(f"{base}/readyz").status_code == 200
        assert client.get(f"{base}/v1/operators").status_code == 401
        assert client.get(f"{base}/docs/../metrics").status_code == 401
        assert client.get(f"{base}/v1/operators", headers={"Authorization": f"Bearer {KEY}"}).status_code == 200


def is_port_open(port: int) -> bool:
    with socket.socket() as send:
        return send.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def nginx(folder: Path, port: int, stripping: bool) -> Iterator[str]:
    """The URL of an nginx with the configuration in our documentation, in front of a service on this port."""
    location = NGINX_CONFIG.read_text(encoding="utf-8")
    passes = "proxy_pass http://127.0.0.1:8000/;"
    assert location.count(passes) == 1
    location = location.replace(passes, f"proxy_pass http://127.0.0.1:{port}{'/' if stripping else ''};")
    unused = " ".join(f"{each}_temp_path {folder}/{each};" for each in ("fastcgi", "uwsgi", "scgi", "proxy"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        front: int = free.getsockname()[1]
    (folder / "nginx.conf").write_text(
        f"daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log; events {{}}\n"
        f"http {{ access_log off; {unused} client_body_temp_path {folder}/bodies;\n"
        f"server {{ listen 127.0.0.1:{front};\n{location}\n}} }}\n",
        encoding="utf-8",
    )
    assert NGINX is not None
    words = [NGINX, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
    with subprocess.Popen(words) as running:
        try:
            assert becomes_true(lambda: is_port_open(front)), "nginx did not start"
            yield f"http://127.0.0.1:{front}"
        finally:
            running.terminate()
            running.wait(WAIT_TIMEOUT_S)


@pytest.mark.skipif(NGINX is None, reason="needs nginx (Debian: apt-get install nginx-light)")
@pytest.mark.parametrize("stripping", [True, False], ids=["takes the path off", "leaves the path"])
def test_the_documented_nginx_configuration_works(prefixed_server: LiveServer, tmp_path: Path, stripping: bool) -> None:
    """The page and our client both build their paths below the given URL."""
    with (
        nginx(tmp_path, prefixed_server.port, stripping) as url,
        httpx.Client(base_url=url, trust_env=False, timeout=WAIT_TIMEOUT_S) as client,
        Client(url + ROOT) as ours,
    ):
        check(client, ROOT)
        assert ours.max_pool2d(IMAGE, 2).output == [[[[6, 8], [14, 16]]]]
        megabytes = client.post(
            f"{ROOT}/v1/pool/global_max_pool2d?shape=1,1,2048,2048&dtype=uint8",
            content=bytes(2**22),
            headers={"Content-Type": "application/octet-stream"},
        )
        assert megabytes.status_code == 200
