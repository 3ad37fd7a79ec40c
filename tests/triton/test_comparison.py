"""The comparison with a real Triton finds differences; scripts/prove_open_inference runs it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import grpc
import pytest
from _open_inference_cases import DIFFERENCES, INPUT_MODELS, Case, cases
from _open_inference_rpc_cases import RpcCase, rpc_cases
from prove_open_inference import Answer, RpcAnswer, compared_document, fault_in, rpc_fault_in

CASE = Case("a case", "POST", "/v2/models/max_pool2d/infer")
ANSWER = Answer(200, {"outputs": []}, b"\0\1", "", b"", "")
CHANGED = {
    "status": replace(ANSWER, status=400),
    "document": replace(ANSWER, document={"outputs": [1]}),
    "trailing": replace(ANSWER, trailing=b"\0\2"),
    "coding": replace(ANSWER, coding="gzip"),
    "written": replace(ANSWER, written=b"\1"),
}


class TestAnswers:
    def test_equal_answers_have_no_fault(self) -> None:
        """Otherwise no comparison would ever pass."""
        assert fault_in(CASE, ANSWER, ANSWER) is None
        assert fault_in(CASE, replace(ANSWER, status=404), replace(ANSWER, status=400)) is None

    @pytest.mark.parametrize("part", CHANGED)
    def test_a_difference_in_any_part_is_a_fault(self, part: str) -> None:
        """A part that is not compared may be wrong unnoticed."""
        assert fault_in(CASE, CHANGED[part], ANSWER) is not None
        assert fault_in(CASE, ANSWER, CHANGED[part]) is not None

    def test_a_fault_of_ours_is_found_even_if_triton_has_it_too(self) -> None:
        """500 asks for a retry, which cannot help."""
        assert fault_in(CASE, replace(ANSWER, status=500), replace(ANSWER, status=500)) is not None

    @pytest.mark.parametrize("name", DIFFERENCES)
    def test_a_listed_difference_must_show_with_its_statuses(self, name: str) -> None:
        """A list that is longer than the truth misleads readers."""
        case = replace(CASE, differs=name)
        tritons, ours = (100 * status_class for status_class in DIFFERENCES[name].status_classes)
        theirs = replace(ANSWER, status=tritons)

        assert fault_in(case, replace(ANSWER, status=ours, trailing=b"other"), theirs) is None
        assert fault_in(case, replace(ANSWER, status=800, trailing=b"other"), theirs) is not None
        assert fault_in(case, theirs, theirs) is not None

    def test_members_of_ours_alone_are_a_fault(self) -> None:
        """Clients made for Triton parse only what Triton sends."""
        case = replace(CASE, members_only=True)
        more = replace(ANSWER, document={"outputs": [{"name": "output"}]})

        assert fault_in(case, more, ANSWER) is not None
        assert fault_in(case, ANSWER, more) is None

    def test_numbers_are_compared_in_their_datatype(self) -> None:
        """0.1 in FP32 may be printed with 8 digits or 17."""
        printed = [{"outputs": [{"datatype": "FP32", "data": [each]}]} for each in (0.1, 0.10000000149011612, 0.11)]

        short, long, other = (compared_document(CASE, 200, each) for each in printed)

        assert short == long != other


class TestCalls:
    def test_a_difference_in_status_or_response_is_a_fault(self) -> None:
        """The same rules hold over gRPC."""
        case = RpcCase("a call", "ModelInfer", None, "ModelInferResponse")
        ok = RpcAnswer(grpc.StatusCode.OK, "", {})
        refused = RpcAnswer(grpc.StatusCode.INVALID_ARGUMENT, "", None)
        fault = RpcAnswer(grpc.StatusCode.INTERNAL, "", None)

        assert rpc_fault_in(case, ok, ok) is None
        assert rpc_fault_in(case, refused, replace(refused, code=grpc.StatusCode.NOT_FOUND)) is None
        for ours, tritons in ((ok, refused), (refused, ok), (fault, fault), (replace(ok, document={"id": "1"}), ok)):
            assert rpc_fault_in(case, ours, tritons) is not None
        assert rpc_fault_in(replace(case, differs="surplus-contents"), refused, ok) is None
        assert rpc_fault_in(replace(case, differs="surplus-contents"), ok, ok) is not None


class TestCases:
    def test_every_case_has_a_name_and_every_difference_a_case(self) -> None:
        """Messages tell cases apart by their names; a difference without a case would not be checked."""
        counted = Counter((each.name, each.method, each.path, each.body) for each in cases())

        assert {each.differs for each in cases()} | {each.differs for each in rpc_cases()} == {"", *DIFFERENCES}
        assert [key for key, count in counted.items() if count > 1 and not key[2].startswith("/v2/systemshared")] == []

    def test_every_model_of_triton_is_asked(self) -> None:
        """A model that no case names costs the proof seconds for nothing."""
        asked = {each.path.split("/")[3] for each in cases() if each.path.endswith("/infer")}

        assert INPUT_MODELS.keys() <= asked
