"""The sockets that the service listens on. They are opened before torch is loaded, so that a refusal comes at once.

The rules:

- a TCP port is bound at once and listened on when the service is ready: until then connections are refused, and no
  other process can take it;
- ``::`` is every address of both families, ``0.0.0.0`` every IPv4 address, a name every address that it stands for;
- a Unix socket that nobody listens on any more is replaced; a live one, and whatever is no socket, is left alone;
- a Unix socket has its mode before the first connection is possible, and is removed when the service ends.
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

# How an address that only listens is reached from this machine; "::" listens on IPv4 too.
_LOOPBACK_HOSTS: Final = {"0.0.0.0": "127.0.0.1", "::": "localhost"}
_LONGEST_UNIX_PATH: Final = 107  # Linux: unix(7), sun_path


class Listeners:
    """The open sockets of a service.

    Args:
        public: of the port, or the Unix socket, that serves requests.
        admin: of the admin port; empty where the settings have none.
        path: of the Unix socket among them, which is removed at the end; None where there is none.
    """

    def __init__(self, public: Sequence[socket.socket], admin: Sequence[socket.socket], path: str | None) -> None:
        self.public = tuple(public)
        self.admin = tuple(admin)
        self._path = path
        self._socket_identity = None if path is None else _identity(path)

    def close(self) -> None:
        """Close them, and remove the Unix socket unless the path leads to another one by now."""
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
    """Every socket that the settings name.

    Raises:
        ValueError: which address cannot be listened on, and why.
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
    """A URL that reaches a socket from this machine, with the real port if port 0 was asked for.

    Args:
        listening: the socket.
        host: the address or name that it was opened for.
        scheme: of the URL.
    """
    address = listening.getsockname()
    if listening.family == socket.AF_UNIX:
        return f"unix:{address}"
    name = _LOOPBACK_HOSTS.get(address[0], host)
    # RFC 6874: the percent sign before an interface is written as %25.
    written = f"[{name.replace('%', '%25')}]" if ":" in name else name
    return f"{scheme}://{written}:{address[1]}"


def _open_tcp(host: str, port: int, what: str) -> list[socket.socket]:
    if host == "::" and not socket.has_dualstack_ipv6():
        # A machine without IPv6: every address that it has is one of IPv4.
        host = "0.0.0.0"
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as unknown:
        raise ValueError(f"the host {host} of the {what} cannot be resolved: {_reason(unknown)}") from None
    opened: list[socket.socket] = []
    absent: OSError | None = None
    for family, _, _, _, address in dict.fromkeys(found):
        # Port 0 takes a free one, and the same for every address of a name.
        wanted = opened[0].getsockname()[1] if opened else port
        try:
            opened.append(_bind_tcp(family, (address[0], wanted, *address[2:])))
        except OSError as refused:
            if refused.errno == errno.EADDRNOTAVAIL:
                # "localhost" may stand for ::1 too on a machine that has no IPv6.
                absent = refused
                continue
            for each in opened:
                each.close()
            raise _cannot_listen(host, port, what, refused) from None
    if not opened:
        assert absent is not None, "a host that was resolved has addresses"
        raise _cannot_listen(host, port, what, absent)
    return opened


def _bind_tcp(family: int, address: tuple[object, ...]) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        # A port in TIME_WAIT is free; one that is listened on stays taken.
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, address[0] != "::")
        opened.bind(address)
        opened.setblocking(False)
    except OSError:
        opened.close()
        raise
    return opened


def _cannot_listen(host: str, port: int, what: str, refused: OSError) -> ValueError:
    return ValueError(f"the {what} {port} of {host} cannot be listened on: {listening_fault(refused)}")


def listening_fault(refused: OSError) -> str:
    """Why an address cannot be listened on, and what can be done."""
    if refused.errno == errno.EADDRINUSE:
        return "another process has it; name another port, or 0 for a free one"
    if refused.errno == errno.EADDRNOTAVAIL:
        return "this machine has no such address; 0.0.0.0 is all of IPv4, :: all of both"
    if refused.errno in (errno.EACCES, errno.EPERM):
        return "that is not permitted; ports below 1024 need a right of their own"
    return _reason(refused)


def _open_unix(path: str, mode: int) -> socket.socket:
    if len(os.fsencode(path)) > _LONGEST_UNIX_PATH:
        raise ValueError(
            f"the Unix socket {path} has a path longer than {_LONGEST_UNIX_PATH} bytes; take a shorter one"
        )
    try:
        _remove_stale_socket(path)
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            opened.bind(path)
            # Before it listens nobody can connect, so there is no moment with another mode.
            os.chmod(path, mode)
            opened.listen(BACKLOG)
            opened.setblocking(False)
        except OSError:
            opened.close()
            raise
    except OSError as refused:
        folder = Path(path).parent
        why = _reason(refused) if folder.is_dir() else f"there is no folder {folder}"
        raise ValueError(f"the Unix socket {path} cannot be made: {why}") from None
    return opened


def _remove_stale_socket(path: str) -> None:
    """Remove a socket that nobody listens on.

    Raises:
        ValueError: something else is there, or a socket that is listened on.
        OSError: the path cannot be looked at.
    """
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise ValueError(
            f"the Unix socket {path} cannot be made: something that is no socket is there; "
            "remove it, or name another path"
        )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.setblocking(False)
        try:
            asking.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
        except BlockingIOError:
            # It is listened on, and its queue is full.
            pass
    raise ValueError(f"the Unix socket {path} is listened on by another process; stop that, or name another path")


def _identity(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.lstat(path)
    except OSError:
        return None
    # With the time: file systems give a number that became free to the next file.
    return found.st_dev, found.st_ino, found.st_mtime_ns


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
