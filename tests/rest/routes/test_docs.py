"""The documentation page is vendored, and complete without other hosts."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable
from importlib import resources

import httpx
import pytest
from backports import zstd
from playwright.sync_api import Request

from poolhouse.rest.routes.docs import SWAGGER_UI_VERSION
from tests.rest.browser import browser_page, needs_chromium
from tests.rest.live_server import LiveServer
from tests.served_document import served_document

ASSETS = resources.files("poolhouse.rest").joinpath("assets")
SUMS = {
    name: checksum
    for checksum, name in (line.split() for line in ASSETS.joinpath("SHA256SUMS").read_text().splitlines())
}
"""The checksums of the files that are not ours: Swagger UI, and the photograph of the page."""


SERVED_FILES = ("swagger-ui-bundle.js", "swagger-ui.css", "docs.js", "docs.css")
UNPACK: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.decompress, "zstd": zstd.decompress, "identity": bytes}


@pytest.mark.parametrize("name", SUMS)
def test_vendored_files_are_unmodified(name: str) -> None:
    """A modified script would run in the browser of every visitor."""
    assert hashlib.sha256(ASSETS.joinpath(name).read_bytes()).hexdigest() == SUMS[name]


def test_the_vendored_version_is_stated_once() -> None:
    """Browsers cache this path for a year, so it must change with the files."""
    assert f"`swagger-ui-dist` {SWAGGER_UI_VERSION}," in ASSETS.joinpath("README.md").read_text()


def test_the_document_is_served_as_it_is_generated(client: httpx.Client) -> None:
    """The document in the repository, the served one and the page's are the same."""
    response = client.get("/openapi.json")

    assert response.headers["content-type"] == "application/json"
    assert response.json() == served_document()


def test_assets_have_a_content_type_and_are_cacheable(client: httpx.Client) -> None:
    """Browsers refuse a script with a wrong type, and should fetch two megabytes only once."""
    script = client.get(f"/docs/{SWAGGER_UI_VERSION}/swagger-ui-bundle.js")
    style = client.get(f"/docs/{SWAGGER_UI_VERSION}/swagger-ui.css")

    assert script.headers["content-type"].startswith("text/javascript")
    assert style.headers["content-type"].startswith("text/css")
    assert "immutable" in script.headers["cache-control"]


@pytest.mark.parametrize(
    "path", ["/openapi.json", "/docs", *(f"/docs/{SWAGGER_UI_VERSION}/{name}" for name in SERVED_FILES)]
)
@pytest.mark.parametrize("encoding", ["gzip", "zstd", "identity"])
def test_pages_are_compressed_on_request(client: httpx.Client, path: str, encoding: str) -> None:
    """The document has 250 kB, and the page's script nearly 2 MB."""
    plain = client.get(path, headers={"Accept-Encoding": "identity"})

    with client.stream("GET", path, headers={"Accept-Encoding": encoding}) as response:
        sent = b"".join(response.iter_raw())

    used = response.headers.get("content-encoding", "identity")
    assert UNPACK[used](sent) == plain.content
    assert int(response.headers["content-length"]) == len(sent)
    assert "content-encoding" not in plain.headers
    if len(plain.content) >= 2048:
        assert used == encoding
        assert response.headers["vary"] == plain.headers["vary"] == "accept-encoding"
        assert encoding == "identity" or len(sent) < len(plain.content) / 2


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", f"/docs/{SWAGGER_UI_VERSION}/docs.js"])
def test_no_page_may_be_sniffed(client: httpx.Client, path: str) -> None:
    """A browser that guesses content types can be made to execute data."""
    assert client.get(path).headers["x-content-type-options"] == "nosniff"


def test_the_page_allows_only_its_own_scripts_and_no_frames(client: httpx.Client) -> None:
    """A page into which users type their key is a target."""
    headers = client.get("/docs").headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))

    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.slow
@pytest.mark.browser
@needs_chromium
def test_the_page_loads_nothing_from_other_hosts(live_server: LiveServer) -> None:
    """Services like this often run in clusters without Internet access."""
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
        page.locator(".opblock-tag").first.wait_for()
        families = {family.get_attribute("data-tag") for family in page.locator(".opblock-tag").all()}
        page.locator(".opblock-tag").first.click()
        page.locator(".opblock-summary").first.click()
        page.locator(".opblock-body").first.wait_for()

    paths = served_document()["paths"]
    assert isinstance(paths, dict)
    assert families == {each["tags"][0] for methods in paths.values() for each in methods.values()}
    assert wrong == []
    assert {url.split("/")[2] for url in asked} == {f"127.0.0.1:{live_server.port}"}
