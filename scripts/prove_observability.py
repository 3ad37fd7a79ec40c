"""A live Prometheus with the shipped configuration asks a live service; every query of ours has an answer.

Called by scripts/prove_observability with a folder to work in.
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
    """One line of progress."""
    print(f"prove_observability: {text}", file=sys.stderr, flush=True)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def write_configuration(folder: Path, service_port: int) -> Path:
    """The shipped configuration, told where this service is, and scraping faster."""
    given: dict[str, Any] = yaml.safe_load((SHIPPED / "prometheus.yml").read_text(encoding="utf-8"))
    given["global"] |= {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    given["rule_files"] = [str(SHIPPED / name) for name in given["rule_files"]]
    (job,) = given["scrape_configs"]
    del job["dns_sd_configs"]
    job["static_configs"] = [{"targets": [f"127.0.0.1:{service_port}"]}]
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(given), encoding="utf-8")
    return file


def send_traffic(client: Client) -> None:
    """A little of everything: answers, plans, indices, a refusal, and enough work to be sent to a device."""
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
    """Every query of the dashboard with the title of its panel, as Grafana would send it with all instances chosen."""
    shown: dict[str, Any] = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return [
        (panel["title"], target["expr"].replace("$instance", ".*").replace("$__rate_interval", "20s"))
        for panel in shown["panels"]
        for target in panel.get("targets", ())
    ]


class PrometheusClient:
    """A running one, asked over its own API."""

    def __init__(self, port: int) -> None:
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1/", trust_env=False)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The samples that answer an expression now."""
        answer = self._client.get("query", params={"query": expression})
        assert answer.status_code == 200, f"{expression}: {answer.text}"
        result: list[dict[str, Any]] = answer.json()["data"]["result"]
        return result

    def rules(self) -> list[dict[str, Any]]:
        """The alert rules as they were last evaluated."""
        groups = self._client.get("rules").raise_for_status().json()["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def has_enough_samples(self) -> bool:
        """Whether it has read the service often enough for a rate."""
        try:
            return bool(self.query('count_over_time(up{job="poolhouse"}[1m]) >= 4'))
        except (httpx.TransportError, AssertionError):
            # It does not listen yet, or says that it is not ready.
            return False


def main(folder: Path) -> None:
    """Start both, make traffic until there are rates, and ask."""
    with ExitStack() as ending:
        words = [str(Path(sys.executable).with_name("poolhouse")), "serve", "--port", "0"]
        service = ending.enter_context(subprocess.Popen(words, stdout=subprocess.PIPE, text=True))
        ending.callback(service.terminate)
        assert service.stdout is not None
        url = re.search(r"http://\S+:(\d+)", service.stdout.readline())
        assert url is not None, "the service did not start"
        at = free_port()
        program = [
            "prometheus",
            f"--config.file={write_configuration(folder, int(url[1]))}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{at}",
            "--log.level=warn",
        ]
        prometheus = ending.enter_context(subprocess.Popen(program))
        ending.callback(prometheus.terminate)
        asked = PrometheusClient(at)
        begun = monotonic()
        with Client(url[0]) as client:
            while not asked.has_enough_samples():
                assert monotonic() - begun < START_TIMEOUT_S, "Prometheus did not read the service"
                send_traffic(client)
                sleep(0.1)  # a little traffic all the time; Prometheus is what is waited for
        empty = [f"{title}: {expression}" for title, expression in dashboard_queries() if not asked.query(expression)]
        assert not empty, "no answer to " + "\n".join(empty)
        rules = asked.rules()
        bad = [
            f"{rule['name']}: {rule['health']} {rule.get('lastError', '')}" for rule in rules if rule["health"] != "ok"
        ]
        assert not bad, bad
        assert all(rule["state"] == "inactive" for rule in rules), [
            rule["name"] for rule in rules if rule["state"] != "inactive"
        ]
        # What an alert compares has a value too: with its comparison taken away something is left.
        for rule in rules:
            compared = re.sub(r"\s*(==|>|<)\s*[\d.e+]+\s*$", "", rule["query"])
            if rule["name"] != "PoolhouseAbsent":
                assert asked.query(compared), f"{rule['name']} compares nothing: {compared}"
        say(f"{len(dashboard_queries())} queries of the dashboard and {len(rules)} alerts have answers")


if __name__ == "__main__":
    terminate_children_on_sigterm()
    main(Path(sys.argv[1]))
