"""Comparisons are valid only if both servers receive the same numbers and return the same bits."""

from __future__ import annotations

import json

import numpy as np
import pytest

import _load_comparison
from _cases import (
    JSON,
    RAW,
    RESPONSE_READERS,
    SHAPES,
    V2_BINARY,
    V2_JSON,
    Floats,
    describe_difference,
    expected_output,
    input_array,
    v1_json,
    v1_raw,
    v2_binary,
    v2_json,
)
from _harness import run_bare_server, run_poolhouse

SIZES = [size for size in SHAPES if size != "large"]


class TestRequests:
    @pytest.mark.parametrize("size", SIZES)
    def test_every_form_has_the_same_bits(self, size: str) -> None:
        """A protocol with shorter numbers would have less to parse."""
        x = input_array(size)
        binary = v2_binary(x)
        header_bytes = int(binary.headers["Inference-Header-Content-Length"])
        (entry,) = json.loads(binary.body[:header_bytes])["inputs"]

        sent = {
            "v1 raw": np.frombuffer(v1_raw(x).body, np.float32),
            "v1 JSON": np.array(json.loads(v1_json(x).body)["input"], np.float32),
            "v2 binary": np.frombuffer(binary.body[header_bytes:], np.float32),
            "v2 JSON": np.array(json.loads(v2_json(x).body)["inputs"][0]["data"], np.float32),
        }

        assert entry["shape"] == list(x.shape)
        assert entry["parameters"]["binary_data_size"] == len(binary.body) - header_bytes
        for name, array in sent.items():
            assert np.array_equal(array.ravel().view(np.uint32), x.ravel().view(np.uint32)), name

    def test_both_json_forms_have_the_same_numbers(self) -> None:
        """They differ only in brackets and names."""
        ours, theirs = json.loads(v1_json(input_array("small")).body), json.loads(v2_json(input_array("small")).body)

        assert np.array(ours["input"]).ravel().tolist() == theirs["inputs"][0]["data"]

    @pytest.mark.slow
    def test_both_of_our_servers_return_the_bits_of_torch(self) -> None:
        """The service and the bare protocol do the same work."""
        with run_poolhouse("--cpu-threads", "1") as our_port, run_bare_server() as bare_port:
            servers = [
                _load_comparison.Server("poolhouse", our_port, v1_raw),
                _load_comparison.Server("poolhouse", our_port, v1_json),
                _load_comparison.Server("poolhouse", our_port, v2_binary),
                _load_comparison.Server("poolhouse", our_port, v2_json),
                _load_comparison.Server("the bare protocol", bare_port, v1_raw),
            ]

            for size in SIZES:
                _load_comparison.check_responses(servers, input_array(size))

    def test_every_case_has_a_unique_name(self) -> None:
        """The figures of a run are stored by name."""
        names = [case.name for case in (*RAW, *JSON, *V2_BINARY, *V2_JSON)]

        assert len({*names}) == len(names) == 16
        assert names[0] == "tiny raw, 1 connection"
        assert names[1] == "tiny raw, 16 connections"


class TestResponses:
    def test_every_form_of_response_is_parsed(self) -> None:
        """A parser that is wrong for both sides alike would hide differences."""
        expected = expected_output(input_array("small"))
        output = {"name": "output", "datatype": "FP32", "shape": list(expected.shape)}
        header = json.dumps({"model_name": "max_pool2d", "outputs": [output]}).encode()

        responses = {
            v1_raw: expected.tobytes(),
            v1_json: json.dumps({"output": {"data": expected.tolist()}}).encode(),
            v2_binary: header + expected.tobytes(),
            v2_json: json.dumps({"outputs": [{**output, "data": expected.ravel().tolist()}]}).encode(),
        }

        assert responses.keys() == RESPONSE_READERS.keys()
        for form, body in responses.items():
            assert describe_difference(form.__name__, RESPONSE_READERS[form](body), expected) is None

    @pytest.mark.parametrize(("actual", "expected"), [(-0.0, 0.0), (1.0, 1.0000001), (np.nan, 1.0)])
    def test_a_difference_of_one_bit_is_described(self, actual: float, expected: float) -> None:
        """Equal values may have different bits."""
        one, other = (np.array([[[[2.0, value]]]], np.float32) for value in (actual, expected))

        difference = describe_difference("Triton", one, other)

        assert difference is not None
        assert difference.startswith("Triton returns ")
        assert "for element 1" in difference
        assert "1 of 2 elements differ" in difference

    def test_nan_is_equal_to_itself(self) -> None:
        """The maximum of a window with NaN is NaN on both sides."""
        one = np.array([np.nan, np.inf, -0.0], np.float32)

        assert describe_difference("ours", one, one.copy()) is None

    @pytest.mark.parametrize("shape", [(1, 1, 4, 1), (1, 4), (3,)])
    def test_another_shape_is_described(self, shape: tuple[int, ...]) -> None:
        """The same elements in another shape are another tensor."""
        expected: Floats = np.zeros((1, 1, 2, 2), np.float32)

        difference = describe_difference("ours", np.zeros(shape, np.float32), expected)

        assert difference is not None
        assert f"shape {shape}" in difference

    def test_a_wrong_response_ends_the_run(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The speed of a server that pools wrongly is meaningless."""

        class WrongConnection:
            def __init__(self, port: int, request: bytes) -> None: ...

            def call(self) -> bytes:
                return bytes(16)

            def close(self) -> None: ...

        monkeypatch.setattr(_load_comparison, "Connection", WrongConnection)

        with pytest.raises(RuntimeError, match=r"ours \(v1_raw\) returns .* 4 of 4 elements differ"):
            _load_comparison.check_responses([_load_comparison.Server("ours", 0, v1_raw)], input_array("tiny"))
