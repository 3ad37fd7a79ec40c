"""``poolhouse openapi``: prints the OpenAPI document, for client generators."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module

import click


@click.command("openapi")
def command() -> None:
    """Print the OpenAPI document."""
    # Imported by name: it imports torch, and --help should not wait for that.
    openapi_document: Callable[[], dict[str, object]] = import_module("poolhouse.rest.app").openapi_document
    click.echo(json.dumps(openapi_document(), indent=2, ensure_ascii=False))
