"""Small JSON bodies: read whatever their Content-Type, within a limit, and every fault is the client's."""

from __future__ import annotations

import gzip
import json

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolhouse.errors import Unprocessable
from poolhouse.rest.routes.small_body import MAX_SMALL_BODY_BYTES
from poolhouse.rest.routes.v2.json_body import check_members

INDEX = "/v2/repository/index"


@pytest.mark.parametrize("content_type", [None, "application/octet-stream", "application/json", "text/html"])
def test_the_content_type_is_ignored(client: httpx.Client, content_type: str | None) -> None:
    """Triton's synchronous client sends none, and its asynchronous one octet-stream for every body."""
    headers = {} if content_type is None else {"Content-Type": content_type}

    assert client.post(INDEX, content=b'{"ready": true}', headers=headers).status_code == 200
    assert client.post(INDEX, content=b'{"ready": 1}', headers=headers).status_code == 400


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("compressed", [False, True])
def test_a_body_over_the_limit_is_refused(client: httpx.Client, chunked: bool, compressed: bool) -> None:
    """Also one that becomes so long only when it is decompressed."""
    body = b'{"ready": true' + b" " * MAX_SMALL_BODY_BYTES + b"}"
    headers = {"Content-Encoding": "gzip"} if compressed else {}
    sent = gzip.compress(body) if compressed else body

    response = client.post(INDEX, content=iter([sent]) if chunked else sent, headers=headers)

    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
    assert response.json()["error"]


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_compressed_body_is_read(client: httpx.Client, coding: str) -> None:
    """A proxy may compress it; a damaged one is refused."""
    sent = gzip.compress(b'{"ready": true}')

    response = client.post(INDEX, content=sent, headers={"Content-Encoding": coding})

    assert response.status_code == (200 if coding == "gzip" else 400)


@pytest.mark.parametrize("body", [b"[" * 5_000, b'{"ready":' * 5_000, b"9" * 5_000, b"\xff\xfe", b'"a"', b"null"])
def test_a_body_that_is_no_object_is_malformed(client: httpx.Client, body: bytes) -> None:
    """Deep nesting and long numbers break parsers that are not prepared for them."""
    response = client.post(INDEX, content=body)

    assert (response.status_code, response.json()["code"]) == (400, "malformed_body")


def test_unpaired_surrogates_in_a_name_are_refused_in_valid_json(client: httpx.Client) -> None:
    """The error repeats the name."""
    response = client.post(INDEX, content=b'{"\\ud800": 1}')

    assert response.status_code == 400
    assert response.json()["error"]


@given(st.dictionaries(st.text(), st.none()))
@settings(max_examples=50)
def test_only_known_members_pass(body: dict[str, None]) -> None:
    """A misspelt setting must not be ignored."""
    known = ("ready", "name")
    unknown = [name for name in body if name not in known]

    if not unknown:
        check_members(body, known)
        return
    with pytest.raises(Unprocessable, match="The members are ready, name") as caught:
        check_members(body, known)
    assert caught.value.problems[0].pointer.startswith("/")
    json.dumps(caught.value.detail)
