"""The client, the progress line and the error reports of a command; an error is one line and the exit code 1."""

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
    """A refusal of the service, or a failure of the connection or a file."""

    exit_code = 1

    def show(self, file: object = None) -> None:
        """Print the error in one line."""
        print_message(self.message)


def print_message(message: str) -> None:
    """Print a message to standard error as one line, without control characters."""
    click.echo(f"poolhouse: {escape_unprintable(' '.join(message.split()))}", err=True)


def print_text(text: str) -> None:
    """Print text to standard output. It may contain a server's text, so control characters are escaped."""
    click.echo(escape_unprintable(text, allowed="\n"))


def shared_options(
    without_url: str = "this process does the work, which needs the server extra",
) -> list[click.Parameter]:
    """The options of every command that calls a service.

    Args:
        without_url: help text on what happens if no URL is given.
    """
    return [
        click.Option(
            ["--url"],
            envvar="POOLHOUSE_URL",
            show_envvar=True,
            metavar="URL",
            help=f"Address of the service, http://host:8000 or unix:/path; without it {without_url}.",
        ),
        click.Option(
            ["--api-key"], envvar="POOLHOUSE_API_KEY", show_envvar=True, metavar="KEY", help="API key of the service."
        ),
        click.Option(
            ["--timeout"],
            type=click.FloatRange(min=0, min_open=True),
            default=60.0,
            show_default=True,
            metavar="SECONDS",
            help="Deadline of the call.",
        ),
    ]


@contextmanager
def connect(url: str | None, api_key: str | None, timeout: float, request_bytes: int = 0) -> Iterator[Client]:
    """Make a client of the service at the URL, or of one in this process; report errors inside the block.

    Args:
        url: None for a service in this process.
        api_key: of the service.
        timeout: of a call, in seconds.
        request_bytes: size of the request, for the progress line.
    """
    with report_errors(), _ProgressLine(request_bytes) as progress:
        try:
            if url is None:
                progress.show("starting the service in this process")
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
            f"{missing.name} is not installed; without --url this process does the work, which needs the server extra: "
            f"{install_command('server')}; or name a service: --url http://host:8000"
        ) from None
    except ValueError as fault:
        # An invalid setting in the environment raises pydantic's error. Imported by name: only the server extra has it.
        validation_error: type[ValueError] = import_module("pydantic").ValidationError
        error_lines: Callable[[ValueError], list[str]] = import_module("poolhouse.settings").error_lines
        raise ValueError("\n".join(error_lines(fault)) if isinstance(fault, validation_error) else str(fault)) from None


@contextmanager
def report_errors() -> Iterator[None]:
    """Turn expected errors in the block into :class:`CommandFailed`."""
    try:
        yield
    except PoolhouseError as error:
        # Most details repeat the messages of their fields.
        not_repeated = [field for field in error.problems if field.message not in error.detail]
        fields = [f"{field.pointer.lstrip('/?')}: {field.message}" for field in not_repeated]
        raise CommandFailed(" ".join([error.detail, *fields])) from None
    except BrokenPipeError:
        # The reader of our output has closed it; click ends the process as shells expect.
        raise
    except OSError as fault:
        raise CommandFailed(f"{fault.filename or 'file'}: {fault.strerror or fault}") from None


def _is_interactive() -> bool:
    """Whether standard error is a terminal."""
    return sys.stderr.isatty()


class _ProgressLine:
    """Progress of a transfer as a line on a terminal; not shown elsewhere, or for a short transfer."""

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
        """Replace the line by a text."""
        if self._is_interactive:
            self._is_visible = True
            click.echo(f"\r\033[K{text} … ", nl=False, err=True)

    def on_transfer(self, direction: str, nbytes: int) -> None:
        """Update the line with the bytes that were sent or received so far."""
        now = time.monotonic()
        if now - self._started_s > _SHOWN_AFTER_S and now - self._last_shown_s > _SHOWN_EVERY_S:
            self._last_shown_s = now
            of = f" of {self._nbytes / 1e6:.1f}" if direction == "sent" else ""
            self.show(f"{direction} {nbytes / 1e6:.1f}{of} MB")
