"""What the distribution promises: a plain install that is the client, and pins that are complete."""

from __future__ import annotations

import hashlib
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from poolhouse.cli import main
from poolhouse.version import __version__

ROOT = Path(__file__).resolve().parent.parent
DECLARED = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SERVER_LIBRARIES = (
    "torch",
    "numba",
    "llvmlite",
    "fastapi",
    "starlette",
    "uvicorn",
    "pydantic",
    "pydantic_settings",
    "orjson",
    "click",
    "prometheus_client",
)

# Makes the named libraries as absent as in the plain install, then runs what follows.
BLOCK = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in {libraries!r}:
            raise ModuleNotFoundError(f'No module named {{name!r}}', name=name)
sys.meta_path.insert(0, Absent())
"""


def run_plain(code: str, absent: Sequence[str] = SERVER_LIBRARIES) -> subprocess.CompletedProcess[str]:
    """Run this code as in the plain install: without any library of the server extra, or without these."""
    script = BLOCK.format(libraries=tuple(absent)) + code
    return subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": str(ROOT / "service")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def pins() -> dict[str, Version]:
    """The versions of constraints.txt by canonical name."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    rows = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {canonicalize_name(name): Version(version) for name, version in rows}


def declared_requirements() -> list[Requirement]:
    """All that pyproject.toml asks for: plain, extras, groups."""
    project = DECLARED["project"]
    lists = [
        project["dependencies"],
        *project["optional-dependencies"].values(),
        *DECLARED["dependency-groups"].values(),
    ]
    return [Requirement(line) for lines in lists for line in lines]


def needed_distributions() -> dict[str, str]:
    """Every distribution that an install here brings, with who asks for it."""
    found: dict[str, str] = {}
    waiting = [(requirement, "pyproject.toml") for requirement in declared_requirements()]
    while waiting:
        requirement, asker = waiting.pop()
        extras = requirement.extras or {""}
        if requirement.marker and not any(requirement.marker.evaluate({"extra": extra}) for extra in extras):
            continue
        name = canonicalize_name(requirement.name)
        # torch pins the CUDA parts of its builds itself, exactly.
        if name in found or (asker == "torch" and str(requirement.specifier).startswith("==")):
            continue
        found[name] = asker
        try:
            wanted = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        for line in wanted:
            inner = Requirement(line)
            if inner.marker is None or any(inner.marker.evaluate({"extra": extra}) for extra in extras):
                inner.marker = None
                waiting.append((inner, name))
    return found


def test_the_face_imports_without_the_server_and_at_once() -> None:
    """A caller of the client must not pay for torch, in disk or in time."""
    took_s: list[float] = []
    for _ in range(3):
        plain = run_plain(
            "import time; begun = time.perf_counter(); import poolhouse; took = time.perf_counter() - begun\n"
            "assert poolhouse.__version__ and poolhouse.TooLarge.status == 413\n"
            "print(took)"
        )
        assert plain.returncode == 0, plain.stderr
        took_s.append(float(plain.stdout))

    # The best of three: what the machine does beside this is not under test.
    assert min(took_s) < 0.3


def test_the_face_names_every_error() -> None:
    """A caller catches by class, and finds the classes in one place."""
    plain = run_plain(
        "import poolhouse\n"
        "from poolhouse.errors import CODES\n"
        "missing = {e.__name__ for e in CODES.values()} - set(poolhouse.__all__)\n"
        "assert not missing, missing\n"
        "assert all(hasattr(poolhouse, name) for name in poolhouse.__all__)"
    )

    assert plain.returncode == 0, plain.stderr


def test_the_version_needs_no_server() -> None:
    """It is the first thing that one is asked for in a report."""
    plain = run_plain("import poolhouse.cli\nsys.exit(poolhouse.cli.main(['--version']))")

    assert (plain.returncode, plain.stdout) == (0, f"poolhouse {__version__}\n")


def test_a_fault_of_our_own_is_not_taken_for_a_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """A room that is missing from a broken install is a bug, and its traceback is needed."""

    def broken(name: str) -> object:
        raise ModuleNotFoundError("No module named 'poolhouse.rest'", name="poolhouse.rest")

    monkeypatch.setattr("poolhouse.cli.import_module", broken)

    with pytest.raises(ModuleNotFoundError, match=r"poolhouse\.rest"):
        main(["serve"])


def test_every_distribution_that_is_needed_is_pinned() -> None:
    """CI and a newcomer's first start should meet the same versions."""
    unpinned = {name: asker for name, asker in needed_distributions().items() if name not in pins()}

    assert not unpinned, f"add to constraints.txt (name: who asks for it): {unpinned}"


def test_the_pins_fit_what_is_declared() -> None:
    """A pin outside of the declared range would stop every install."""
    versions = pins()
    wrong = [
        f"{requirement} against {versions[name]}"
        for requirement in declared_requirements()
        if (name := canonicalize_name(requirement.name)) in versions
        and not requirement.specifier.contains(versions[name])
    ]

    assert not wrong


def test_every_library_has_a_lower_and_an_upper_bound() -> None:
    """A version that nobody has run is none that an install should choose."""
    project = DECLARED["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    bounds = {line: [each.operator for each in Requirement(line).specifier] for lines in lists for line in lines}

    assert [line for line, operators in bounds.items() if sorted(operators) != ["<", ">="]] == []


def test_the_pins_name_versions_alone() -> None:
    """A URL or a build tag would tie the file to one machine's index."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()

    assert [line for line in lines if not re.fullmatch(r"#.*|[A-Za-z0-9._-]+==[0-9][0-9A-Za-z.]*", line)] == []


def test_the_plain_install_is_numpy_httpx_and_its_core() -> None:
    """Whatever is added here, every caller of the client installs."""
    assert {Requirement(line).name for line in DECLARED["project"]["dependencies"]} == {"numpy", "httpx", "httpcore"}


def test_the_licence_is_apache_2_word_for_word() -> None:
    """A licence with a changed word is another licence."""
    digest = hashlib.sha256((ROOT / "LICENSE").read_bytes()).hexdigest()

    assert digest == "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"


@pytest.mark.parametrize(
    "script", ["scripts/serve", "scripts/test", "scripts/check", "scripts/generate", "scripts/prove_lowest", ".ci/run"]
)
def test_a_script_can_be_started(script: str) -> None:
    """A checkout without the executable bit, or a script that bash cannot read, is no door."""
    path = ROOT / script

    assert path.stat().st_mode & 0o111
    assert subprocess.run(["bash", "-n", str(path)], check=False).returncode == 0


def test_the_changelog_knows_this_version() -> None:
    """A release without a word on what changed is no release."""
    assert f"## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_pages_install_from_where_the_package_is() -> None:
    """One page said `pip install .`, another `pip install poolhouse`, which no index has."""
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "deploy").rglob("*.md")]
    told = {
        page.relative_to(ROOT).as_posix(): re.findall(r"pip install '?poolhouse\S*", page.read_text(encoding="utf-8"))
        for page in pages
    }

    # The one says what it will be, the other what a command says that lacks something.
    assert {page: found for page, found in told.items() if found} == {
        "README.md": ["pip install 'poolhouse[server]'`."],
        "docs/command-line.md": ["pip install 'poolhouse[server]'`"],
    }
