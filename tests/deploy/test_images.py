"""Every image that deploy/ runs is built by our Dockerfile, or is one of a few third-party images."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
TARGETS = frozenset(re.findall(r"^FROM runtime AS (\S+)$", DOCKERFILE, re.MULTILINE))
THIRD_PARTY = frozenset({"prom/prometheus", "grafana/grafana"})
# Helm templates are no YAML; their images are in the values.
FILES = sorted(
    file.relative_to(ROOT).as_posix()
    for file in (*ROOT.glob("docker-compose*.yml"), *(ROOT / "deploy").rglob("*.y*ml"))
    if "templates" not in file.parts
)


def images(document: object) -> Iterator[str]:
    """All images in a YAML document, in the form of manifests or of Helm values."""
    if isinstance(document, list):
        for each in document:
            yield from images(each)
    elif isinstance(document, dict):
        for key, value in document.items():
            if key == "image":
                yield value if isinstance(value, str) else value["name"]
            else:
                yield from images(value)
            if isinstance(value, str) and "image:" in value:
                yield from images(list(yaml.safe_load_all(value)))


@pytest.mark.parametrize("file", FILES)
def test_every_image_is_built_by_our_dockerfile(file: str) -> None:
    """An image that is not built would fail at deployment, with ImagePullBackOff."""
    for image in images(list(yaml.safe_load_all((ROOT / file).read_text(encoding="utf-8")))):
        name, _, tag = image.partition(":")
        if name not in THIRD_PARTY:
            assert (name, tag in TARGETS) == ("poolhouse", True), f"{image} is no target of {sorted(TARGETS)}"


def test_all_images_are_found() -> None:
    """A check that finds no image would always pass."""
    found = {
        image for file in FILES for image in images(list(yaml.safe_load_all((ROOT / file).read_text(encoding="utf-8"))))
    }

    assert {f"poolhouse:{target}" for target in TARGETS} <= found
    assert {image.partition(":")[0] for image in found} == {"poolhouse", *THIRD_PARTY}


def test_compose_builds_each_image_from_the_target_of_its_name() -> None:
    """`docker compose up` builds missing images, and must not give one the name of another."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    built = {each["image"]: each["build"]["target"] for each in services.values() if "build" in each}

    assert built == {"poolhouse:cpu": "cpu", "poolhouse:cuda": "cuda"}


def test_the_ray_image_matches_the_ray_service() -> None:
    """Nodes import the application from the working directory of the image, and .dockerignore includes copied files."""
    ray_service = yaml.safe_load((ROOT / "deploy" / "ray" / "rayservice.yaml").read_text(encoding="utf-8"))
    (container,) = ray_service["spec"]["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]["containers"]
    given = {entry["name"]: entry["value"] for entry in container["env"]}
    stage = DOCKERFILE.partition("FROM runtime AS ray\n")[2].partition("\nFROM ")[0]
    copied = re.findall(r"deploy/ray/\S+", "".join(re.findall(r"^COPY .*\n", DOCKERFILE, re.MULTILINE)))
    sent = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()

    for name, value in given.items():
        quoted = f'"{value}"' if " " in value else value
        assert f" {name}={quoted} " in stage.replace("\n", " ")
    assert f"WORKDIR {given['PYTHONPATH']}\n" in stage
    for file in copied:
        assert (ROOT / file).is_file()
        assert f"!{file}" in sent
