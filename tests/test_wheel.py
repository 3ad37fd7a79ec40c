"""The checks of prove_wheel.py for import time and description, without a wheel."""

from __future__ import annotations

import re

import pytest
from prove_wheel import IMPORTED, broken_links, prove_import

from tests.test_packaging import DECLARED, ROOT

CLIENT, PEERS = IMPORTED.values()


@pytest.mark.parametrize("slowness", [1.0, 20.0])
def test_the_import_time_is_relative_to_the_machine(slowness: float) -> None:
    """On a busy machine a fixed limit would fail without a fault of the client."""
    prove_import(lambda imported: slowness * {CLIENT: 0.13, PEERS: 0.19}[imported])


def test_a_single_slow_import_is_ignored() -> None:
    """The first import writes the bytecode cache."""
    durations = iter([9.0, 0.2, 0.1, *[0.3] * 7])

    prove_import(lambda _: next(durations))


def test_a_slow_import_of_the_client_is_found() -> None:
    """Importing a library of the server would delay the start of every script that uses the client."""
    with pytest.raises(AssertionError, match=r"the client 0\.80 s, numpy and httpx 0\.19 s"):
        prove_import({CLIENT: 0.8, PEERS: 0.19}.__getitem__)


def description() -> str:
    """The description of the distribution, which the build plugin makes from README.md."""
    declared = DECLARED["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]
    (fragment,) = declared["fragments"]
    text: str = (ROOT / fragment["path"]).read_text(encoding="utf-8")
    for row in declared["substitutions"]:
        text = re.sub(row["pattern"], row["replacement"], text)
    return text


def test_the_description_has_no_broken_links() -> None:
    """On the page of a package index, relative links and pictures of README.md do not work."""
    text = description()

    assert broken_links(text) == []
    assert "examples/" not in text
    assert "scripts/serve" not in text


def test_the_description_installs_the_distribution_by_name() -> None:
    """In a checkout the package is installed with a dot, elsewhere by name."""
    commands = re.findall(
        r"`(pip install [^`]+)`", (ROOT / "README.md").read_text(encoding="utf-8").split("## Install")[1]
    )

    commands_by_name = re.findall(r"`(pip install [^`]+)`", description())

    assert commands_by_name == [each.replace(".", "poolhouse", 1) for each in commands if "poolhouse" not in each]
    assert len(commands_by_name) == 7


def test_the_description_is_complete() -> None:
    """The substitutions must not remove whole sections."""
    text = description()

    for heading in ("# poolhouse", "## Install", "## A first call", "## Operators", "## When not to use it"):
        assert f"\n{heading}\n" in f"\n{text}"
    assert "\n\n\n" not in text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see [here](docs/a.md)", ["[here](docs/a.md)"]),
        ("![a picture](a.png)", ["![a picture](a.png)"]),
        ("a <!-- mark --> of ours", ["<!-- mark -->"]),
        ("[there](https://example.com/a), [above](#install), and\n```sh\n[x](y)\n```\n", []),
    ],
)
def test_a_broken_link_is_found(text: str, found: list[str]) -> None:
    """The check must find what it looks for."""
    assert broken_links(text) == found
