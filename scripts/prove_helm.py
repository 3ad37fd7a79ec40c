"""The chart renders to the objects of deploy/kubernetes/base, and its values reach where they should.

Called by scripts/prove_kubernetes: ``prove_helm.py CHART BASE KEYED``, BASE being the base as kustomize renders it, and
KEYED the same with the component ``keys``. Helm's own code does the rendering, as a Python package brings it.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import helm_python as helm  # type: ignore[import-not-found]  # in the environment of the checkers alone
import yaml

Objects = dict[tuple[str, str], dict[str, Any]]
_HASHED_NAME = re.compile(r"poolhouse-[a-z0-9]{10}\b")


def parse_objects(text: str) -> Objects:
    """The objects of a file by kind and name; a ConfigMap's name ends in a hash of each tool's own."""
    found = [each for each in yaml.safe_load_all(_HASHED_NAME.sub("poolhouse-HASH", text)) if each]
    return {(each["kind"], each["metadata"]["name"]): each for each in found}


def render_chart(chart: Path, values: dict[str, object]) -> str:
    """What Helm makes of the chart."""
    with helm.Chart.load(str(chart)) as loaded:
        return "\n---\n".join(loaded.render(values, name="any", namespace="poolhouse").values())


def compare_with_kustomize(chart: Path, values: dict[str, object], kustomized: Path) -> int:
    """Compare what these values make of the chart with what kustomize rendered, and give how many objects there are."""
    wanted = parse_objects(kustomized.read_text())
    # Helm makes the namespace itself, where it is told to.
    del wanted[("Namespace", "poolhouse")]
    found = parse_objects(render_chart(chart, values))
    assert found == wanted, {key: (found.get(key), wanted.get(key)) for key in found.keys() | wanted.keys()}
    return len(found)


def render_error(chart: Path, values: dict[str, object]) -> str:
    """What Helm says of values that the chart refuses; empty where it renders them."""
    try:
        render_chart(chart, values)
    except helm.HelmError as refused:
        return str(refused)
    return ""


def main(chart: Path, base: Path, keyed: Path) -> None:
    """Lint, compare, change each value."""
    told = helm.lint(str(chart), strict=True)
    assert not told["errors"], told
    compared = compare_with_kustomize(chart, {}, base)
    compare_with_kustomize(chart, {"keysSecret": "poolhouse-keys"}, keyed)

    plain = render_chart(chart, {})
    changes: tuple[tuple[dict[str, object], str], ...] = (
        ({"image": {"name": "elsewhere.test/poolhouse:9"}}, "elsewhere.test/poolhouse:9"),
        ({"image": {"pullPolicy": "Always"}}, "imagePullPolicy: Always"),
        ({"replicas": 7}, "replicas: 7"),
        ({"settings": {"POOLHOUSE_MAX_WORK": "12345"}}, "12345"),
        ({"keysSecret": "keys-of-elsewhere"}, 'secretName: "keys-of-elsewhere"'),
        ({"resources": {"limits": {"memory": "77Gi"}}}, "memory: 77Gi"),
    )
    for values, words in changes:
        assert words not in plain, words
        assert words in render_chart(chart, values), values
    named = [
        _HASHED_NAME.findall(render_chart(chart, {"settings": {"POOLHOUSE_DRAIN_DELAY_S": text}})) for text in "12"
    ]
    assert named[0] != named[1], "a changed setting must roll the pods"
    assert "keysSecret" in render_error(chart, {"settings": {"POOLHOUSE_API_KEYS": "a=correct-horse-battery"}})
    print(f"prove_helm: Helm {helm.helm_sdk_version()} renders the base's {compared} objects", file=sys.stderr)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
