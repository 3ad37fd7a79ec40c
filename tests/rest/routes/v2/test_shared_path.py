"""A path with a GET route and a POST route names all methods where it refuses another one."""

from __future__ import annotations

import httpx
import pytest


@pytest.mark.parametrize("path", ["/v2/logging", "/v2/trace/setting", "/v2/models/max_pool2d/trace/setting"])
def test_another_method_is_refused_with_all_methods(client: httpx.Client, path: str) -> None:
    """The first of the two routes refuses it, and must know of the second."""
    assert client.delete(path).headers["allow"] == "GET, HEAD, POST"
    assert client.head(path).status_code == 200
    assert client.head(path).content == b""
    assert client.get(path).status_code == 200
