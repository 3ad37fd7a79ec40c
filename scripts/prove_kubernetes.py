"""What a schema cannot see in the rendered manifests, and the base run by podman. Called by scripts/prove_kubernetes.

``check RENDERED OUT`` reads every rendered file, holds it to the rules below, and writes the objects of Kubernetes
itself to OUT for its validator. ``run BASE PODMAN…`` plays the base and calls it.
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

# What belongs to operators that a cluster may have. Their schemas are not in Kubernetes' validator, so the fields
# that we write are listed here, as the operators' documents give them.
CUSTOM_FIELDS = {
    "ScaledObject": (
        "keda.sh/v1alpha1",
        {"scaleTargetRef", "minReplicaCount", "maxReplicaCount", "pollingInterval", "cooldownPeriod", "triggers"},
    ),
    "PrometheusRule": ("monitoring.coreos.com/v1", {"groups"}),
    "ServiceMonitor": ("monitoring.coreos.com/v1", {"selector", "jobLabel", "endpoints"}),
}


def say(text: str) -> None:
    """One line of progress."""
    print(f"prove_kubernetes: {text}", file=sys.stderr, flush=True)


def stop_timeout_s(settings: Settings) -> float:
    """How long the service may take to stop."""
    return max(settings.grace_period_s, settings.drain_delay_s)


def check_pod_security(pod: Manifest) -> None:
    """The pod keeps the Pod Security Standard "restricted"."""
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
    """The pod stops in time, is asked at paths that there are, and has settings that the service takes."""
    (deployment,) = (each for each in objects if each["kind"] == "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    check_pod_security(pod)
    assert pod["enableServiceLinks"] is False
    assert pod["automountServiceAccountToken"] is False
    (container,) = pod["containers"]
    (configuration,) = (each for each in objects if each["kind"] == "ConfigMap")
    assert container["envFrom"] == [{"configMapRef": {"name": configuration["metadata"]["name"]}}]
    assert "POOLHOUSE_API_KEYS" not in configuration["data"], "API keys belong into a Secret"
    # An unknown name or a value that is none is refused here, as at the service's start.
    settings = Settings(**from_environment(configuration["data"]))  # type: ignore[arg-type]  # text, as in the environment
    waits = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] > waits + stop_timeout_s(settings)
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
            assert "replicas" not in deployment["spec"], "an apply would undo what the autoscaler did"
    assert all(selector and selector.items() <= labels.items() for selector in selectors), selectors


def check_custom_resource(resource: Manifest) -> None:
    """An object of an operator has its version, and no field that it does not know."""
    version, fields = CUSTOM_FIELDS[resource["kind"]]
    assert resource["apiVersion"] == version
    assert resource["spec"].keys() <= fields, resource["spec"].keys() - fields
    ours = set(re.findall(r"`(poolhouse_\w+)`", (Path(__file__).parent.parent / "docs" / "metrics.md").read_text()))
    for trigger in resource["spec"].get("triggers", ()):
        assert trigger["metadata"].keys() == {"serverAddress", "query", "threshold"}
        assert isinstance(trigger["metadata"]["threshold"], str)
        named = set(re.findall(r"poolhouse_\w+", trigger["metadata"]["query"]))
        assert named, trigger
        assert named <= ours, f"no such metric: {named - ours}"


def parse_gibibytes(text: str) -> float:
    assert text.endswith("Gi"), text
    return float(text.removesuffix("Gi"))


def check_renderings(rendered: Path, builtin_folder: Path) -> None:
    """Hold every rendered file to the rules, and put aside what Kubernetes' own validator reads."""
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
    """Play the base, pool through it, and take it down."""
    played: list[Manifest] = []
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    for each in yaml.safe_load_all(base.read_text(encoding="utf-8")):
        if each["kind"] not in ("ConfigMap", "Deployment"):
            continue
        if each["kind"] == "Deployment":
            # One pod, reached on a port of this machine. podman asks probes with a curl inside of the container, which
            # our image has not; everything else is as it is.
            each["spec"]["replicas"] = 1
            (container,) = each["spec"]["template"]["spec"]["containers"]
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                del container[probe]
            container["ports"][0]["hostPort"] = port
            container["image"] = "localhost/poolhouse:cpu"
        played.append(each)
    file = base.with_name("played.yaml")
    file.write_text(yaml.safe_dump_all(played), encoding="utf-8")
    subprocess.run([*podman, "kube", "play", str(file)], check=True, stdout=sys.stderr)
    x = np.random.default_rng(1).standard_normal((2, 3, 8, 8), dtype=np.float32)
    begun = monotonic()
    with Client(f"http://127.0.0.1:{port}", max_retries=0) as client:
        while True:
            try:
                output = client.global_max_pool2d(x).output
                break
            except Exception:
                assert monotonic() - begun < START_LIMIT_S, "the pod did not answer"
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
    say("the base's pod answers, is healthy, and stops with exit code 0")


if __name__ == "__main__":
    terminate_children_on_sigterm()
    if sys.argv[1] == "check":
        check_renderings(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        play_base(Path(sys.argv[2]), sys.argv[3:])
