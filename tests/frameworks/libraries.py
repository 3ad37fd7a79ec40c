"""Other frameworks as the tests load them: with a backend, without what their packages need besides."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

NEEDS: Final = "needs {}, from the dependency group frameworks"


def keras_layers() -> Any:
    """Keras' layers, computed by the backend that ``KERAS_BACKEND`` names, else by torch.

    Raises:
        ModuleNotFoundError: where Keras or its backend is not installed.
    """
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        if "KERAS_BACKEND" not in os.environ:
            patch.setenv("KERAS_BACKEND", "torch")
        warnings.simplefilter("ignore")
        return importlib.import_module("keras.layers")


def timm_layers(module: str) -> Any:
    """A module of ``timm.layers``, by its file.

    timm's packages import torchvision, which must have the same build as torch; the modules of pooling need torch
    alone. So the packages are replaced by empty ones with the same folders while the module is loaded.

    Raises:
        ModuleNotFoundError: where timm is not installed.
    """
    found = importlib.util.find_spec("timm")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("No module named 'timm'", name="timm")
    folder = Path(found.origin).parent
    with pytest.MonkeyPatch.context() as patch:
        for name, place in (("timm", folder), ("timm.layers", folder / "layers")):
            empty = ModuleType(name)
            empty.__path__ = [str(place)]
            patch.setitem(sys.modules, name, empty)
        return importlib.import_module(f"timm.layers.{module}")
