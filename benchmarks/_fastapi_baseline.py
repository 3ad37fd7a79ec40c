"""The baseline: the obvious FastAPI service for max pooling, written in ten minutes. Its only argument is the port.

Both endpoints are coroutines: FastAPI runs plain functions in a thread for each request, which is slower.
"""

from __future__ import annotations

import socket
import sys

import numpy as np
import torch
import uvicorn
from fastapi import FastAPI, Request, Response
from pydantic import BaseModel
from torch.nn.functional import max_pool2d

app = FastAPI()


class PoolRequest(BaseModel):
    """The JSON body."""

    input: list[list[list[list[float]]]]
    kernel_size: int | tuple[int, int]
    stride: int | tuple[int, int] | None = None
    padding: int | tuple[int, int] = 0


class PoolResponse(BaseModel):
    """The JSON response."""

    output: list[list[list[list[float]]]]


@app.post("/json")
async def pool_json(request: PoolRequest) -> PoolResponse:
    """Pool nested lists."""
    output = max_pool2d(torch.tensor(request.input), request.kernel_size, request.stride, request.padding)
    return PoolResponse(output=output.tolist())


@app.post("/raw")
async def pool_raw(request: Request, shape: str, kernel_size: int) -> Response:
    """Pool raw float32 elements."""
    array = np.frombuffer(await request.body(), np.float32).reshape([int(size) for size in shape.split(",")])
    # Copied, because torch logs a warning for read-only memory.
    output = max_pool2d(torch.from_numpy(array.copy()), kernel_size)
    return Response(output.numpy().tobytes(), media_type="application/octet-stream")


class _AnnouncingServer(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(f"ready on {self.servers[0].sockets[0].getsockname()[1]}", flush=True)


if __name__ == "__main__":
    config = uvicorn.Config(app, port=int(sys.argv[1]), loop="uvloop", http="httptools", log_level="warning")
    _AnnouncingServer(config).run()
