"""Runs a plan on a device: wire arrays in, wire arrays out, cut into pieces that fit.

Bytes are not copied on the CPU: torch looks at the request's own buffer, and an answer that was computed in one
piece is torch's own. Elements are copied where a buffer is read-only (torch has no such tensors), on the way to
another device, and where an answer is put together from pieces.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from poolhouse.backend.devices import Device
from poolhouse.dtypes import BFLOAT16, ElementType
from poolhouse.operators.operator import Plan
from poolhouse.tensors import Tensor

PIECE_BYTES: Final = 64 * 2**20
"""Intermediate results of one piece stay within this, as far as whole planes allow."""


@torch.inference_mode()
def run_plan(plan: Plan, tensors: Mapping[str, Tensor], device: Device) -> dict[str, Tensor]:
    """Pools the tensors of one request.

    Args:
        plan: the plan made from these tensors' outlines; its spec is settled.
        tensors: the inputs by name.
        device: where to run.

    Returns:
        the outputs by name; their memory is the caller's.
    """
    if plan.planes == 0 or 0 in next(iter(plan.outputs.values())).shape:
        return {
            name: Tensor(outline.dtype, np.empty(outline.shape, outline.dtype.storage))
            for name, outline in plan.outputs.items()
        }
    planes = {
        name: _as_torch(tensor.array, tensor.dtype).reshape(plan.planes, *plan.spatial)
        for name, tensor in tensors.items()
    }
    planes |= {name: torch.from_numpy(drawn) for name, drawn in plan.spec.draw(plan.planes).items()}
    pieces = list(_pieces(plan, device))
    if len(pieces) == 1:
        results = [result.cpu() for result in plan.spec.run(_moved(planes, slice(None), device))]
    else:
        results = _in_pieces(plan, planes, pieces, device)
    return {
        name: Tensor(outline.dtype, _as_numpy(result, outline.dtype).reshape(outline.shape))
        for result, (name, outline) in zip(results, plan.outputs.items(), strict=True)
    }


def _in_pieces(
    plan: Plan, planes: Mapping[str, torch.Tensor], pieces: list[slice], device: Device
) -> list[torch.Tensor]:
    whole = [
        torch.empty((plan.planes, *outline.shape[-plan.spec.rank :]), dtype=torch_dtype(outline.dtype))
        for outline in plan.outputs.values()
    ]
    for piece in pieces:
        for target, part in zip(whole, plan.spec.run(_moved(planes, piece, device)), strict=True):
            target[piece].copy_(part)
    return whole


def _pieces(plan: Plan, device: Device) -> Iterator[slice]:
    """Plane ranges whose intermediate results fit; a single plane is never cut."""
    planes = plan.planes
    if plan.workspace_bytes:
        planes = max(1, min(planes, PIECE_BYTES // plan.workspace_bytes))
    if device.most_planes is not None:
        planes = min(planes, device.most_planes)
    for start in range(0, plan.planes, planes):
        yield slice(start, min(start + planes, plan.planes))


def _moved(planes: Mapping[str, torch.Tensor], piece: slice, device: Device) -> dict[str, torch.Tensor]:
    return {name: tensor[piece].to(device.torch_device) for name, tensor in planes.items()}


def torch_dtype(dtype: ElementType) -> torch.dtype:
    """Torch's name for an element type; they are spelled alike."""
    found = getattr(torch, dtype.name)
    assert isinstance(found, torch.dtype)
    return found


def _as_torch(array: npt.NDArray[np.generic], dtype: ElementType) -> torch.Tensor:
    tensor = torch.from_numpy(array if array.flags.writeable else array.copy())
    return tensor.view(torch.bfloat16) if dtype is BFLOAT16 else tensor


def _as_numpy(tensor: torch.Tensor, dtype: ElementType) -> npt.NDArray[np.generic]:
    array: npt.NDArray[np.generic]
    if dtype is BFLOAT16:
        array = tensor.contiguous().view(torch.int16).numpy().view(np.uint16)
    else:
        array = tensor.contiguous().numpy()
    assert array.dtype == dtype.storage, (array.dtype, dtype)
    return array
