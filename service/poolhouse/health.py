"""``python -m poolhouse.health``: is the service on this machine ready? Exit code 0 means yes.

For a container's health check: it needs no curl, starts in a few hundredths of a second, since it stands on the
standard library alone, and reads the same environment variables as the service (:mod:`poolhouse.settings`).
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
    """A connection to a Unix socket; the host is only what the Host header says."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def connection(environ: Mapping[str, str]) -> HTTPConnection:
    """A connection, not opened yet, to where a service with these variables listens.

    The admin port is asked if there is one; it must be, where callers need a certificate of their own.
    """
    if path := environ.get("POOLHOUSE_UDS"):
        return _UnixConnection(path)
    if port := environ.get("POOLHOUSE_ADMIN_PORT"):
        return HTTPConnection(_reached(environ.get("POOLHOUSE_ADMIN_HOST")), int(port), timeout=_TIMEOUT_S)
    host, port = _reached(environ.get("POOLHOUSE_HOST")), environ.get("POOLHOUSE_PORT") or "8000"
    if environ.get("POOLHOUSE_TLS_CERTIFICATE"):
        # It speaks to itself, by an address that no certificate names.
        trusting = ssl.create_default_context()
        trusting.check_hostname = False
        trusting.verify_mode = ssl.CERT_NONE
        return HTTPSConnection(host, int(port), timeout=_TIMEOUT_S, context=trusting)
    return HTTPConnection(host, int(port), timeout=_TIMEOUT_S)


def _reached(host: str | None) -> str:
    """An address that means "all of mine" is none to call."""
    return {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "localhost"}.get(host or "", host or "")


def _shown(text: str) -> str:
    # Whatever listens there may have sent it: a terminal obeys none of that.
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def main(environ: Mapping[str, str] | None = None) -> int:
    """Ask ``/readyz`` and say in one line what came back; 0 if the service is ready, else 1.

    Args:
        environ: the variables; None takes this process's own.
    """
    asked = connection(os.environ if environ is None else environ)
    try:
        asked.request("GET", "/readyz")
        answer = asked.getresponse()
        print(answer.status, _shown(answer.read(1000).decode("utf-8", "replace")))
        return 0 if answer.status == 200 else 1
    except (OSError, HTTPException) as failed:
        print(_shown(f"no answer from the service: {failed}"))
        return 1
    finally:
        asked.close()


if __name__ == "__main__":
    sys.exit(main())
