"""Every guard has a marker, an entry and a test, and prove_guards.py removes guards and judges tests correctly."""

from __future__ import annotations

import ast
import builtins
import subprocess
from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest
from guards import removals
from guards.guard import Guard
from guards.markers import find_marked_statement, find_markers, find_tests, read_markers, remove_guard
from guards.removals import Removal
from guards.table import GUARDS
from prove_guards import PACKAGE, ROOT, LocatedGuard, has_failed, locate, located_guards, select_guards, why_unnoticed

TEST = "tests/test_lamp.py::test_the_lamp_is_on"


@cache
def texts() -> Mapping[str, str]:
    """The text of the file of each marker, by the id of the guard."""
    return {marker.id: file.read_text(encoding="utf-8") for file, marker in find_markers(ROOT / PACKAGE)}


def test_each_marker_has_one_entry_and_each_entry_one_marker() -> None:
    """A marker without an entry has no test, and an entry without a marker cannot be removed."""
    markers = Counter(marker.id for _, marker in find_markers(ROOT / PACKAGE))
    entries = Counter(guard.id for guard in GUARDS)

    assert set(markers) - set(entries) == set(), "these markers have no entry in scripts/guards"
    assert set(entries) - set(markers) == set(), "these entries have no marker in the source"
    assert {marker: count for marker, count in (markers + entries).items() if count != 2} == {}


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.id)
def test_each_guard_can_be_removed(guard: Guard) -> None:
    """A removal must change the statement and result in valid Python; this is checked without running the test."""
    text = texts()[guard.id]

    without = remove_guard(text, guard.id, guard.removal)

    (marker,) = (marker for marker in read_markers(text) if marker.id == guard.id)
    statement = find_marked_statement(text, marker)
    assert without != text
    assert guard.removal.apply(statement) != ast.unparse(statement).strip("\n")


def test_each_guard_names_a_test_that_exists_once() -> None:
    """Pytest also fails for a test that does not exist, which would count as proof."""
    tests = find_tests(ROOT / "tests")

    assert {guard.test: tests.get(guard.test, []) for guard in GUARDS if len(tests.get(guard.test, [])) != 1} == {}


def test_no_guard_is_listed_twice() -> None:
    """An unchanged copy of an entry would prove the same guard again."""
    assert len({guard.protects for guard in GUARDS}) == len(GUARDS)


def test_replacements_use_no_names_of_the_source() -> None:
    """Entries use only builtins in replacements, and address code by kind and position, so they survive renames."""
    for guard in GUARDS:
        if isinstance(guard.removal, removals.ReplaceArgument | removals.ReplaceCallee | removals.ReplaceValue):
            nodes = list(ast.walk(ast.parse(guard.removal.text.replace("{}", "0"))))
            names = {node.id for node in nodes if isinstance(node, ast.Name)}
            parameters = {node.arg for node in nodes if isinstance(node, ast.arg)}
            assert names - parameters <= set(vars(builtins)), guard.id
            assert not any(isinstance(node, ast.Attribute) for node in nodes), guard.id


@pytest.mark.parametrize(
    ("removal", "before", "after"),
    [
        (removals.Delete(), "if a:\n    b()", "pass"),
        (removals.FixCondition(False), "if a:\n    b()", "if False:\n    b()"),
        (removals.FixCondition(True), "x = a if b else c", "x = a if True else c"),
        (removals.DropOperand(0), "while a and b:\n    c()", "while b:\n    c()"),
        (removals.DropOperand(-1), "x = a or b or (c and d)", "x = a or b"),
        (removals.IgnoreOperand(1), "while a and b():\n    c()", "while a and (b() or True):\n    c()"),
        (removals.DropTerm(1), "x = a - b + c", "x = a - b"),
        (removals.DropTerm(0), "x = a + b", "x = b"),
        (removals.DropFilter(), "x = [a for a in b if a]", "x = [a for a in b]"),
        (removals.DropSlice(), "for a in b[:2]:\n    c()", "for a in b:\n    c()"),
        (removals.Unwrap(), "x = a(b, c)", "x = b"),
        (removals.Unwrap(1, call=1), "x = a(b(c, d))", "x = a(d)"),
        (removals.ReplaceArgument(1, "None"), "a(b, k=c)", "a(b, k=None)"),
        (removals.ReplaceArgument(0, "{} * 2"), "a(b + c)", "a((b + c) * 2)"),
        (removals.ReplaceCallee("min"), "x = max(a, b)", "x = min(a, b)"),
        (removals.ReplaceValue("1.0"), "return a", "return 1.0"),
        (removals.ReplaceValue("{} + 1"), "x: int = a", "x: int = a + 1"),
        (removals.ReplaceConstant(False), "a(b, 1, k=True)", "a(b, 1, k=False)"),
        (removals.ReturnHere(), "x = a", "return"),
        (removals.ReplaceStatement("x = 2"), "x = a", "x = 2"),
        (removals.InsertBefore("b()"), "x = a", "b()\nx = a"),
        (
            removals.SkipFinallyOnError(),
            "try:\n    a()\nexcept E:\n    b()\nfinally:\n    c()",
            "try:\n    a()\nexcept E:\n    b()\nelse:\n    c()",
        ),
    ],
    ids=repr,
)
def test_each_operation_changes_a_statement_as_expected(removal: Removal, before: str, after: str) -> None:
    """An operation that changes other code would prove another guard."""
    (statement,) = ast.parse(before).body

    assert removal.apply(statement) == after


def test_an_except_clause_is_marked_like_a_statement() -> None:
    """An except clause can be a guard."""
    text = "try:\n    a()\n# guard: lamp\nexcept E as e:\n    b()\n"

    assert remove_guard(text, "lamp", removals.CatchNothing()) == text.replace("except E as e", "except () as e")


def test_a_delayed_expression_is_scheduled_on_the_event_loop() -> None:
    """A guard can be that a call is made at once."""
    assert "call_later(0.01, lambda: a(b))" in remove_guard(
        "# guard: lamp\na(b)\n", "lamp", removals.DelayExpression(0.01)
    )


@pytest.mark.parametrize(
    "text",
    [
        "a()\n# guard: lamp\nb(\n    c,\n)\n",
        "a()\n# guard: lamp\n# Otherwise it is dark.\n\nb(\n    c,\n)\n",
        "a()\nb(  # guard: lamp\n    c,\n)\n",
        "a()\n# guard: fan, lamp\nb(\n    c,\n)\n",
    ],
)
def test_a_marker_is_above_its_statement_or_at_the_end_of_its_first_line(text: str) -> None:
    """Comments and empty lines may separate a marker from its statement."""
    marker = read_markers(text)[-1]

    assert ast.unparse(find_marked_statement(text, marker)) == "b(c)"


def test_only_the_marked_statement_changes() -> None:
    """Columns in the syntax tree count bytes, so characters of several bytes shift them; comments must be kept."""
    text = "def f():\n    a('–')  # why\n    # guard: lamp\n    b('…'); c('–')  # because\n"

    assert remove_guard(text, "lamp", removals.Delete()) == text.replace("b('…')", "pass")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a()\n", "found 0"),
        ("# guard: lamp\na()\n# guard: lamp\nb()\n", "found 2"),
        ("x = '# guard: lamp'\n", "found 0"),
        ("if a:\n    pass\n# guard: lamp\nelse:\n    b()\n", "no statement begins"),
        ("# guard: The Lamp\na()\n", "is no id"),
        ("# guard: lamp\na()\n", "does not fit"),
    ],
)
def test_a_marker_that_is_missing_or_misplaced_is_refused(text: str, message: str) -> None:
    """Changing no statement, or the wrong one, would result in a false proof."""
    with pytest.raises(ValueError, match=message):
        remove_guard(text, "lamp", removals.FixCondition(False))


@pytest.mark.parametrize(
    ("code", "line", "expected"),
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
def test_only_a_failed_test_counts_as_failure(code: int, line: str, expected: bool) -> None:
    """A test that cannot be collected fails with the guard, too."""
    assert has_failed(subprocess.CompletedProcess([], code, f"\n{line}\n", ""), TEST) is expected


def write_checkout(root: Path, condition: str) -> Path:
    """Write a checkout with a module that has one marker, and a test with this condition."""
    source = root / PACKAGE / "lamp.py"
    source.parent.mkdir(parents=True)
    source.write_text("# guard: lamp\nON = True\n")
    (root / "tests").mkdir()
    (root / "tests" / "test_lamp.py").write_text(
        f"import sys\nsys.path.insert(0, {PACKAGE!r})\nimport lamp\n\n"
        f"def test_the_lamp_is_on():\n    assert {condition}\n"
    )
    return source


@pytest.mark.parametrize(("condition", "noticed"), [("lamp.ON", True), ("True", False)])
def test_a_test_that_does_not_notice_a_removed_guard_is_reported(tmp_path: Path, condition: str, noticed: bool) -> None:
    """The whole procedure in a checkout of two files: remove the guard, run the test, restore the guard."""
    source = write_checkout(tmp_path, condition)
    guard = Guard("lamp", "The lamp is on", "it is dark", removals.ReplaceConstant(False), "test_the_lamp_is_on")

    (located,) = locate(tmp_path, [("", guard)])
    result = why_unnoticed(located, tmp_path)

    assert located == LocatedGuard(guard, "", "lamp.py", TEST)
    assert (result == "") is noticed
    assert source.read_text() == "# guard: lamp\nON = True\n"


def test_guards_are_selected_by_words() -> None:
    """A change of one file requires the proofs of that file only."""
    guards = located_guards()

    assert select_guards([], guards) == guards
    assert {each.group for each in select_guards(["Shutdown"], guards)} == {"Shutdown"}
    assert [each.guard.id for each in select_guards(["queues-take-turns"], guards)] == ["queues-take-turns"]
    assert select_guards(["no such guard"], guards) == []
