"""Undocumented names of libraries that the package uses, in two tables.

A new version of a library may change such a name without notice. The tests fail if it has, and if the package uses
another one. The first table has names with a leading underscore, which are found in the source. The second has names
that look public but are undocumented, which the source does not show; those that our server overrides are found by
comparing it with uvicorn's.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import pytest
import torch
import uvicorn
from uvicorn.server import ServerState

from poolhouse.rest.server import Server

SOURCE: Final = Path(__file__).resolve().parent.parent / "service" / "poolhouse"

PRIVATE_NAMES: Final[Mapping[tuple[str, str], str]] = {
    ("batching/memory.py", "_preemptible"): "ours: the budget and its leases are one subject in one file",
    ("batching/memory.py", "_preempt"): "ours: as above",
    ("client/base.py", "_options"): "ours: a copy of the client itself",
    ("client/base.py", "_replace"): "documented by Python: the underscore keeps NamedTuple's methods apart from fields",
    ("client/flow.py", "_replace"): "documented by Python, as above",
    ("wire/images/jpeg_file.py", "_replace"): "documented by Python, as above",
    ("wire/open_inference/pictures.py", "_replace"): "documented by Python, as above",
}
"""The names with a leading underscore that are used on objects other than ``self`` or ``cls``, by file, and why."""


class Undocumented(NamedTuple):
    """An undocumented name of a library."""

    name: str
    exists: Callable[[], bool]
    why: str


def _server() -> uvicorn.Server:
    return uvicorn.Server(uvicorn.Config("nowhere:app"))


def _method(name: str, *parameters: str) -> Callable[[], bool]:
    return lambda: list(inspect.signature(getattr(uvicorn.Server, name)).parameters) == ["self", *parameters]


UNDOCUMENTED: Final = (
    Undocumented("uvicorn.Server.serve", _method("serve", "sockets"), "closes our sockets when the server has ended"),
    Undocumented("uvicorn.Server.startup", _method("startup", "sockets"), "listens on our sockets with our limits"),
    Undocumented("uvicorn.Server.shutdown", _method("shutdown", "sockets"), "shares the grace period"),
    Undocumented("uvicorn.Server.on_tick", _method("on_tick", "counter"), "keeps listening while draining"),
    Undocumented(
        "uvicorn.Server.handle_exit", _method("handle_exit", "sig", "frame"), "starts draining, where uvicorn stops"
    ),
    Undocumented(
        "uvicorn.Server.lifespan",
        lambda: "lifespan" in inspect.getsource(uvicorn.Server) and hasattr(uvicorn.Config, "load"),
        "starts the application in our startup",
    ),
    Undocumented(
        "uvicorn.Server.servers", lambda: "self.servers" in inspect.getsource(uvicorn.Server), "closed by its shutdown"
    ),
    Undocumented(
        "uvicorn.Server.server_state, started, should_exit, force_exit",
        lambda: {"server_state", "started", "should_exit", "force_exit"} <= set(vars(_server())),
        "set by our startup and our signal handler; the state that connections share",
    ),
    Undocumented(
        "uvicorn.server.ServerState",
        lambda: {"connections", "tasks", "total_requests", "default_headers"} <= set(vars(ServerState())),
        "counts what uvicorn waits for when it stops",
    ),
    Undocumented(
        "uvicorn.Config.timeout_graceful_shutdown, ssl",
        lambda: (
            hasattr(_server().config, "timeout_graceful_shutdown") and "self.ssl" in inspect.getsource(uvicorn.Config)
        ),
        "the rest of the grace period; the context into which a renewed certificate is loaded",
    ),
    *(
        Undocumented(
            f"torch.ops.aten.{name}",
            lambda name=name: hasattr(torch.ops.aten, name),  # type: ignore[misc]  # mypy cannot infer a bound default
            "torch.nn.functional calls the same kernels through wrappers that cost microseconds",
        )
        for name in ("adaptive_max_pool2d", "adaptive_max_pool3d", "adaptive_avg_pool2d", "adaptive_avg_pool3d")
    ),
)


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def private_names(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Private names that are used on other objects and modules, with their lines."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="self" | "cls")):
                pass
            case ast.Attribute(attr=name) if _is_private(name):
                yield name, node.lineno
            case ast.Call(func=ast.Name(id="getattr" | "setattr" | "hasattr" | "delattr"), args=[_, named, *_]):
                if isinstance(named, ast.Constant) and _is_private(str(named.value)):
                    yield str(named.value), node.lineno
            case ast.keyword(arg=str(name)) if _is_private(name):
                yield name, node.lineno
            case ast.ImportFrom(module=module, names=names):
                parts = [*(module or "").split("."), *(each.name for each in names)]
                yield from ((name, node.lineno) for name in parts if _is_private(name))
            case ast.Import(names=names):
                parts = [part for each in names for part in each.name.split(".")]
                yield from ((name, node.lineno) for name in parts if _is_private(name))


def test_every_used_private_name_is_in_the_table() -> None:
    """A private name may change at any time, so each use needs a reason."""
    found: dict[tuple[str, str], int] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        file = path.relative_to(SOURCE).as_posix()
        found |= {(file, name): line for name, line in private_names(ast.parse(path.read_text(encoding="utf-8")))}

    new = [f"{file}:{line}: {name}" for (file, name), line in found.items() if (file, name) not in PRIVATE_NAMES]
    assert not new, f"use a public name, or give the reason in PRIVATE_NAMES: {new}"
    assert sorted(set(PRIVATE_NAMES) - set(found)) == [], "no longer used; remove them from PRIVATE_NAMES"


@pytest.mark.parametrize("undocumented", UNDOCUMENTED, ids=lambda undocumented: undocumented.name)
def test_an_undocumented_name_still_exists(undocumented: Undocumented) -> None:
    """The failure says which name a new version of a library lacks, and what it is used for."""
    assert undocumented.exists(), f"{undocumented.name} does not exist any more; its use: {undocumented.why}"


def test_every_overridden_method_of_uvicorn_is_in_the_table() -> None:
    """uvicorn calls an overriding method even if it overrides by accident."""
    overridden = {name for name in vars(Server) if not name.startswith("__") and hasattr(uvicorn.Server, name)}

    assert {f"uvicorn.Server.{name}" for name in overridden} <= {row.name for row in UNDOCUMENTED}


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("client._transport", ["_transport"]),
        ("client.pool._backend.x", ["_backend"]),
        ("getattr(client, '_pool', None)", ["_pool"]),
        ("f(x, _random_samples=y)", ["_random_samples"]),
        ("from torch._C import x", ["_C"]),
        ("from torch import _dynamo", ["_dynamo"]),
        ("import httpx._config", ["_config"]),
        ("self._own, cls._own, x.__name__", []),
    ],
)
def test_a_private_name_is_found(code: str, found: list[str]) -> None:
    """The search must find every kind of use."""
    assert [name for name, _ in private_names(ast.parse(code))] == found
