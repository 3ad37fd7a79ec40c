"""Call poolhouse from asyncio: concurrent calls, a stream of arrays in order, a deadline."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import numpy as np

import poolhouse

photo = np.load(Path(__file__).with_name("photo.npy"))


async def frames() -> AsyncIterator[np.ndarray]:
    """An endless stream of images, as of a camera."""
    while True:
        yield photo
        await asyncio.sleep(0)


async def main() -> None:
    """Call the service."""
    async with poolhouse.AsyncClient("http://localhost:8000") as client:
        largest, mean = await asyncio.gather(client.max_pool2d(photo, 8), client.avg_pool2d(photo, 8))
        print(largest.output.shape, bool((largest.output >= mean.output).all()))

        # Four calls at a time, with the results in order; leaving the block cancels the others.
        with_deadline = client.with_options(timeout=10)
        async with aclosing(with_deadline.map("global_avg_pool2d", frames(), concurrency=4)) as results:
            count = 0
            async for result in results:
                count += 1
                if count == 3:
                    print("the third:", result.output.shape)
                    break


asyncio.run(main())
