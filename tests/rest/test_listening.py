"""The service listens on every configured address, reports one line if it cannot, and leaves the sockets of others
alone."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from poolhouse.rest.listening import Listeners, open_listeners, reachable_url
from poolhouse.settings import Settings
from tests.rest.live_server import WAIT_TIMEOUT_S, run_live_server

HAS_IPV6 = socket.has_dualstack_ipv6()
LOOPBACKS = ["127.0.0.1", *(["::1"] if HAS_IPV6 else [])]

# torch cannot be imported here: a start that imports it before it listens fails with another message.
WITHOUT_TORCH = (
    "import sys; sys.modules['torch'] = None\nfrom poolhouse.cli import main; sys.exit(main(['serve', *sys.argv[1:]]))"
)


@contextmanager
def opened(**settings: object) -> Iterator[Listeners]:
    listeners = open_listeners(Settings.model_validate({"port": 0, **settings}))
    try:
        yield listeners
    finally:
        listeners.close()


@contextmanager
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port: int = other.getsockname()[1]
        yield port


def start_service(*words: str) -> tuple[int, list[str]]:
    """The exit code of ``poolhouse serve`` with these options, and the lines that it wrote."""
    path = os.pathsep.join(path for path in sys.path if path)
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, *words],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
        timeout=WAIT_TIMEOUT_S,
        check=False,
    )
    assert ran.stdout == ""
    return ran.returncode, ran.stderr.splitlines()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "::", "::1"])
def test_the_printed_address_is_reachable(host: str) -> None:
    """Users click the URL, so a server must listen there."""
    if host == "::1" and not HAS_IPV6:
        pytest.skip("this machine has no IPv6")
    with run_live_server(Settings.model_validate({"port": 0, "host": host})) as server, server.client() as client:
        assert client.get("/livez").status_code == 200
        assert "0.0.0.0" not in server.url
        assert "[::]" not in server.url


@pytest.mark.parametrize("loopback", LOOPBACKS)
def test_two_colons_are_all_addresses_of_both_families(loopback: str) -> None:
    """The printed URL says localhost, and a client may try either family first."""
    with (
        run_live_server(Settings.model_validate({"port": 0, "host": "::"})) as server,
        httpx.Client(trust_env=False, timeout=WAIT_TIMEOUT_S) as client,
    ):
        host = f"[{loopback}]" if ":" in loopback else loopback
        assert client.get(f"http://{host}:{server.port}/livez").status_code == 200


@pytest.mark.skipif(not HAS_IPV6, reason="this machine has no IPv6")
def test_an_ipv6_address_opens_no_ipv4_address() -> None:
    """Configuring one address must not open another one."""
    with opened(host="::1") as listeners:
        (only,) = listeners.public
        only.listen()
        port = only.getsockname()[1]
        assert reachable_url(only, "::1", "http") == f"http://[::1]:{port}"
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=WAIT_TIMEOUT_S)


def test_a_name_is_all_addresses_it_resolves_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """All addresses get the same port, and those that this machine does not have are skipped."""
    stream = (socket.SOCK_STREAM, 6, "")
    found = [
        (socket.AF_INET, *stream, ("127.0.0.1", 0)),
        (socket.AF_INET, *stream, ("198.51.100.1", 0)),
        (socket.AF_INET, *stream, ("127.0.0.2", 0)),
    ]
    monkeypatch.setattr("poolhouse.rest.listening.socket.getaddrinfo", lambda *given, **options: found)

    with opened(host="many") as listeners:
        names = [each.getsockname() for each in listeners.public]
        url = reachable_url(listeners.public[0], "many", "http")

    assert [address for address, _ in names] == ["127.0.0.1", "127.0.0.2"]
    assert len({port for _, port in names}) == 1
    assert url == f"http://many:{names[0][1]}"


def test_a_port_in_use_is_reported_in_one_line_before_torch_is_loaded() -> None:
    """The most common error at start must be reported at once, without a traceback."""
    with taken_port() as port:
        code, lines = start_service("--port", str(port))

    (line,) = lines
    assert code == 1
    assert line.startswith("poolhouse cannot start: ")
    assert f"port {port} of 127.0.0.1" in line
    assert "another process uses it" in line


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--host", "198.51.100.1"], "this machine has no such address"),
        (["--host", "no.such.host.invalid"], "the host no.such.host.invalid of the port cannot be resolved"),
        (["--host", "a" * 64 + ".test"], "cannot be resolved"),
        (["--uds", "{folder}/none/p.sock"], "there is no directory {folder}/none"),
        (["--uds", "{folder}/file"], "a file that is not a socket is there"),
        (["--uds", "{folder}"], "a file that is not a socket is there"),
        (["--uds", "{folder}/file/p.sock"], "there is no directory {folder}/file"),
        (["--uds", "/tmp/" + 128 * "x"], "longer than 107 bytes"),
        (["--port", "0", "--admin-port", "{taken}"], "cannot listen on the admin port {taken} of 127.0.0.1"),
        (["--port", "0", "--api-keys-file", "{folder}/gone"], "cannot be read"),
        (["--port", "0", "--tls-certificate", "{folder}/gone"], "cannot be used"),
    ],
)
def test_an_address_that_is_not_available_is_reported_with_a_remedy(
    tmp_path: Path, words: list[str], says: str
) -> None:
    """A traceback shows where the code failed; the user needs to know what to configure instead."""
    file = tmp_path / "file"
    file.write_text("kept")
    with taken_port() as port:
        given = [word.format(folder=tmp_path, taken=port) for word in words]
        code, lines = start_service(*given)

        (line,) = lines
        assert code == 1
        assert says.format(folder=tmp_path, taken=port) in line
    assert file.read_text() == "kept"


@pytest.mark.parametrize(("given", "mode"), [({}, 0o600), ({"uds_mode": "660"}, 0o660), ({"uds_mode": "0777"}, 0o777)])
def test_a_unix_socket_has_the_mode_of_the_setting(tmp_path: Path, given: dict[str, str], mode: int) -> None:
    """Write permission on the socket is permission to connect, so by default only the service's user has it."""
    path = tmp_path / "p.sock"
    old = os.umask(0o077)
    try:
        with opened(uds=str(path), **given):
            found = stat.S_IMODE(path.stat().st_mode)
    finally:
        os.umask(old)

    assert found == mode


def test_a_unix_socket_in_use_is_not_replaced(tmp_path: Path) -> None:
    """A second server that replaced the socket would leave the first one running and unreachable."""
    path = tmp_path / "p.sock"
    with opened(uds=str(path)) as first:
        with pytest.raises(ValueError, match="another process listens on"):
            open_listeners(Settings.model_validate({"uds": str(path)}))

        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            first.public[0].accept()[0].close()


def test_a_unix_socket_with_a_full_backlog_is_not_replaced(tmp_path: Path) -> None:
    """A server that is too busy to accept is still running."""
    path = tmp_path / "p.sock"
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as client:
        busy.bind(str(path))
        busy.listen(0)
        client.connect(str(path))

        with pytest.raises(ValueError, match="another process listens on"):
            open_listeners(Settings.model_validate({"uds": str(path)}))


def test_a_stale_unix_socket_is_replaced(tmp_path: Path) -> None:
    """A killed process cannot remove its socket, and the next one must start."""
    path = tmp_path / "p.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
        dead.listen()
    assert path.is_socket()

    with opened(uds=str(path)), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


def test_a_unix_socket_is_removed_only_by_its_service(tmp_path: Path) -> None:
    """A stale socket file misleads clients, and the socket of another process must stay."""
    path = tmp_path / "p.sock"
    with opened(uds=str(path)):
        assert path.is_socket()
    assert not path.exists()

    with opened(uds=str(path)) as first:
        path.unlink()
        with opened(uds=str(path)), socket.socket(socket.AF_UNIX) as client:
            first.close()
            client.connect(str(path))
        path.write_text("another's")
    assert path.read_text() == "another's"


def test_a_bound_port_refuses_until_the_service_is_ready() -> None:
    """Load balancers probe a port by connecting to it; a connection that hangs for seconds is worse than a refused
    one."""
    with opened() as listeners:
        port = listeners.public[0].getsockname()[1]
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=WAIT_TIMEOUT_S)
