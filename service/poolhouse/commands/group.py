"""The group of commands, and the execution of a command line.

A command's module is imported when the command is named: the client's commands work without the server extra, and the
help does not import torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

import click

from poolhouse.commands.registry import COMMANDS, CommandInfo, unknown_command
from poolhouse.commands.session import print_message
from poolhouse.suggestions import suggest_field


class _Commands(click.Group):
    """The commands of the registry; each is the ``command`` of the module with its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"poolhouse.commands.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            raise click.UsageError(unknown_command(args[0]), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, f"{each.summary}{_extra_note(each)}") for name, each in COMMANDS.items()])


def _extra_note(command: CommandInfo) -> str:
    # This help needs click, so the cli extra is installed.
    return "" if command.extra == "cli" else f" Needs the {command.extra} extra."


@click.command(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="poolhouse --version prints the version.",
)
def poolhouse() -> None:
    """Run torch's pooling operators as an HTTP service, or on files."""


def _usage_message(error: click.UsageError) -> str:
    """The message of a usage error; for an unknown option it suggests the field that the user may mean."""
    if isinstance(error, click.NoSuchOption) and error.ctx is not None:
        fields = [parameter.name or "" for parameter in error.ctx.command.params]
        meant = suggest_field(error.option_name.lstrip("-"), fields)
        # click's own suggestion compares letters only.
        if meant.names:
            option = "--" + meant.names[0].replace("_", "-")
            return f"{error.message} Did you mean {option!r}? {meant.note}"
    return error.format_message()


def run(arguments: Sequence[str]) -> int:
    """Run the command that these arguments name.

    Returns:
        the exit code: 0 for success, 1 for a refusal or failure, 2 for an invalid command line, 130 for an interrupt.
    """
    try:
        outcome: object = poolhouse.main(args=list(arguments), prog_name="poolhouse", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as no_arguments:
        no_arguments.show()
        return no_arguments.exit_code
    except click.UsageError as mistake:
        lines = _usage_message(mistake).splitlines()
        if mistake.ctx is not None:
            lines[-1] += f" (see {mistake.ctx.command_path} --help)"
        for line in lines:
            print_message(line)
        return mistake.exit_code
    except click.ClickException as refused:
        refused.show()
        return refused.exit_code
    except click.Abort:
        return 130
    return outcome if isinstance(outcome, int) else 0
