"""Run a MaxPool node of an ONNX graph: its attributes are the fields, by ONNX's names.

``/v1/pool/onnx.MaxPool`` has ONNX's defaults too: ``strides`` is 1, not the window. ``pads`` has the positions before
each axis, and then those after each axis.
"""

import json
from urllib.request import Request, urlopen

SERVICE = "http://localhost:8000"

# With the package onnx: {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
attributes = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [0, 0, 1, 1]}

rows = [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]
body = json.dumps({"input": [[rows]], **attributes, "return_indices": True}).encode()
request = Request(f"{SERVICE}/v1/pool/onnx.MaxPool", body, {"Content-Type": "application/json"})
with urlopen(request, timeout=30) as response:
    outputs = json.load(response)

# The node's outputs Y and Indices.
print(outputs["output"]["shape"], outputs["output"]["data"])
print(outputs["indices"]["shape"], outputs["indices"]["data"])
