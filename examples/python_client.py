"""Call poolhouse with its Python client: an output and its indices, several arrays concurrently, a refusal."""

from pathlib import Path

import numpy as np

import poolhouse

photo = np.load(Path(__file__).with_name("photo.npy"))

with poolhouse.Client("http://localhost:8000") as client:
    output, indices = client.max_pool2d(photo, 2, return_indices=True)
    print(output.shape, output.dtype, indices.shape, indices.dtype)

    # Up to eight calls at a time, with the results in order.
    images = [photo, photo[..., ::-1], 255 - photo]
    results = client.map("adaptive_avg_pool2d", images, output_size=4)
    print("averages of three images:", *[result.output.shape for result in results])

    try:
        client.max_pool2d(photo, kernel_size=0)
    except poolhouse.Unprocessable as error:
        print(error)
