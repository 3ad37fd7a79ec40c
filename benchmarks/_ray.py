"""Run poolhouse on Ray Serve on this machine, as in deploy/ray; used by scripts/prove_ray and the benchmark."""

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

from poolhouse.kernels.code_cache import user_cache_dirs

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
# Ports with fixed defaults, which may be in use here.
_FIXED_PORTS = ("HAPROXY_METRICS_PORT", "HAPROXY_STATS_PORT", "FALLBACK_PROXY_HTTP_PORT")


@dataclass(frozen=True, slots=True)
class RayServeInstance:
    """The port of a running instance, and the load balancer's configuration and admin socket."""

    port: int
    haproxy_configuration: Path
    haproxy_socket: Path


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def replica_start_times() -> dict[int, float]:
    """The start time of each replica process, by process id."""
    start_times = {}
    for process in psutil.process_iter(["cmdline", "create_time"]):
        if " ".join(process.info["cmdline"] or ()).startswith("ray::ServeReplica:poolhouse"):
            start_times[process.pid] = process.info["create_time"]
    return start_times


def is_ready(port: int) -> bool:
    """Whether a replica is ready behind the proxy."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _ray_serve_environment() -> dict[str, str]:
    """The environment variables of Ray Serve on a node, from rayservice.yaml."""
    service = yaml.safe_load((ROOT / "deploy" / "ray" / "rayservice.yaml").read_text(encoding="utf-8"))
    (container,) = service["spec"]["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]["containers"]
    return {each["name"]: each["value"] for each in container["env"] if each["name"].startswith("RAY_SERVE_")}


def kill_processes_of(folder: str, session_id: int) -> None:
    """Kill the remaining processes of the Ray instance with this folder or session.

    ``ray stop`` would end every Ray instance on this machine, but not the load balancer, which keeps the ports in use.
    """
    killed = []
    for process in psutil.process_iter(["cmdline"]):
        with suppress(psutil.Error, ProcessLookupError):
            if os.getsid(process.pid) == session_id or any(folder in word for word in process.info["cmdline"] or ()):
                process.kill()
                killed.append(process)
    psutil.wait_procs(killed, timeout=10)


@contextmanager
def run_on_ray(replica_count: int) -> Iterator[RayServeInstance]:
    """Run Ray Serve with the configuration of deploy/ray, except for the ports and the number of replicas."""
    port = free_port()
    # By default SIGTERM ends this process without cleaning up, and the children would keep running.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    # Ray keeps its sockets in its folder, and the length of their paths is limited.
    with tempfile.TemporaryDirectory(prefix="ray", dir="/tmp") as folder:
        shutil.copy(ROOT / "deploy" / "ray" / "serve_app.py", folder)
        # Ray starts its workers through a shell, which fails for a space in the path of the interpreter.
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
            # Write nothing to the home folder, and send no usage statistics.
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_TMPDIR": folder,
            **{f"RAY_SERVE_HAPROXY_{name}": f"{folder}/haproxy{suffix}" for name, suffix in _HAPROXY_FILES.items()},
            **{f"RAY_SERVE_{name}": str(free_port()) for name in _FIXED_PORTS},
            "HOME": folder,
            # The compiled loops of this machine: two replicas would compile all of them at once.
            "XDG_CACHE_HOME": str(user_cache_dirs()[0].parent.parent),
            "PATH": f"{folder}/ray/bin{os.pathsep}{os.environ['PATH']}",
        }
        log = Path(folder) / "log"
        with (
            log.open("w") as log_file,
            subprocess.Popen(
                [f"{folder}/ray/bin/python", "-c", "from ray.serve.scripts import cli; cli()", "run", "config.yaml"],
                cwd=folder,
                env=environment,
                stdout=log_file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            ) as process,
        ):
            try:
                start = time.monotonic()
                while len(replica_start_times()) < replica_count or not is_ready(port):
                    if process.poll() is not None or time.monotonic() - start > START_LIMIT_S:
                        sys.exit(f"Ray Serve did not start:\n{log.read_text()[-3000:]}")
                    time.sleep(0.2)
                # The load balancer of each node has a folder of its own; here is one node.
                (configuration,) = Path(folder).glob("*/haproxy.cfg")
                yield RayServeInstance(port, configuration, configuration.with_name("haproxy.sock"))
            finally:
                process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(30)
                kill_processes_of(folder, process.pid)
