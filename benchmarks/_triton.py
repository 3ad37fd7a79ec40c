"""Run NVIDIA Triton's server and Python client from build/triton, the environment that scripts/_triton.sh makes."""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from _cases import MODEL

_HERE: Final = Path(__file__).resolve().parent
ENVIRONMENT: Final = _HERE.parent / "build" / "triton"

_START_TIMEOUT_S: Final = 120.0
"""Loading torch in the model's process takes seconds, and longer on a busy machine."""
_STOP_TIMEOUT_S: Final = 20.0
_STUB: Final = "triton_python_backend_stub"


@contextmanager
def run_server(repository: Path | None = None, *options: str) -> Iterator[int]:
    """Run the server, listening on loopback; yields its HTTP port.

    The server and all its child processes are stopped at the end.

    Args:
        repository: the folder of its models; None for triton_server/.
        options: further ones for its command.

    Raises:
        SystemExit: the wheel has no python backend for this Python.
        RuntimeError: the server ended or was not ready in time; quotes its log.
    """
    packages = _site_packages()
    parts = packages / "pytriton" / "tritonserver"
    version = ".".join(platform.python_version_tuple()[:2])
    stub = parts / "python_backend_stubs" / version / _STUB
    if not stub.is_file():
        raise SystemExit(
            f"Triton's wheel has no python backend for Python {version}; make .venv with Python 3.11 to 3.13"
        )
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as log:
        models, backends = Path(folder, "models"), Path(folder, "backends")
        if repository is None:
            shutil.copytree(_HERE / "triton_server" / MODEL, models / MODEL)
        else:
            shutil.copytree(repository, models)
        shutil.copytree(parts / "backends" / "python", backends / "python")
        # The stub runs the model, so it must be for the Python version of the packages that the model imports.
        shutil.copy2(stub, backends / "python")
        port = _free_port()
        command = [str(parts / "bin" / "tritonserver"), "--model-repository", str(models)]
        command += ["--backend-directory", str(backends), "--http-address", "127.0.0.1", "--http-port", str(port)]
        command += ["--allow-grpc", "false", "--allow-metrics", "false", "--log-info", "false", *options]
        region = f"poolhouse-bench-{os.getpid()}"
        command += ["--backend-config", f"python,shm-region-prefix-name={region}"]
        libraries = [str(packages / "nvidia_pytriton.libs"), str(sysconfig.get_config_var("LIBDIR"))]
        environment = {
            **os.environ,
            "PATH": os.pathsep.join([str(ENVIRONMENT / "bin"), os.environ.get("PATH", os.defpath)]),
            "PYTHONPATH": str(packages),
            "LD_LIBRARY_PATH": os.pathsep.join([*libraries, *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]),
        }
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            _wait_until_ready(process, port, log)
            yield port
        finally:
            _stop(process)
            # Triton does not remove its shared memory if it is stopped while loading its model.
            for shared_memory in Path("/dev/shm").glob(f"{region}*"):
                shared_memory.unlink(missing_ok=True)


def server_version(port: int) -> str:
    """The version that a running server reports."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/v2", timeout=10) as response:
        return str(json.load(response)["version"])


def _site_packages() -> Path:
    return ENVIRONMENT / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, log: IO[str]) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/health/ready", timeout=5).close()
            return
        time.sleep(0.1)
    log.seek(0)
    raise RuntimeError(f"Triton did not become ready within {_START_TIMEOUT_S:.0f} s:\n{log.read()[-4000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop the server, which stops its model's process; then kill the process group in any case."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_TIMEOUT_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@dataclass(frozen=True, slots=True)
class CallTimes:
    """The milliseconds of each call, and the SHA-256 of the last output's bytes."""

    ms: Sequence[float]
    sha256: str


class TritonClient:
    """Triton's Python client, running in a process of its own environment."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.version: str = self._read_reply()["version"]

    def call(self, size_name: str, count: int) -> CallTimes:
        """Make ``count`` sequential calls with the input of this size."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"size": size_name, "count": count}) + "\n")
        self._process.stdin.flush()
        return CallTimes(**self._read_reply())

    def _read_reply(self) -> Mapping[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the process of Triton's client has ended; see its error above")
        reply: Mapping[str, Any] = json.loads(line)
        return reply


@contextmanager
def run_client(port: int, inputs_folder: Path) -> Iterator[TritonClient]:
    """Run Triton's client for a server; the folder has the input for each size as an npy file."""
    command = [
        str(ENVIRONMENT / "bin" / "python"),
        str(_HERE / "_tritonclient.py"),
        str(port),
        MODEL,
        str(inputs_folder),
    ]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        try:
            yield TritonClient(process)
        finally:
            process.kill()
