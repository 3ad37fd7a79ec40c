"""Static bodies: codings, entity tags, and bodies that are made off the event loop."""

from __future__ import annotations

import asyncio
import gzip

import pytest

from poolhouse.rest.routes.static_response import StaticResponse, make_off_loop

BODY = b"pooling " * 1000
STATIC = StaticResponse(BODY, "text/plain", {"cache-control": "no-cache"}, vary="accept")


def test_a_body_is_sent_in_the_preferred_coding() -> None:
    """A page of hundreds of kilobytes is a tenth of that compressed."""
    plain = STATIC.for_request({})
    packed = STATIC.for_request({b"accept-encoding": b"gzip"})

    assert plain.body == BODY
    assert gzip.decompress(bytes(packed.body)) == BODY
    assert packed.headers["content-encoding"] == "gzip"
    assert plain.headers["vary"] == packed.headers["vary"] == "accept, accept-encoding"


@pytest.mark.parametrize("form", ["{tag}", '"other", {tag}', '{tag} , W/"other"'])
def test_a_client_that_has_the_body_gets_none(form: str) -> None:
    """A visit costs a round trip for each file, and no file."""
    tag = STATIC.for_request({}).headers["etag"]

    response = STATIC.for_request({b"if-none-match": form.format(tag=tag).encode()})

    assert (response.status_code, response.body) == (304, b"")
    assert response.headers["etag"] == tag
    assert response.headers["cache-control"] == "no-cache"


def test_another_body_has_another_tag() -> None:
    """After an upgrade browsers must see the new one."""
    other = StaticResponse(BODY + b"!", "text/plain", {})

    tag = STATIC.for_request({}).headers["etag"]

    assert other.for_request({b"if-none-match": tag.encode()}).body == BODY + b"!"


def test_a_short_body_is_not_compressed() -> None:
    """It fits into one packet anyway."""
    response = StaticResponse(b"short", "text/plain", {}).for_request({b"accept-encoding": b"gzip"})

    assert response.body == b"short"
    assert "vary" not in response.headers


def test_bodies_are_made_in_a_thread_one_at_a_time() -> None:
    """Many first requests make the document once, and the event loop goes on."""
    at_once, most = 0, 0

    def make() -> StaticResponse:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        made = StaticResponse(BODY, "text/plain", {})
        at_once -= 1
        return made

    async def make_many() -> None:
        await asyncio.gather(*(make_off_loop(make) for _ in range(8)))

    asyncio.run(make_many())

    assert most == 1
