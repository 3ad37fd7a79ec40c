"""Addresses, proxies and keys, from arguments and the environment."""

from __future__ import annotations

import pytest

from poolhouse.client.endpoint import Endpoint, client_headers, environment_proxy, parse_endpoint, strip_api_key
from poolhouse.version import __version__


@pytest.mark.parametrize(
    ("base_url", "uds", "environment", "expected"),
    [
        (None, None, {}, Endpoint("http://localhost:8000", "", None)),
        (None, None, {"POOLHOUSE_URL": "https://h/p/"}, Endpoint("https://h", "/p", None)),
        ("http://a:1", None, {"POOLHOUSE_URL": "https://h"}, Endpoint("http://a:1", "", None)),
        ("unix:/run/s", None, {}, Endpoint("http://localhost", "", "/run/s")),
        (None, "/run/s", {"POOLHOUSE_URL": "https://h"}, Endpoint("http://localhost:8000", "", "/run/s")),
        ("http://h/p", "/run/s", {}, Endpoint("http://h", "/p", "/run/s")),
        ("", None, {"POOLHOUSE_URL": ""}, Endpoint("http://localhost:8000", "", None)),
        ("HTTP://Ann:secret@H:1/A%20b//", None, {}, Endpoint("http://Ann:secret@H:1", "/A%20b", None)),
        ("http://ann:secret@h", "/run/s", {}, Endpoint("http://h", "", "/run/s")),
        ("http://[::1]:9", None, {}, Endpoint("http://[::1]:9", "", None)),
    ],
)
def test_an_argument_precedes_the_environment_and_that_the_default(
    monkeypatch: pytest.MonkeyPatch,
    base_url: str | None,
    uds: str | None,
    environment: dict[str, str],
    expected: Endpoint,
) -> None:
    """``uds`` precedes the environment too."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert parse_endpoint(base_url, uds) == expected


INVALID_ADDRESSES = [
    "localhost:8000",
    "ftp://h",
    "http://",
    "http://h?a=b",
    "unix:",
    "http://h:99999",
    "http://h:a",
    "http://h#a",
    "//h",
]
# Characters that would end the request line, or must be encoded.
INVALID_ADDRESSES += ["http://h/a b", "http://h/a\r\nX: y", "http://h/ü", "http://bücher.example"]


@pytest.mark.parametrize("url", INVALID_ADDRESSES)
def test_an_invalid_address_is_refused(url: str) -> None:
    """The constructor of the client refuses it, not only the first call."""
    with pytest.raises(ValueError, match="base_url"):
        parse_endpoint(url, None)


def test_a_unix_socket_needs_plain_http() -> None:
    """Silently dropping TLS, or the socket, could call another service."""
    with pytest.raises(ValueError, match="Unix socket needs plain http"):
        parse_endpoint("https://h", "/run/s")


def test_a_key_is_sent_as_a_bearer_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the argument, else from the environment."""
    assert "Authorization" not in dict(client_headers(None))
    monkeypatch.setenv("POOLHOUSE_API_KEY", "k1")
    assert dict(client_headers(None))["Authorization"] == "Bearer k1"
    assert dict(client_headers("k2"))["Authorization"] == "Bearer k2"


@pytest.mark.parametrize("key", ["k1\n", "k\r\nX-Evil: 1", "a key", "schlüssel"])
def test_a_key_with_invalid_characters_is_refused(key: str) -> None:
    """A line end, as of a key that is read from a file, would start another header."""
    with pytest.raises(ValueError, match="API key") as caught:
        client_headers(key)

    assert key not in str(caught.value)


@pytest.mark.parametrize("variable", ["http_proxy", "all_proxy"])
def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """By httpx, since the socket transport does not support proxies."""
    monkeypatch.delenv("no_proxy", raising=False)
    assert parse_endpoint("http://h", None).is_plain_http
    monkeypatch.setenv(variable, "http://proxy:3128")

    assert not parse_endpoint("http://h", None).is_plain_http
    monkeypatch.setenv("no_proxy", "h")
    assert parse_endpoint("http://h", None).is_plain_http


@pytest.mark.parametrize(
    ("endpoint", "is_plain"),
    [
        (Endpoint("http://h", "", None), True),
        (Endpoint("https://h", "", None), False),
        (Endpoint("http://ann:secret@h", "", None), False),
        (Endpoint("http://h", "", "/run/s"), True),
    ],
)
def test_plain_sockets_are_used_without_tls_and_password_only(endpoint: Endpoint, is_plain: bool) -> None:
    """They know neither, so a password would not be sent."""
    assert endpoint.is_plain_http == is_plain


def test_a_unix_socket_uses_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy can connect to it."""
    monkeypatch.setenv("http_proxy", "http://proxy:3128")

    assert parse_endpoint(None, "/run/s").is_plain_http


def test_the_proxy_of_the_scheme_precedes_the_general_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for curl; a proxy without a scheme is one over http."""
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("all_proxy", "socks5://all:1")
    monkeypatch.setenv("https_proxy", "secure:2")

    assert environment_proxy("https://h:9") == "http://secure:2"
    assert environment_proxy("http://h") == "socks5://all:1"
    monkeypatch.setenv("no_proxy", "h")
    assert environment_proxy("https://h:9") is None


def test_only_the_key_is_stripped_from_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pickled client still says what it is."""
    monkeypatch.delenv("POOLHOUSE_API_KEY", raising=False)

    assert strip_api_key(client_headers("k")) == client_headers(None)
    assert client_headers(None) == (("User-Agent", f"poolhouse-python/{__version__}"),)
