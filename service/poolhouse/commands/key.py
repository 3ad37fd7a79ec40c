"""``poolhouse key``: makes an API key, and its entry for the service's file of keys."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import click


@click.command("key")
@click.argument("name")
def command(name: str) -> None:
    """Make an API key for NAME.

    The key is printed to standard error, for the client, and is not stored. Its entry for the file of API keys is
    printed to standard output: poolhouse key vision >> keys.toml
    """
    # Imported by name: it needs the server extra, and --help should not wait for its import.
    keys = import_module("poolhouse.rest.auth.keys")
    new_key: Callable[[], str] = keys.new_key
    key_digest: Callable[[str], str] = keys.key_digest
    key = new_key()
    try:
        keys.read_keys(None, f"{name}={key}")
    except ValueError as wrong:
        raise click.UsageError(str(wrong)) from None
    click.echo(f'[{name}]\nkey = "{key_digest(key)}"')
    click.echo(f"The key of {name}, which is shown only once: {key}", err=True)
