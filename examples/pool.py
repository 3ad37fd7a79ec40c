"""Calls poolhouse from the standard library alone: a matrix as JSON, then the same as raw bytes."""

import json
from array import array
from urllib.request import Request, urlopen

SERVICE = "http://localhost:8000"

# As JSON: the tensor and the fields in one object.
rows = [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]
question = json.dumps({"input": [[rows]], "kernel_size": 2}).encode()
request = Request(f"{SERVICE}/v1/pool/max_pool2d", question, {"Content-Type": "application/json"})
with urlopen(request, timeout=30) as answer:
    print(json.load(answer)["output"])

# As bytes: the elements alone are the body, everything else stands in the query. array("f") is float32, and these
# lines want a little-endian machine, which almost all are.
elements = array("f", [number for row in rows for number in row])
request = Request(
    f"{SERVICE}/v1/pool/max_pool2d?kernel_size=2&shape=1,1,4,4&dtype=float32",
    elements.tobytes(),
    {"Content-Type": "application/octet-stream"},
)
with urlopen(request, timeout=30) as answer:
    (output,) = json.loads(answer.headers["Tensor-Metadata"])
    print(output["shape"], list(array("f", answer.read())))
