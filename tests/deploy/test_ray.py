"""deploy/ray has the same configuration for one machine and for a cluster."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from poolhouse.settings import Settings, from_environment

RAY = Path(__file__).resolve().parents[2] / "deploy" / "ray"


def test_a_cluster_has_the_configuration_of_one_machine() -> None:
    """The configuration is in two files, which must not differ."""
    one = yaml.safe_load((RAY / "config.yaml").read_text(encoding="utf-8"))
    ray_service = yaml.safe_load((RAY / "rayservice.yaml").read_text(encoding="utf-8"))

    assert yaml.safe_load(ray_service["spec"]["serveConfigV2"]) == one


def test_every_node_sets_the_ray_variables() -> None:
    """Without them, bodies are copied between processes several times, and a killed replica loses small requests."""
    ray_service = yaml.safe_load((RAY / "rayservice.yaml").read_text(encoding="utf-8"))
    cluster = ray_service["spec"]["rayClusterConfig"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        (container,) = group["template"]["spec"]["containers"]
        variables = {entry["name"]: entry["value"] for entry in container["env"]}
        assert variables["RAY_SERVE_ENABLE_HA_PROXY"] == variables["RAY_SERVE_THROUGHPUT_OPTIMIZED"] == "1"
        readme = (RAY / "README.md").read_text(encoding="utf-8")
        for name, value in variables.items():
            if name.startswith("RAY_SERVE_"):
                assert re.search(rf'\b{name}="?{re.escape(value)}\b', readme), name


def test_the_configured_application_exists() -> None:
    """A wrong import path would prevent the start of every replica."""
    one = yaml.safe_load((RAY / "config.yaml").read_text(encoding="utf-8"))
    (application,) = one["applications"]
    module, _, name = application["import_path"].partition(":")

    assert re.search(rf"^{name} = ", (RAY / f"{module}.py").read_text(encoding="utf-8"), re.MULTILINE)


def test_the_settings_in_the_configuration_are_valid() -> None:
    """A misspelt setting would prevent the start of every replica."""
    one = yaml.safe_load((RAY / "config.yaml").read_text(encoding="utf-8"))
    (application,) = one["applications"]
    variables = from_environment(application["runtime_env"]["env_vars"])

    assert Settings.model_validate(variables).cpu_threads == 1


def test_the_ray_version_is_the_tested_one() -> None:
    """The settings of Ray differ between versions."""
    ray_service = yaml.safe_load((RAY / "rayservice.yaml").read_text(encoding="utf-8"))
    pinned = (RAY / "requirements.txt").read_text(encoding="utf-8").splitlines()[-1]

    assert pinned == f"ray[serve]=={ray_service['spec']['rayClusterConfig']['rayVersion']}"
