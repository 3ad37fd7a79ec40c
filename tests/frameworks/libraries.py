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


def sentence_transformers_pooling() -> Any:
    """The class ``Pooling`` of sentence-transformers, by its file.

    Its packages import transformers, whose parts that pooling does not need import torchvision. So they are replaced by
    empty ones, and the base class by torch's, while the module is loaded.

    Raises:
        ModuleNotFoundError: where sentence-transformers is not installed.
    """
    found = importlib.util.find_spec("sentence_transformers")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("No module named 'sentence_transformers'", name="sentence_transformers")
    file = Path(found.origin).parent / "sentence_transformer" / "modules" / "pooling.py"
    torch = importlib.import_module("torch")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("", ".base", ".base.modules", ".util"):
            empty = ModuleType(f"sentence_transformers{name}")
            empty.__path__ = []
            patch.setitem(sys.modules, empty.__name__, empty)
        modules: dict[str, dict[str, Any]] = {
            "base.modules.module": {"Module": torch.nn.Module},
            "util.decorators": {"deprecated_kwargs": lambda *_, **__: lambda function: function},
        }
        for name, members in modules.items():
            replaced = ModuleType(f"sentence_transformers.{name}")
            vars(replaced).update(members)
            patch.setitem(sys.modules, replaced.__name__, replaced)
        spec = importlib.util.spec_from_file_location("pooling_of_sentence_transformers", file)
        assert spec is not None, "the file has a name that Python can import"
        assert spec.loader is not None, "it is a file of Python"
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.Pooling
