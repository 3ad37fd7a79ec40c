"""Every image that something in deploy/ runs is one that our Dockerfile builds, or one of the few of others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
TARGETS = frozenset(re.findall(r"^FROM runtime AS (\S+)$", DOCKERFILE, re.MULTILINE))
OF_OTHERS = frozenset({"prom/prometheus", "grafana/grafana"})
# Templates are no YAML; what they run stands in the values.
FILES = sorted(
    file.relative_to(ROOT).as_posix()
    for file in (*ROOT.glob("docker-compose*.yml"), *(ROOT / "deploy").rglob("*.y*ml"))
    if "templates" not in file.parts
)


def images(document: object) -> Iterator[str]:
    """The images that a document names, at whatever depth, also as Helm's values name them."""
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
def test_every_image_is_one_that_is_built(file: str) -> None:
    """One that nobody builds is found out by whoever deploys it, as ImagePullBackOff."""
    for image in images(list(yaml.safe_load_all((ROOT / file).read_text(encoding="utf-8")))):
        name, _, tag = image.partition(":")
        if name not in OF_OTHERS:
            assert (name, tag in TARGETS) == ("poolhouse", True), f"{image} is no target of {sorted(TARGETS)}"


def test_all_of_our_images_are_found_where_they_are_named() -> None:
    """A check that reads nothing passes always."""
    found = {
        image for file in FILES for image in images(list(yaml.safe_load_all((ROOT / file).read_text(encoding="utf-8"))))
    }

    assert {f"poolhouse:{target}" for target in TARGETS} <= found
    assert {image.partition(":")[0] for image in found} == {"poolhouse", *OF_OTHERS}


def test_a_composed_image_is_built_from_the_target_of_its_name() -> None:
    """`docker compose up` builds what is missing, and must not call one by the name of another."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    built = {each["image"]: each["build"]["target"] for each in services.values() if "build" in each}

    assert built == {"poolhouse:cpu": "cpu", "poolhouse:cuda": "cuda"}


def test_the_ray_image_has_what_a_node_starts() -> None:
    """The nodes import pools.py from where the image has put it, and nothing that is copied is kept from the build."""
    many = yaml.safe_load((ROOT / "deploy" / "ray" / "rayservice.yaml").read_text(encoding="utf-8"))
    (container,) = many["spec"]["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]["containers"]
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
