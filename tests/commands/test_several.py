"""``poolhouse several``: with real files, and a service in this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from poolhouse.client.clients import Client
from poolhouse.commands import several

POOLINGS = {
    "peaks": {"operator": "max_pool2d", "kernel_size": 2, "return_indices": True},
    "mean": {"operator": "avg_pool2d", "of": "peaks", "kernel_size": 2},
}
IMAGE = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)


Run = Callable[..., Result]
"""Runs the command with these arguments."""


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """A client of the real service in this process."""
    with Client.local() as local:
        yield local


@pytest.fixture
def run(client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command in a folder with files."""
    np.save(tmp_path / "in.npy", IMAGE)
    np.savez(tmp_path / "two.npz", left=IMAGE, right=IMAGE[:, :, :2])
    np.savez(tmp_path / "mixed.npz", input=IMAGE, right=IMAGE)
    (tmp_path / "list.json").write_text(json.dumps(POOLINGS))
    (tmp_path / "broken.json").write_text("[")
    (tmp_path / "number.json").write_text("3")
    monkeypatch.chdir(tmp_path)

    @contextmanager
    def connect(url: str | None, api_key: str | None, timeout: float, request_bytes: int = 0) -> Iterator[Client]:
        yield client

    monkeypatch.setattr(several, "connect", connect)
    return lambda *arguments: CliRunner().invoke(several.command, arguments)


def arrays(path: str) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays of an npz file."""
    with np.load(path) as file:
        return dict(file)


def test_outputs_are_named_by_the_poolings(run: Run) -> None:
    """In a file of the format that its name shows."""
    assert run("list.json", "in.npy", "-o", "out.npz").exit_code == 0

    found = arrays("out.npz")
    assert set(found) == {"peaks", "peaks.indices", "mean"}
    assert found["mean"].item() == 10.0


def test_each_array_of_a_file_is_pooled(run: Run) -> None:
    """By a list on the command line."""
    text = '[{"operator": "max_pool2d", "kernel_size": 2}]'
    assert run(text, "two.npz", "-o", "out.npz").exit_code == 0

    assert {name: array.shape for name, array in arrays("out.npz").items()} == {
        "left": (1, 1, 2, 2),
        "right": (1, 1, 1, 2),
    }


def test_a_file_may_hold_what_goes_with_the_input(run: Run) -> None:
    """Spans and masks are tensors of the request; the plan takes their shapes."""
    np.savez("tokens.npz", input=np.arange(12, dtype=np.float32).reshape(4, 3), spans=np.array([[0, 2], [3, 4]]))
    text = '[{"operator": "span_pool"}, {"operator": "token_pool"}]'

    planned = run(text, "tokens.npz", "--plan")
    assert run(text, "tokens.npz", "-o", "out.npz").exit_code == 0

    assert arrays("out.npz")["span_pool"].tolist() == [[1.5, 2.5, 3.5], [9, 10, 11]]
    assert "span_pool   float32 (2, 3)" in planned.output
    assert "token_pool  float32 (3)" in planned.output


def test_one_output_may_be_npy(run: Run) -> None:
    """As of one pooling."""
    assert run('[{"operator": "global_max_pool2d"}]', "in.npy", "-o", "out.npy").exit_code == 0

    assert np.load("out.npy").item() == 15.0


@pytest.mark.parametrize(("file", "rows"), [("in.npy", 4), ("two.npz", 7)])
def test_a_plan_is_printed(run: Run, file: str, rows: int) -> None:
    """In place of pooling."""
    printed = run(
        json.dumps({"a": POOLINGS["peaks"], "b": {"operator": "global_avg_pool2d"}}), file, "--plan"
    ).output.splitlines()

    assert len(printed) == rows
    assert printed[-1].endswith("bytes of outputs")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("broken.json", "in.npy", "-o", "out.npz"), "is not JSON"),
        (("number.json", "in.npy", "-o", "out.npz"), "holds no list"),
        (("list.json", "mixed.npz", "-o", "out.npz"), "rename input"),
        (("list.json", "in.npy", "-o", "out.npy"), "npy holds only one tensor"),
        (("list.json", "in.npy", "-o", "out.txt"), "--format"),
    ],
)
def test_mistakes(run: Run, arguments: tuple[str, ...], message: str) -> None:
    """In one line that says how to mend it."""
    result = run(*arguments)

    assert result.exit_code == 2
    assert message in result.output
