"""deploy/ray for one machine and for many is one configuration."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from poolhouse.settings import Settings, from_environment

RAY = Path(__file__).resolve().parents[2] / "deploy" / "ray"


def test_many_nodes_run_what_one_runs() -> None:
    """Two files that say the same drift apart."""
    one = yaml.safe_load((RAY / "config.yaml").read_text(encoding="utf-8"))
    many = yaml.safe_load((RAY / "rayservice.yaml").read_text(encoding="utf-8"))

    assert yaml.safe_load(many["spec"]["serveConfigV2"]) == one


def test_every_node_has_the_variables() -> None:
    """Without them a body is copied several times between processes, and a killed replica loses small requests too."""
    many = yaml.safe_load((RAY / "rayservice.yaml").read_text(encoding="utf-8"))
    cluster = many["spec"]["rayClusterConfig"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        (container,) = group["template"]["spec"]["containers"]
        given = {entry["name"]: entry["value"] for entry in container["env"]}
        assert given["RAY_SERVE_ENABLE_HA_PROXY"] == given["RAY_SERVE_THROUGHPUT_OPTIMIZED"] == "1"
        told = (RAY / "README.md").read_text(encoding="utf-8")
        for name, value in given.items():
            if name.startswith("RAY_SERVE_"):
                assert re.search(rf'\b{name}="?{re.escape(value)}\b', told), name


def test_the_settings_in_it_are_settings() -> None:
    """A misspelt one would stop every replica."""
    one = yaml.safe_load((RAY / "config.yaml").read_text(encoding="utf-8"))
    (application,) = one["applications"]
    given = from_environment(application["runtime_env"]["env_vars"])

    assert Settings.model_validate(given).cpu_threads == 1


def test_the_version_is_the_one_that_is_proved() -> None:
    """Ray's settings change from version to version."""
    many = yaml.safe_load((RAY / "rayservice.yaml").read_text(encoding="utf-8"))
    pinned = (RAY / "requirements.txt").read_text(encoding="utf-8").splitlines()[-1]

    assert pinned == f"ray[serve]=={many['spec']['rayClusterConfig']['rayVersion']}"
