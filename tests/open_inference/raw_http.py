"""Requests that no client of the Open Inference Protocol sends, and those of clients in other languages."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from tests.rest.live_server import WAIT_TIMEOUT_S, LiveServer

HEADER_LENGTH = "Inference-Header-Content-Length"
MAX_POOL = "/v2/models/max_pool2d/infer"
SHAPE = (1, 1, 4, 4)
ELEMENTS = np.arange(16, dtype="<f4").reshape(SHAPE)
MAXIMA = [5.0, 7.0, 13.0, 15.0]
"""Of windows of 2 x 2 in :data:`ELEMENTS`."""

Headers = Iterable[tuple[str, str]]


class Reply(NamedTuple):
    """A response with its status, headers in lower case, and body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def document(self) -> dict[str, Any]:
        """The JSON part."""
        length = self.headers.get(HEADER_LENGTH.lower())
        found: dict[str, Any] = json.loads(self.body[: None if length is None else int(length)])
        return found

    def refusal(self) -> str:
        """What the response says is wrong; checks that every client of the protocol can read it."""
        assert self.status != 200, self.body
        assert self.headers["content-type"] == "application/json"
        assert "content-encoding" not in self.headers
        error = json.loads(self.body)["error"]
        assert isinstance(error, str)
        assert error
        return error


def send(server: LiveServer, method: str, target: str, headers: Headers = (), body: bytes | None = None) -> Reply:
    """Send a request on a new connection; a body gets a Content-Length unless the headers frame it."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=WAIT_TIMEOUT_S)
    try:
        given = list(headers)
        connection.putrequest(method, target, skip_accept_encoding=True)
        if body is not None and not {name.lower() for name, _ in given} & {"content-length", "transfer-encoding"}:
            given.append(("Content-Length", str(len(body))))
        for name, value in given:
            connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, found, response.read())
    finally:
        connection.close()


def infer(server: LiveServer, body: bytes, headers: Headers = (), model: str = "max_pool2d") -> Reply:
    """Send an inference request."""
    return send(server, "POST", f"/v2/models/{model}/infer", headers, body)


def infer_json(server: LiveServer, document: object, model: str = "max_pool2d") -> Reply:
    """Send an inference request whose whole body is JSON."""
    return infer(server, json.dumps(document).encode(), model=model)


def json_request(**changed: object) -> dict[str, Any]:
    """A valid request as JSON; ``changed`` replaces members of its input, and None removes them."""
    entry: dict[str, object] = {"name": "input", "shape": list(SHAPE), "datatype": "FP32", "data": list(range(16))}
    entry |= changed
    return {
        "inputs": [{name: value for name, value in entry.items() if value is not None}],
        "parameters": {"kernel_size": 2},
    }


def binary_request(elements: bytes = ELEMENTS.tobytes(), size: int = 64) -> tuple[bytes, int]:
    """The body of a valid request with a binary input, and the length of its JSON part."""
    text = json.dumps(json_request(data=None, parameters={"binary_data_size": size})).encode()
    return text + elements, len(text)
