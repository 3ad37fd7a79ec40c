"""``poolhouse key``: makes an API key, and the lines that the service's file needs of it."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import click


@click.command("key")
@click.argument("name")
def command(name: str) -> None:
    """Make an API key for NAME.

    The key goes to standard error, for whoever will call, and is kept nowhere. What the file of API keys needs goes to
    standard output: poolhouse key vision >> keys.toml
    """
    # By name: it brings the server extra, and --help should not wait for that.
    keys = import_module("poolhouse.rest.auth.keys")
    new_key: Callable[[], str] = keys.new_key
    key_digest: Callable[[str], str] = keys.key_digest
    key = new_key()
    try:
        keys.read_keys(None, f"{name}={key}")
    except ValueError as wrong:
        raise click.UsageError(str(wrong)) from None
    click.echo(f'[{name}]\nkey = "{key_digest(key)}"')
    click.echo(f"The key of {name}, shown once: {key}", err=True)
