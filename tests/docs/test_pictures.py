"""The images in the pages match the current output of poolhouse."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from poolhouse.rest.app import create_app
from poolhouse.settings import Settings
from tests.docs.pages import ROOT


@pytest.fixture(scope="module")
def pictures() -> ModuleType:
    """scripts/pictures.py as a module; scripts is no package."""
    spec = importlib.util.spec_from_file_location("pictures", ROOT / "scripts" / "pictures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def service(pictures: ModuleType) -> object:
    """The service that produces the images."""
    service: object = pictures.InProcessService(create_app(Settings(device=("cpu",))))
    return service


def test_the_picture_is_up_to_date(pictures: ModuleType, service: object) -> None:
    """Captions are not compared, since they depend on the font."""
    panels = pictures.panels(service)

    with Image.open(pictures.PICTURE) as image:
        sheet = np.asarray(image.convert("RGB"))

    for number, panel in enumerate(panels):
        left, top = pictures.panel_position(number)
        part = sheet[top : top + pictures.PANEL_SIDE, left : left + pictures.PANEL_SIDE]
        assert np.array_equal(part, pictures.enlarge(panel.planes)), f"{panel.caption}: run scripts/pictures"


def test_the_photograph_of_the_examples_is_up_to_date(pictures: ModuleType, service: object) -> None:
    """The pages say that it is the photograph in the picture."""
    photo = pictures.load_photograph(service)

    assert np.array_equal(np.load(pictures.PHOTO, allow_pickle=False), photo), "run scripts/pictures"


def test_the_picture_is_small(pictures: ModuleType) -> None:
    """It must load quickly over a mobile connection."""
    assert pictures.PICTURE.stat().st_size < 400_000
