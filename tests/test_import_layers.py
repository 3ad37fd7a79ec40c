"""Check the imports of every file against the layers of the package.

A module imports from lower layers only, and from its own layer only where the table allows it. The second half breaks
each rule once, to show that the checker reports it.
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

# The packages and top-level modules of each layer, as DESIGN.md shows them. Add a new one here first.
LAYERS: Mapping[int, frozenset[str]] = {
    1: frozenset({"version", "errors", "dtypes", "suggestions", "text_values", "settings", "health", "buffers"}),
    2: frozenset({"tensors", "tensor_names", "operators", "batching", "kernels"}),
    3: frozenset({"backend", "describe", "trace", "model_tensors", "wire"}),
    4: frozenset({"admission", "status", "service", "poolings", "models", "inference", "shared_memory", "client"}),
    5: frozenset({"rest", "rpc", "nn"}),
    6: frozenset({"commands"}),
    7: frozenset({"cli"}),
}
LAYER_OF = {component: layer for layer, components in LAYERS.items() for component in components}

# Allowed imports within a layer: an operator names its kernel, the service consists of three modules, several poolings
# are run by it, an inference request names a model, and gRPC counts and authorizes its requests as HTTP does.
SAME_LAYER_IMPORTS = frozenset(
    {
        ("operators", "kernels"),
        ("operators", "tensors"),
        ("batching", "tensors"),
        ("status", "admission"),
        ("service", "admission"),
        ("service", "status"),
        ("inference", "models"),
        ("inference", "poolings"),
        ("poolings", "service"),
        ("rpc", "rest"),
    }
)

# Components that may import these alone: the client must install and import without the server.
ALLOWED_IMPORTS = {
    "wire": frozenset(
        {"version", "errors", "dtypes", "suggestions", "text_values", "tensors", "tensor_names", "kernels", "buffers"}
    ),
    "client": frozenset({"version", "errors", "dtypes", "suggestions", "tensors", "tensor_names", "wire"}),
    "kernels": frozenset({"buffers", "dtypes"}),
}

# Libraries that only these components import.
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
    "pydantic": frozenset({"settings", "operators", "describe", "service", "rest", "rpc", "commands"}),
    "grpc": frozenset({"rpc"}),
    "google": frozenset({"rpc"}),
    "pydantic_settings": frozenset({"settings"}),
    "orjson": frozenset({"wire", "rest"}),
    "prometheus_client": frozenset({"rest"}),
    "opentelemetry": frozenset({"rest"}),
    # Slow: milliseconds for a name from a request, where `suggestions` takes microseconds.
    "difflib": frozenset[str](),
}

# Modules that may use import_module: the console script works in the plain install, the help does not wait for torch,
# traces and gRPC need an extra, the catalogue finds the operators in its folder, the package loads the client on first
# use, the client loads httpx when it needs it, a local client runs the server where it is installed, and the compiler
# of the loops imports the modules that declare them.
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
        "poolhouse.wire.images.decoder",
        "poolhouse.operators.catalogue",
        "poolhouse.rest.grpc_port",
        "poolhouse.rest.observability.observers",
    }
)


# Client.local() runs the app, of a higher layer, in this process if the server extra is installed; the HTTP server runs
# the one of gRPC if that extra is installed.
RUNS_BY_NAME = frozenset(
    {
        ("poolhouse.client.transports.local", "poolhouse.rest.app"),
        ("poolhouse.rest.grpc_port", "poolhouse.rpc.server"),
    }
)


@dataclass(frozen=True, slots=True)
class Import:
    """An import statement or a call of import_module."""

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
            self._add(node, alias.name, is_package=alias.name == PACKAGE)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        base = node.module or ""
        if node.level:
            self._add(node, f"{PACKAGE}.{base}", relative=True)
            return
        for alias in node.names:
            full_name = f"{base}.{alias.name}"
            if full_name in self.modules:
                self._add(node, full_name)
            else:
                self._add(node, base, is_package=self._is_package(base))

    def visit_Call(self, node: ast.Call) -> None:
        function = ast.unparse(node.func).rpartition(".")[2]
        if function in {"import_module", "__import__"}:
            name = node.args[0] if node.args else None
            is_literal = isinstance(name, ast.Constant) and isinstance(name.value, str)
            self._add(node, ast.literal_eval(name) if is_literal and name else "?", by_name=True)
        self.generic_visit(node)

    def _is_package(self, module: str) -> bool:
        path = self.modules.get(module)
        return path is not None and path.name == "__init__.py"

    def _add(
        self, node: ast.AST, target: str, *, relative: bool = False, by_name: bool = False, is_package: bool = False
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
                through_package=is_package,
            )
        )


def modules_of(source: Path) -> dict[str, Path]:
    """The path of every module of the package, by its full name."""
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
        visitor = _ImportVisitor(module, path.relative_to(source.parent).as_posix(), modules)
        visitor.visit(ast.parse(path.read_text(encoding="utf-8"), str(path)))
        found.extend(visitor.found)
    return found


def component_of(module: str) -> str:
    """The package or top-level module that contains a module; ``poolhouse`` for the package itself."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else PACKAGE


def violations(source: Path) -> list[str]:
    """A sentence for each import that breaks a rule, with its file and line."""
    imports = imports_of(source)
    unknown = sorted({component_of(module) for module in modules_of(source)} - {PACKAGE, *LAYER_OF})
    found = [f"{component} has no layer: add it to LAYERS" for component in unknown]
    for entry in imports:
        found.extend(f"{entry.place}: {problem}" for problem in _broken_rules(entry))
    found.extend(_cycles(imports))
    return found


def _broken_rules(entry: Import) -> Iterator[str]:
    importer = component_of(entry.importer)
    if entry.in_function and not entry.for_types:
        yield f"imports {entry.target} inside a function; move it to the top of the file"
    if entry.by_name and entry.importer not in IMPORTS_BY_NAME:
        yield f"imports {entry.target} by name; only {', '.join(sorted(IMPORTS_BY_NAME))} may"
    if entry.relative:
        yield "imports relatively; write the full path"
    elif entry.target.partition(".")[0] == PACKAGE:
        if entry.through_package:
            yield f"imports from the package {entry.target}; import from the module that defines the name"
        elif importer != PACKAGE and not (entry.by_name and (entry.importer, entry.target) in RUNS_BY_NAME):
            yield from _broken_layers(importer, component_of(entry.target))
    else:
        library = entry.target.partition(".")[0]
        owners = OWNERS.get(library)
        if owners is not None and importer not in owners:
            yield f"imports {library} in {importer}; only {', '.join(sorted(owners)) or 'nothing'} may"


def _broken_layers(importer: str, target: str) -> Iterator[str]:
    if importer == target or importer not in LAYER_OF or target not in LAYER_OF:
        return
    if importer in ALLOWED_IMPORTS and target not in ALLOWED_IMPORTS[importer]:
        allowed = ", ".join(sorted(ALLOWED_IMPORTS[importer]))
        yield f"{importer} imports {target}; it may import {allowed} alone"
    elif LAYER_OF[importer] < LAYER_OF[target]:
        yield f"{importer} (layer {LAYER_OF[importer]}) imports {target} of the higher layer {LAYER_OF[target]}"
    elif LAYER_OF[importer] == LAYER_OF[target] and not _may_import(importer, target):
        yield f"{importer} imports {target} of its own layer; pass a value or a function instead"


def _may_import(importer: str, target: str) -> bool:
    # The modules of layer 1 may import each other.
    return (importer, target) in SAME_LAYER_IMPORTS or LAYER_OF[importer] == 1


def _cycles(imports: list[Import]) -> Iterator[str]:
    graph: dict[str, set[str]] = {}
    for entry in imports:
        if not entry.for_types and not entry.relative:
            graph.setdefault(entry.importer, set()).add(entry.target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as found:
        yield "circular import: " + " → ".join(found.args[1])


def test_imports_point_down_the_layers() -> None:
    """Dependencies in one direction let each layer be changed and tested alone."""
    found = violations(SOURCE)

    assert not found, "\n".join(["", *found])


def test_the_checker_reads_the_imports_of_the_package() -> None:
    """A checker that reads no import would report no violation."""
    pairs = {(entry.importer, entry.target) for entry in imports_of(SOURCE)}

    assert ("poolhouse.tensors", "poolhouse.dtypes") in pairs
    assert ("poolhouse.cli", "poolhouse.commands.group") in pairs
    assert ("poolhouse.settings", "pydantic") in pairs


VIOLATIONS = [
    (
        "batching/engine.py",
        "from poolhouse.rest.app import create_app",
        "batching (layer 2) imports rest of the higher layer 5",
    ),
    ("batching/engine.py", "import poolhouse.operators.spec", "batching imports operators of its own layer"),
    ("batching/engine.py", "import torch", "imports torch in batching"),
    ("backend/torch_worker.py", "from poolhouse.wire import npy", "backend imports wire of its own layer"),
    ("wire/npy.py", "import torch.nn", "imports torch in wire"),
    ("errors.py", "import difflib", "imports difflib in errors; only nothing may"),
    ("wire/npy.py", "from poolhouse.settings import Settings", "wire imports settings; it may import"),
    ("client/flow.py", "from poolhouse.operators.spec import Spec", "client imports operators; it may import"),
    (
        "client/transports/local.py",
        "from importlib import import_module\nimport_module('poolhouse.rest.server')",
        "client imports rest; it may import",
    ),
    ("client/transports/local.py", "from poolhouse.rest import app", "client imports rest; it may import"),
    ("client/flow.py", "import pydantic", "imports pydantic in client"),
    ("service.py", "from fastapi import FastAPI", "imports fastapi in service"),
    ("service.py", "from starlette.types import Scope", "imports starlette in service"),
    ("rest/app.py", "def late():\n    import json", "imports json inside a function"),
    ("rest/app.py", "async def late():\n    from json import loads", "imports json inside a function"),
    ("rest/app.py", "from . import bodies", "imports relatively"),
    ("rest/app.py", "from ..wire import npy", "imports relatively"),
    ("rest/app.py", "from poolhouse import errors, Client", "imports from the package poolhouse;"),
    ("rest/app.py", "import poolhouse", "imports from the package poolhouse;"),
    ("rest/app.py", "from poolhouse.wire import NPY", "imports from the package poolhouse.wire;"),
    ("rest/app.py", "import importlib\nimportlib.import_module('json')", "by name; only"),
    ("errors.py", "TYPE_CHECKING = 1\nif TYPE_CHECKING:\n    from poolhouse.rest import app", "of the higher layer"),
    ("rest/app.py", "from poolhouse.rest.routes import pool", "circular import"),
    ("shed/tools.py", "", "shed has no layer"),
]


@pytest.fixture
def source_tree(tmp_path: Path) -> Path:
    """A small package whose imports follow the rules."""
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


def test_a_correct_package_has_no_violations(source_tree: Path) -> None:
    """Otherwise the next test would prove nothing."""
    assert violations(source_tree) == []


@pytest.mark.parametrize(("file", "code", "sentence"), VIOLATIONS)
def test_a_violation_is_reported(source_tree: Path, file: str, code: str, sentence: str) -> None:
    """Each rule is checked, and the report names the file and the line."""
    path = source_tree / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(code)

    found = violations(source_tree)

    assert len(found) == 1, found
    assert sentence in found[0]
    if "circular" not in sentence and "no layer" not in sentence:
        assert f"{PACKAGE}/{file}:" in found[0]
