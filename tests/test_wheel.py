"""What the proof of the wheel says of imports and of the description, without a wheel."""

from __future__ import annotations

import re

import pytest
from prove_wheel import IMPORTED, broken_links, prove_import

from tests.test_packaging import DECLARED, ROOT

CLIENT, PEERS = IMPORTED.values()


@pytest.mark.parametrize("slowness", [1.0, 20.0])
def test_a_slow_machine_does_not_make_the_client_slow_to_import(slowness: float) -> None:
    """On a machine with other work a fixed time fails the proof, and says nothing of the client."""
    prove_import(lambda imported: slowness * {CLIENT: 0.13, PEERS: 0.19}[imported])


def test_one_slow_moment_is_no_matter() -> None:
    """The first import writes the bytecode."""
    moments = iter([9.0, 0.2, 0.1, *[0.3] * 7])

    prove_import(lambda _: next(moments))


def test_a_client_that_imports_too_much_is_found() -> None:
    """With a library of the server in it everyone would wait at each start of a script."""
    with pytest.raises(AssertionError, match=r"the client 0\.80 s, numpy and httpx 0\.19 s"):
        prove_import({CLIENT: 0.8, PEERS: 0.19}.__getitem__)


def description() -> str:
    """README.md as the build plugin makes the distribution's description of it."""
    declared = DECLARED["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]
    (fragment,) = declared["fragments"]
    text: str = (ROOT / fragment["path"]).read_text(encoding="utf-8")
    for row in declared["substitutions"]:
        text = re.sub(row["pattern"], row["replacement"], text)
    return text


def test_the_description_leads_nowhere_that_is_not_there() -> None:
    """On an index page the links and the picture of README.md lead into a repository that is not there."""
    told = description()

    assert broken_links(told) == []
    assert "examples/" not in told
    assert "scripts/serve" not in told


def test_the_description_says_how_a_distribution_is_installed() -> None:
    """In a checkout it is the dot, and elsewhere the name."""
    commands = re.findall(
        r"`(pip install [^`]+)`", (ROOT / "README.md").read_text(encoding="utf-8").split("## Install")[1]
    )

    told = re.findall(r"`(pip install [^`]+)`", description())

    assert told == [each.replace(".", "poolhouse", 1) for each in commands if "poolhouse" not in each]
    assert len(told) == 5


def test_the_description_is_no_stump() -> None:
    """Leaving out is easily overdone."""
    told = description()

    for heading in ("# poolhouse", "## Install", "## A first call", "## Operators", "## When not to use it"):
        assert f"\n{heading}\n" in f"\n{told}"
    assert "\n\n\n" not in told


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see [here](docs/a.md)", ["[here](docs/a.md)"]),
        ("![a picture](a.png)", ["![a picture](a.png)"]),
        ("a <!-- mark --> of ours", ["<!-- mark -->"]),
        ("[there](https://example.com/a), [above](#install), and\n```sh\n[x](y)\n```\n", []),
    ],
)
def test_what_leads_nowhere_is_found(text: str, found: list[str]) -> None:
    """The tests above show something only if it sees what it looks for."""
    assert broken_links(text) == found
