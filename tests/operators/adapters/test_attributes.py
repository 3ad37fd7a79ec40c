"""Rows of the tables of adapters: which field of ours an attribute sets, and to what."""

from __future__ import annotations

from typing import cast

import pytest

from poolhouse.operators.adapters.attributes import Adaptation, Attribute, Attributes
from poolhouse.operators.field_types import Flag
from poolhouse.operators.fields import REQUIRED
from poolhouse.operators.max_pool import MaxPool
from poolhouse.operators.number_types import Integer
from poolhouse.operators.size_types import IntegerPerAxis

SIZE = Attribute("window", "kernel_size", IntegerPerAxis(1), "Elements.")
ROUNDING = Attribute("ceil", "ceil_mode", Integer(0, 1), "Rounding.", 0, convert=lambda given: given["ceil"] == 1)


def adaptation(*rows: Attribute, **fixed: object) -> Adaptation:
    """An operator of a framework that nobody has."""
    return Adaptation("Pool", MaxPool, rows, "A pooling.", "input.", "nowhere", (), fixed=fixed)


def test_an_attribute_is_passed_on_under_our_name() -> None:
    """As it is, or converted with the values of all attributes."""
    given: Attributes = {"window": (2, 3), "ceil": 1}

    assert SIZE.to_ours(given) == (2, 3)
    assert ROUNDING.to_ours(given) is True
    assert adaptation(SIZE, ROUNDING).to_ours(given) == {"kernel_size": (2, 3), "ceil_mode": True}


def test_a_conversion_sees_every_attribute() -> None:
    """Keras' "valid" and "same" depend on nothing else, but ONNX's pads do on auto_pad."""
    product = Attribute(
        "a", "stride", Integer(0, 9), "One.", 1, convert=lambda given: cast("int", given["a"]) * cast("int", given["b"])
    )

    assert adaptation(product).to_ours({"a": 2, "b": 3}) == {"stride": 6}


def test_of_attributes_for_one_field_the_last_that_is_set_wins() -> None:
    """None leaves a field as it was: that of an earlier attribute, or a fixed one."""
    rows = [
        Attribute("pads", "padding", IntegerPerAxis(0), "Padding.", 0),
        Attribute("auto", "padding", Flag(), "Same.", False, convert=lambda given: "same" if given["auto"] else None),
    ]
    table = adaptation(*rows, padding=7, dilation=1)

    assert table.to_ours({"pads": 2, "auto": False}) == {"padding": 2, "dilation": 1}
    assert table.to_ours({"pads": 2, "auto": True}) == {"padding": "same", "dilation": 1}
    assert table.to_ours({"pads": None, "auto": False}) == {"padding": 7, "dilation": 1}
    assert dict(table.fixed) == {"padding": 7, "dilation": 1}


def test_an_attribute_of_the_adapter_itself_sets_no_field() -> None:
    """Such as ONNX's storage_order, by which it orders indices."""
    own = Attribute("order", None, Integer(0, 1), "Order.", 0)

    assert adaptation(SIZE, own).to_ours({"window": 2, "order": 1}) == {"kernel_size": 2}


@pytest.mark.parametrize("default", [REQUIRED, 0, None])
def test_an_attribute_is_a_field_of_the_adapter(default: object) -> None:
    """With its own name, type and sentence, and in the key of a batch: requests that differ in it are pooled apart."""
    row = Attribute("ceil", "ceil_mode", Integer(0, 1), "Rounding.", default, None, 1)

    found = row.as_field()

    assert (found.name, found.field_type, found.meaning) == ("ceil", row.field_type, "Rounding.")
    assert found.is_required is (default is REQUIRED)
    assert found.default is default
    assert found.example == 1
    assert found.in_batch_key
