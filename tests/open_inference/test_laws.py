"""Any request of Triton's client gets the result of pooling in process, bit for bit."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from random import Random
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput

from poolhouse.dtypes import BFLOAT16
from poolhouse.tensors import Tensor
from tests.checked_requests import comparable_bits
from tests.hostile.random_requests import query_text
from tests.hypothesis_profiles import MANY_REJECTED, scaled_examples
from tests.open_inference.raw_http import HEADER_LENGTH
from tests.operators.random_cases import COVERED, Case, cases, seeded_randoms
from tests.rest.live_server import WAIT_TIMEOUT_S, LiveServer


@pytest.fixture(scope="module")
def connection(server: LiveServer) -> Iterator[http.client.HTTPConnection]:
    """One connection for all requests, so that the service reuses what it remembers of earlier ones."""
    opened = http.client.HTTPConnection("127.0.0.1", server.port, timeout=WAIT_TIMEOUT_S)
    yield opened
    opened.close()


def inputs_of(case: Case, random: Random) -> list[InferInput]:
    """The inputs in random order, each in a random form; the client has no JSON form of bfloat16."""
    inputs = []
    for name, tensor in case.tensors.items():
        is_bfloat16 = tensor.dtype is BFLOAT16
        array = tensor.array.view(ml_dtypes.bfloat16) if is_bfloat16 else tensor.array
        entry = InferInput(name, list(array.shape), tensor.dtype.open_inference_name)
        inputs.append(entry.set_data_from_numpy(array, binary_data=is_bfloat16 or random.random() < 0.5))
    random.shuffle(inputs)
    return inputs


def outputs_of(case: Case, random: Random) -> list[InferRequestedOutput]:
    """The outputs in random order and form; sometimes none is listed, and all come back as bytes."""
    if random.random() < 0.2:
        return []
    names = list(case.plan.outputs)
    random.shuffle(names)
    return [InferRequestedOutput(name, binary_data=random.random() < 0.5) for name in names]


def parameters_of(case: Case, random: Random) -> dict[str, object]:
    """The fields, each as a JSON value or as text, as clients without lists send it."""
    return {
        name: query_text(value) if random.random() < 0.5 or value in (np.inf, -np.inf) else value
        for name, value in case.spec.field_values().items()
    }


def tensor_of(array: np.ndarray[Any, Any], like: Tensor) -> Tensor:
    """The client's array as a tensor. It makes an empty one float64, whatever the response says."""
    if not array.size:
        return Tensor(like.dtype, np.empty(array.shape, like.dtype.storage))
    is_bfloat16 = array.dtype == ml_dtypes.bfloat16
    assert is_bfloat16 == (like.dtype is BFLOAT16)
    found = array.view(np.uint16) if is_bfloat16 else array
    assert found.dtype == like.dtype.storage
    return Tensor(like.dtype, found)


@pytest.mark.parametrize("member", COVERED, ids=lambda each: each.name)
def test_the_client_gets_the_result_of_pooling_in_process(connection: http.client.HTTPConnection, member: Any) -> None:
    """Every operator and datatype, with JSON and bytes in every mixture, parameters as values and as text."""

    @scaled_examples(60, *MANY_REJECTED)
    @given(cases(member), seeded_randoms)
    def law(case: Case, random: Random) -> None:
        body, length = InferenceServerClient.generate_request_body(
            inputs_of(case, random), outputs=outputs_of(case, random), parameters=parameters_of(case, random)
        )
        headers = {} if length is None else {HEADER_LENGTH: str(length)}
        connection.request("POST", f"/v2/models/{member.name}/infer", body, headers)
        response = connection.getresponse()
        received = response.read()
        assert response.status == 200, received

        given_length = response.headers[HEADER_LENGTH]
        result = InferenceServerClient.parse_response_body(
            received, header_length=None if given_length is None else int(given_length)
        )

        expected = case.run()
        found = {name: tensor_of(result.as_numpy(name), tensor) for name, tensor in expected.items()}
        assert comparable_bits(found) == comparable_bits(expected)

    law()
