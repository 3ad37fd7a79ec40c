"""The commands of the console script: serve, openapi. The options of serve are the fields of Settings.

The server is imported by name when a command runs: it brings torch, and ``--help`` should not wait for that.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from importlib import import_module

import click
from pydantic import ValidationError

from poolhouse.settings import Setting, Settings, complaints, table


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="poolhouse --version prints the version.",
)
def poolhouse() -> None:
    """Pooling as a service: torch's pooling operators over HTTP."""


def serve(**options: str | None) -> None:
    """Run the service until it is told to stop.

    An option wins over its environment variable, and that over the default.
    """
    given = {field: text for field, text in options.items() if text is not None}
    try:
        # model_validate would take the text as it is, but without the environment.
        settings = Settings(**given)  # type: ignore[arg-type]  # text; each field's validator reads it
    except ValidationError as refused:
        raise click.UsageError("\n".join(complaints(refused))) from None
    run_server: Callable[[Settings], None] = import_module("poolhouse.rest.server").run
    run_server(settings)


def _option(row: Setting) -> click.Option:
    words = [row.description, f"Takes {row.takes}.", f"[{row.environment}"]
    words[-1] += f"; default {row.default}]" if row.default else "]"
    # Text, whatever the field: Settings reads and refuses, so that an option and a variable mean the same.
    return click.Option([row.option, row.field], type=str, metavar="VALUE", help=" ".join(words))


poolhouse.add_command(
    click.Command("serve", callback=serve, help=serve.__doc__, params=[_option(row) for row in table()])
)


@poolhouse.command()
def openapi() -> None:
    """Print the OpenAPI document."""
    document: Callable[[], dict[str, object]] = import_module("poolhouse.rest.openapi").document
    click.echo(json.dumps(document(), indent=2, ensure_ascii=False))


def run(words: Sequence[str]) -> int:
    """Run the command that these words name, and give its exit code."""
    try:
        outcome: object = poolhouse.main(args=list(words), prog_name="poolhouse", standalone_mode=False)
    except click.ClickException as refused:
        refused.show()
        return refused.exit_code
    except click.Abort:
        return 130
    return outcome if isinstance(outcome, int) else 0
