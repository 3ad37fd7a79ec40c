"""Time calls of Triton's Python client; this program runs in Triton's environment.

Arguments: port, model, folder of inputs. A line ``{"size": NAME, "count": N}`` on stdin makes N calls with NAME.npy.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from importlib import metadata
from pathlib import Path

import numpy as np
from tritonclient import http


def main(port: str, model: str, inputs: str) -> None:
    client = http.InferenceServerClient(f"127.0.0.1:{port}")
    print(json.dumps({"version": metadata.version("tritonclient")}), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        x = np.load(Path(inputs, f"{order['size']}.npy"), allow_pickle=False)
        times_ms = []
        for _ in range(order["count"]):
            start = time.perf_counter()
            # From array to array, as with our client: each call builds its request.
            tensor = http.InferInput("input", list(x.shape), "FP32")
            tensor.set_data_from_numpy(x, binary_data=True)
            outputs = [http.InferRequestedOutput("output", binary_data=True)]
            output = client.infer(model, [tensor], outputs=outputs).as_numpy("output")
            times_ms.append(1e3 * (time.perf_counter() - start))
        print(json.dumps({"ms": times_ms, "sha256": hashlib.sha256(output.tobytes()).hexdigest()}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
