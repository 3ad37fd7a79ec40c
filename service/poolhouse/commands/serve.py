"""``poolhouse serve``: the options are the fields of Settings."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module

import click
from pydantic import ValidationError

from poolhouse.rest.auth.keys import keys_of
from poolhouse.rest.listening import open_listeners
from poolhouse.rest.observability.line_writer import fill_closed_streams
from poolhouse.rest.tls import ssl_context_of
from poolhouse.settings import Setting, Settings, all_settings, error_lines


def serve(**options: str | None) -> None:
    """Run the service until it is stopped.

    An option has precedence over its environment variable, and that over the default.
    """
    given = {field: text for field, text in options.items() if text is not None}
    try:
        # Not model_validate, which does not read the environment.
        settings = Settings(**given)  # type: ignore[arg-type]  # text, which each field's validator parses
    except ValidationError as refused:
        raise click.UsageError("\n".join(error_lines(refused))) from None
    # Before a file is opened, which would get the descriptor of a closed standard stream.
    fill_closed_streams()
    try:
        # Checked before torch is imported, which takes seconds.
        keys_of(settings)
        ssl_context_of(settings)
        listeners = open_listeners(settings)
    except ValueError as wrong:
        sys.exit(f"poolhouse cannot start: {wrong}")
    try:
        # Imported by name: it imports torch, and --help should not wait for that.
        run_server: Callable[..., None] = import_module("poolhouse.rest.run").run
        run_server(settings, listeners=listeners)
    finally:
        listeners.close()


def _option(row: Setting) -> click.Option:
    parts = [row.description, f"Takes {row.accepts}.", f"[{row.environment}"]
    parts[-1] += f"; default {row.default}]" if row.default else "]"
    # Always text, which Settings parses and validates as it does environment variables.
    return click.Option([row.option, row.field], type=str, metavar="VALUE", help=" ".join(parts))


command = click.Command("serve", callback=serve, help=serve.__doc__, params=[_option(row) for row in all_settings()])
