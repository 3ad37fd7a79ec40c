"""Lines to readers who stop reading, who go, and who were never there: none of them may hold up the service's end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.rest.observability.line_writer import LineWriter, descriptor_writer
from tests.rest.gated_service import becomes_true
from tests.rest.live_server import WAIT_TIMEOUT_S, read_all


@given(st.lists(st.text(max_size=8), max_size=50))
def test_what_was_put_is_written_in_its_order(lines: list[str]) -> None:
    """Also at the end, where everything else has been taken down."""
    written: list[str] = []
    writer = LineWriter(written.append)

    taken = [writer.put(line) for line in lines]
    writer.close(WAIT_TIMEOUT_S)

    assert all(taken)
    assert written == [f"{line}\n" for line in lines]


@pytest.mark.parametrize("waiting", [0, 1, 2])
def test_a_reader_who_has_stopped_does_not_hold_up_the_end(waiting: int) -> None:
    """Whether the queue has room for one more line, or none: the process was told to go."""
    begun, release_leases = threading.Event(), threading.Event()

    def stuck(text: str) -> None:
        begun.set()
        release_leases.wait(WAIT_TIMEOUT_S)

    writer = LineWriter(stuck, queued_lines=2)
    try:
        assert writer.put("first")
        assert begun.wait(WAIT_TIMEOUT_S)
        assert all(writer.put("more") for _ in range(waiting))
        assert writer.put("one more") == (waiting < 2)

        asked = monotonic()
        writer.close(timeout_s=0.05)
        waited_s = monotonic() - asked
    finally:
        release_leases.set()

    assert waited_s < WAIT_TIMEOUT_S / 2


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe; whatever a test has closed of it is another file's business by then."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as reader, os.fdopen(writing, "wb", buffering=0) as writer:
        yield reader.fileno(), writer.fileno()


def test_a_file_that_does_not_wait_gets_every_byte(pipe: tuple[int, int]) -> None:
    """Whoever shares the terminal may have set it so; then a full pipe is an error, and half a line would be lost."""
    reading, writing = pipe
    os.set_blocking(writing, False)
    text = "".join(f"line {number}\n" for number in range(50_000))
    thread = threading.Thread(target=descriptor_writer(writing), args=(text,))
    thread.start()
    found = bytearray()
    while len(found) < len(text):
        found += os.read(reading, 4096)
    thread.join(WAIT_TIMEOUT_S)

    assert found.decode() == text


def test_a_reader_who_has_gone_is_no_error() -> None:
    """The next line meets the same, and there is nobody to be told."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        descriptor_writer(writing)("a line\n")
    finally:
        os.close(writing)


def status(path: Path, target: str) -> int:
    """The status that a service on this Unix socket answers with; 0 where nobody listens."""
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(WAIT_TIMEOUT_S)
        try:
            caller.connect(str(path))
        except OSError:
            return 0
        caller.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        return int(read_all(caller).split()[1])


def serve(path: Path, shell: str, stdout: int, stderr: int) -> subprocess.Popen[bytes]:
    """``poolhouse serve`` on a Unix socket, with its streams redirected as a shell has it."""
    code = "import sys; from poolhouse.cli import main; sys.exit(main(['serve']))"
    settings = {"POOLHOUSE_UDS": str(path), "POOLHOUSE_DEVICE": "cpu", "POOLHOUSE_LOG_REQUESTS": "true"}
    settings["PYTHONPATH"] = os.pathsep.join(each for each in sys.path if each)
    words = ["sh", "-c", f'exec "$0" -c "$1" {shell}', sys.executable, code]
    return subprocess.Popen(words, env={**os.environ, **settings}, stdout=stdout, stderr=stderr)


@pytest.mark.parametrize(
    "streams",
    ["<&- >&- 2>&-", *(pytest.param(each, marks=pytest.mark.slow) for each in ("<&-", ">&-", "2>&-", ">&- 2>&-"))],
)
def test_a_service_without_standard_streams_serves_and_stops(tmp_path: Path, streams: str) -> None:
    """Some supervisors close them; the sockets that took their numbers made libuv end the process with SIGABRT."""
    path = tmp_path / "p.sock"
    with serve(path, streams, subprocess.DEVNULL, subprocess.DEVNULL) as process:
        try:
            assert becomes_true(lambda: status(path, "/livez") == 200, 3 * WAIT_TIMEOUT_S)
            process.send_signal(signal.SIGTERM)
            code = process.wait(WAIT_TIMEOUT_S)
        finally:
            process.kill()

    assert code == 0


def fill(writing: int) -> None:
    """Write until nothing more goes in."""
    os.set_blocking(writing, False)
    for piece in (b"x" * 4096, b"x"):
        try:
            while True:
                os.write(writing, piece)
        except BlockingIOError:
            pass
    os.set_blocking(writing, True)


@pytest.mark.parametrize("stopped", [pytest.param(("stderr",), marks=pytest.mark.slow), ("stdout", "stderr")])
def test_a_service_whose_reader_has_stopped_starts_serves_and_stops(
    tmp_path: Path, pipe: tuple[int, int], stopped: tuple[str, ...]
) -> None:
    """A log driver with a full disk must not make a process that only SIGKILL ends."""
    path = tmp_path / "p.sock"
    fill(pipe[1])
    stdout, stderr = (pipe[1] if name in stopped else subprocess.DEVNULL for name in ("stdout", "stderr"))
    with serve(path, "", stdout, stderr) as process:
        try:
            assert becomes_true(lambda: status(path, "/livez") == 200, 3 * WAIT_TIMEOUT_S)
            statuses = {status(path, "/v1/operators") for _ in range(20)}
            process.send_signal(signal.SIGTERM)
            code = process.wait(WAIT_TIMEOUT_S)
        finally:
            process.kill()

    assert statuses == {200}
    assert code == 0
