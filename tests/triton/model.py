"""The models that a real Triton serves in ``scripts/prove_open_inference``: pooling by torch, beside ours.

The part of a model's name before its first dot names the operator, and request parameters are its fields.
"""

import json
from typing import Any

import torch
import triton_python_backend_utils as triton

torch.set_num_threads(1)

Tensors = dict[str, torch.Tensor]


class TritonPythonModel:
    """The class that Triton's python backend looks for."""

    def initialize(self, args: dict[str, str]) -> None:
        """Choose the operator."""
        operators = {"max_pool2d": _max_pool, "avg_pool1d": _avg_pool, "max_unpool2d": _max_unpool}
        self._pool = operators[args["model_name"].partition(".")[0]]

    def execute(self, requests: list[Any]) -> list[Any]:
        """Pool each request; returns their responses in the same order."""
        return [self._respond(each) for each in requests]

    def _respond(self, request: Any) -> Any:
        fields = {"kernel_size": 2, **json.loads(request.parameters() or "{}")}
        inputs = {each.name(): torch.from_numpy(each.as_numpy()) for each in request.inputs()}
        try:
            outputs = self._pool(fields, inputs)
        except (RuntimeError, TypeError) as error:
            return triton.InferenceResponse(error=triton.TritonError(str(error), triton.TritonError.INVALID_ARG))
        asked = request.requested_output_names()
        tensors = [triton.Tensor(name, each.numpy()) for name, each in outputs.items() if name in asked]
        return triton.InferenceResponse(tensors)


def _max_pool(fields: dict[str, Any], inputs: Tensors) -> Tensors:
    # torch pools float16 and integers on few CPUs; their maxima are the same in float32.
    given, pool = inputs["input"], torch.nn.functional.max_pool2d
    output, indices = pool(given.to(torch.float32), fields["kernel_size"], fields.get("stride"), return_indices=True)
    found = {"output": output.to(given.dtype)}
    return {**found, "indices": indices} if fields.get("return_indices") else found


def _avg_pool(fields: dict[str, Any], inputs: Tensors) -> Tensors:
    return {"output": torch.nn.functional.avg_pool1d(inputs["input"], fields["kernel_size"])}


def _max_unpool(fields: dict[str, Any], inputs: Tensors) -> Tensors:
    return {"output": torch.nn.functional.max_unpool2d(inputs["input"], inputs["indices"], fields["kernel_size"])}
