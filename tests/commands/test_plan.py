"""``poolhouse plan``: the shape as users write it, and the plan as text and as JSON. The client is a fake."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from poolhouse.client.results import Plan
from poolhouse.commands.plan import command
from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.tensors import TensorMetadata
from tests.hypothesis_profiles import scaled_examples

FLOAT32 = ELEMENT_TYPES["float32"]
COST = {"steps": 12345, "workspace_bytes": 6789}


class FakeClient:
    """Records the planned requests, and returns one plan."""

    def __init__(self) -> None:
        self.planned: list[tuple[str, tuple[int, ...], str, object]] = []
        self.document: dict[str, object] = {"cost": COST}
        self.warnings: tuple[str, ...] = ()

    def plan(self, operator: str, shape: tuple[int, ...], dtype: str, *, tensors: object, **spec: object) -> Plan:
        self.planned.append((operator, shape, dtype, tensors))
        outputs = {
            "output": TensorMetadata(FLOAT32, (1, 1000)),
            "indices": TensorMetadata(ELEMENT_TYPES["int64"], (1,)),
        }
        fields: dict[str, object] = {"kernel_size": [3, 2], "ceil_mode": False}
        return Plan(operator, fields, outputs, 8000, 4008, self.warnings, self.document)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> FakeClient:
    """The client of the command."""
    client = FakeClient()

    @contextmanager
    def connect(url: str | None, api_key: str | None, timeout: float) -> Iterator[FakeClient]:
        yield client

    monkeypatch.setattr("poolhouse.commands.plan.connect", connect)
    return client


def plan(shape: str, *options: str) -> Result:
    """Plan max_pool2d for this shape."""
    return CliRunner().invoke(command, ["max_pool2d", "--shape", shape, "--kernel-size", "3", *options])


@scaled_examples(50, HealthCheck.function_scoped_fixture)
@given(sizes=st.lists(st.integers(0, 2**31), min_size=1, max_size=6), separator=st.sampled_from([",", "x", ", "]))
def test_a_shape_is_read_with_commas_or_crosses(client: FakeClient, sizes: list[int], separator: str) -> None:
    """Both are usual; whether an operator takes the shape is for the service to say."""
    client.planned.clear()

    done = plan(separator.join(map(str, sizes)), "--dtype", "uint8")

    assert done.exit_code == 0, done.output
    assert client.planned == [("max_pool2d", tuple(sizes), "uint8", {})]


@pytest.mark.parametrize("shape", ["", "a", "1,", "1,,2", "-1,2", "1.5", "1 2", "(1,2)", "1X2"])
def test_another_text_is_not_a_shape(client: FakeClient, shape: str) -> None:
    """The message shows the right form."""
    done = plan(shape)

    assert done.exit_code == 2
    assert f"{shape!r} is not a shape; write the sizes with commas: 8,64,112,112" in done.output
    assert client.planned == []


def test_the_text_has_spec_shapes_bytes_cost_and_warnings(client: FakeClient) -> None:
    """The element type of the input is the one that was given; large numbers are grouped."""
    client.warnings = ("the stride is large",)

    done = plan("1,2000")

    assert done.output.splitlines() == [
        "max_pool2d  kernel_size=3,2  ceil_mode=false",
        "  input    float32 (1, 2000)  8,000 bytes",
        "  output   float32 (1, 1000)  4,000 bytes",
        "  indices  int64 (1)  8 bytes",
        "  cost     12,345 steps, 6,789 bytes of workspace",
        "  note     the stride is large",
    ]


@pytest.mark.parametrize(
    ("arguments", "tensors", "lines"),
    [
        (
            ["span_pool", "--shape", "50,8", "--spans", "7x2", "--mask", "50"],
            {"spans": (7, 2), "mask": (50,)},
            [
                "  input    float32 (50, 8)  1,600 bytes",
                "  spans    int64 (7, 2)  112 bytes",
                "  mask     int64 (50)  400 bytes",
            ],
        ),
        (
            ["roi_pool", "--shape", "1,1,2,2", "--boxes", "3,4", "--batch-indices", "3", "--output-size", "1"],
            {"boxes": (3, 4), "batch_indices": (3,)},
            [
                "  input          float32 (1, 1, 2, 2)  16 bytes",
                "  boxes          float32 (3, 4)  48 bytes",
                "  batch_indices  int64 (3)  24 bytes",
            ],
        ),
        (
            ["max_unpool1d", "--shape", "1,4", "--dtype", "uint8", "--kernel-size", "2"],
            {},
            ["  input    uint8 (1, 4)  4 bytes", "  indices  int64 (1, 4)  32 bytes"],
        ),
    ],
    ids=["spans", "boxes", "indices"],
)
def test_every_tensor_of_the_request_has_a_line(
    client: FakeClient, arguments: list[str], tensors: object, lines: list[str]
) -> None:
    """Indices have the shape of the input, so nobody writes it twice."""
    done = CliRunner().invoke(command, arguments)

    assert done.exit_code == 0, done.output
    assert client.planned[0][3] == tensors
    assert done.output.splitlines()[1 : 1 + len(lines)] == lines


def test_the_shape_of_a_required_tensor_is_required(client: FakeClient) -> None:
    """The number of outputs depends on it."""
    done = CliRunner().invoke(command, ["span_pool", "--shape", "50,8"])

    assert done.exit_code == 2
    assert "Missing option '--spans'" in done.output


@pytest.mark.parametrize("cost", [None, 7, {}, {"steps": 1}, {"steps": "1", "workspace_bytes": 2}])
def test_a_cost_of_another_version_is_left_out(client: FakeClient, cost: object) -> None:
    """A newer service may describe costs differently, and the shapes are still useful."""
    client.document = {"cost": cost}

    done = plan("1,2000")

    assert done.exit_code == 0
    assert "  output   float32 (1, 1000)  4,000 bytes" in done.output
    assert "cost" not in done.output


def test_json_is_the_response_of_the_service(client: FakeClient) -> None:
    """Also the members that this version does not know."""
    client.document = {"cost": COST, "new": [1, "ü"]}

    assert json.loads(plan("1,2000", "--json").output) == client.document
