"""A server with three kinds of clients: without a key, with a key, and with an admin's key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx

from poolhouse.rest.app import App, create_app
from poolhouse.settings import Settings
from tests.rest.live_server import run_live_server

USER_KEY, ADMIN_KEY = "correct-horse-battery", "staple-of-the-admin"
KEYS = f"""
[user]
key = "{USER_KEY}"

[ops]
key = "{ADMIN_KEY}"
admin = true
"""


class Administered(NamedTuple):
    """The application, and its clients."""

    app: App
    nobody: httpx.Client
    user: httpx.Client
    admin: httpx.Client


@contextmanager
def run_administered_server(folder: Path) -> Iterator[Administered]:
    """Run such a server while the block runs; the key file is in the folder."""
    file = folder / "keys.toml"
    file.write_text(KEYS)
    settings = Settings.model_validate({"port": 0, "device": "cpu", "api_keys_file": str(file)})
    app = create_app(settings)
    with run_live_server(settings, app=app) as server, ExitStack() as stack:
        clients = [stack.enter_context(server.client()) for _ in range(3)]
        for client, key in zip(clients[1:], (USER_KEY, ADMIN_KEY), strict=True):
            client.headers["Authorization"] = f"Bearer {key}"
        yield Administered(app, *clients)
