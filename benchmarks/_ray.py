"""poolhouse on Ray Serve on this machine, from deploy/ray, in processes of its own: for the proof and the benchmark."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import yaml

ROOT = Path(__file__).resolve().parent.parent
RAY_ENVIRONMENT = ROOT / ".venv" / "ray"
START_LIMIT_S = 120.0
_HAPROXY_FILES = {
    "CONFIG_FILE_LOC": ".cfg",
    "SOCKET_PATH": ".sock",
    "METRICS_SOCKET_PATH": "-metrics.sock",
    "SERVER_STATE_BASE": "",
    "SERVER_STATE_FILE": "-state",
}
# Ports that are fixed, and may be taken.
_FIXED_PORTS = ("HAPROXY_METRICS_PORT", "HAPROXY_STATS_PORT", "FALLBACK_PROXY_HTTP_PORT")


@dataclass(frozen=True, slots=True)
class RayServeInstance:
    """Where to call what runs; the balancer's configuration, and the socket that it answers questions on."""

    port: int
    haproxy_configuration: Path
    haproxy_socket: Path


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def replica_start_times() -> dict[int, float]:
    """The processes of our replicas, with the time at which each was started."""
    found = {}
    for process in psutil.process_iter(["cmdline", "create_time"]):
        if " ".join(process.info["cmdline"] or ()).startswith("ray::ServeReplica:poolhouse"):
            found[process.pid] = process.info["create_time"]
    return found


def is_ready(port: int) -> bool:
    """Whether a call comes through."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _ray_serve_environment() -> dict[str, str]:
    """What Ray Serve is told on every node."""
    many = yaml.safe_load((ROOT / "deploy" / "ray" / "rayservice.yaml").read_text(encoding="utf-8"))
    (container,) = many["spec"]["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]["containers"]
    return {each["name"]: each["value"] for each in container["env"] if each["name"].startswith("RAY_SERVE_")}


def kill_processes_of(folder: str, session_id: int) -> None:
    """End what a Ray leaves behind that had its files in this folder; any other Ray on this machine is none of ours.

    ``ray stop`` would end every Ray there is, and leaves the balancer, and with it the ports.
    """
    left = []
    for process in psutil.process_iter(["cmdline"]):
        with suppress(psutil.Error, ProcessLookupError):
            if os.getsid(process.pid) == session_id or any(folder in word for word in process.info["cmdline"] or ()):
                process.kill()
                left.append(process)
    psutil.wait_procs(left, timeout=10)


@contextmanager
def run_on_ray(replica_count: int) -> Iterator[RayServeInstance]:
    """Ray Serve with so many replicas of deploy/ray, changed in ports and number alone."""
    port = free_port()
    # Told to stop, a process ends at once, and would leave all of this running.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to stop"))
    # Ray's sockets lie in its folder, and their paths may not be long.
    with tempfile.TemporaryDirectory(prefix="ray", dir="/tmp") as folder:
        shutil.copy(ROOT / "deploy" / "ray" / "pools.py", folder)
        # Ray starts its workers through a shell, and takes no space in the path of its interpreter.
        (Path(folder) / "ray").symlink_to(RAY_ENVIRONMENT)
        config = yaml.safe_load((ROOT / "deploy" / "ray" / "config.yaml").read_text(encoding="utf-8"))
        config["http_options"] |= {"host": "127.0.0.1", "port": port}
        (application,) = config["applications"]
        (deployment,) = application["deployments"]
        deployment["autoscaling_config"] |= {"min_replicas": replica_count, "max_replicas": replica_count}
        (Path(folder) / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
        environment = {
            **os.environ,
            **_ray_serve_environment(),
            # Nothing of this run is left in the home or told to anybody.
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_TMPDIR": folder,
            **{f"RAY_SERVE_HAPROXY_{name}": f"{folder}/haproxy{suffix}" for name, suffix in _HAPROXY_FILES.items()},
            **{f"RAY_SERVE_{name}": str(free_port()) for name in _FIXED_PORTS},
            "HOME": folder,
            "PATH": f"{folder}/ray/bin{os.pathsep}{os.environ['PATH']}",
        }
        log = Path(folder) / "log"
        with (
            log.open("w") as written,
            subprocess.Popen(
                [f"{folder}/ray/bin/python", "-c", "from ray.serve.scripts import cli; cli()", "run", "config.yaml"],
                cwd=folder,
                env=environment,
                stdout=written,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            ) as process,
        ):
            try:
                begun = time.monotonic()
                while len(replica_start_times()) < replica_count or not is_ready(port):
                    if process.poll() is not None or time.monotonic() - begun > START_LIMIT_S:
                        sys.exit(f"Ray Serve did not start:\n{log.read_text()[-3000:]}")
                    time.sleep(0.2)
                # Each node's balancer has a folder of its own; here is one node.
                (configuration,) = Path(folder).glob("*/haproxy.cfg")
                yield RayServeInstance(port, configuration, configuration.with_name("haproxy.sock"))
            finally:
                process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(30)
                kill_processes_of(folder, process.pid)
