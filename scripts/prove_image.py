"""Run the image poolhouse:cpu as in production, and check its guarantees. Called by scripts/prove_image."""

from __future__ import annotations

import http.client
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import numpy as np
import tritonclient.grpc as grpcclient
from _termination import terminate_children_on_sigterm
from numpy.lib.stride_tricks import sliding_window_view

from poolhouse import Client

ROOT = Path(__file__).resolve().parent.parent
DOCKER, AUTHORITY_FILE = sys.argv[1], Path(sys.argv[2])
HARDENED_OPTIONS = (
    *("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
    *("--memory", "4g", "--cpus", "2", "--pids-limit", "512"),
)
START_LIMIT_S = 60.0
STOP_LIMIT_S = 40


def say(text: str) -> None:
    """Print one line of progress."""
    print(f"prove_image: {text}", file=sys.stderr, flush=True)


def docker(*words: str) -> str:
    """The output of a docker command, which must succeed."""
    return subprocess.run([DOCKER, *words], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def docker_inspect(container: str, template: str) -> str:
    return docker("inspect", "--format", template, container)


def wait_until(condition: Callable[[], bool], what: str, limit_s: float = START_LIMIT_S) -> None:
    """Poll a condition that depends on another process; the engine has no events for it."""
    start = monotonic()
    while not condition():
        assert monotonic() - start < limit_s, f"{what}: not within {limit_s:g} s"
        sleep(0.1)


def is_healthy(container: str) -> bool:
    assert docker_inspect(container, "{{.State.Status}}") == "running", docker("logs", container)
    return docker_inspect(container, "{{.State.Health.Status}}") == "healthy"


@contextmanager
def running_container(*arguments: str) -> Iterator[str]:
    """Run a hardened container of the image; yields its id, and removes it at the end."""
    container = docker(
        "run", "--detach", *HARDENED_OPTIONS, "--publish", "127.0.0.1::8000", *arguments, "poolhouse:cpu"
    )
    try:
        yield container
    finally:
        docker("rm", "--force", "--volumes", container)


def published_port(container: str, port: int = 8000) -> int:
    return int(docker("port", container, f"{port}/tcp").splitlines()[0].rpartition(":")[2])


def expected_output(x: np.ndarray) -> np.ndarray:
    """max_pool2d with kernel_size 2, by numpy."""
    maxima: np.ndarray = sliding_window_view(x, (2, 2), axis=(-2, -1))[..., ::2, ::2, :, :].max(axis=(-2, -1))
    return maxima


def check_pooling(port: int) -> None:
    """Check the service's results in JSON and in binary."""
    x = np.random.default_rng(5).standard_normal((2, 3, 65, 64), dtype=np.float32)
    with Client(f"http://127.0.0.1:{port}") as client:
        assert np.array_equal(client.max_pool2d(x, 2).output, expected_output(x))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(
        "POST",
        "/v1/pool/max_pool1d",
        json.dumps({"input": [[[1, 3, 2, 5]]], "kernel_size": 2}),
        {"Content-Type": "application/json"},
    )
    assert json.load(connection.getresponse()) == {
        "output": {"dtype": "float32", "shape": [1, 1, 2], "data": [[[3.0, 5.0]]]}
    }
    connection.close()


def check_grpc() -> None:
    """Check that a container with a gRPC port pools for Triton's client."""
    x = np.random.default_rng(7).standard_normal((2, 3, 32, 32), dtype=np.float32)
    given = grpcclient.InferInput("input", x.shape, "FP32")
    given.set_data_from_numpy(x)
    with running_container("--env", "POOLHOUSE_GRPC_PORT=8001", "--publish", "127.0.0.1::8001") as container:
        wait_until(lambda: is_healthy(container), "the container is healthy")
        with grpcclient.InferenceServerClient(f"127.0.0.1:{published_port(container, 8001)}") as client:
            output = client.infer("max_pool2d", [given], parameters={"kernel_size": 2}).as_numpy("output")
    assert np.array_equal(output, expected_output(x))
    say("with POOLHOUSE_GRPC_PORT it pools over gRPC")


def readyz_status(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status
    finally:
        connection.close()


def check_graceful_stop(container: str) -> None:
    """Stop the container when half of a body is sent: the client must get its response, and the exit code must be 0."""
    x = np.random.default_rng(6).standard_normal((4, 8, 128, 128), dtype=np.float32)
    file = io.BytesIO()
    np.save(file, x)
    body = file.getvalue()
    connection = http.client.HTTPConnection("127.0.0.1", published_port(container), timeout=30)
    connection.putrequest("POST", "/v1/pool/max_pool2d?kernel_size=2")
    connection.putheader("Content-Type", "application/x-npy")
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body[: len(body) // 2])
    port = published_port(container)
    with subprocess.Popen([DOCKER, "stop", "--time", str(STOP_LIMIT_S), container], stdout=subprocess.DEVNULL) as stop:
        # After the signal the service still responds, with 503 at /readyz, so that load balancers notice.
        wait_until(lambda: readyz_status(port) == 503, "readyz turns 503")
        connection.send(body[len(body) // 2 :])
        response = connection.getresponse()
        assert response.status == 200, response.read()
        assert np.array_equal(np.load(io.BytesIO(response.read())), expected_output(x))
        assert stop.wait(STOP_LIMIT_S) == 0
    assert docker_inspect(container, "{{.State.ExitCode}}") == "0", docker("logs", container)
    assert docker_inspect(container, "{{.State.OOMKilled}}") == "false"


def check_no_authority_in_image() -> None:
    """Check that the private certificate authority of the build is in no layer and not in the history."""
    # A line from the middle, as certificates begin alike; and a text that must be found, to check the search.
    lines = AUTHORITY_FILE.read_bytes().splitlines()
    texts = {"the authority": lines[len(lines) // 2], "our own code": b"python -m poolhouse.health"}
    is_found = dict.fromkeys(texts, False)
    with subprocess.Popen([DOCKER, "save", "poolhouse:cpu"], stdout=subprocess.PIPE) as save:
        assert save.stdout is not None
        overlap = b""
        while piece := save.stdout.read(2**22):
            searched = overlap + piece
            for name, text in texts.items():
                is_found[name] |= text in searched
            overlap = searched[-256:]
    assert save.returncode == 0
    assert is_found == {"the authority": False, "our own code": True}, is_found
    say("no layer has the build's certificate authority")


def check_image() -> None:
    """Check that the hardened container is healthy, unprivileged, writes nothing, pools, and stops gracefully."""
    with running_container() as container:
        wait_until(lambda: is_healthy(container), "the container is healthy")
        check_pooling(published_port(container))
        assert docker("exec", container, "id", "-u") == "10001"
        assert docker("diff", container) == "", "it wrote into its own file system"
        # The engine runs the health check in the same way.
        assert docker("exec", container, "python", "-m", "poolhouse.health").startswith("200")
        check_graceful_stop(container)
    say("hardened: healthy, uid 10001, nothing written, pools, completes its request on stop, exit code 0")
    check_grpc()
    check_no_authority_in_image()
    labels = json.loads(docker_inspect("poolhouse:cpu", "{{json .Config.Labels}}"))
    assert labels["org.opencontainers.image.version"] != "0+unknown"
    assert not labels["org.opencontainers.image.created"].startswith("1970")
    assert all(value for name, value in labels.items() if name.startswith("org.opencontainers."))


def check_compose_file() -> None:
    """Check that `docker-compose up` starts a healthy service on the published port, and all profiles are valid."""
    compose = [
        "docker-compose",
        "--project-directory",
        str(ROOT),
        "--file",
        str(ROOT / "docker-compose.yml"),
        "--project-name",
        "proof",
    ]
    # A free port instead of 8000, which may be in use.
    environment = {**os.environ, "PUBLISH": "127.0.0.1:"}
    for profile in ("gpu", "observability"):
        subprocess.run([*compose, "--profile", profile, "config", "--quiet"], check=True, env=environment)
    try:
        subprocess.run([*compose, "up", "--detach", "--no-build"], check=True, env=environment)
        container = subprocess.run(
            [*compose, "ps", "--quiet"], check=True, env=environment, stdout=subprocess.PIPE, text=True
        ).stdout.strip()
        wait_until(lambda: is_healthy(container), "the composed service is healthy")
        check_pooling(published_port(container))
        subprocess.run([*compose, "stop"], check=True, env=environment)
        assert docker_inspect(container, "{{.State.ExitCode}}") == "0"
    finally:
        subprocess.run([*compose, "down", "--volumes"], check=True, env=environment)
    say("docker-compose up: healthy, pools, stops with exit code 0")


if __name__ == "__main__":
    terminate_children_on_sigterm()
    check_image()
    check_compose_file()
