"""Translation of messages: fields of ours become attributes, words of prose stay."""

from __future__ import annotations

import pytest

from poolhouse.errors import Unprocessable
from poolhouse.operators.adapters.translation import Translated
from tests.operators.region_cases import CATALOGUE


def spec_of(name: str, **attributes: object) -> Translated[object]:  # type: ignore[type-var]
    """A spec of another framework."""
    found = CATALOGUE.find(name).of(**attributes)
    assert isinstance(found, Translated)
    return found


def test_names_of_fields_become_those_of_attributes() -> None:
    """And the operator's name becomes its own."""
    spec = spec_of("onnx.MaxRoiPool", pooled_shape=2)

    assert spec.translate("roi_pool: output_size is too large") == "onnx.MaxRoiPool: pooled_shape is too large"


def test_words_of_prose_stay() -> None:
    """The field stride and the word look alike; only a value makes it the field."""
    spec = spec_of("onnx.MaxPool", kernel_shape=[2, 2], strides=[1, 1])

    assert spec.translate("a larger stride") == "a larger stride"
    assert spec.translate("stride 3 is too large") == "strides 3 is too large"


def test_errors_of_our_operator_are_translated() -> None:
    """With their code and the pointers of their fields."""
    spec = spec_of("onnx.MaxRoiPool", pooled_shape=2)

    with pytest.raises(Unprocessable) as raised, spec.in_their_words():
        raise Unprocessable("shape_mismatch", "output_size 3 is wrong")

    assert raised.value.detail == "pooled_shape 3 is wrong"
