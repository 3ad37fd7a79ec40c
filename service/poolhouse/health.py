"""``python -m poolhouse.health``: exit code 0 if the service on this machine is ready.

For the health check of a container: it needs no curl, imports the standard library alone and so starts in a few
hundredths of a second, and reads the same environment variables as the service (:mod:`poolhouse.settings`).
"""

from __future__ import annotations

import os
import socket
import ssl
import sys
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection

_TIMEOUT_S = 2.0


class _UnixConnection(HTTPConnection):
    """A connection to a Unix socket; the host is used in the Host header only."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def make_connection(environ: Mapping[str, str]) -> HTTPConnection:
    """A connection, not opened yet, to the address where a service with these variables listens.

    Uses the admin port if there is one, since the public port may require a client certificate.
    """
    if path := environ.get("POOLHOUSE_UDS"):
        return _UnixConnection(path)
    if port := environ.get("POOLHOUSE_ADMIN_PORT"):
        return HTTPConnection(_connect_address(environ.get("POOLHOUSE_ADMIN_HOST")), int(port), timeout=_TIMEOUT_S)
    host, port = _connect_address(environ.get("POOLHOUSE_HOST")), environ.get("POOLHOUSE_PORT") or "8000"
    if environ.get("POOLHOUSE_TLS_CERTIFICATE"):
        # The certificate does not name the address of the loopback interface.
        unverified = ssl.create_default_context()
        unverified.check_hostname = False
        unverified.verify_mode = ssl.CERT_NONE
        return HTTPSConnection(host, int(port), timeout=_TIMEOUT_S, context=unverified)
    return HTTPConnection(host, int(port), timeout=_TIMEOUT_S)


def _connect_address(host: str | None) -> str:
    """The address to connect to for a listening address, which may stand for all interfaces."""
    return {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "localhost"}.get(host or "", host or "")


def _escape(text: str) -> str:
    # Another server may be listening there, and its response must not control the terminal.
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def main(environ: Mapping[str, str] | None = None) -> int:
    """Request ``/readyz``, print the response in one line, and return 0 if the service is ready, else 1.

    Args:
        environ: the environment variables; None for those of this process.
    """
    client = make_connection(os.environ if environ is None else environ)
    try:
        client.request("GET", "/readyz")
        response = client.getresponse()
        print(response.status, _escape(response.read(1000).decode("utf-8", "replace")))
        return 0 if response.status == 200 else 1
    except (OSError, HTTPException) as error:
        print(_escape(f"no response from the service: {error}"))
        return 1
    finally:
        client.close()


if __name__ == "__main__":
    sys.exit(main())
