"""Call poolhouse with only the standard library: a matrix as JSON, then as raw bytes."""

import json
from array import array
from urllib.request import Request, urlopen

SERVICE = "http://localhost:8000"

# As JSON: the tensor and the fields in one object.
rows = [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]
body = json.dumps({"input": [[rows]], "kernel_size": 2}).encode()
request = Request(f"{SERVICE}/v1/pool/max_pool2d", body, {"Content-Type": "application/json"})
with urlopen(request, timeout=30) as response:
    print(json.load(response)["output"])

# As raw bytes: the body is the elements, and the fields are in the query. array("f") is float32 in the byte order of
# this machine, which must be little-endian.
elements = array("f", [number for row in rows for number in row])
request = Request(
    f"{SERVICE}/v1/pool/max_pool2d?kernel_size=2&shape=1,1,4,4&dtype=float32",
    elements.tobytes(),
    {"Content-Type": "application/octet-stream"},
)
with urlopen(request, timeout=30) as response:
    (output,) = json.loads(response.headers["Tensor-Metadata"])
    print(output["shape"], list(array("f", response.read())))
