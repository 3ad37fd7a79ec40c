"""The control server responds to every request on a persistent connection."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from tests.hostile.campaign.control_server import serve_connection
from tests.hypothesis_profiles import scaled_examples

_REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@given(st.lists(st.integers(1, len(_REQUEST)), max_size=5), st.integers(0, 5))
@scaled_examples(20)
def test_each_request_gets_a_response(cuts: list[int], count: int) -> None:
    """Without responses there would be no control times, and no delay would be subtracted."""

    async def ask() -> bytes:
        server = await asyncio.start_server(serve_connection, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            sent = _REQUEST * count
            for cut in cuts:
                writer.write(sent[:cut])
                await writer.drain()
                sent = sent[cut:]
            writer.write(sent)
            writer.write_eof()
            received = await reader.read()
            writer.close()
            await writer.wait_closed()
            return received

    received = asyncio.run(ask())

    assert received.count(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") == count
