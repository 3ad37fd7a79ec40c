"""The floors of the house, read from the imports of every file.

A room may import from floors below its own, and from a sister only where the table says so. What is thrown at
the checker in the second half shows that it sees.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = "poolhouse"
SOURCE = Path(__file__).resolve().parent.parent / "service" / PACKAGE

# Which rooms stand on which floor; DESIGN.md draws it. A new room is added here first.
LAYERS: Mapping[int, frozenset[str]] = {
    1: frozenset({"version", "errors", "dtypes", "suggestions", "text_values", "settings", "health", "buffers"}),
    2: frozenset({"tensors", "operators", "batching", "kernels"}),
    3: frozenset({"backend", "describe", "wire"}),
    4: frozenset({"service", "client"}),
    5: frozenset({"rest", "nn"}),
    6: frozenset({"commands"}),
    7: frozenset({"cli"}),
}
LAYER_OF = {room: floor for floor, rooms in LAYERS.items() for room in rooms}

# Sisters that may be named. Everybody speaks of tensors, and an operator names the kernel that equals it.
SAME_LAYER_IMPORTS = frozenset({("operators", "kernels"), ("operators", "tensors"), ("batching", "tensors")})

# Rooms that may use even less than what lies below: the client must install and import without the server.
ALLOWED_IMPORTS = {
    "wire": frozenset({"version", "errors", "dtypes", "suggestions", "text_values", "tensors", "kernels", "buffers"}),
    "client": frozenset({"version", "errors", "dtypes", "suggestions", "tensors", "wire"}),
    "kernels": frozenset({"buffers"}),
}

# Libraries that belong to some rooms alone.
OWNERS = {
    "fastapi": frozenset({"rest"}),
    "starlette": frozenset({"rest"}),
    "uvicorn": frozenset({"rest"}),
    "torch": frozenset({"operators", "backend", "nn"}),
    "numba": frozenset({"kernels"}),
    "llvmlite": frozenset({"kernels"}),
    "httpx": frozenset({"client"}),
    "httpcore": frozenset({"client"}),
    "click": frozenset({"commands"}),
    "pydantic": frozenset({"settings", "operators", "describe", "service", "rest", "commands"}),
    "pydantic_settings": frozenset({"settings"}),
    "orjson": frozenset({"wire", "rest"}),
    "prometheus_client": frozenset({"rest"}),
    "opentelemetry": frozenset({"rest"}),
    # It takes milliseconds for what suggestions does in microseconds, and names come from requests.
    "difflib": frozenset[str](),
}

# Files that may import by name: the front of the console script works in the plain install, the help does not wait
# for torch, traces need an extra, the catalogue finds the operators in its folder, the face brings the client when it
# is named, the client httpx when it is needed, a local client runs the server where there is one, and the compiler of
# loops imports what declares them.
IMPORTS_BY_NAME = frozenset(
    {
        "poolhouse",
        "poolhouse.cli",
        "poolhouse.client.transports.local",
        "poolhouse.client.transports.factory",
        "poolhouse.commands.session",
        "poolhouse.commands.files",
        "poolhouse.commands.group",
        "poolhouse.commands.openapi",
        "poolhouse.commands.serve",
        "poolhouse.commands.key",
        "poolhouse.kernels.compile_ahead",
        "poolhouse.kernels.building",
        "poolhouse.operators.catalogue",
        "poolhouse.rest.observability.observers",
    }
)


# The one arrow up, and only by name: Client.local() runs the app in this process, where the server extra is installed.
RUNS_BY_NAME = frozenset({("poolhouse.client.transports.local", "poolhouse.rest.app")})


@dataclass(frozen=True, slots=True)
class Import:
    """One import as written: who, what, where, and in which surroundings."""

    importer: str
    target: str
    line: int
    place: str
    relative: bool = False
    in_function: bool = False
    for_types: bool = False
    by_name: bool = False
    through_package: bool = False


class _ImportVisitor(ast.NodeVisitor):
    def __init__(self, module: str, place: str, modules: Mapping[str, Path]) -> None:
        self.module = module
        self.place = place
        self.modules = modules
        self.found: list[Import] = []
        self._in_function = False
        self._for_types = False

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        outer, self._in_function = self._in_function, True
        self.generic_visit(node)
        self._in_function = outer

    visit_AsyncFunctionDef = visit_FunctionDef
    visit_Lambda = visit_FunctionDef

    def visit_If(self, node: ast.If) -> None:
        if not ast.unparse(node.test).endswith("TYPE_CHECKING"):
            self.generic_visit(node)
            return
        outer, self._for_types = self._for_types, True
        for child in node.body:
            self.visit(child)
        self._for_types = outer
        for child in node.orelse:
            self.visit(child)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._add(node, alias.name, face=alias.name == PACKAGE)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        base = node.module or ""
        if node.level:
            self._add(node, f"{PACKAGE}.{base}", relative=True)
            return
        for alias in node.names:
            whole = f"{base}.{alias.name}"
            if whole in self.modules:
                self._add(node, whole)
            else:
                self._add(node, base, face=self._is_package(base))

    def visit_Call(self, node: ast.Call) -> None:
        called = ast.unparse(node.func).rpartition(".")[2]
        if called in {"import_module", "__import__"}:
            named = node.args[0] if node.args else None
            literal = isinstance(named, ast.Constant) and isinstance(named.value, str)
            self._add(node, ast.literal_eval(named) if literal and named else "?", by_name=True)
        self.generic_visit(node)

    def _is_package(self, module: str) -> bool:
        path = self.modules.get(module)
        return path is not None and path.name == "__init__.py"

    def _add(
        self, node: ast.AST, target: str, *, relative: bool = False, by_name: bool = False, face: bool = False
    ) -> None:
        assert isinstance(node, ast.stmt | ast.expr)
        self.found.append(
            Import(
                importer=self.module,
                target=target,
                line=node.lineno,
                place=f"{self.place}:{node.lineno}",
                relative=relative,
                in_function=self._in_function and not by_name,
                for_types=self._for_types,
                by_name=by_name,
                through_package=face,
            )
        )


def modules_of(source: Path) -> dict[str, Path]:
    """Every module under the package's folder, by its full name."""
    found: dict[str, Path] = {}
    for path in sorted(source.rglob("*.py")):
        parts = path.relative_to(source).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        found[".".join((PACKAGE, *parts))] = path
    return found


def imports_of(source: Path) -> list[Import]:
    """Every import of every file."""
    modules = modules_of(source)
    found: list[Import] = []
    for module, path in modules.items():
        reader = _ImportVisitor(module, path.relative_to(source.parent).as_posix(), modules)
        reader.visit(ast.parse(path.read_text(encoding="utf-8"), str(path)))
        found.extend(reader.found)
    return found


def component_of(module: str) -> str:
    """The room that a module is in; the package's own face is named like the package."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else PACKAGE


def violations(source: Path) -> list[str]:
    """A sentence for each import that breaks the plan, with its file and line."""
    imports = imports_of(source)
    unknown = sorted({component_of(module) for module in modules_of(source)} - {PACKAGE, *LAYER_OF})
    said = [f"{room} stands on no floor: add it to LAYERS" for room in unknown]
    for entry in imports:
        said.extend(f"{entry.place}: {why}" for why in _broken_rules(entry))
    said.extend(_cycles(imports))
    return said


def _broken_rules(entry: Import) -> Iterator[str]:
    importer = component_of(entry.importer)
    if entry.in_function and not entry.for_types:
        yield f"imports {entry.target} inside a function; move it to the top of the file"
    if entry.by_name and entry.importer not in IMPORTS_BY_NAME:
        yield f"imports {entry.target} by name, which only {', '.join(sorted(IMPORTS_BY_NAME))} may"
    if entry.relative:
        yield "imports relatively; write the full path"
    elif entry.target.partition(".")[0] == PACKAGE:
        if entry.through_package:
            yield f"imports through the face of {entry.target}; name the file that defines it"
        elif importer != PACKAGE and not (entry.by_name and (entry.importer, entry.target) in RUNS_BY_NAME):
            yield from _broken_layers(importer, component_of(entry.target))
    else:
        library = entry.target.partition(".")[0]
        owners = OWNERS.get(library)
        if owners is not None and importer not in owners:
            yield f"imports {library} in {importer}; only {', '.join(sorted(owners)) or 'no room'} may"


def _broken_layers(importer: str, target: str) -> Iterator[str]:
    if importer == target or importer not in LAYER_OF or target not in LAYER_OF:
        return
    if importer in ALLOWED_IMPORTS and target not in ALLOWED_IMPORTS[importer]:
        ground = ", ".join(sorted(ALLOWED_IMPORTS[importer])) or "nothing of ours"
        yield f"{importer} imports {target}; it stands on {ground} alone"
    elif LAYER_OF[importer] < LAYER_OF[target]:
        yield f"{importer} (floor {LAYER_OF[importer]}) imports {target} (floor {LAYER_OF[target]}) above it"
    elif LAYER_OF[importer] == LAYER_OF[target] and not _may_import(importer, target):
        yield f"{importer} imports its sister {target}; pass a value or a function instead"


def _may_import(importer: str, target: str) -> bool:
    # The ground floor is one: element types, errors, settings and the version name each other freely.
    return (importer, target) in SAME_LAYER_IMPORTS or LAYER_OF[importer] == 1


def _cycles(imports: list[Import]) -> Iterator[str]:
    graph: dict[str, set[str]] = {}
    for entry in imports:
        if not entry.for_types and not entry.relative:
            graph.setdefault(entry.importer, set()).add(entry.target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as found:
        yield "imports run in a circle: " + " → ".join(found.args[1])


def test_imports_point_down_the_layers() -> None:
    """A house whose walls move one by one needs arrows in one direction."""
    found = violations(SOURCE)

    assert not found, "\n".join(["", *found])


def test_the_reader_finds_the_imports_there_are() -> None:
    """A checker that reads nothing would also find nothing wrong."""
    pairs = {(entry.importer, entry.target) for entry in imports_of(SOURCE)}

    assert ("poolhouse.tensors", "poolhouse.dtypes") in pairs
    assert ("poolhouse.cli", "poolhouse.commands.group") in pairs
    assert ("poolhouse.settings", "pydantic") in pairs


PLANTED = [
    (
        "batching/engine.py",
        "from poolhouse.rest.app import create_app",
        "batching (floor 2) imports rest (floor 5)",
    ),
    ("batching/engine.py", "import poolhouse.operators.spec", "batching imports its sister operators"),
    ("batching/engine.py", "import torch", "imports torch in batching"),
    ("backend/torch_worker.py", "from poolhouse.wire import npy", "backend imports its sister wire"),
    ("wire/npy.py", "import torch.nn", "imports torch in wire"),
    ("errors.py", "import difflib", "imports difflib in errors; only no room may"),
    ("wire/npy.py", "from poolhouse.settings import Settings", "wire imports settings; it stands on"),
    ("client/flow.py", "from poolhouse.operators.spec import Spec", "client imports operators; it stands on"),
    (
        "client/transports/local.py",
        "from importlib import import_module\nimport_module('poolhouse.rest.server')",
        "client imports rest; it stands on",
    ),
    ("client/transports/local.py", "from poolhouse.rest import app", "client imports rest; it stands on"),
    ("client/flow.py", "import pydantic", "imports pydantic in client"),
    ("service.py", "from fastapi import FastAPI", "imports fastapi in service"),
    ("service.py", "from starlette.types import Scope", "imports starlette in service"),
    ("rest/app.py", "def late():\n    import json", "imports json inside a function"),
    ("rest/app.py", "async def late():\n    from json import loads", "imports json inside a function"),
    ("rest/app.py", "from . import bodies", "imports relatively"),
    ("rest/app.py", "from ..wire import npy", "imports relatively"),
    ("rest/app.py", "from poolhouse import errors, Client", "imports through the face of poolhouse;"),
    ("rest/app.py", "import poolhouse", "imports through the face of poolhouse;"),
    ("rest/app.py", "from poolhouse.wire import NPY", "imports through the face of poolhouse.wire;"),
    ("rest/app.py", "import importlib\nimportlib.import_module('json')", "by name, which only"),
    ("errors.py", "TYPE_CHECKING = 1\nif TYPE_CHECKING:\n    from poolhouse.rest import app", "above it"),
    ("rest/app.py", "from poolhouse.rest.routes import pool", "imports run in a circle"),
    ("shed/tools.py", "", "shed stands on no floor"),
]


@pytest.fixture
def source_tree(tmp_path: Path) -> Path:
    """A small house with all its imports in order."""
    source = tmp_path / PACKAGE
    files = {
        "__init__.py": "from poolhouse.errors import E",
        "errors.py": "E = 1",
        "operators/__init__.py": "",
        "operators/spec.py": "import torch\nfrom poolhouse.errors import E",
        "batching/__init__.py": "",
        "batching/engine.py": "from poolhouse.errors import E",
        "backend/__init__.py": "",
        "backend/torch_worker.py": "from poolhouse.batching import engine",
        "wire/__init__.py": "",
        "wire/npy.py": "import numpy",
        "client/__init__.py": "",
        "client/flow.py": "import typing\nif typing.TYPE_CHECKING:\n    from poolhouse.wire.npy import N",
        "service.py": "import poolhouse.backend.torch_worker",
        "rest/__init__.py": "",
        "rest/app.py": "import fastapi",
        "rest/routes/pool.py": "from poolhouse.rest.app import A\nfrom poolhouse.service import P",
        "cli.py": "from importlib import import_module\ndef m():\n    import_module('poolhouse.rest.app')",
    }
    for name, text in files.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)
    return source


def test_a_package_in_order_has_no_violations(source_tree: Path) -> None:
    """The planted faults below prove something only if nothing is found without them."""
    assert violations(source_tree) == []


@pytest.mark.parametrize(("file", "fault", "sentence"), PLANTED)
def test_a_planted_fault_is_found(source_tree: Path, file: str, fault: str, sentence: str) -> None:
    """Each rule of the plan must be seen broken, with the file and the line."""
    path = source_tree / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(fault)

    found = violations(source_tree)

    assert len(found) == 1, found
    assert sentence in found[0]
    if "circle" not in sentence and "no floor" not in sentence:
        assert f"{PACKAGE}/{file}:" in found[0]
