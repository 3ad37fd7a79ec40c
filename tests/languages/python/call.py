"""Call a live service with the generated Python client: JSON, raw elements, and a refusal."""

import io
import struct
import sys

from poolhouse_generated import Client
from poolhouse_generated.api.max_pool import max_pool2d
from poolhouse_generated.models.max_pool_2d_dtype import MaxPool2DDtype
from poolhouse_generated.models.max_pool_2d_json_body import MaxPool2DJsonBody
from poolhouse_generated.models.max_pool_2d_response_200 import MaxPool2DResponse200
from poolhouse_generated.models.unprocessable_problem import UnprocessableProblem
from poolhouse_generated.types import File

client = Client(base_url=sys.argv[1])
rows = [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]

response = max_pool2d.sync(client=client, body=MaxPool2DJsonBody.from_dict({"input": [[rows]], "kernel_size": 2}))
assert isinstance(response, MaxPool2DResponse200), response
assert response.to_dict()["output"]["data"] == [[[[6, 8], [14, 16]]]]

raw = struct.pack("<16f", *(element for row in rows for element in row))
# This client parses every response as JSON, so it must request JSON.
client = client.with_headers({"Accept": "application/json"})
float32 = MaxPool2DDtype.FLOAT32
response = max_pool2d.sync(client=client, body=File(io.BytesIO(raw)), kernel_size="2", shape="1,1,4,4", dtype=float32)
assert isinstance(response, MaxPool2DResponse200), response
assert response.to_dict()["output"]["data"] == [[[[6, 8], [14, 16]]]]

refused = max_pool2d.sync(client=client, body=MaxPool2DJsonBody.from_dict({"input": [[rows]], "kernel_size": 9}))
assert isinstance(refused, UnprocessableProblem), refused
assert refused.code == "window_does_not_fit"
print("python: JSON, raw and refusal are correct")
