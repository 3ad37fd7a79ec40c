"""One declaration is enough: a toy operator in a temporary catalogue appears in everything derived from it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from types import ModuleType
from typing import ClassVar

import httpx
import pytest
import torch

from poolhouse.backend.devices import choose_devices
from poolhouse.errors import NotFound, Unprocessable
from poolhouse.operators.catalogue import Catalogue
from poolhouse.operators.field_types import Flag
from poolhouse.operators.fields import Sizes, field
from poolhouse.operators.maxima import MAXIMUM_TYPES
from poolhouse.operators.numbers import Number
from poolhouse.operators.operator import Planes, Refusal, Sample, operator
from poolhouse.operators.plan import Limits
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.operators.sliding import SlidingWindowOperator, kernel_size_field, stride_field
from poolhouse.operators.window_operator import Window
from poolhouse.operators.windows import SlidingWindow
from poolhouse.rest.app import openapi_document
from poolhouse.service import PoolingService
from poolhouse.settings import Settings
from tests.operators.random_cases import as_numbers, oracle, random_case
from tests.rest.live_server import run_live_server


@operator("pick_pool", ranks=(1, 2))
class PickPool(SlidingWindowOperator):
    """One corner of each window."""

    shape_rule: ClassVar[str] = (
        "input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``floor((L - kernel_size) / stride) + 1``."
    )
    source: ClassVar[str] = "this test"
    element_types = MAXIMUM_TYPES

    kernel_size: Sizes = kernel_size_field()
    stride: Sizes = stride_field()
    last: bool = field(Flag(), "Whether it is the last corner.", default=False, example=True)

    samples = (Sample((4, 6, 6), {"kernel_size": 2}),)
    refusals = (Refusal((4, 4, 4), {"kernel_size": 5}, "window_does_not_fit"),)

    def geometry(self, axis: int, length: int) -> SlidingWindow:
        return SlidingWindow(self.kernel_size[axis], self.stride[axis])

    def of_window(self, window: Window) -> tuple[Number, ...]:
        return (window.values[-1 if self.last else 0],)

    def pool(self, planes: Planes) -> tuple[torch.Tensor, ...]:
        x = planes["input"]
        for axis, outputs in enumerate(self.spatial_out(tuple(x.shape[1:]))):
            first = self.kernel_size[axis] - 1 if self.last else 0
            steps = first + self.stride[axis] * torch.arange(outputs, device=x.device)
            x = x.index_select(axis + 1, steps)
        return (x,)


TOY_CATALOGUE = Catalogue([PickPool])
NAMES = ("pick_pool1d", "pick_pool2d")
REQUEST = {"input": [[[1, 2, 3, 4], [5, 6, 7, 8]]], "kernel_size": 2, "last": True}


@pytest.fixture(scope="module")
def pooling() -> PoolingService:
    """A PoolingService with only the toy operator."""
    limits = Limits(max_output_bytes=2**20, max_steps=2**20)
    return PoolingService(TOY_CATALOGUE, choose_devices(("cpu",)), limits, capacity_bytes=2**24, inline_steps=2**14)


@pytest.fixture(scope="module")
def client(pooling: PoolingService) -> Iterator[httpx.Client]:
    """A client of a live service with only the toy operator. The start includes its warm-up."""
    with run_live_server(Settings.model_validate({"port": 0}), pooling) as server, server.client() as http:
        yield http


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    """scripts/generate.py as a module; scripts is not a package."""
    path = Path(__file__).resolve().parents[2] / "scripts" / "generate.py"
    found = importlib.util.spec_from_file_location("generate_toys", path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[found.name] = module
    found.loader.exec_module(module)
    return module


def test_the_catalogue_has_it_at_every_rank() -> None:
    """All other code finds operators by their name with rank."""
    assert TOY_CATALOGUE.names == NAMES
    assert [TOY_CATALOGUE.find(name).rank for name in NAMES] == [1, 2]
    with pytest.raises(NotFound, match="pick_pool2d"):
        TOY_CATALOGUE.find("pickpool2d")


def test_its_fields_are_read_and_checked() -> None:
    """An author writes a field's type, but no checks."""
    parsed = TOY_CATALOGUE.find("pick_pool2d").parse({}, {"kernel_size": "2,3", "last": "true"})

    assert parsed.field_values() == {"kernel_size": [2, 3], "stride": [2, 3], "last": True}
    with pytest.raises(Unprocessable, match="kernel_size"):
        TOY_CATALOGUE.find("pick_pool2d").parse({"kernel_size": 0})


@pytest.mark.parametrize("member", list(TOY_CATALOGUE), ids=lambda member: str(member.name))
def test_random_cases_can_be_generated_for_it(member: type[PlaneOperator]) -> None:
    """The property tests name no operator: they compare the toy with its oracle like all others."""
    for seed in range(20):
        case = random_case(Random(seed), member)
        assert case is not None

        found = as_numbers(case.run()["output"]).reshape(-1).tolist()

        # As text, since NaN does not equal itself and -0.0 equals 0.0.
        assert str(found) == str(oracle(case)["output"])


def test_it_has_routes_to_pool_and_to_plan(client: httpx.Client) -> None:
    """Routes are derived from the declaration."""
    pooled = client.post("/v1/pool/pick_pool2d", json=REQUEST)
    planned = client.post("/v1/plan/pick_pool2d", json={"input": {"shape": [1, 2, 4]}, "kernel_size": 2})

    assert pooled.json()["output"]["data"] == [[[6.0, 8.0]]]
    assert planned.json()["outputs"]["output"]["shape"] == [1, 1, 2]
    assert client.post("/v1/pool/max_pool2d", json=REQUEST).status_code == 404


def test_its_windows_can_be_traced(client: httpx.Client) -> None:
    """The expression is its name, unless the author writes a method ``expression``."""
    traced = client.post("/v1/trace/pick_pool2d", json=REQUEST)

    assert traced.status_code == 200
    assert traced.json()["outputs"]["output"]["data"] == [[[6.0, 8.0]]]
    assert [each["positions"] for each in traced.json()["elements"]] == [
        [[0, 0, 0], [0, 0, 1], [0, 1, 0], [0, 1, 1]],
        [[0, 0, 2], [0, 0, 3], [0, 1, 2], [0, 1, 3]],
    ]
    assert [each["arithmetic"] for each in traced.json()["elements"]] == [
        "pick(1, 2, 5, 6) = 6",
        "pick(3, 4, 7, 8) = 8",
    ]
    assert [each["text"] for each in traced.json()["formula"]] == [
        "floor((2 + 0 + 0 - 1·(2 - 1) - 1) / 2) + 1 = 1",
        "floor((4 + 0 + 0 - 1·(2 - 1) - 1) / 2) + 1 = 2",
    ]


def test_its_refusals_are_refused_over_http(client: httpx.Client) -> None:
    """A declared refusal needs no other code."""
    (refusal,) = PickPool.refusals
    body = {"input": {"shape": [1, *refusal.spatial[1:]]}, **refusal.fields}

    response = client.post("/v1/plan/pick_pool2d", json=body)

    assert response.json()["code"] == refusal.code


def test_the_catalogues_routes_show_its_card(client: httpx.Client) -> None:
    """Clients can read all operators from these routes."""
    listed = client.get("/v1/operators").json()["operators"]
    card = client.get("/v1/operators/pick_pool1d").json()

    assert tuple(line["name"] for line in listed) == NAMES
    assert card["summary"] == "One corner of each window."
    assert [field["name"] for field in card["fields"]] == ["kernel_size", "stride", "last", "layout"]


def test_its_worked_example_equals_the_response(client: httpx.Client) -> None:
    """The example is computed by the oracle, so an author writes none."""
    worked = client.get("/v1/operators/pick_pool2d").json()["example"]

    assert client.post(worked["path"], json=worked["request"]).json() == worked["answer"]


def test_the_document_has_its_operations(client: httpx.Client) -> None:
    """Generated clients have a method for it, with its fields."""
    served = client.get("/openapi.json").json()

    assert served == openapi_document(TOY_CATALOGUE)
    assert served["paths"]["/v1/pool/pick_pool2d"]["post"]["operationId"] == "pick_pool2d"
    assert served["paths"]["/v1/plan/pick_pool2d"]["post"]["operationId"] == "plan_pick_pool2d"
    schema = served["paths"]["/v1/pool/pick_pool2d"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert {"input", "kernel_size", "stride", "last"} <= set(schema["properties"])
    # The routes of inference take the names of all models, and their examples are the same for every catalogue.
    paths = {path: described for path, described in served["paths"].items() if not path.startswith("/v2")}
    assert "max_pool" not in str(paths)


def test_the_generated_pages_have_it(generate: ModuleType) -> None:
    """Pages that list operators by hand lack the newest ones."""
    assert "| `pick_pool` | 1d, 2d |" in generate.operator_table(TOY_CATALOGUE)
    chapters = generate.operator_chapters(TOY_CATALOGUE)
    assert "pick_pool1d, pick_pool2d" in chapters
    assert "Whether it is the last corner." in chapters
    assert "localhost:8000/v1/pool/pick_pool2d" in chapters
