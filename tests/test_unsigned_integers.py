"""uint16, uint32 and uint64 over HTTP in every format, at the ends of their ranges, compared with the oracle."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlencode

import httpx
import numpy as np
import pytest

from poolhouse.dtypes import ELEMENT_TYPES, INT64, ElementType
from poolhouse.settings import Settings
from poolhouse.tensors import Tensor
from tests.hostile.random_requests import codecs_for, encode_body
from tests.hostile.server_process import Reply
from tests.operators.random_cases import CATALOGUE, Case, settled_plan
from tests.operators.tolerances import assert_equals_oracle
from tests.rest.live_server import run_live_server
from tests.test_exactness_live import read

EDGES: Final = (0, 1, 2**16 - 1, 2**31, 2**32 - 1, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 2, 2**64 - 1)
SHAPE: Final = (1, 3, 4, 8)
JSON_BODY: Final = {"Content-Type": "application/json"}
SPECS: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("max_pool2d", {"kernel_size": 2}),
    ("max_pool2d", {"kernel_size": 2, "return_indices": True}),
    ("avg_pool2d", {"kernel_size": 2}),
    ("avg_pool2d", {"kernel_size": 2, "divisor_override": 1}),
    ("avg_pool2d", {"kernel_size": 2, "divisor_override": -3}),
    ("adaptive_max_pool2d", {"output_size": 3, "return_indices": True}),
    ("adaptive_avg_pool2d", {"output_size": 3}),
    ("global_max_pool2d", {"return_indices": True}),
    ("global_avg_pool2d", {}),
    ("fractional_max_pool2d", {"kernel_size": 2, "output_size": 2, "seed": 1, "return_indices": True}),
    ("lp_pool2d", {"kernel_size": 2, "norm_type": "Infinity"}),
    ("max_unpool2d", {"kernel_size": 2}),
)

unsigned = pytest.mark.parametrize(
    "dtype", [row for row in ELEMENT_TYPES.values() if row.is_unsigned and row.itemsize > 1], ids=str
)


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """A client of a server on the CPU."""
    with run_live_server(Settings.model_validate({"port": 0, "device": "cpu"})) as server, server.client() as http:
        yield http


def extremes(dtype: ElementType) -> Tensor:
    """The ends of the ranges of this type and of narrower ones, in an order that puts them into one window."""
    edges = [edge for edge in EDGES if edge < 2 ** (8 * dtype.itemsize)]
    chosen = np.random.default_rng(1).integers(0, len(edges), SHAPE)
    return Tensor(dtype, np.array(edges, dtype.storage)[chosen])


def case_of(name: str, fields: Mapping[str, Any], dtype: ElementType) -> Case:
    """The case of a spec with extreme elements."""
    plan = settled_plan(CATALOGUE.find(name).of(**fields), dtype, SHAPE)
    tensors = {"input": extremes(dtype)}
    if "indices" in plan.inputs:
        tensors["indices"] = Tensor(INT64, np.arange(96).reshape(SHAPE) % 32)
    return Case(plan, tensors)


def test_a_uint64_of_json_is_exact(client: httpx.Client) -> None:
    """Also as text: a client in Java or Go reads the digits."""
    text = '{"input":{"dtype":"uint64","data":[[18446744073709551615,0,9223372036854775808,9007199254740993]]}'
    reply = client.post("/v1/pool/max_pool1d", content=text + ',"kernel_size":1}', headers=JSON_BODY)

    assert '"data":[[18446744073709551615,0,9223372036854775808,9007199254740993]]' in reply.text


@pytest.mark.parametrize("number", ["18446744073709551616", "-1", "1.5", '"1"', "1e20"])
def test_a_number_that_is_no_uint64_is_refused(client: httpx.Client, number: str) -> None:
    """With its place."""
    text = f'{{"input":{{"dtype":"uint64","data":[[1,{number}]]}},"kernel_size":1}}'
    reply = client.post("/v1/pool/max_pool1d", content=text, headers=JSON_BODY)

    assert (reply.status_code, reply.json()["code"]) == (422, "invalid_data")
    assert reply.json()["errors"][0]["pointer"] == "/input/data/0/1"


@unsigned
def test_every_operator_is_exact_in_every_format(client: httpx.Client, dtype: ElementType) -> None:
    """Sums exceed 64 bits, and from half of the range on elements are negative as signed integers."""
    for name, fields in SPECS:
        case = case_of(name, fields, dtype)
        for codec in codecs_for(case.tensors):
            for encoding in ("list", "base64") if codec.is_json else (None,):
                spec = case.spec.field_values()
                body, query = encode_body(codec, case.tensors, spec)
                if encoding is not None:
                    body = json.dumps({**json.loads(body), "encoding": encoding}).encode()
                target = f"/v1/pool/{name}?{urlencode(query, safe=',')}"
                found = client.post(target, content=body, headers={"Content-Type": codec.media_types[0]})
                assert found.status_code == 200, (name, codec.name, found.text)
                outputs = read(Reply(found.status_code, dict(found.headers), found.content))
                assert_equals_oracle(case, dict(outputs))
