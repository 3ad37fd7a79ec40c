"""Calls poolhouse from asyncio: several calls at once, a stream of arrays in order, a deadline."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import numpy as np

import poolhouse

photo = np.load(Path(__file__).with_name("photo.npy"))


async def frames() -> AsyncIterator[np.ndarray]:
    """Pictures as a camera would bring them, one after another and without end."""
    while True:
        yield photo
        await asyncio.sleep(0)


async def main() -> None:
    """Call."""
    async with poolhouse.AsyncClient("http://localhost:8000") as client:
        most, mean = await asyncio.gather(client.max_pool2d(photo, 8), client.avg_pool2d(photo, 8))
        print(most.output.shape, bool((most.output >= mean.output).all()))

        # Four at a time, the answers in order; leaving the block cancels what has begun.
        hurried = client.with_options(timeout=10)
        async with aclosing(hurried.map("global_avg_pool2d", frames(), concurrency=4)) as answers:
            seen = 0
            async for answer in answers:
                seen += 1
                if seen == 3:
                    print("the third:", answer.output.shape)
                    break


asyncio.run(main())
