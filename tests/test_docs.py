"""What the documents say is what happens: every example is run, every answer compared, every link followed."""

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
from tests.docs.pages import ANSWERS, ROOT, RUN, Block, Step, anchors, blocks, links, pages, steps
from tests.rest.live_server import LiveServer, run_live_server
from tests.test_import_layers import LAYERS

PAGES = pages()

# They have the most examples, each in a process of its own; the other pages are followed at every change.
LONG_PAGES = ("docs/command-line.md", "docs/python.md")

# Commands that start what never ends, or install for minutes. Whatever else is marked so has to stand here first.
NOT_RUN_COMMANDS = ("git clone", "cd ", "scripts/", "docker ", "kubectl ", "helm ", "#")


def name_of(page: Path) -> str:
    """A page as a person calls it."""
    return page.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def live_server() -> Iterator[LiveServer]:
    """A server as scripts/serve starts it, on a free port; on the CPU, since plans name their device."""
    with run_live_server(Settings.model_validate({"port": 0, "device": "cpu"})) as server:
        yield server


@pytest.fixture
def page_runner(live_server: LiveServer, tmp_path: Path) -> PageRunner:
    """A folder that looks like a clone to the examples."""
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
def test_a_reader_who_follows_a_page_sees_what_it_says(page: Path, page_runner: PageRunner) -> None:
    """An example that does not run costs every newcomer an hour, and us the newcomer."""
    left_out = set()
    for step in steps(page.read_text(encoding="utf-8")):
        if program := missing_optional_program(step):
            left_out.add(program)
        else:
            page_runner.run_step(step)

    if left_out:
        pytest.skip(f"all of {name_of(page)} ran but what needs {' and '.join(sorted(left_out))}, not installed here")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_is_run_or_says_why_not(page: Path) -> None:
    """A block that is neither run nor excused is a claim that nobody checks."""
    for block in blocks(page.read_text(encoding="utf-8")):
        where = f"{name_of(page)}:{block.line}"
        if block.not_run is not None:
            for line in block.code.splitlines():
                assert line.startswith(NOT_RUN_COMMANDS), f"{where}: {line!r} could be run"
        elif block.language:
            assert block.language in (*RUN, *ANSWERS), f"{where}: nothing runs {block.language}"
        else:
            assert "curl" not in block.code, f"{where}: a command without a language is not run"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    """A front door with a broken step."""
    for link in links(page.read_text(encoding="utf-8")):
        parts = urlsplit(link)
        if parts.scheme:
            assert parts.scheme == "https", f"{name_of(page)}: {link}"
            continue
        target = page if not parts.path else page.parent / parts.path
        assert target.exists(), f"{name_of(page)}: {link} is not there"
        if parts.fragment:
            assert parts.fragment in anchors(target.read_text(encoding="utf-8")), f"{name_of(page)}: no {link}"


def test_every_document_is_in_the_index() -> None:
    """A page that no page names is not found."""
    index = ROOT / "docs" / "README.md"
    named = set(links(index.read_text(encoding="utf-8")))

    written = {path.relative_to(index.parent).as_posix() for path in PAGES if path.is_relative_to(index.parent)}

    assert written - {"README.md"} <= named


def test_the_layers_are_drawn_as_they_are_enforced() -> None:
    """DESIGN.md shows the layers that tests/test_import_layers.py checks."""
    lines = (ROOT / "DESIGN.md").read_text(encoding="utf-8").splitlines()
    rows = [line.split("|")[1:-1] for line in lines if line.startswith("|")]

    drawn = {int(row[0]): frozenset(row[1].replace("`", "").split()) for row in rows if row[0].strip().isdigit()}

    assert drawn == LAYERS


@pytest.mark.parametrize("example", ["pool.py", "npy_to_png.py"])
def test_an_example_that_needs_nothing_needs_nothing(example: str) -> None:
    """They say that the standard library is enough."""
    tree = ast.parse((ROOT / "examples" / example).read_text(encoding="utf-8"))

    named = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    named += [node.module or "." for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]

    assert {module.partition(".")[0] for module in named} <= sys.stdlib_module_names


PLANTED = [
    ("bash", "curl localhost:8000/livez", "json", '{"status": "asleep"}', "another answer"),
    ("bash", "curl localhost:8000/v1/nothing", None, "", "a refusal that the page does not show"),
    ("bash", "curl -o gone localhost:8000/v1/nothing; curl localhost:8000/livez", None, "", "a refusal that"),
    ("bash", "curl localhost:8000/livez", "json", '{"status": 422}', "alive"),
    ("bash", "false | true", None, "", "the command failed"),
    ("python", "print(2)", "text", "3", "another answer"),
    ("python", "import warnings; warnings.warn('old')", None, "", "the command failed"),
]


@pytest.mark.parametrize(("language", "code", "answers_in", "answer", "complaint"), PLANTED)
def test_a_page_that_lies_is_found(
    page_runner: PageRunner, language: str, code: str, answers_in: str | None, answer: str, complaint: str
) -> None:
    """What is shown above shows nothing unless a wrong page fails."""
    shown = None if answers_in is None else Block(answers_in, answer, 2, None)

    with pytest.raises(AssertionError, match=complaint):
        page_runner.run_step(Step(Block(language, code, 1, None), shown))


def test_a_page_is_read_block_by_block() -> None:
    """The marks that steer the reader are read as they are meant."""
    page = '<!-- not run: it stays -->\n```bash\nscripts/serve\n```\n```bash\ntrue\n```\nsays\n```json\n{"a": 1}\n```\n'

    kept, ran, answer = blocks(page)
    (step,) = steps(page)

    assert kept.not_run == "it stays"
    assert (step.block, step.answer) == (ran, answer)
    assert json.loads(answer.code) == {"a": 1}
    with pytest.raises(AssertionError, match="an answer to nothing"):
        steps('```json\n{"a": 1}\n```\n')
