"""Two servers are compared only if both are asked for the same numbers, and only if both answer the same bits."""

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
    def test_every_form_carries_the_same_bits(self, size: str) -> None:
        """A protocol that is sent shorter numbers has less to read."""
        x = input_array(size)
        binary = v2_binary(x)
        head = int(binary.headers["Inference-Header-Content-Length"])
        (entry,) = json.loads(binary.body[:head])["inputs"]

        sent = {
            "v1 raw": np.frombuffer(v1_raw(x).body, np.float32),
            "v1 JSON": np.array(json.loads(v1_json(x).body)["input"], np.float32),
            "v2 binary": np.frombuffer(binary.body[head:], np.float32),
            "v2 JSON": np.array(json.loads(v2_json(x).body)["inputs"][0]["data"], np.float32),
        }

        assert entry["shape"] == list(x.shape)
        assert entry["parameters"]["binary_data_size"] == len(binary.body) - head
        for name, found in sent.items():
            assert np.array_equal(found.ravel().view(np.uint32), x.ravel().view(np.uint32)), name

    def test_the_numbers_of_json_are_as_long_in_both(self) -> None:
        """The two differ in brackets and names alone."""
        ours, theirs = json.loads(v1_json(input_array("small")).body), json.loads(v2_json(input_array("small")).body)

        assert np.array(ours["input"]).ravel().tolist() == theirs["inputs"][0]["data"]

    def test_both_of_our_servers_answer_the_bits_of_torch(self) -> None:
        """Nothing of Triton is needed to see that the service and the bare protocol do the same work."""
        with run_poolhouse("--cpu-threads", "1") as our_port, run_bare_server() as bare_port:
            servers = [
                _load_comparison.Server("poolhouse", our_port, v1_raw),
                _load_comparison.Server("poolhouse", our_port, v1_json),
                _load_comparison.Server("the bare protocol", bare_port, v1_raw),
            ]

            for size in SIZES:
                _load_comparison.check_responses(servers, input_array(size))

    def test_a_case_has_a_name_of_its_own(self) -> None:
        """The figures of a run are kept by name."""
        names = [case.name for case in (*RAW, *JSON)]

        assert len({*names}) == len(names) == 8
        assert names[0] == "tiny raw, 1 connection"
        assert names[1] == "tiny raw, 16 connections"


class TestAnswers:
    def test_every_form_of_answer_is_read(self) -> None:
        """A reader that is wrong in the same way for both sides would call equal what is not."""
        wanted = expected_output(input_array("small"))
        output = {"name": "output", "datatype": "FP32", "shape": list(wanted.shape)}
        head = json.dumps({"model_name": "max_pool2d", "outputs": [output]}).encode()

        answers = {
            v1_raw: wanted.tobytes(),
            v1_json: json.dumps({"output": {"data": wanted.tolist()}}).encode(),
            v2_binary: head + wanted.tobytes(),
            v2_json: json.dumps({"outputs": [{**output, "data": wanted.ravel().tolist()}]}).encode(),
        }

        assert answers.keys() == RESPONSE_READERS.keys()
        for form, body in answers.items():
            assert describe_difference(form.__name__, RESPONSE_READERS[form](body), wanted) is None

    @pytest.mark.parametrize(("found", "wanted"), [(-0.0, 0.0), (1.0, 1.0000001), (np.nan, 1.0)])
    def test_a_difference_of_one_bit_is_told(self, found: float, wanted: float) -> None:
        """Equal values may have other bits, and bits are what is promised."""
        one, other = (np.array([[[[2.0, value]]]], np.float32) for value in (found, wanted))

        told = describe_difference("Triton", one, other)

        assert told is not None
        assert told.startswith("Triton answers ")
        assert "for element 1" in told
        assert "1 of 2 elements differ" in told

    def test_nan_is_equal_to_itself(self) -> None:
        """Maxima of a window with NaN are NaN, on both sides."""
        one = np.array([np.nan, np.inf, -0.0], np.float32)

        assert describe_difference("ours", one, one.copy()) is None

    @pytest.mark.parametrize("shape", [(1, 1, 4, 1), (1, 4), (3,)])
    def test_another_shape_is_told(self, shape: tuple[int, ...]) -> None:
        """The same elements in another shape are another tensor."""
        wanted: Floats = np.zeros((1, 1, 2, 2), np.float32)

        told = describe_difference("ours", np.zeros(shape, np.float32), wanted)

        assert told is not None
        assert f"shape {shape}" in told

    def test_a_wrong_answer_ends_the_run(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A server that pools wrongly may be as fast as it likes."""

        class Wrong:
            def __init__(self, port: int, request: bytes) -> None: ...

            def call(self) -> bytes:
                return bytes(16)

            def close(self) -> None: ...

        monkeypatch.setattr(_load_comparison, "Connection", Wrong)

        with pytest.raises(RuntimeError, match=r"ours \(v1_raw\) answers .* 4 of 4 elements differ"):
            _load_comparison.check_responses([_load_comparison.Server("ours", 0, v1_raw)], input_array("tiny"))
