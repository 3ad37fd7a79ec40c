"""``poolhouse trace``: the computations as text and the response as JSON, of a service in this process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from poolhouse.client.clients import Client
from poolhouse.commands.trace import command


@pytest.fixture(scope="module")
def local() -> Iterator[Client]:
    """A client of a service in this process."""
    with Client.local() as client:
        yield client


@pytest.fixture
def trace(local: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> object:
    """Calls the command with a file."""

    @contextmanager
    def connect(url: str | None, api_key: str | None, timeout: float) -> Iterator[Client]:
        yield local

    monkeypatch.setattr("poolhouse.commands.trace.connect", connect)
    path = tmp_path / "x.npy"

    def call(operator: str, x: object, *options: str) -> Result:
        np.save(path, np.array(x, np.float32))
        return CliRunner().invoke(command, [operator, str(path), *options])

    return call


def test_each_element_is_a_line(trace: object) -> None:
    """After the formulas of the sizes."""
    assert callable(trace)

    done: Result = trace("avg_pool1d", [[1, 2, 3, 5]], "--kernel-size", "2", "--padding", "1")

    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [
        "floor((4 + 1 + 1 - 1·(2 - 1) - 1) / 2) + 1 = 3",
        "output[0, 0]  1 / 2 = 0.5, padding counted",
        "output[0, 1]  (2 + 3) / 2 = 2.5",
        "output[0, 2]  5 / 2 = 2.5, padding counted",
    ]


def test_the_response_can_be_printed(trace: object) -> None:
    """For programs."""
    assert callable(trace)

    done: Result = trace("max_pool1d", [[1, 2, 3, 5]], "--kernel-size", "2", "--json")

    document = json.loads(done.stdout)
    assert [each["winner"] for each in document["elements"]] == [1, 1]


def test_warnings_are_printed(trace: object) -> None:
    """Beside the output, which a program may read."""
    assert callable(trace)

    done: Result = trace("adaptive_max_pool1d", [[1, 2]], "--output-size", "3")

    assert "note: output_size 3 is larger than the input's 2" in done.stderr
    assert "note" not in done.stdout


def test_a_tensor_may_have_a_file_of_its_own(trace: object, tmp_path: Path) -> None:
    """As with ``poolhouse pool``."""
    assert callable(trace)
    indices = tmp_path / "indices.npy"
    np.save(indices, np.array([[1, 2]]))

    done: Result = trace("max_unpool1d", [[7, 8]], "--kernel-size", "2", "--indices", str(indices))

    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[2] == "output[0, 1]  index 1: 7"
