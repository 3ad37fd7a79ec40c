"""Log lines whose reader stops, disconnects or does not exist must not block the service or its shutdown."""

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
def test_lines_are_written_in_order(lines: list[str]) -> None:
    """Also at interpreter exit, when other modules are gone."""
    written: list[str] = []
    writer = LineWriter(written.append)

    taken = [writer.put(line) for line in lines]
    writer.close(WAIT_TIMEOUT_S)

    assert all(taken)
    assert written == [f"{line}\n" for line in lines]


@pytest.mark.parametrize("waiting", [0, 1, 2])
def test_a_stopped_reader_does_not_delay_the_close(waiting: int) -> None:
    """With and without space in the queue for another line, the process must exit in time."""
    started, released = threading.Event(), threading.Event()

    def stuck(text: str) -> None:
        started.set()
        released.wait(WAIT_TIMEOUT_S)

    writer = LineWriter(stuck, queued_lines=2)
    try:
        assert writer.put("first")
        assert started.wait(WAIT_TIMEOUT_S)
        assert all(writer.put("more") for _ in range(waiting))
        assert writer.put("one more") == (waiting < 2)

        closing_at = monotonic()
        writer.close(timeout_s=0.05)
        waited_s = monotonic() - closing_at
    finally:
        released.set()

    assert waited_s < WAIT_TIMEOUT_S / 2


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe; each test leaves both ends open."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as reader, os.fdopen(writing, "wb", buffering=0) as writer:
        yield reader.fileno(), writer.fileno()


def test_a_non_blocking_descriptor_gets_every_byte(pipe: tuple[int, int]) -> None:
    """Another process may make the shared terminal non-blocking; then a full pipe raises an error, and half a line
    would be lost."""
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


def test_a_closed_pipe_is_no_error() -> None:
    """Later lines would fail too, and there is no stream to report it."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        descriptor_writer(writing)("a line\n")
    finally:
        os.close(writing)


def status(path: Path, target: str) -> int:
    """The status of a service's response on this Unix socket; 0 if no process listens."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(WAIT_TIMEOUT_S)
        try:
            client.connect(str(path))
        except OSError:
            return 0
        client.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        return int(read_all(client).split()[1])


def serve(path: Path, shell: str, stdout: int, stderr: int) -> subprocess.Popen[bytes]:
    """``poolhouse serve`` on a Unix socket, with its streams redirected by a shell."""
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
    """Some supervisors close the streams; sockets that got their descriptors made libuv abort the process with
    SIGABRT."""
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
    """Write until the pipe is full."""
    os.set_blocking(writing, False)
    for piece in (b"x" * 4096, b"x"):
        try:
            while True:
                os.write(writing, piece)
        except BlockingIOError:
            pass
    os.set_blocking(writing, True)


@pytest.mark.slow
@pytest.mark.parametrize("stopped", [("stderr",), ("stdout", "stderr")])
def test_a_service_with_a_stopped_reader_starts_serves_and_stops(
    tmp_path: Path, pipe: tuple[int, int], stopped: tuple[str, ...]
) -> None:
    """A log driver with a full disk must not leave a process that only SIGKILL can end."""
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
