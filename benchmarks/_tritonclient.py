"""Runs in Triton's environment: makes calls with Triton's own Python client, each timed, when a line of stdin says so.

Arguments: port, model, folder of inputs. A line is ``{"size": NAME, "count": N}`` for N calls with NAME.npy.
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
        asked = json.loads(line)
        x = np.load(Path(inputs, f"{asked['size']}.npy"), allow_pickle=False)
        taken = []
        for _ in range(asked["count"]):
            begun = time.perf_counter()
            # From array to array, as with our client: the request is made anew for each call.
            tensor = http.InferInput("input", list(x.shape), "FP32")
            tensor.set_data_from_numpy(x, binary_data=True)
            wanted = [http.InferRequestedOutput("output", binary_data=True)]
            output = client.infer(model, [tensor], outputs=wanted).as_numpy("output")
            taken.append(1e3 * (time.perf_counter() - begun))
        print(json.dumps({"ms": taken, "sha256": hashlib.sha256(output.tobytes()).hexdigest()}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
