"""Run Prometheus with the shipped configuration on a running service, and check that every query returns samples.

Called by scripts/prove_observability with a working folder.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import numpy as np
import yaml
from _termination import terminate_children_on_sigterm

from poolhouse import Client, PoolhouseError

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ROOT / "deploy" / "observability"
DASHBOARD = SHIPPED / "grafana" / "dashboards" / "poolhouse.json"
START_TIMEOUT_S = 60.0


def say(text: str) -> None:
    """Print one line of progress."""
    print(f"prove_observability: {text}", file=sys.stderr, flush=True)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def write_configuration(folder: Path, service_port: int) -> Path:
    """Write the shipped configuration with the address of this service and shorter intervals."""
    configuration: dict[str, Any] = yaml.safe_load((SHIPPED / "prometheus.yml").read_text(encoding="utf-8"))
    configuration["global"] |= {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    configuration["rule_files"] = [str(SHIPPED / name) for name in configuration["rule_files"]]
    (job,) = configuration["scrape_configs"]
    del job["dns_sd_configs"]
    job["static_configs"] = [{"targets": [f"127.0.0.1:{service_port}"]}]
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(configuration), encoding="utf-8")
    return file


def send_traffic(client: Client) -> None:
    """Send requests of every kind: pooling on a device, indices, a plan, and one that is refused."""
    x = np.random.default_rng(3).standard_normal((2, 8, 64, 64), dtype=np.float32)
    client.max_pool2d(x, 2, return_indices=True)
    client.avg_pool2d(x, 3, stride=1)
    client.adaptive_avg_pool2d(x, 4)
    client.plan("max_pool2d", x.shape, kernel_size=2)
    try:
        client.max_pool2d(x, 2, padding=2)
    except PoolhouseError:
        return
    raise AssertionError("a padding that is too large was not refused")


def dashboard_queries() -> list[tuple[str, str]]:
    """Every query of the dashboard with the title of its panel, as Grafana sends it for all instances."""
    dashboard: dict[str, Any] = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return [
        (panel["title"], target["expr"].replace("$instance", ".*").replace("$__rate_interval", "20s"))
        for panel in dashboard["panels"]
        for target in panel.get("targets", ())
    ]


class PrometheusClient:
    """A client for Prometheus' API."""

    def __init__(self, port: int) -> None:
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1/", trust_env=False)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The current samples of an expression."""
        response = self._client.get("query", params={"query": expression})
        assert response.status_code == 200, f"{expression}: {response.text}"
        result: list[dict[str, Any]] = response.json()["data"]["result"]
        return result

    def rules(self) -> list[dict[str, Any]]:
        """The alert rules with their last evaluation."""
        groups = self._client.get("rules").raise_for_status().json()["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def has_enough_samples(self) -> bool:
        """Whether Prometheus has scraped the service often enough for a rate."""
        try:
            return bool(self.query('count_over_time(up{job="poolhouse"}[1m]) >= 4'))
        except (httpx.TransportError, AssertionError):
            # Prometheus does not listen yet, or is not ready.
            return False


def main(folder: Path) -> None:
    """Start the service and Prometheus, send traffic until there are rates, and run all queries."""
    with ExitStack() as stack:
        command = [str(Path(sys.executable).with_name("poolhouse")), "serve", "--port", "0"]
        service = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        stack.callback(service.terminate)
        assert service.stdout is not None
        url = re.search(r"http://\S+:(\d+)", service.stdout.readline())
        assert url is not None, "the service did not start"
        port = free_port()
        program = [
            "prometheus",
            f"--config.file={write_configuration(folder, int(url[1]))}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=warn",
        ]
        process = stack.enter_context(subprocess.Popen(program))
        stack.callback(process.terminate)
        prometheus = PrometheusClient(port)
        start = monotonic()
        with Client(url[0]) as client:
            while not prometheus.has_enough_samples():
                assert monotonic() - start < START_TIMEOUT_S, "Prometheus did not scrape the service"
                send_traffic(client)
                sleep(0.1)  # constant light traffic until Prometheus has enough samples
        queries = dashboard_queries()
        empty = [f"{title}: {expression}" for title, expression in queries if not prometheus.query(expression)]
        assert not empty, "no samples for " + "\n".join(empty)
        rules = prometheus.rules()
        unhealthy = [
            f"{rule['name']}: {rule['health']} {rule.get('lastError', '')}" for rule in rules if rule["health"] != "ok"
        ]
        assert not unhealthy, unhealthy
        assert all(rule["state"] == "inactive" for rule in rules), [
            rule["name"] for rule in rules if rule["state"] != "inactive"
        ]
        # The expression of an alert, without its comparison, must have samples, too.
        for rule in rules:
            expression = re.sub(r"\s*(==|>|<)\s*[\d.e+]+\s*$", "", rule["query"])
            if rule["name"] != "PoolhouseAbsent":
                assert prometheus.query(expression), f"{rule['name']} compares nothing: {expression}"
        say(f"{len(queries)} queries of the dashboard and {len(rules)} alerts have samples")


if __name__ == "__main__":
    terminate_children_on_sigterm()
    main(Path(sys.argv[1]))
