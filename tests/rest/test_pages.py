"""The pages: vendored, complete without any other host."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable
from importlib import resources

import httpx
import pytest
from backports import zstd
from playwright.sync_api import Request

from poolhouse.rest.app import openapi_document
from poolhouse.rest.routes.docs import SWAGGER_UI_VERSION
from tests.rest.browser import browser_page, needs_chromium
from tests.rest.live_server import LiveServer

ASSETS = resources.files("poolhouse.rest").joinpath("assets")
SUMS = {
    name: checksum
    for checksum, name in (line.split() for line in ASSETS.joinpath("SHA256SUMS").read_text().splitlines())
}


SERVED_FILES = ("swagger-ui-bundle.js", "swagger-ui.css", "docs.js")
UNPACK: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.decompress, "zstd": zstd.decompress, "identity": bytes}


@pytest.mark.parametrize("name", SUMS)
def test_vendored_files_are_what_was_vendored(name: str) -> None:
    """A changed script in our pages would run in every visitor's browser."""
    assert hashlib.sha256(ASSETS.joinpath(name).read_bytes()).hexdigest() == SUMS[name]


def test_the_pinned_version_is_said_once() -> None:
    """The path that browsers cache for a year must change with the files."""
    assert f"`swagger-ui-dist` {SWAGGER_UI_VERSION}," in ASSETS.joinpath("README.md").read_text()


def test_the_document_is_served_as_it_is_generated(client: httpx.Client) -> None:
    """What is checked in, what is served and what the page shows are one document."""
    answer = client.get("/openapi.json")

    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == openapi_document()


def test_assets_carry_their_type_and_may_be_kept(client: httpx.Client) -> None:
    """A browser runs no script of a wrong type, and should fetch two megabytes once."""
    script = client.get(f"/docs/{SWAGGER_UI_VERSION}/swagger-ui-bundle.js")
    style = client.get(f"/docs/{SWAGGER_UI_VERSION}/swagger-ui.css")

    assert script.headers["content-type"].startswith("text/javascript")
    assert style.headers["content-type"].startswith("text/css")
    assert "immutable" in script.headers["cache-control"]


@pytest.mark.parametrize(
    "path", ["/openapi.json", "/docs", *(f"/docs/{SWAGGER_UI_VERSION}/{name}" for name in SERVED_FILES)]
)
@pytest.mark.parametrize("encoding", ["gzip", "zstd", "identity"])
def test_pages_are_compressed_where_that_is_asked_for(client: httpx.Client, path: str, encoding: str) -> None:
    """The document has a quarter of a megabyte, and the page's script nearly two."""
    plain = client.get(path, headers={"Accept-Encoding": "identity"})

    with client.stream("GET", path, headers={"Accept-Encoding": encoding}) as answer:
        sent = b"".join(answer.iter_raw())

    used = answer.headers.get("content-encoding", "identity")
    assert UNPACK[used](sent) == plain.content
    assert int(answer.headers["content-length"]) == len(sent)
    assert "content-encoding" not in plain.headers
    if len(plain.content) >= 2048:
        assert used == encoding
        assert answer.headers["vary"] == plain.headers["vary"] == "accept-encoding"
        assert encoding == "identity" or len(sent) < len(plain.content) / 3


def test_the_root_path_redirects_to_the_docs(client: httpx.Client) -> None:
    """The first thing people do with a URL is to open it."""
    answer = client.get("/")

    assert answer.status_code == 307
    assert client.get("/", follow_redirects=True).url.path == "/docs"


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", f"/docs/{SWAGGER_UI_VERSION}/docs.js"])
def test_no_page_is_read_as_what_it_is_not(client: httpx.Client, path: str) -> None:
    """A browser that guesses types can be made to run what was only data."""
    assert client.get(path).headers["x-content-type-options"] == "nosniff"


def test_the_page_runs_nothing_but_its_own_scripts_and_is_framed_by_nobody(client: httpx.Client) -> None:
    """With a key typed into it the page is worth attacking."""
    headers = client.get("/docs").headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))

    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.browser
@needs_chromium
def test_the_page_works_with_no_other_host(live_server: LiveServer) -> None:
    """Clusters without the Internet are where services like this run."""
    asked: list[str] = []
    wrong: list[str] = []

    def note(request: Request) -> None:
        if not request.url.startswith("data:"):
            asked.append(request.url)

    with browser_page() as page:
        page.on("request", note)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda line: wrong.append(line.text) if line.type == "error" else None)
        page.goto(f"{live_server.url}/docs")
        page.locator(".opblock").first.wait_for()
        shown = page.locator(".opblock").count()
        page.locator(".opblock-summary").first.click()
        page.locator(".opblock-body").first.wait_for()

    paths = openapi_document()["paths"]
    assert isinstance(paths, dict)
    assert shown == sum(len(methods) for methods in paths.values())
    assert wrong == []
    assert {url.split("/")[2] for url in asked} == {f"127.0.0.1:{live_server.port}"}
