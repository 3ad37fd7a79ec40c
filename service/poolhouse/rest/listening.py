"""Open the sockets that the service listens on, before torch is loaded, so that errors are reported at once.

- A TCP port is bound at once, so that no other process can take it, and listens when the service is ready; until then
  connections are refused.
- ``::`` is all addresses of both families, ``0.0.0.0`` all IPv4 addresses, and a name all addresses it resolves to.
- A stale Unix socket, on which no process listens, is replaced. A socket in use, or another kind of file, is an error.
- A Unix socket has its mode before the first connection is possible, and is removed when the service ends.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from poolhouse.settings import Settings

BACKLOG: Final = 2048

# How a wildcard address is reached from this machine; "::" listens on IPv4 too.
_LOOPBACK_HOSTS: Final = {"0.0.0.0": "127.0.0.1", "::": "localhost"}
_LONGEST_UNIX_PATH: Final = 107  # Linux: unix(7), sun_path


class Listeners:
    """The open sockets of a service.

    Args:
        public: of the public port, or the Unix socket.
        admin: of the admin port; empty if there is none.
        path: of the Unix socket, which :meth:`close` removes; None if there is none.
    """

    def __init__(self, public: Sequence[socket.socket], admin: Sequence[socket.socket], path: str | None) -> None:
        self.public = tuple(public)
        self.admin = tuple(admin)
        self._path = path
        self._socket_identity = None if path is None else _identity(path)

    def close(self) -> None:
        """Close the sockets, and remove the Unix socket's file unless it has been replaced by another one."""
        for each in (*self.public, *self.admin):
            each.close()
        if (
            self._path is not None
            and self._socket_identity is not None
            and _identity(self._path) == self._socket_identity
        ):
            with contextlib.suppress(OSError):
                os.unlink(self._path)
        self._path = None


def open_listeners(settings: Settings) -> Listeners:
    """Open all sockets that the settings name.

    Raises:
        ValueError: the message has the address and the reason.
    """
    if settings.uds is not None:
        public = [_open_unix(settings.uds, int(settings.uds_mode, 8))]
    else:
        public = _open_tcp(settings.host, settings.port, "port")
    admin: list[socket.socket] = []
    if settings.admin_port is not None:
        try:
            admin = _open_tcp(settings.admin_host, settings.admin_port, "admin port")
        except ValueError:
            Listeners(public, (), settings.uds).close()
            raise
    return Listeners(public, admin, settings.uds)


def reachable_url(listening: socket.socket, host: str, scheme: str) -> str:
    """A URL that reaches a socket from this machine, with the actual port if port 0 was requested.

    Args:
        listening: the socket.
        host: the address or name that it was opened with.
        scheme: of the URL.
    """
    address = listening.getsockname()
    if listening.family == socket.AF_UNIX:
        return f"unix:{address}"
    name = _LOOPBACK_HOSTS.get(address[0], host)
    # RFC 6874: the percent sign before an interface is written as %25.
    url_host = f"[{name.replace('%', '%25')}]" if ":" in name else name
    return f"{scheme}://{url_host}:{address[1]}"


def _open_tcp(host: str, port: int, what: str) -> list[socket.socket]:
    if host == "::" and not socket.has_dualstack_ipv6():
        # A machine without IPv6 has IPv4 addresses only.
        host = "0.0.0.0"
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise ValueError(f"the host {host} of the {what} cannot be resolved: {_reason(error)}") from None
    opened: list[socket.socket] = []
    absent: OSError | None = None
    for family, _, _, _, address in dict.fromkeys(found):
        # Port 0 takes any free port; all addresses of a name get the same one.
        actual_port = opened[0].getsockname()[1] if opened else port
        try:
            opened.append(_bind_tcp(family, (address[0], actual_port, *address[2:])))
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                # "localhost" may resolve to ::1 on a machine without IPv6.
                absent = error
                continue
            for each in opened:
                each.close()
            raise _cannot_listen(host, port, what, error) from None
    if not opened:
        assert absent is not None, "a resolved host has addresses"
        raise _cannot_listen(host, port, what, absent)
    return opened


def _bind_tcp(family: int, address: tuple[object, ...]) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Allows a port in TIME_WAIT, but not one on which another socket listens.
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, address[0] != "::")
        opened.bind(address)
        opened.setblocking(False)
    except OSError:
        opened.close()
        raise
    return opened


def _cannot_listen(host: str, port: int, what: str, error: OSError) -> ValueError:
    return ValueError(f"cannot listen on the {what} {port} of {host}: {listening_fault(error)}")


def listening_fault(error: OSError) -> str:
    """Why the service cannot listen on an address, and what to do about it."""
    if error.errno == errno.EADDRINUSE:
        return "another process uses it; choose another port, or 0 for any free one"
    if error.errno == errno.EADDRNOTAVAIL:
        return "this machine has no such address; 0.0.0.0 is all IPv4 addresses, :: all of both families"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "permission denied; ports below 1024 need a special permission"
    return _reason(error)


def _open_unix(path: str, mode: int) -> socket.socket:
    if len(os.fsencode(path)) > _LONGEST_UNIX_PATH:
        raise ValueError(
            f"the path of the Unix socket {path} is longer than {_LONGEST_UNIX_PATH} bytes; use a shorter one"
        )
    try:
        _remove_stale_socket(path)
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            opened.bind(path)
            # Before listen(): until then no client can connect, so none connects under another mode.
            os.chmod(path, mode)
            opened.listen(BACKLOG)
            opened.setblocking(False)
        except OSError:
            opened.close()
            raise
    except OSError as error:
        directory = Path(path).parent
        reason = _reason(error) if directory.is_dir() else f"there is no directory {directory}"
        raise ValueError(f"the Unix socket {path} cannot be created: {reason}") from None
    return opened


def _remove_stale_socket(path: str) -> None:
    """Remove a Unix socket on which no process listens.

    Raises:
        ValueError: the path is another kind of file, or a socket in use.
        OSError: the path cannot be read.
    """
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise ValueError(
            f"the Unix socket {path} cannot be created: a file that is not a socket is there; "
            "remove it, or use another path"
        )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
        except BlockingIOError:
            # A process listens, and its backlog is full.
            pass
    raise ValueError(f"another process listens on the Unix socket {path}; stop it, or use another path")


def _identity(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.lstat(path)
    except OSError:
        return None
    # With the time, since file systems reuse inode numbers.
    return found.st_dev, found.st_ino, found.st_mtime_ns


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
