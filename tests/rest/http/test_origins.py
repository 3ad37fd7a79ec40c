"""The check of origins: what a page may send unasked, to which hosts, and which pages may send anything."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from poolhouse.errors import Forbidden
from poolhouse.rest.http.headers import Headers
from poolhouse.rest.http.origins import OriginCheck

FORM = b"multipart/form-data; boundary=limit"
FOREIGN = b"https://page.test"


def headers_of(origin: bytes | None = FOREIGN, content_type: bytes | None = FORM, **others: bytes) -> Headers:
    """Headers of a request to ``pools.test:8000``."""
    named = {b"host": b"pools.test:8000", b"origin": origin, b"content-type": content_type}
    named |= {name.replace("_", "-").encode(): value for name, value in others.items()}
    return {name: value for name, value in named.items() if value is not None}


def is_refused(headers: Headers, method: str = "POST", allowed: tuple[str, ...] = ()) -> bool:
    try:
        OriginCheck(allowed).check(method, headers)
    except Forbidden as refused:
        return refused.code == "origin_not_allowed"
    return False


@pytest.mark.parametrize(
    "content_type",
    [None, b"", FORM, b"TEXT/Plain ;charset=UTF-8", b"application/x-www-form-urlencoded", b" text/plain", b";"],
)
def test_what_a_browser_sends_unasked_is_refused(content_type: bytes | None) -> None:
    """These types need no preflight request, with any parameters and in any case."""
    assert is_refused(headers_of(content_type=content_type))


@pytest.mark.parametrize("content_type", [b"application/json", b"application/x-npy", b"image/png", b"text/plainer"])
def test_what_a_browser_asks_for_is_not_refused(content_type: bytes) -> None:
    """The preflight request was answered by the same setting."""
    assert not is_refused(headers_of(content_type=content_type))


def test_only_the_origin_of_the_request_itself_is_its_own() -> None:
    """Host and port decide; a sandboxed page has the origin ``null``."""
    for own in (b"http://pools.test:8000", b"https://POOLS.test:8000"):
        assert not is_refused(headers_of(own))
    for other in (b"http://pools.test", b"http://pools.test:80", b"http://a.pools.test:8000", b"null", b"", b"://"):
        assert is_refused(headers_of(other)), other
    # Without a host, an origin without one is not the same.
    assert is_refused(headers_of(b"null", host=b""))
    assert is_refused(headers_of(b"http://", host=b""))


def test_a_browser_tells_behind_a_proxy() -> None:
    """A page cannot set the header; other values do not mean the same origin."""
    assert not is_refused(headers_of(sec_fetch_site=b"same-origin"))
    for other in (b"same-site", b"cross-site", b"none", b"Same-Origin", b""):
        assert is_refused(headers_of(sec_fetch_site=other)), other


def test_allowed_origins_are_compared_as_a_whole() -> None:
    """As the answers to preflight requests compare them."""
    assert not is_refused(headers_of(), allowed=("https://other.test", FOREIGN.decode()))
    assert not is_refused(headers_of(b"null"), allowed=("*",))
    for almost in ("https://page.tes", "https://page.test/", "http://page.test", "page.test"):
        assert is_refused(headers_of(), allowed=(almost,)), almost


def test_programs_and_other_methods_are_not_checked() -> None:
    """A program sends no origin; GET changes nothing, and a browser asks before it sends DELETE."""
    assert not is_refused(headers_of(None))
    assert not any(is_refused(headers_of(), method) for method in ("GET", "HEAD", "OPTIONS", "DELETE", "PUT"))


@given(st.binary(max_size=300))
def test_any_origin_is_named_in_a_short_refusal(origin: bytes) -> None:
    """It is what the client sent: any bytes, of any length."""
    assume(not origin.lower().endswith(b"://pools.test:8000"))

    with pytest.raises(Forbidden, match="cors_origins") as refused:
        OriginCheck(()).check("POST", headers_of(origin))
    assert len(refused.value.detail) < 1000
