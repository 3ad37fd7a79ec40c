"""The model of a path: with or without its version the same one, or a refusal that names the nearest."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from poolhouse.errors import NotFound
from poolhouse.models import Models, Preset
from poolhouse.operators.catalogue import discover
from poolhouse.rest.routes.v2.model_of_request import get_model, get_model_version

MODELS = Models(discover(), {"halved": Preset("max_pool2d", {"kernel_size": 2})})
SERVICE: Any = SimpleNamespace(models=MODELS)


def test_each_model_is_found_by_its_name_and_by_its_version() -> None:
    """Operators, presets and the generic model; each has the version 1."""

    async def find_all() -> list[object]:
        return [
            (await get_model(each.name, SERVICE), await get_model_version(each.name, "1", SERVICE)) for each in MODELS
        ]

    assert asyncio.run(find_all()) == [(each, each) for each in MODELS]
    assert {"halved", "pool", "max_pool2d"} <= {each.name for each in MODELS}


@pytest.mark.parametrize("name", ["", "max_pol2d", "MAX_POOL2D", "halved ", "1"])
def test_an_unknown_model_is_refused_with_or_without_a_version(name: str) -> None:
    """In the same words, since the version is not at fault."""
    with pytest.raises(NotFound, match="there is no model") as alone:
        asyncio.run(get_model(name, SERVICE))
    with pytest.raises(NotFound) as versioned:
        asyncio.run(get_model_version(name, "1", SERVICE))

    assert (alone.value.code, alone.value.detail) == (versioned.value.code, versioned.value.detail)
    assert alone.value.code == "unknown_model"


@pytest.mark.parametrize("version", ["0", "2", "01", "1.0", "latest", " 1"])
def test_other_versions_are_refused(version: str) -> None:
    """The refusal names the only one."""
    with pytest.raises(NotFound, match="its only version is 1") as refused:
        asyncio.run(get_model_version("halved", version, SERVICE))
    assert refused.value.code == "unknown_model"
