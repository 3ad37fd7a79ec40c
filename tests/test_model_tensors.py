"""The tensors of a model follow the declaration of its operator: datatype, and one -1 for each axis."""

from __future__ import annotations

import pytest

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.model_tensors import GENERIC_INPUT, GENERIC_OUTPUTS, ModelTensor, input_tensor, output_tensor
from poolhouse.operators.catalogue import discover
from poolhouse.operators.operator import Operator
from poolhouse.operators.plan import Limits, make_plan
from tests.operator_selection import covered_operators

CATALOGUE = discover()
LIMITS = Limits(max_output_bytes=2**30, max_steps=2**40)
DATATYPES = {each.open_inference_name for each in ELEMENT_TYPES.values()}


@pytest.mark.parametrize("member", covered_operators(CATALOGUE), ids=lambda each: each.name)
def test_a_sample_has_the_described_tensors(member: type[Operator]) -> None:
    """A client makes its tensors after the description; one -1 stands for any number of axes."""
    sample = member.samples[0]
    tensors = member.example_inputs(sample)
    spec = member.of(**sample.fields)
    plan = make_plan(spec, {name: each.metadata for name, each in tensors.items()}, LIMITS)
    described = [
        *((input_tensor(member, name), metadata) for name, metadata in plan.inputs.items()),
        *((output_tensor(member, name), metadata) for name, metadata in plan.outputs.items()),
    ]

    for tensor, metadata in described:
        assert tensor.datatype == metadata.dtype.open_inference_name, tensor.name
        fewer_axes = not getattr(spec, "keepdims", True) or member.family == "spatial_pyramid_pool"
        assert len(tensor.dims) in (1, len(metadata.shape)) or fewer_axes, tensor.name
        assert set(tensor.dims) == {-1}


@pytest.mark.parametrize(
    ("operator", "name", "datatype", "axes"),
    [
        ("token_pool", "mask", "INT64", 1),
        ("token_pool", "weights", "FP32", 1),
        ("token_pool", "offsets", "INT64", 1),
        ("span_pool", "spans", "INT64", 2),
        ("roi_align", "boxes", "FP32", 2),
        ("roi_pool", "batch_indices", "INT64", 1),
        ("max_unpool3d", "indices", "INT64", 5),
        ("onnx.MaxUnpool", "indices", "INT64", 1),
    ],
)
def test_a_tensor_beside_the_input_has_its_own_type_and_axes(
    operator: str, name: str, datatype: str, axes: int
) -> None:
    """The default type is that of a JSON list; without numbers of axes of its own it has those of the input."""
    assert input_tensor(CATALOGUE.find(operator), name) == ModelTensor(name, datatype, (-1,) * axes)


def test_metadata_and_configuration_differ_in_their_words_alone() -> None:
    """perf_analyzer compares them."""
    tensor = ModelTensor("boxes", "FP32", (-1, -1))

    assert tensor.metadata() == {"name": "boxes", "datatype": "FP32", "shape": [-1, -1]}
    assert tensor.config() == {"name": "boxes", "data_type": "TYPE_FP32", "dims": [-1, -1]}


def test_the_model_of_all_operators_has_any_number_of_axes() -> None:
    """Its operator is a parameter."""
    assert [each.name for each in (GENERIC_INPUT, *GENERIC_OUTPUTS)] == ["input", "output", "indices"]
    assert all(each.dims == (-1,) and each.datatype in DATATYPES for each in (GENERIC_INPUT, *GENERIC_OUTPUTS))
