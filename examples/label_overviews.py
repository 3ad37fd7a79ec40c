"""Overviews of a raster of land cover classes, as GDAL's ``gdaladdo -r mode`` makes them; 0 means no data.

The mode takes the most frequent class of each 2 x 2 block, so no overview has a class that the raster has not, which an
average would. Blocks without any data stay 0.
"""

import numpy as np

import poolhouse

# A coast: water (1), sand (2), forest (3), and a corner that the satellite did not see (0).
rows, columns = np.mgrid[0:512, 0:768]
shore = 300 + 60 * np.sin(columns / 90)
labels = np.select([rows < shore - 20, rows < shore], [3, 2], default=1).astype(np.uint8)
labels[rows + columns < 150] = 0

with poolhouse.Client("http://localhost:8000") as client:
    overviews = client.pyramid_pool2d(labels[np.newaxis], reduce="mode", levels=4, ignore_value=0)

for name, level in overviews.outputs.items():
    classes, counts = np.unique(level, return_counts=True)
    print(name, level.shape, level.dtype, dict(zip(classes.tolist(), counts.tolist(), strict=True)))
print("classes are kept:", all(set(np.unique(level)) <= set(np.unique(labels)) for level in overviews.outputs.values()))
