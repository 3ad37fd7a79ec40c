"""Every module has a test file named like it in the matching folder, and few have a reason for none."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent
SOURCE: Final = ROOT / "service" / "poolhouse"
TESTS: Final = ROOT / "tests"

INTERFACE: Final = "declares only interfaces, whose implementations are tested"
WITHOUT_TESTS: Final[Mapping[str, str]] = {
    "batching/worker.py": INTERFACE,
    "client/transports/protocols.py": INTERFACE,
    "rest/http/exchange.py": INTERFACE,
    "rest/http/handler.py": INTERFACE,
    "client/operators.py": "generated; tests/test_generate.py compares it with the operators",
}
"""The modules without a test file, and why."""

TEST_FUNCTION: Final = re.compile(r"^ *(async )?def test_", re.MULTILINE)
MODULES: Final = sorted(
    path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py") if path.name != "__init__.py"
)


def path_of_tests(module: str) -> Path:
    """The test file of a module: ``tests/wire/test_npy.py`` for ``wire/npy.py``."""
    path = Path(module)
    return TESTS / path.parent / f"test_{path.name}"


def declares_only_interfaces(source: str) -> bool:
    """Whether all functions of a module are methods of protocols."""
    tree = ast.parse(source)
    protocols = [
        node
        for node in tree.body
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base).startswith("Protocol") for base in node.bases)
    ]
    declared = {id(method) for protocol in protocols for method in protocol.body}
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return bool(protocols) and all(id(function) in declared for function in functions)


def test_every_module_has_its_test_file() -> None:
    """A reader finds the tests of a module by its name."""
    missing = [
        module
        for module in MODULES
        if module not in WITHOUT_TESTS
        and not (path_of_tests(module).is_file() and TEST_FUNCTION.search(path_of_tests(module).read_text("utf-8")))
    ]

    assert not missing, f"no tests in a file named like them: {', '.join(missing)}"


@pytest.mark.parametrize("module", WITHOUT_TESTS)
def test_an_exception_is_needed_and_true(module: str) -> None:
    """A module that gets code of its own gets tests of its own."""
    assert module in MODULES
    assert not path_of_tests(module).exists()
    if WITHOUT_TESTS[module] is INTERFACE:
        assert declares_only_interfaces((SOURCE / module).read_text("utf-8"))
    else:
        assert "generate" in (SOURCE / module).read_text("utf-8").partition('"""\n')[0]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("class A(Protocol):\n    def a(self) -> None: ...", True),
        ("class A(Protocol[T]):\n    async def a(self) -> None: ...\nclass E(Exception):\n    pass", True),
        ("class A(Protocol):\n    pass\ndef b() -> None: ...", False),
        ("class A(Protocol):\n    pass\nclass B:\n    def b(self) -> None: ...", False),
        ("LIMIT = 1", False),
    ],
)
def test_code_beside_an_interface_is_seen(source: str, expected: bool) -> None:
    """Such a module has something to test."""
    assert declares_only_interfaces(source) is expected
