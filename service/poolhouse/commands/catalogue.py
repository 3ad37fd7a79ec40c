"""Descriptions of all operators of this version, available without the server extra and without importing torch.

They are read from ``catalogue.json``, which scripts/generate writes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import TypedDict


class FieldDocument(TypedDict):
    """The parts of a field's description that the command line uses."""

    name: str
    meaning: str


class CompanionDocument(TypedDict):
    """The parts of the description of a tensor beside ``input`` that the command line uses."""

    name: str
    dtypes: list[str]
    meaning: str
    required: bool


class OperatorDocument(TypedDict):
    """The parts of an operator's description that the command line uses."""

    name: str
    rank: int
    summary: str
    description: str
    shape: str
    companions: list[CompanionDocument]
    outputs: list[str]
    fields: list[FieldDocument]


@cache
def bundled_operators() -> Mapping[str, OperatorDocument]:
    """All operators of this version by name, each as in the response of ``/v1/operators/{operator}``."""
    text = files("poolhouse.commands").joinpath("catalogue.json").read_text(encoding="utf-8")
    documents: list[OperatorDocument] = json.loads(text)
    return {document["name"]: document for document in documents}
