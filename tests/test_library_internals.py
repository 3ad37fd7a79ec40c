"""What the package uses of libraries beyond their documented interface, in two tables.

A new version of a library may move such a name without notice. A test fails here when it has, and when the package
begins to use another one. The first table has names with a leading underscore, read from the source of every file.
The second has names that look public and are documented nowhere, which no reader of source can tell from others; those
that our server overrides are found by comparing it with uvicorn's.
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
    ("batching/memory.py", "_preempt"): "ours: likewise",
    ("client/base.py", "_options"): "ours: a copy of the client itself",
    ("client/base.py", "_replace"): "documented by Python: the underscore keeps NamedTuple's methods apart from fields",
    ("client/flow.py", "_replace"): "documented by Python, as above",
}
"""Names with a leading underscore that are used of other objects than ``self`` or ``cls``, by file, and why."""


class Undocumented(NamedTuple):
    """A name of a library that its documentation does not promise."""

    name: str
    is_there: Callable[[], bool]
    why: str


def _server() -> uvicorn.Server:
    return uvicorn.Server(uvicorn.Config("nowhere:app"))


def _method(name: str, *parameters: str) -> Callable[[], bool]:
    return lambda: list(inspect.signature(getattr(uvicorn.Server, name)).parameters) == ["self", *parameters]


UNDOCUMENTED: Final = (
    Undocumented("uvicorn.Server.serve", _method("serve", "sockets"), "closes our sockets when the server has ended"),
    Undocumented("uvicorn.Server.startup", _method("startup", "sockets"), "listens on our sockets with our limits"),
    Undocumented("uvicorn.Server.shutdown", _method("shutdown", "sockets"), "shares the grace period with what drains"),
    Undocumented("uvicorn.Server.on_tick", _method("on_tick", "counter"), "goes on listening while it drains"),
    Undocumented("uvicorn.Server.handle_exit", _method("handle_exit", "sig", "frame"), "drains where uvicorn stops"),
    Undocumented(
        "uvicorn.Server.lifespan",
        lambda: "lifespan" in inspect.getsource(uvicorn.Server) and hasattr(uvicorn.Config, "load"),
        "startup and shutdown of the application, in our startup",
    ),
    Undocumented(
        "uvicorn.Server.servers", lambda: "self.servers" in inspect.getsource(uvicorn.Server), "closed by its shutdown"
    ),
    Undocumented(
        "uvicorn.Server.server_state, started, should_exit, force_exit",
        lambda: {"server_state", "started", "should_exit", "force_exit"} <= set(vars(_server())),
        "what our startup and our signal handler set, and the state that connections share",
    ),
    Undocumented(
        "uvicorn.server.ServerState",
        lambda: {"connections", "tasks", "total_requests", "default_headers"} <= set(vars(ServerState())),
        "how uvicorn counts what it waits for when it stops",
    ),
    Undocumented(
        "uvicorn.Config.timeout_graceful_shutdown, ssl",
        lambda: (
            hasattr(_server().config, "timeout_graceful_shutdown") and "self.ssl" in inspect.getsource(uvicorn.Config)
        ),
        "the time that is left of the grace period; the context that a renewed certificate is loaded into",
    ),
    *(
        Undocumented(
            f"torch.ops.aten.{name}",
            lambda name=name: hasattr(torch.ops.aten, name),  # type: ignore[misc]  # mypy cannot infer a bound default
            "torch.nn.functional goes to the same kernels through wrappers that cost microseconds",
        )
        for name in ("adaptive_max_pool2d", "adaptive_max_pool3d", "adaptive_avg_pool2d", "adaptive_avg_pool3d")
    ),
)


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def private_names(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Private names that are used of other objects and modules, with their lines."""
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


def test_private_names_of_others_stand_in_the_table() -> None:
    """A name that its library may move at any time is used knowingly, or not at all."""
    found: dict[tuple[str, str], int] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        file = path.relative_to(SOURCE).as_posix()
        found |= {(file, name): line for name, line in private_names(ast.parse(path.read_text(encoding="utf-8")))}

    new = [f"{file}:{line}: {name}" for (file, name), line in found.items() if (file, name) not in PRIVATE_NAMES]
    assert not new, f"use a public name, or give the reason in PRIVATE_NAMES: {new}"
    assert sorted(set(PRIVATE_NAMES) - set(found)) == [], "no longer used; take them out of PRIVATE_NAMES"


@pytest.mark.parametrize("borrowed", UNDOCUMENTED, ids=lambda borrowed: borrowed.name)
def test_an_undocumented_name_is_still_there(borrowed: Undocumented) -> None:
    """A new version of its library is then refused for a reason that can be read."""
    assert borrowed.is_there(), f"{borrowed.name} has moved; it is used for: {borrowed.why}"


def test_what_our_server_overrides_stands_in_the_table() -> None:
    """A method of the same name as one of uvicorn's is called by it, whether that was meant or not."""
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
    """The table is worth something only if nothing is overlooked."""
    assert [name for name, _ in private_names(ast.parse(code))] == found
