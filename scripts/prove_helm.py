"""Check that the Helm chart renders to the objects of deploy/kubernetes/base, and that each value has its effect.

Called by scripts/prove_kubernetes as ``prove_helm.py CHART BASE KEYED``: BASE is the base rendered by kustomize, and
KEYED the same with the component ``keys``. Helm's own code, packaged for Python, renders the chart.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import helm_python as helm  # type: ignore[import-not-found]  # only in the environment of the checkers
import yaml

Objects = dict[tuple[str, str], dict[str, Any]]
_HASHED_NAME = re.compile(r"poolhouse-[a-z0-9]{10}\b")


def parse_objects(text: str) -> Objects:
    """The objects of a file by kind and name; the hash in a ConfigMap's name, which differs by tool, is replaced."""
    objects = [each for each in yaml.safe_load_all(_HASHED_NAME.sub("poolhouse-HASH", text)) if each]
    return {(each["kind"], each["metadata"]["name"]): each for each in objects}


def render_chart(chart: Path, values: dict[str, object]) -> str:
    """The chart rendered by Helm."""
    with helm.Chart.load(str(chart)) as loaded:
        return "\n---\n".join(loaded.render(values, name="any", namespace="poolhouse").values())


def compare_with_kustomize(chart: Path, values: dict[str, object], kustomized: Path) -> int:
    """Compare the chart with these values with the output of kustomize; returns the number of objects."""
    expected = parse_objects(kustomized.read_text())
    # Helm can create the namespace itself.
    del expected[("Namespace", "poolhouse")]
    actual = parse_objects(render_chart(chart, values))
    assert actual == expected, {key: (actual.get(key), expected.get(key)) for key in actual.keys() | expected.keys()}
    return len(actual)


def render_error(chart: Path, values: dict[str, object]) -> str:
    """Helm's error for values that the chart refuses; empty if it accepts them."""
    try:
        render_chart(chart, values)
    except helm.HelmError as error:
        return str(error)
    return ""


def main(chart: Path, base: Path, keyed: Path) -> None:
    """Lint the chart, compare it with kustomize, and change each value."""
    report = helm.lint(str(chart), strict=True)
    assert not report["errors"], report
    object_count = compare_with_kustomize(chart, {}, base)
    compare_with_kustomize(chart, {"keysSecret": "poolhouse-keys"}, keyed)

    default = render_chart(chart, {})
    changes: tuple[tuple[dict[str, object], str], ...] = (
        ({"image": {"name": "elsewhere.test/poolhouse:9"}}, "elsewhere.test/poolhouse:9"),
        ({"image": {"pullPolicy": "Always"}}, "imagePullPolicy: Always"),
        ({"replicas": 7}, "replicas: 7"),
        ({"settings": {"POOLHOUSE_MAX_WORK": "12345"}}, "12345"),
        ({"keysSecret": "keys-of-elsewhere"}, 'secretName: "keys-of-elsewhere"'),
        ({"resources": {"limits": {"memory": "77Gi"}}}, "memory: 77Gi"),
    )
    for values, words in changes:
        assert words not in default, words
        assert words in render_chart(chart, values), values
    hashed_names = [
        _HASHED_NAME.findall(render_chart(chart, {"settings": {"POOLHOUSE_DRAIN_DELAY_S": text}})) for text in "12"
    ]
    assert hashed_names[0] != hashed_names[1], "a changed setting must roll the pods"
    assert "keysSecret" in render_error(chart, {"settings": {"POOLHOUSE_API_KEYS": "a=correct-horse-battery"}})
    print(f"prove_helm: Helm {helm.helm_sdk_version()} renders the base's {object_count} objects", file=sys.stderr)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
