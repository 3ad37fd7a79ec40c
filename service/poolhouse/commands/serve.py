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
from poolhouse.settings import Setting, Settings, error_lines, table


def serve(**options: str | None) -> None:
    """Run the service until it is told to stop.

    An option wins over its environment variable, and that over the default.
    """
    given = {field: text for field, text in options.items() if text is not None}
    try:
        # model_validate would take the text as it is, but without the environment.
        settings = Settings(**given)  # type: ignore[arg-type]  # text; each field's validator reads it
    except ValidationError as refused:
        raise click.UsageError("\n".join(error_lines(refused))) from None
    # Before anything is opened that would take the place of a closed one.
    fill_closed_streams()
    try:
        # What does not need torch to be refused is not refused after the seconds that it takes.
        keys_of(settings)
        ssl_context_of(settings)
        listeners = open_listeners(settings)
    except ValueError as wrong:
        sys.exit(f"poolhouse cannot start: {wrong}")
    try:
        # By name: it brings torch, and --help should not wait for that.
        run_server: Callable[..., None] = import_module("poolhouse.rest.run").run
        run_server(settings, listeners=listeners)
    finally:
        listeners.close()


def _option(row: Setting) -> click.Option:
    words = [row.description, f"Takes {row.takes}.", f"[{row.environment}"]
    words[-1] += f"; default {row.default}]" if row.default else "]"
    # Text, whatever the field: Settings reads and refuses, so that an option and a variable mean the same.
    return click.Option([row.option, row.field], type=str, metavar="VALUE", help=" ".join(words))


command = click.Command("serve", callback=serve, help=serve.__doc__, params=[_option(row) for row in table()])
