"""The model that NVIDIA Triton serves in ``scripts/bench triton``: torch's 2×2 max pooling on one thread.

Triton passes the requests of a batch as a list; inputs of equal size are pooled by one call of the kernel.
"""

import torch
import triton_python_backend_utils as triton

torch.set_num_threads(1)


class TritonPythonModel:
    """The class that Triton's python backend looks for."""

    def execute(self, requests: list) -> list:
        """Pool a batch of requests; returns their responses in the same order."""
        inputs = [torch.from_numpy(triton.get_input_tensor_by_name(each, "input").as_numpy()) for each in requests]
        return [triton.InferenceResponse([triton.Tensor("output", pooled.numpy())]) for pooled in _pool(inputs)]


def _pool(inputs: list) -> list:
    pool = torch.nn.functional.max_pool2d
    if len(inputs) == 1 or len({each.shape[1:] for each in inputs}) > 1:
        return [pool(each, 2) for each in inputs]
    return list(pool(torch.cat(inputs), 2).split([len(each) for each in inputs]))
