"""Control characters in a server's text are escaped in messages, so that they can be printed and logged."""

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
RESPONSES = {
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
    "a redirect": document_response(b"", "302 Found", headers="Location: https://e/\x1b[2J\x9b31m\r\n"),
    "a content coding": document_response(b"", headers="Content-Encoding: \x1b[2J\r\n"),
    "a length": document_response(b"", length="\x1b[2J"),
    "a status": b"HTTP/1.1 \x1b[2J\r\n\r\n",
    "a header": b"HTTP/1.1 200 OK\r\n\x1b[2J: \x1b\r\n\r\n",
    "a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\x1b[2J\r\n",
    "a request id": document_response(
        {"code": "invalid_fields", "detail": "no"}, "422 No", headers="X-Request-ID: a\x9b31m\r\n"
    ),
}


@pytest.mark.parametrize("client_kind", CLIENT_KINDS)
@pytest.mark.parametrize("response", RESPONSES.values(), ids=list(RESPONSES))
def test_control_characters_in_an_error_are_escaped(client_kind: str, response: bytes) -> None:
    """An escape sequence could clear the screen, and a line end forge a log line."""
    with run_scripted_server(lambda _: response, closes=True) as server, pytest.raises(PoolhouseError) as caught:
        call_client(client_kind, server.url, "max_pool1d", [[1.0]], 1)

    error = caught.value
    texts = [str(error), error.detail, error.request_id or "", *map(str, error.args), *map(str, error.problems)]
    assert [text for text in texts if not text.isprintable()] == []


def test_control_characters_in_a_warning_are_escaped() -> None:
    """The command line prints warnings."""
    response = elements_response([OUTPUT], headers=f"Pool-Warning: {json.dumps(ESCAPES)}\r\n")

    with run_scripted_server(lambda _: response) as server, Client(server.url) as client:
        (warning,) = client.max_pool1d([[1.0]], 1).warnings

    assert warning.isprintable()
    assert "fake line" in warning


def test_control_characters_in_a_warning_of_a_plan_are_escaped() -> None:
    """The document keeps them."""
    outputs = {"output": {"dtype": "int8", "shape": [1]}}
    response = document_response({**PLAN, "outputs": outputs, "warnings": [ESCAPES, 7]})

    with run_scripted_server(lambda _: response) as server, Client(server.url) as client:
        plan = client.plan("max_pool1d", (1, 1), kernel_size=1)

    assert all(warning.isprintable() for warning in plan.warnings)
    assert plan.document["warnings"] == [ESCAPES, 7], "the document is unchanged"
