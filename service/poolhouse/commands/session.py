"""Whom a command asks, how it waits, and how a refusal is told: one line, and the exit code 1."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TypeVar

import click

from poolhouse.client.clients import Client
from poolhouse.commands.registry import install_command
from poolhouse.errors import PoolhouseError
from poolhouse.wire.quoting import escape_unprintable

_Made = TypeVar("_Made", bound=Callable[..., object])

_SHOWN_AFTER_S = 0.3
_SHOWN_EVERY_S = 0.1


class CommandFailed(click.ClickException):
    """The service, the connection or a file said no."""

    exit_code = 1

    def show(self, file: object = None) -> None:
        """On standard error, in one line."""
        print_message(self.message)


def print_message(message: str) -> None:
    """One line on standard error, whatever the message is made of."""
    click.echo(f"poolhouse: {escape_unprintable(' '.join(message.split()))}", err=True)


def print_text(text: str) -> None:
    """Text of lines on standard output. Some of it may be a server's: a terminal obeys none of that."""
    click.echo(escape_unprintable(text, allowed="\n"))


def shared_options(
    without_url: str = "the work is done in this process, which needs the server extra",
) -> list[click.Parameter]:
    """What every command that asks a service takes.

    Args:
        without_url: what happens where no URL is given.
    """
    return [
        click.Option(
            ["--url"],
            envvar="POOLHOUSE_URL",
            show_envvar=True,
            metavar="URL",
            help=f"The service to ask, http://host:8000 or unix:/path; without it {without_url}.",
        ),
        click.Option(
            ["--api-key"], envvar="POOLHOUSE_API_KEY", show_envvar=True, metavar="KEY", help="Sent as a bearer token."
        ),
        click.Option(
            ["--timeout"],
            type=click.FloatRange(min=0, min_open=True),
            default=60.0,
            show_default=True,
            metavar="SECONDS",
            help="How long the answer may take.",
        ),
    ]


@contextmanager
def connect(url: str | None, api_key: str | None, timeout: float, request_bytes: int = 0) -> Iterator[Client]:
    """A client of the service at the URL, or of one in this process; refusals inside become :class:`CommandFailed`.

    Args:
        url: None for this process.
        api_key: of the service.
        timeout: of a call, in seconds.
        request_bytes: how much will be sent, for who watches.
    """
    with report_errors(), _ProgressLine(request_bytes) as progress:
        try:
            if url is None:
                progress.show("starting a service in this process")
                client = _make_local_client(timeout)
            else:
                client = Client(url, api_key, timeout=timeout, read_timeout=timeout, on_transfer=progress.on_transfer)
        except ValueError as fault:
            raise click.UsageError(str(fault).replace("base_url is", "--url is")) from None
        with client:
            yield client


def _make_local_client(timeout: float) -> Client:
    try:
        return Client.local(timeout=timeout)
    except ModuleNotFoundError as missing:
        if (missing.name or "poolhouse").partition(".")[0] == "poolhouse":
            raise
        raise click.UsageError(
            f"{missing.name} is not installed; without --url the work is done in this process, which needs the server "
            f"extra: {install_command('server')}; or name a service: --url http://host:8000"
        ) from None
    except ValueError as fault:
        # By name: where a service can be, pydantic is, whose error a wrong setting of the environment is.
        refused: type[ValueError] = import_module("pydantic").ValidationError
        error_lines: Callable[[ValueError], list[str]] = import_module("poolhouse.settings").error_lines
        raise ValueError("\n".join(error_lines(fault)) if isinstance(fault, refused) else str(fault)) from None


@contextmanager
def report_errors() -> Iterator[None]:
    """Whatever goes wrong in the ways that we know is told in one line."""
    try:
        yield
    except PoolhouseError as error:
        # Most details hold what their fields say.
        further = [field for field in error.problems if field.message not in error.detail]
        fields = [f"{field.pointer.lstrip('/?')}: {field.message}" for field in further]
        raise CommandFailed(" ".join([error.detail, *fields])) from None
    except BrokenPipeError:
        # Whoever read our output has enough; click ends the process as shells expect.
        raise
    except OSError as fault:
        raise CommandFailed(f"{fault.filename or 'file'}: {fault.strerror or fault}") from None


def _is_interactive() -> bool:
    """Whether somebody looks."""
    return sys.stderr.isatty()


class _ProgressLine:
    """A line on a terminal that says how far it is; nothing where nobody looks, or where it is soon over."""

    def __init__(self, nbytes: int) -> None:
        self._nbytes = nbytes
        self._is_interactive = _is_interactive()
        self._started_s = time.monotonic()
        self._last_shown_s = 0.0
        self._is_visible = False

    def __enter__(self) -> _ProgressLine:
        return self

    def __exit__(self, *raised: object) -> None:
        if self._is_visible:
            click.echo("\r\033[K", nl=False, err=True)

    def show(self, text: str) -> None:
        """Show these words."""
        if self._is_interactive:
            self._is_visible = True
            click.echo(f"\r\033[K{text} … ", nl=False, err=True)

    def on_transfer(self, direction: str, nbytes: int) -> None:
        """So many bytes have gone or come."""
        now = time.monotonic()
        if now - self._started_s > _SHOWN_AFTER_S and now - self._last_shown_s > _SHOWN_EVERY_S:
            self._last_shown_s = now
            of = f" of {self._nbytes / 1e6:.1f}" if direction == "sent" else ""
            self.show(f"{direction} {nbytes / 1e6:.1f}{of} MB")
