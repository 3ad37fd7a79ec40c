"""Every operator of this version, without the server extra and without waiting for torch.

``catalogue.json`` stands beside this file. It holds what the service answers for each operator, and scripts/generate
writes it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import TypedDict


class FieldDocument(TypedDict):
    """A field, as far as the command line reads it."""

    name: str
    meaning: str


class OperatorDocument(TypedDict):
    """An operator, as far as the command line reads it."""

    name: str
    rank: int
    summary: str
    description: str
    shape: str
    fields: list[FieldDocument]


@cache
def bundled_operators() -> Mapping[str, OperatorDocument]:
    """Every operator of this version by name, as ``/v1/operators/{operator}`` answers it."""
    text = files("poolhouse.commands").joinpath("catalogue.json").read_text(encoding="utf-8")
    documents: list[OperatorDocument] = json.loads(text)
    return {document["name"]: document for document in documents}
