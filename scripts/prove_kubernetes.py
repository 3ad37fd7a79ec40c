"""Check the rendered manifests beyond their schema, and run the base with podman. Called by scripts/prove_kubernetes.

``check RENDERED OUT`` checks every rendered file by the rules below, and writes the objects of built-in kinds to OUT
for the schema validator. ``run BASE PODMAN…`` runs the base and calls it.
"""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import numpy as np
import yaml
from _termination import terminate_children_on_sigterm
from fastapi.routing import iter_route_contexts

from poolhouse import Client
from poolhouse.rest.app import create_app
from poolhouse.settings import Settings, from_environment

START_LIMIT_S = 60.0
Manifest = dict[str, Any]

# Custom resources of operators that a cluster may have. The validator has no schemas for them, so their valid fields
# are listed here, from the operators' documentation.
CUSTOM_FIELDS = {
    "ScaledObject": (
        "keda.sh/v1alpha1",
        {"scaleTargetRef", "minReplicaCount", "maxReplicaCount", "pollingInterval", "cooldownPeriod", "triggers"},
    ),
    "PrometheusRule": ("monitoring.coreos.com/v1", {"groups"}),
    "ServiceMonitor": ("monitoring.coreos.com/v1", {"selector", "jobLabel", "endpoints"}),
}


def say(text: str) -> None:
    """Print one line of progress."""
    print(f"prove_kubernetes: {text}", file=sys.stderr, flush=True)


def stop_timeout_s(settings: Settings) -> float:
    """The longest time that the service takes to stop."""
    return max(settings.grace_period_s, settings.drain_delay_s)


def check_pod_security(pod: Manifest) -> None:
    """Check the Pod Security Standard "restricted"."""
    context = pod["securityContext"]
    assert context["runAsNonRoot"] is True
    assert context["runAsUser"] > 0
    assert context["seccompProfile"]["type"] == "RuntimeDefault"
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    assert all(
        volume.keys() - {"name"} <= {"emptyDir", "configMap", "secret", "projected"} for volume in pod["volumes"]
    )
    for container in pod["containers"]:
        own = container["securityContext"]
        assert own["allowPrivilegeEscalation"] is False
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert own["readOnlyRootFilesystem"] is True
        assert all("hostPort" not in port for port in container["ports"])


def check_deployment(objects: list[Manifest]) -> None:
    """Check that the pod has time to stop, valid probe paths, and valid settings."""
    (deployment,) = (each for each in objects if each["kind"] == "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    check_pod_security(pod)
    assert pod["enableServiceLinks"] is False
    assert pod["automountServiceAccountToken"] is False
    (container,) = pod["containers"]
    (configuration,) = (each for each in objects if each["kind"] == "ConfigMap")
    assert container["envFrom"] == [{"configMapRef": {"name": configuration["metadata"]["name"]}}]
    assert "POOLHOUSE_API_KEYS" not in configuration["data"], "API keys belong into a Secret"
    # Raises an error for an unknown name or an invalid value, as the service does at its start.
    settings = Settings(**from_environment(configuration["data"]))  # type: ignore[arg-type]  # text, as in the environment
    pre_stop_s = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] > pre_stop_s + stop_timeout_s(settings)
    paths = {route.path for route in iter_route_contexts(create_app(Settings()).routes)}
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["path"] in paths, probe
        assert container[probe]["httpGet"]["port"] in {port["name"] for port in container["ports"]}
    limits = container["resources"]["limits"]
    assert limits == container["resources"]["requests"], "the pod is not Guaranteed"
    assert parse_gibibytes(limits["memory"]) * 2**30 >= 2 * settings.max_queue_bytes + 2**29, (
        "less memory than it admits"
    )
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    selectors = [deployment["spec"]["selector"]["matchLabels"]]
    for each in objects:
        if each["kind"] == "Service":
            selectors.append(each["spec"]["selector"])
            assert each["spec"]["ports"][0]["targetPort"] in {port["name"] for port in container["ports"]}
        if each["kind"] in ("PodDisruptionBudget", "ServiceMonitor"):
            selectors.append(each["spec"]["selector"]["matchLabels"])
        if each["kind"] in ("HorizontalPodAutoscaler", "ScaledObject"):
            assert each["spec"]["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
            assert "replicas" not in deployment["spec"], "kubectl apply would reset the number of replicas"
    assert all(selector and selector.items() <= labels.items() for selector in selectors), selectors


def check_custom_resource(resource: Manifest) -> None:
    """Check the version and the fields of a custom resource."""
    version, fields = CUSTOM_FIELDS[resource["kind"]]
    assert resource["apiVersion"] == version
    assert resource["spec"].keys() <= fields, resource["spec"].keys() - fields
    metrics = set(re.findall(r"`(poolhouse_\w+)`", (Path(__file__).parent.parent / "docs" / "metrics.md").read_text()))
    for trigger in resource["spec"].get("triggers", ()):
        assert trigger["metadata"].keys() == {"serverAddress", "query", "threshold"}
        assert isinstance(trigger["metadata"]["threshold"], str)
        queried = set(re.findall(r"poolhouse_\w+", trigger["metadata"]["query"]))
        assert queried, trigger
        assert queried <= metrics, f"no such metric: {queried - metrics}"


def parse_gibibytes(text: str) -> float:
    assert text.endswith("Gi"), text
    return float(text.removesuffix("Gi"))


def check_renderings(rendered: Path, builtin_folder: Path) -> None:
    """Check every rendered file, and write the objects of built-in kinds for the validator."""
    builtin_folder.mkdir()
    for file in sorted(rendered.glob("*.yaml")):
        objects: list[Manifest] = list(yaml.safe_load_all(file.read_text(encoding="utf-8")))
        assert objects
        assert all(each["metadata"].get("namespace", "poolhouse") == "poolhouse" for each in objects)
        check_deployment(objects)
        for each in objects:
            if each["kind"] in CUSTOM_FIELDS:
                check_custom_resource(each)
            else:
                (builtin_folder / f"{file.stem}-{each['kind']}.yaml").write_text(yaml.safe_dump(each), encoding="utf-8")
    say(f"{len(list(rendered.glob('*.yaml')))} renderings keep the rules")


def play_base(base: Path, podman: list[str]) -> None:
    """Run the base with podman, pool through it, and stop it."""
    manifests: list[Manifest] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    for each in yaml.safe_load_all(base.read_text(encoding="utf-8")):
        if each["kind"] not in ("ConfigMap", "Deployment"):
            continue
        if each["kind"] == "Deployment":
            # One pod on a port of this machine, without probes, for which podman needs curl in the container.
            # Everything else is unchanged.
            each["spec"]["replicas"] = 1
            (container,) = each["spec"]["template"]["spec"]["containers"]
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                del container[probe]
            container["ports"][0]["hostPort"] = port
            container["image"] = "localhost/poolhouse:cpu"
        manifests.append(each)
    file = base.with_name("played.yaml")
    file.write_text(yaml.safe_dump_all(manifests), encoding="utf-8")
    subprocess.run([*podman, "kube", "play", str(file)], check=True, stdout=sys.stderr)
    x = np.random.default_rng(1).standard_normal((2, 3, 8, 8), dtype=np.float32)
    start = monotonic()
    with Client(f"http://127.0.0.1:{port}", max_retries=0) as client:
        while True:
            try:
                output = client.global_max_pool2d(x).output
                break
            except Exception:
                assert monotonic() - start < START_LIMIT_S, "the pod did not respond"
                sleep(0.2)
    assert np.array_equal(output, x.max((2, 3), keepdims=True))
    name = subprocess.run([*podman, "ps", "--format", "{{.Names}}"], check=True, stdout=subprocess.PIPE, text=True)
    (container_name,) = (line for line in name.stdout.splitlines() if line.endswith("-poolhouse"))
    health = subprocess.run([*podman, "exec", container_name, "python", "-m", "poolhouse.health"], check=False)
    assert health.returncode == 0
    subprocess.run([*podman, "stop", "--time", "40", container_name], check=True, stdout=sys.stderr)
    code = subprocess.run(
        [*podman, "inspect", "--format", "{{.State.ExitCode}}", container_name],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert code.stdout.strip() == "0", code.stdout
    say("the base's pod responds, is healthy, and stops with exit code 0")


if __name__ == "__main__":
    terminate_children_on_sigterm()
    if sys.argv[1] == "check":
        check_renderings(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        play_base(Path(sys.argv[2]), sys.argv[3:])
