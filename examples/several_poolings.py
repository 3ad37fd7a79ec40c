"""Features of an image for a search index, in one call: colours, texture, and a thumbnail made by a chain.

The image is sent once. The thumbnail pools twice, and what lies between is not returned.
"""

import numpy as np

import poolhouse

image = np.load("examples/photo.npy").astype(np.float32) / 255

poolings: dict[str, dict[str, object]] = {
    "colour": {"operator": "global_avg_pool2d", "keepdims": False},
    "darkest": {"operator": "global_min_pool2d", "keepdims": False},
    "texture": {"operator": "adaptive_std_pool2d", "output_size": 4},
    "half": {"operator": "blur_pool2d", "filter_size": 5, "returned": False},
    "thumbnail": {"operator": "avg_pool2d", "of": "half", "kernel_size": 4},
}

with poolhouse.Client("http://localhost:8000") as client:
    plan = client.plan_many(image.shape, poolings, image.dtype)
    features = client.pool_many(image, poolings)

for name, feature in features.items():
    print(name, feature.shape, feature.dtype)
print("red, green, blue:", (255 * features["colour"][0]).round().tolist())
print("as planned:", all(plan.outputs[name].shape == feature.shape for name, feature in features.items()))
