"""A pyramid of a microscope's volume, as multiscale zarr stores it: uint16, with thick slices, so only y and x shrink.

Each level is the average of 1 x 2 x 2 voxels of the level before.
"""

import numpy as np

import poolhouse

# 16 slices of 200 x 300: cells as blurred spheres, on the noise of a 16-bit camera.
random = np.random.default_rng(16)
depth, height, width = np.ogrid[0:16, 0:200, 0:300]
volume = random.integers(90, 110, (16, 200, 300)).astype(np.float64)
for z, y, x in random.random((40, 3)) * (16, 200, 300):
    volume += 40_000 * np.exp(-((depth - z) ** 2 / 4 + (height - y) ** 2 / 50 + (width - x) ** 2 / 50))
volume = np.minimum(volume, 65_535).astype(np.uint16)

with poolhouse.Client("http://localhost:8000") as client:
    pyramid = client.pyramid_pool3d(volume[np.newaxis], factor=[1, 2, 2], levels=3)

print("level0", volume.shape, volume.dtype)
for name, level in pyramid.outputs.items():
    print(name, level[0].shape, level.dtype)
