"""Calls poolhouse with numpy and httpx: an array out as npy, an array and its indices back as npz."""

import io
from pathlib import Path

import httpx
import numpy as np

photo = np.load(Path(__file__).with_name("photo.npy"))
body = io.BytesIO()
np.save(body, photo)

with httpx.Client(base_url="http://localhost:8000", timeout=30) as service:
    answer = service.post(
        "/v1/pool/max_pool2d",
        params={"kernel_size": 2, "return_indices": "true"},
        headers={"Content-Type": "application/x-npy", "Accept": "application/x-npz"},
        content=body.getvalue(),
    )
answer.raise_for_status()

pooled = np.load(io.BytesIO(answer.content))
output, indices = pooled["output"], pooled["indices"]
print(output.shape, output.dtype, indices.dtype)

# An index counts within its own plane, flattened.
found = np.take_along_axis(photo.reshape(3, -1), indices.reshape(3, -1), axis=1)
print("every index points at its value:", np.array_equal(found, output.reshape(3, -1)))
