"""The version is one that pip and Semantic Versioning both read, and is written once."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.version import Version

import poolhouse
from poolhouse import version

ROOT = Path(__file__).resolve().parent.parent


def test_the_version_is_canonical() -> None:
    """Major, minor and patch, and perhaps a candidate; no local part, which an index refuses."""
    assert str(Version(version.__version__)) == version.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+(rc\d+)?", version.__version__)


def test_the_package_and_the_distribution_take_it_from_this_module() -> None:
    """A release changes one line."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    path = Path(declared["tool"]["hatch"]["version"]["path"])

    assert poolhouse.__version__ is version.__version__
    assert "version" in declared["project"]["dynamic"]
    assert (ROOT / path).samefile(version.__file__)
    assert [line for line in (ROOT / path).read_text(encoding="utf-8").splitlines() if "=" in line] == [
        f'__version__ = "{version.__version__}"'
    ]
