"""Calls poolhouse with its Python client: an array and its indices, many arrays at once, a refusal."""

from pathlib import Path

import numpy as np

import poolhouse

photo = np.load(Path(__file__).with_name("photo.npy"))

with poolhouse.Client("http://localhost:8000") as client:
    output, indices = client.max_pool2d(photo, 2, return_indices=True)
    print(output.shape, output.dtype, indices.shape, indices.dtype)

    # Eight calls at a time, the answers in order.
    pictures = [photo, photo[..., ::-1], 255 - photo]
    answers = client.map("adaptive_avg_pool2d", pictures, output_size=4)
    print("an average of three pictures:", *[answer.output.shape for answer in answers])

    try:
        client.max_pool2d(photo, kernel_size=0)
    except poolhouse.Unprocessable as refused:
        print(refused)
