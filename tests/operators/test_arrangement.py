"""Arrangements: planes and their bytes add up to the outputs, for every operator of the catalogue."""

from __future__ import annotations

import pytest

from poolhouse.operators.catalogue import discover

CATALOGUE = discover()


@pytest.mark.parametrize("name", CATALOGUE.names)
def test_the_planes_make_up_the_outputs(name: str) -> None:
    """Limits are checked with the bytes of a plane, and payloads are cut by planes."""
    member = CATALOGUE.find(name)
    for sample in member.samples:
        tensors = member.example_inputs(sample)
        inputs = {each: tensor.metadata for each, tensor in tensors.items()}
        spec = member.for_inputs(inputs).of(**sample.fields)

        arrangement = spec.arrange(inputs)

        nbytes = sum(each.nbytes for each in arrangement.outputs.values())
        assert arrangement.planes * arrangement.plane_output_bytes == nbytes
        assert dict(arrangement.inputs) == inputs
        assert tuple(arrangement.outputs) == spec.outputs()
