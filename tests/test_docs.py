"""Run every example in the pages and compare its output; check links, the index and the drawn layers."""

from __future__ import annotations

import ast
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from poolhouse.settings import Settings
from tests.docs.page_runner import PageRunner, missing_optional_program
from tests.docs.pages import OUTPUT, ROOT, RUN, Block, Step, anchors, blocks, links, pages, steps
from tests.rest.live_server import LiveServer, run_live_server
from tests.test_import_layers import LAYERS

PAGES = pages()

# They have the most examples, each in its own process, so they run only with --slow.
LONG_PAGES = ("docs/command-line.md", "docs/python.md", "examples/README.md")

# The only commands that may be marked as not run: they do not end, or take minutes.
NOT_RUN_COMMANDS = ("git clone", "cd ", "scripts/", "docker ", "kubectl ", "helm ", "#")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def live_server() -> Iterator[LiveServer]:
    """A server on a free port; on the CPU, since the plans in the pages contain the device."""
    settings = {"port": 0, "device": "cpu", "shared_memory": True, "models_file": str(ROOT / "examples/models.json")}
    with run_live_server(Settings.model_validate(settings)) as server:
        yield server


@pytest.fixture
def page_runner(live_server: LiveServer, tmp_path: Path) -> PageRunner:
    """Runs examples in a temporary folder."""
    if shutil.which("curl") is None:
        pytest.skip("needs curl, and none is installed (Debian: apt-get install curl)")
    return PageRunner.create(tmp_path, f"127.0.0.1:{live_server.port}")


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=pytest.mark.slow if name_of(page) in LONG_PAGES else ())
        for page in PAGES
        if "```" in page.read_text(encoding="utf-8")
    ],
    ids=name_of,
)
def test_the_examples_of_a_page_give_the_output_that_it_shows(page: Path, page_runner: PageRunner) -> None:
    """New users try the examples first."""
    missing = set()
    for step in steps(page.read_text(encoding="utf-8")):
        if program := missing_optional_program(step):
            missing.add(program)
        else:
            page_runner.run_step(step)

    if missing:
        pytest.skip(f"{name_of(page)}: only examples that need {' and '.join(sorted(missing))} did not run")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_is_run_or_has_a_reason(page: Path) -> None:
    """A block that is not run can become wrong unnoticed."""
    for block in blocks(page.read_text(encoding="utf-8")):
        where = f"{name_of(page)}:{block.line}"
        if block.not_run is not None:
            for line in block.code.splitlines():
                assert line.startswith(NOT_RUN_COMMANDS), f"{where}: {line!r} could be run"
        elif block.language:
            assert block.language in (*RUN, *OUTPUT), f"{where}: blocks in {block.language} are not run"
        else:
            assert "curl" not in block.code, f"{where}: a command without a language is not run"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_has_a_target(page: Path) -> None:
    """Files and headings may be renamed."""
    for link in links(page.read_text(encoding="utf-8")):
        parts = urlsplit(link)
        if parts.scheme:
            assert parts.scheme == "https", f"{name_of(page)}: {link}"
            continue
        target = page if not parts.path else page.parent / parts.path
        assert target.exists(), f"{name_of(page)}: {link} does not exist"
        if parts.fragment:
            assert parts.fragment in anchors(target.read_text(encoding="utf-8")), f"{name_of(page)}: no heading {link}"


def test_every_page_is_in_the_index() -> None:
    """Readers find pages through the index."""
    index = ROOT / "docs" / "README.md"
    linked = set(links(index.read_text(encoding="utf-8")))

    existing = {path.relative_to(index.parent).as_posix() for path in PAGES if path.is_relative_to(index.parent)}

    assert existing - {"README.md"} <= linked


def test_the_layers_in_design_are_the_enforced_ones() -> None:
    """DESIGN.md shows the layers that tests/test_import_layers.py enforces."""
    lines = (ROOT / "DESIGN.md").read_text(encoding="utf-8").splitlines()
    rows = [line.split("|")[1:-1] for line in lines if line.startswith("|")]

    documented = {int(row[0]): frozenset(row[1].replace("`", "").split()) for row in rows if row[0].strip().isdigit()}

    assert documented == LAYERS


@pytest.mark.parametrize("example", ["pool.py", "onnx_node.py", "npy_to_png.py"])
def test_examples_for_plain_python_import_only_the_standard_library(example: str) -> None:
    """According to examples/README.md they need only Python."""
    tree = ast.parse((ROOT / "examples" / example).read_text(encoding="utf-8"))

    imported = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    imported += [node.module or "." for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]

    assert {module.partition(".")[0] for module in imported} <= sys.stdlib_module_names


WRONG_EXAMPLES = [
    ("bash", "curl localhost:8000/livez", "json", '{"status": "asleep"}', "different output"),
    ("bash", "curl localhost:8000/v1/nothing", None, "", "a refusal that the page does not show"),
    ("bash", "curl -o gone localhost:8000/v1/nothing; curl localhost:8000/livez", None, "", "a refusal that"),
    ("bash", "curl localhost:8000/livez", "json", '{"status": 422}', "alive"),
    ("bash", "false | true", None, "", "the command failed"),
    ("python", "print(2)", "text", "3", "different output"),
    ("python", "import warnings; warnings.warn('old')", None, "", "the command failed"),
]


@pytest.mark.parametrize(("language", "code", "output_language", "output", "message"), WRONG_EXAMPLES)
def test_a_wrong_example_is_found(
    page_runner: PageRunner, language: str, code: str, output_language: str | None, output: str, message: str
) -> None:
    """Otherwise the tests above prove nothing."""
    expected = None if output_language is None else Block(output_language, output, 2, None)

    with pytest.raises(AssertionError, match=message):
        page_runner.run_step(Step(Block(language, code, 1, None), expected))


def test_blocks_and_steps_of_a_page_are_parsed() -> None:
    """A parsing error could leave out examples."""
    page = '<!-- not run: it stays -->\n```bash\nscripts/serve\n```\n```bash\ntrue\n```\nsays\n```json\n{"a": 1}\n```\n'

    skipped, command, output = blocks(page)
    (step,) = steps(page)

    assert skipped.not_run == "it stays"
    assert (step.block, step.output) == (command, output)
    assert json.loads(output.code) == {"a": 1}
    with pytest.raises(AssertionError, match="output without a block"):
        steps('```json\n{"a": 1}\n```\n')
