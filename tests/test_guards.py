"""Every guard stands where its table says, and the script that takes them away sees what it claims to see."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest
from guards import GUARDS, ROOT, Guard
from prove_guards import chosen, failed_rightly, is_noticed

TEST = "tests/test_lamp.py::test_the_lamp_is_on"


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.guard)
def test_each_guard_is_there_and_can_be_taken_away(guard: Guard) -> None:
    """A proof that no longer finds its guard would prove nothing; here it is noticed without running it."""
    text = (ROOT / guard.file).read_text(encoding="utf-8")

    without = guard.removed(text)

    assert without != text
    ast.parse(without)


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.guard)
def test_each_guard_names_a_test_that_exists(guard: Guard) -> None:
    """Pytest would fail for a name that is not there, and that is not the failure that is meant."""
    path, _, name = guard.test.partition("::")
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))

    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    names |= {
        each.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for each in node.targets
        if isinstance(each, ast.Name)
    }
    assert name in names


def test_no_guard_is_said_twice() -> None:
    """A row that was copied and not changed would prove the one before again."""
    assert len({(guard.path, guard.was, guard.becomes, guard.test) for guard in GUARDS}) == len(GUARDS)
    assert len({guard.guard for guard in GUARDS}) == len(GUARDS)


@pytest.mark.parametrize(
    ("code", "line", "rightly"),
    [
        (1, f"FAILED {TEST}", True),
        (1, f"FAILED {TEST}[dark]", True),
        (1, "FAILED tests/test_lamp.py::test_another", False),
        (1, f"ERROR {TEST}", False),
        (0, "1 passed", False),
        (2, f"FAILED {TEST}", False),
        (4, "no tests ran", False),
        (-9, "", False),
    ],
)
def test_only_a_failing_test_counts_as_noticing(code: int, line: str, rightly: bool) -> None:
    """A test that could not even be collected fails too, with the guard or without."""
    assert failed_rightly(subprocess.CompletedProcess([], code, f"\n{line}\n", ""), TEST) is rightly


@pytest.mark.parametrize(("sees", "noticed"), [("lamp.ON", True), ("True", False)])
def test_the_proof_tells_a_test_that_notices_from_one_that_does_not(tmp_path: Path, sees: str, noticed: bool) -> None:
    """The whole way, over a house of two files: the guard goes, the test runs, the guard is back."""
    house = tmp_path / "service" / "poolhouse"
    house.mkdir(parents=True)
    (tmp_path / "tests").mkdir()
    (house / "lamp.py").write_text("ON = True\n")
    (tmp_path / "tests" / "test_lamp.py").write_text(
        "import sys\nsys.path.insert(0, 'service/poolhouse')\nimport lamp\n\n"
        f"def test_the_lamp_is_on():\n    assert {sees}\n"
    )
    guard = Guard("", "The lamp is on", "it is dark", "lamp.py", "True", "False", TEST)

    told = is_noticed(guard, tmp_path)

    assert (told == "") is noticed
    assert (house / "lamp.py").read_text() == "ON = True\n"


def test_a_guard_that_is_gone_or_doubled_is_said() -> None:
    """Replacing nothing, or the wrong one of two, would pass for a proof."""
    guard = Guard("", "The lamp is on", "it is dark", "lamp.py", "ON", "OFF", TEST)

    for text in ("", "ON ON"):
        with pytest.raises(ValueError, match="not once"):
            guard.removed(text)


def test_words_choose_guards() -> None:
    """Who changes one file need not wait for all."""
    assert chosen([]) == list(GUARDS)
    assert {guard.path for guard in chosen(["batching/crew.py"])} == {"batching/crew.py"}
    assert chosen(["no such guard"]) == []
