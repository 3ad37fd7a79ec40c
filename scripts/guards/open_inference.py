"""Guards of the Open Inference Protocol: what a request says is checked, and its cost is bounded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from guards.guard import Guard
from guards.removals import Delete, FixCondition, ReplaceStatement

GUARDS: Final[Sequence[Guard]] = (
    Guard(
        "binary-length-is-checked",
        "The inputs take exactly the bytes behind the JSON part",
        "bytes behind the last input are ignored, and an input that lacks some is an internal error",
        Delete(),
        "test_bytes_that_no_input_announces_are_refused",
    ),
    Guard(
        "inference-text-has-limit",
        "The text of a response has the limit of its outputs",
        "a short request can demand gigabytes of text",
        FixCondition(False),
        "test_a_response_of_much_text_is_refused_before_it_is_pooled",
    ),
    Guard(
        "id-has-limit",
        "An id has at most 1024 characters",
        "a response repeats a megabyte that is not charged",
        FixCondition(False),
        "test_a_long_id_is_refused",
    ),
    Guard(
        "classes-have-limit",
        "A classification has a limited number of texts",
        "one request has a million texts made while the GIL is held",
        FixCondition(False),
        "test_a_classification_of_many_elements_is_refused",
    ),
    Guard(
        "empty-rows-are-not-ranked",
        "Batch entries without elements are not ranked",
        "a request without elements is an internal error, or ranks a billion empty rows",
        FixCondition(True),
        "test_empty_rows_are_not_ranked",
    ),
    Guard(
        "texts-are-made-in-a-python-loop",
        "The texts of a classification are made in a loop that lets other threads run",
        "the event loop waits for half a second",
        ReplaceStatement("texts += map('%f:%d'.__mod__, zip(values, order.ravel().tolist(), strict=True))"),
        "test_other_threads_run_while_the_texts_are_made",
    ),
)
