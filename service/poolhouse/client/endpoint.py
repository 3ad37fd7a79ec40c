"""Address, proxy and headers of a client, from its arguments and the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from poolhouse.version import __version__

DEFAULT_URL: Final = "http://localhost:8000"
URL_VARIABLE: Final = "POOLHOUSE_URL"
KEY_VARIABLE: Final = "POOLHOUSE_API_KEY"
_API_KEY_HEADER: Final = "Authorization"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Address of a service.

    Attributes:
        origin: scheme, host and port: ``http://localhost:8000``.
        prefix: put before every path: empty, or such as ``/pooling``.
        uds: path of a Unix socket, or None.
    """

    origin: str
    prefix: str
    uds: str | None

    @property
    def is_plain_http(self) -> bool:
        """Whether plain sockets can be used: no TLS, no password, and no proxy in the environment."""
        if self.uds is not None:
            return self.origin.startswith("http://")
        parts = urlsplit(self.origin)
        return parts.scheme == "http" and environment_proxy(self.origin) is None and "@" not in parts.netloc


def environment_proxy(origin: str) -> str | None:
    """The address of the proxy that the environment sets for this origin, or None."""
    parts = urlsplit(origin)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(parts.hostname or ""):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def parse_endpoint(base_url: str | None, uds: str | None) -> Endpoint:
    """Parse the address in the arguments, else in ``POOLHOUSE_URL``, else use port 8000 of this machine.

    Args:
        base_url: such as ``https://pool.example/v``, or ``unix:/run/poolhouse.sock`` as the server prints it.
        uds: path of a Unix socket; ``base_url`` is then plain http or None.

    Raises:
        ValueError: the address is invalid.
    """
    given = base_url or ("" if uds else os.environ.get(URL_VARIABLE, "")) or DEFAULT_URL
    # A line end in it would end the request line, and start a header.
    if not given.isascii() or not given.isprintable() or " " in given:
        raise ValueError(f"base_url is {given!r}; use ASCII without spaces: xn--… in the host, %… in the path")
    if given.startswith("unix:"):
        path = given.removeprefix("unix:")
        if not path:
            raise ValueError("base_url is 'unix:'; add the path of a socket, such as unix:/run/poolhouse.sock")
        return Endpoint("http://localhost", "", path)
    parts = urlsplit(given)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"base_url is {given!r}; give a scheme and a host, such as {DEFAULT_URL}")
    try:
        parts.port  # noqa: B018, reading it raises the error
    except ValueError as fault:
        raise ValueError(f"base_url is {given!r}: {fault}") from None
    if uds and parts.scheme != "http":
        raise ValueError(f"base_url is {given!r}, and a Unix socket needs plain http; omit base_url or uds")
    # A Unix socket needs no password, so the address is kept without it.
    netloc = parts.netloc.rpartition("@")[2] if uds else parts.netloc
    return Endpoint(f"{parts.scheme}://{netloc}", parts.path.rstrip("/"), uds)


def client_headers(api_key: str | None) -> tuple[tuple[str, str], ...]:
    """The headers of every request: the name of this client, and the key from the argument or ``POOLHOUSE_API_KEY``.

    Raises:
        ValueError: the key has characters that a header cannot contain.
    """
    key = api_key or os.environ.get(KEY_VARIABLE)
    if key and not (key.isascii() and key.isprintable() and " " not in key):
        # Messages are logged, so this one does not quote the key.
        raise ValueError(
            "the API key has a space, a line end or a character outside ASCII; remove what was read around it"
        )
    user_agent = ("User-Agent", f"poolhouse-python/{__version__}")
    return (user_agent, (_API_KEY_HEADER, f"Bearer {key}")) if key else (user_agent,)


def strip_api_key(headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Remove the API key from headers that will be pickled."""
    return tuple(header for header in headers if header[0] != _API_KEY_HEADER)
