"""The InferenceService for KServe fits our image, our settings and our Deployment."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from poolhouse.settings import Settings, all_settings
from tests.served_document import served_document

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")


def read(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / name).read_text(encoding="utf-8"))
    return document


@pytest.fixture(scope="module")
def predictor() -> dict[str, Any]:
    """The pod of the InferenceService."""
    found: dict[str, Any] = read("kserve/inferenceservice.yaml")["spec"]["predictor"]
    return found


@pytest.fixture(scope="module")
def container(predictor: dict[str, Any]) -> dict[str, Any]:
    (found,) = predictor["containers"]
    return dict(found)


def test_the_container_is_the_one_that_kserve_looks_for(container: dict[str, Any]) -> None:
    """KServe adds a container of its own if none has this name."""
    assert container["name"] == "kserve-container"


def test_the_port_is_that_of_the_image(container: dict[str, Any]) -> None:
    """KServe's Service sends all requests to the first port."""
    exposed = re.search(r"^EXPOSE (\d+)$", DOCKERFILE, re.MULTILINE)
    listened = re.search(r"POOLHOUSE_PORT=(\d+)$", DOCKERFILE, re.MULTILINE)
    (port,) = container["ports"]

    assert exposed is not None
    assert listened is not None
    assert [port["containerPort"]] == [int(exposed[1])] == [int(listened[1])]


def test_every_probe_is_a_route_on_that_port(container: dict[str, Any]) -> None:
    """A probe that gets 404 restarts every pod, for ever."""
    paths = set(served_document()["paths"])
    probes = [container[f"{name}Probe"]["httpGet"] for name in ("startup", "readiness", "liveness")]

    assert [probe["path"] for probe in probes] == ["/v2/health/live", "/v2/health/ready", "/v2/health/live"]
    for probe in probes:
        assert probe["path"] in paths
        assert probe["port"] == container["ports"][0]["containerPort"]


def test_the_variables_are_settings_with_valid_values(
    container: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown setting or a wrong value ends the service at its start."""
    given = {each["name"]: each["value"] for each in container["env"]}
    for name, value in given.items():
        monkeypatch.setenv(name, value)

    assert given.keys() <= {row.environment for row in all_settings()}
    assert Settings().port == container["ports"][0]["containerPort"]


def test_the_pod_is_as_strict_as_that_of_our_deployment(predictor: dict[str, Any], container: dict[str, Any]) -> None:
    """Both run the same image, so each needs what the other needs: time to drain, /tmp, and no rights."""
    pod = read("kubernetes/base/deployment.yaml")["spec"]["template"]["spec"]
    (ours,) = pod["containers"]

    for name in ("securityContext", "terminationGracePeriodSeconds", "enableServiceLinks", "volumes"):
        assert predictor[name] == pod[name], name
    for name in ("image", "securityContext", "resources", "lifecycle", "volumeMounts"):
        assert container[name] == ours[name], name
    for name in ("startup", "readiness", "liveness"):
        rest = [
            {key: each[key] for key in each if key != "httpGet"}
            for each in (container[f"{name}Probe"], ours[f"{name}Probe"])
        ]
        assert rest[0] == rest[1], name
