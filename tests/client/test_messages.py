"""What the client says in a server's words: a terminal obeys nothing in it, and no log takes it for two lines."""

from __future__ import annotations

import json

import pytest

from poolhouse.client.clients import Client
from poolhouse.errors import PoolhouseError
from tests.client.test_transports import run_scripted_server
from tests.client.test_untrusted_responses import (
    CLIENT_KINDS,
    OUTPUT,
    PLAN,
    call_client,
    document_response,
    elements_response,
)

ESCAPES = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202eevil\u2066\u200f\r\nfake line\x00\x7f\u2028"
SPOKEN = {
    "a refusal": document_response({"code": "invalid_fields", "detail": ESCAPES}, "422 No"),
    "a refusal's fields": document_response(
        {
            "code": "invalid_fields",
            "detail": "no",
            "errors": [{"pointer": ESCAPES, "code": ESCAPES, "message": ESCAPES}],
        },
        "422 No",
    ),
    "a proxy": document_response(ESCAPES.encode(), "503 No"),
    "another service": document_response(ESCAPES.encode(), "418 No"),
    "a redirect": document_response(b"", "302 Found", further="Location: https://e/\x1b[2J\x9b31m\r\n"),
    "a coding": document_response(b"", further="Content-Encoding: \x1b[2J\r\n"),
    "a length": document_response(b"", length="\x1b[2J"),
    "a status": b"HTTP/1.1 \x1b[2J\r\n\r\n",
    "a header": b"HTTP/1.1 200 OK\r\n\x1b[2J: \x1b\r\n\r\n",
    "a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\x1b[2J\r\n",
    "a name": document_response(
        {"code": "invalid_fields", "detail": "no"}, "422 No", further="X-Request-ID: a\x9b31m\r\n"
    ),
}


@pytest.mark.parametrize("way", CLIENT_KINDS)
@pytest.mark.parametrize("said", SPOKEN.values(), ids=list(SPOKEN))
def test_what_a_terminal_would_obey_does_not_reach_it(way: str, said: bytes) -> None:
    """Messages are printed and logged: an escape sequence clears the screen, a line end forges a line."""
    with run_scripted_server(lambda _: said, hangs_up=True) as listener, pytest.raises(PoolhouseError) as caught:
        call_client(way, listener.url, "max_pool1d", [[1.0]], 1)

    error = caught.value
    told = [str(error), error.detail, error.request_id or "", *map(str, error.args), *map(str, error.problems)]
    assert [text for text in told if not text.isprintable()] == []


def test_an_answers_warnings_are_words() -> None:
    """The command line prints them, and a caller may."""
    said = elements_response([OUTPUT], further=f"Pool-Warning: {json.dumps(ESCAPES)}\r\n")

    with run_scripted_server(lambda _: said) as listener, Client(listener.url) as client:
        (warning,) = client.max_pool1d([[1.0]], 1).warnings

    assert warning.isprintable()
    assert "fake line" in warning


def test_a_plans_warnings_are_words() -> None:
    """They are shown as they are."""
    outputs = {"output": {"dtype": "int8", "shape": [1]}}
    said = document_response({**PLAN, "outputs": outputs, "warnings": [ESCAPES, 7]})

    with run_scripted_server(lambda _: said) as listener, Client(listener.url) as client:
        plan = client.plan("max_pool1d", (1, 1), kernel_size=1)

    assert all(warning.isprintable() for warning in plan.warnings)
    assert plan.document["warnings"] == [ESCAPES, 7], "the document is data, and is left as it came"
