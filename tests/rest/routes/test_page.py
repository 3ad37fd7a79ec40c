"""``GET /``: a page for people, links for programs, and the page's files."""

from __future__ import annotations

from importlib import resources

import httpx
import pytest

from poolhouse.rest.routes.page import ASSETS_PATH, prefers_html

FILES = sorted(each.name for each in resources.files("poolhouse.rest").joinpath("assets", "page").iterdir())
CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (CHROME, True),
        ("text/html", True),
        ("text/*", True),
        ("text/html;q=0.4, application/json;q=0.3", True),
        (None, False),
        ("", False),
        ("*/*", False),
        ("application/json", False),
        ("application/json, text/html", False),
        ("text/html;q=0.3, application/*", False),
        ("text/html;q=0, */*", False),
        ("image/png", False),
        ("text/html;q=no", False),
    ],
)
def test_browsers_get_the_page_and_programs_links(accept: str | None, expected: bool) -> None:
    """curl and libraries send ``*/*``; HTML in a terminal helps nobody."""
    assert prefers_html(accept) is expected


def test_the_links_lead_somewhere(client: httpx.Client) -> None:
    """A program that knows the address alone finds the rest."""
    answer = client.get("/").json()

    assert answer["name"] == "poolhouse"
    for relation, path in answer["links"].items():
        if "{" not in path:
            assert client.get(path).status_code == 200, relation


def test_both_representations_say_what_they_depend_on(client: httpx.Client) -> None:
    """A cache between must not give a browser the links."""
    page, links = client.get("/", headers={"Accept": CHROME}), client.get("/")

    assert "accept" in [each.strip() for each in page.headers["vary"].split(",")]
    assert links.headers["vary"].startswith("accept")
    assert page.headers["etag"] != links.headers["etag"]


def test_the_page_may_run_nothing_but_its_own_files(client: httpx.Client) -> None:
    """Readers type API keys into it."""
    headers = client.get("/", headers={"Accept": "text/html"}).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))

    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' blob: data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", [name for name in FILES if name != "index.html"])
def test_every_file_has_its_type_and_is_asked_for_again(client: httpx.Client, name: str) -> None:
    """Browsers refuse a script of another type, and after an upgrade all files must be of one version."""
    response = client.get(f"{ASSETS_PATH}{name}")
    again = client.get(f"{ASSETS_PATH}{name}", headers={"If-None-Match": response.headers["etag"]})

    kind = {"js": "text/javascript", "css": "text/css", "png": "image/png", "svg": "image/svg+xml"}[
        name.rpartition(".")[2]
    ]
    assert response.headers["content-type"].startswith(kind)
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "name", ["index.html", "nothing.js", "..%2fdocs.js", "%2e%2e/README.md", "main.js/", "MAIN.JS"]
)
def test_no_other_file_is_served(client: httpx.Client, name: str) -> None:
    """The folder has files that are none of the page's."""
    assert client.get(f"{ASSETS_PATH}{name}").status_code == 404


def test_head_is_answered_like_get(client: httpx.Client) -> None:
    """Monitors ask for the head of a start page."""
    head, get = (client.request(method, "/", headers={"Accept": "text/html"}) for method in ("HEAD", "GET"))

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]
