"""Where the service is and how to call it, from arguments and the environment."""

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
    """Where a service is.

    Attributes:
        origin: scheme, host and port: ``http://localhost:8000``.
        prefix: what stands before every path; empty or ``/pooling``.
        uds: path of a Unix socket, or None.
    """

    origin: str
    prefix: str
    uds: str | None

    @property
    def is_plain_http(self) -> bool:
        """Whether plain sockets lead there: no encryption, and no proxy that the environment names."""
        if self.uds is not None:
            return self.origin.startswith("http://")
        parts = urlsplit(self.origin)
        return parts.scheme == "http" and environment_proxy(self.origin) is None and "@" not in parts.netloc


def environment_proxy(origin: str) -> str | None:
    """The address of the proxy that the environment names for this origin; None for none."""
    parts = urlsplit(origin)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(parts.hostname or ""):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def parse_endpoint(base_url: str | None, uds: str | None) -> Endpoint:
    """The place that the arguments name, or else ``POOLHOUSE_URL``, or else this machine.

    Args:
        base_url: such as ``https://pool.example/v``, or ``unix:/run/poolhouse.sock`` as the server prints it.
        uds: path of a Unix socket, with a base_url of plain http or none.

    Raises:
        ValueError: for what is no such address.
    """
    given = base_url or ("" if uds else os.environ.get(URL_VARIABLE, "")) or DEFAULT_URL
    # What is no visible ASCII would end the line of a request, and begin another one.
    if not given.isascii() or not given.isprintable() or " " in given:
        raise ValueError(f"base_url is {given!r}; write it in ASCII without spaces: xn--… in the host, %… in the path")
    if given.startswith("unix:"):
        path = given.removeprefix("unix:")
        if not path:
            raise ValueError("base_url is 'unix:'; give the path of a socket, such as unix:/run/poolhouse.sock")
        return Endpoint("http://localhost", "", path)
    parts = urlsplit(given)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"base_url is {given!r}; give a scheme and a host, such as {DEFAULT_URL}")
    try:
        parts.port  # noqa: B018, it is read here to be refused here
    except ValueError as fault:
        raise ValueError(f"base_url is {given!r}: {fault}") from None
    if uds and parts.scheme != "http":
        raise ValueError(f"base_url is {given!r}, and a Unix socket speaks plain http; leave one of the two away")
    # A Unix socket asks for no password, so it need not travel with the address.
    netloc = parts.netloc.rpartition("@")[2] if uds else parts.netloc
    return Endpoint(f"{parts.scheme}://{netloc}", parts.path.rstrip("/"), uds)


def client_headers(api_key: str | None) -> tuple[tuple[str, str], ...]:
    """The headers of every request: who calls, and the key from the argument or ``POOLHOUSE_API_KEY``.

    Raises:
        ValueError: a key that no header can carry.
    """
    key = api_key or os.environ.get(KEY_VARIABLE)
    if key and not (key.isascii() and key.isprintable() and " " not in key):
        # Without the key itself: messages are logged.
        raise ValueError("the API key has a space, a line end or a letter beyond ASCII in it; was it read with them?")
    named = ("User-Agent", f"poolhouse-python/{__version__}")
    return (named, (_API_KEY_HEADER, f"Bearer {key}")) if key else (named,)


def strip_api_key(headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """These headers without a key, as a file may have them."""
    return tuple(header for header in headers if header[0] != _API_KEY_HEADER)
