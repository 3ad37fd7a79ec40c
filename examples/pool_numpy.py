"""Call poolhouse with numpy and httpx: the request is npy, the response npz with an output and its indices."""

import io
from pathlib import Path

import httpx
import numpy as np

photo = np.load(Path(__file__).with_name("photo.npy"))
body = io.BytesIO()
np.save(body, photo)

with httpx.Client(base_url="http://localhost:8000", timeout=30) as client:
    response = client.post(
        "/v1/pool/max_pool2d",
        params={"kernel_size": 2, "return_indices": "true"},
        headers={"Content-Type": "application/x-npy", "Accept": "application/x-npz"},
        content=body.getvalue(),
    )
response.raise_for_status()

pooled = np.load(io.BytesIO(response.content))
output, indices = pooled["output"], pooled["indices"]
print(output.shape, output.dtype, indices.dtype)

# An index refers to the flattened plane of its value.
found = np.take_along_axis(photo.reshape(3, -1), indices.reshape(3, -1), axis=1)
print("every index points at its value:", np.array_equal(found, output.reshape(3, -1)))
