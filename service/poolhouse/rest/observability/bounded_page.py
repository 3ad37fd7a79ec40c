"""Pages about the whole service, rendered at a bounded rate."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import Final

_PAUSE_FACTOR: Final = 4
"""After each rendering no other starts for this multiple of its duration, so renderings take at most a fifth of the
event loop's time, however many clients request the page. After a long uptime one takes tens of milliseconds."""


class BoundedPage:
    """Renders a page on the event loop.

    Args:
        render: makes the page.
    """

    def __init__(self, render: Callable[[], bytes]) -> None:
        self._render = render
        self._next_at = 0.0
        self._next_page: asyncio.Future[bytes] | None = None

    async def render(self) -> bytes:
        """A page rendered after this call. Calls during the pause after a rendering share the next page."""
        loop = asyncio.get_running_loop()
        if self._next_page is None:
            if loop.time() >= self._next_at:
                return self._render_now(loop)
            self._next_page = loop.create_future()
            loop.call_at(self._next_at, self._render_next, loop, self._next_page)
        # A client that disconnects must not cancel the page of the others.
        return await asyncio.shield(self._next_page)

    def _render_now(self, loop: asyncio.AbstractEventLoop) -> bytes:
        started_at = perf_counter()
        page = self._render()
        elapsed_s = perf_counter() - started_at
        self._next_at = loop.time() + elapsed_s * (1 + _PAUSE_FACTOR)
        return page

    def _render_next(self, loop: asyncio.AbstractEventLoop, page: asyncio.Future[bytes]) -> None:
        self._next_page = None
        try:
            page.set_result(self._render_now(loop))
        except Exception as error:  # of whatever is rendered: the waiting requests must get it
            page.set_exception(error)
