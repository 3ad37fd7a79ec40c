"""The status page is whole, allows only what it needs, and is served where ``/metrics`` is."""

from __future__ import annotations

import re
from importlib import resources

import pytest
from fastapi.testclient import TestClient

from poolhouse.rest.app import create_app
from poolhouse.settings import Settings

FILES = {each.name: each.read_text() for each in resources.files("poolhouse.rest").joinpath("assets/status").iterdir()}
ASSETS = sorted(FILES.keys() - {"status.html"})
TYPES = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}


@pytest.fixture(scope="module")
def client() -> TestClient:
    """A client without a key, of an application with keys that is not started."""
    return TestClient(create_app(Settings.model_validate({"device": "cpu", "api_keys": "a=correct-horse-battery"})))


def test_the_page_needs_no_key_and_the_numbers_do(client: TestClient) -> None:
    """A browser sends no key when it opens a page; the page asks for one, and has no numbers without it."""
    assert client.get("/status").status_code == 200
    assert client.get("/metrics").status_code == 401


@pytest.mark.parametrize("name", ASSETS)
def test_every_file_is_served_with_its_type(client: TestClient, name: str) -> None:
    """Browsers refuse a script with another type, and a page made of the files of two versions would not work."""
    response = client.get(f"/status/{name}")

    assert response.text == FILES[name]
    assert response.headers["content-type"].startswith(TYPES[name.rpartition(".")[2]])
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "no-cache"


def test_the_page_allows_only_its_own_files_and_no_frames(client: TestClient) -> None:
    """A page into which operators type a key is a target."""
    headers = client.get("/status").headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))

    assert policy["default-src"] == "'none'"
    assert {policy[each] for each in ("script-src", "style-src", "img-src", "connect-src")} == {"'self'"}
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("name", FILES)
def test_links_are_relative_and_lead_to_no_other_host(name: str) -> None:
    """The page works below any path of a proxy, and in a cluster without Internet access."""
    links = re.findall(r"""(?:href|src|from|fetch\(|url\()[= ]*["'(]([^"')]+)""", FILES[name])

    assert not [link for link in links if link.startswith(("/", "http", "data:"))]
    for link in links:
        assert link.rpartition("/")[2] in {*FILES, "metrics"}
