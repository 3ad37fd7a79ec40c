"""Every row of docs/names.md: the expression of the other library, where it is installed, and ours agree."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
import pytest

from poolhouse import Client
from poolhouse.settings import Settings
from tests.docs.pages import ROOT
from tests.frameworks.libraries import keras_layers, sentence_transformers_pooling, timm_layers
from tests.operators.adapters.test_onnx import run_with_onnxruntime
from tests.rest.live_server import run_live_server

_ROW: Final = re.compile(r"^\| (.+?) \| `(client\.[^|]+)` \|$")
_HEADING: Final = re.compile(r"^## (.+)$")
Array = np.ndarray[Any, Any]
Namespace = Mapping[str, object]


@dataclass(frozen=True)
class Row:
    """One row of the page: a library, its expression, and ours."""

    library: str
    theirs: str
    ours: str


def rows() -> list[Row]:
    """The rows of all tables of the page."""
    found, library = [], ""
    for line in (ROOT / "docs/names.md").read_text(encoding="utf-8").splitlines():
        if heading := _HEADING.match(line):
            library = heading[1]
        elif row := _ROW.match(line):
            found.append(Row(library, row[1].strip("`"), row[2]))
    return found


def tensors() -> dict[str, Array]:
    """The arrays that the page names. The sizes are multiples of the windows, as block_reduce needs them."""
    random = np.random.default_rng(7)
    x = random.standard_normal((2, 3, 8, 12)).astype(np.float32)
    labels = random.integers(0, 4, (1, 1, 16, 24)).astype(np.uint8)
    rois = np.array([[0.5, 1, 9, 6], [2, 2, 10, 7], [0, 0, 3.5, 5]], np.float32)
    images = np.array([1, 0, 1])
    mask = (np.arange(6) >= np.array([[0], [2], [5]])).astype(np.int64)
    return {
        "x": x,
        "y": np.ascontiguousarray(x.transpose(0, 2, 3, 1)),
        "plane": x[0, 0].copy(),
        "labels": labels,
        "rois": rois,
        "images": images,
        "boxes": np.column_stack((images, rois)).astype(np.float32),
        "tokens": random.standard_normal((3, 6, 4)).astype(np.float32),
        "mask": mask,
        "nodes": random.standard_normal((7, 3)).astype(np.float32),
        "graphs": np.array([0, 0, 1, 1, 1, 3, 3]),
        "offsets": np.array([0, 2, 5, 5, 7]),
    }


def _torch(arrays: Mapping[str, Array]) -> Namespace:
    torch = importlib.import_module("torch")
    return {"F": torch.nn.functional, "x": torch.from_numpy(arrays["x"])}


def _tensorflow(arrays: Mapping[str, Array]) -> Namespace:
    return {"tf": importlib.import_module("tensorflow"), "y": arrays["y"]}


def _keras(arrays: Mapping[str, Array]) -> Namespace:
    return {**vars(keras_layers()), "x": arrays["x"], "y": arrays["y"]}


def _onnx(arrays: Mapping[str, Array]) -> Namespace:
    """Operators as functions that run a graph of one node."""

    def run_node(operator: str, *tensors: Array, **attributes: object) -> Array:
        (output,) = run_with_onnxruntime(operator, list(tensors), attributes)
        return output

    names = ("MaxPool", "AveragePool", "LpPool", "GlobalMaxPool", "GlobalAveragePool", "RoiAlign", "MaxRoiPool")
    given = {name: arrays[name] for name in ("x", "rois", "images", "boxes")}
    return {**{name: partial(run_node, name) for name in names}, **given}


def _jax(arrays: Mapping[str, Array]) -> Namespace:
    jax = importlib.import_module("jax")
    return {"jax": jax, "lax": jax.lax, "jnp": importlib.import_module("jax.numpy"), "x": arrays["x"]}


def _skimage(arrays: Mapping[str, Array]) -> Namespace:
    measure, transform = (importlib.import_module(f"skimage.{each}") for each in ("measure", "transform"))
    functions = {
        "block_reduce": measure.block_reduce,
        "downscale_local_mean": transform.downscale_local_mean,
    }
    return {**functions, "np": np, "plane": arrays["plane"]}


def _scipy(arrays: Mapping[str, Array]) -> Namespace:
    return {"ndimage": importlib.import_module("scipy.ndimage"), "np": np, "plane": arrays["plane"]}


def _numpy(arrays: Mapping[str, Array]) -> Namespace:
    return {"np": np, "x": arrays["x"]}


def _timm(arrays: Mapping[str, Array]) -> Namespace:
    torch = importlib.import_module("torch")
    modules = {
        "select_adaptive_pool2d": "adaptive_avgmax_pool",
        "BlurPool2d": "blur_pool",
        "MedianPool2d": "median_pool",
    }
    functions = {name: getattr(timm_layers(module), name) for name, module in modules.items()}
    return {"x": torch.from_numpy(arrays["x"]), **functions}


def _sentence_transformers(arrays: Mapping[str, Array]) -> Namespace:
    torch, pooling = importlib.import_module("torch"), sentence_transformers_pooling()

    def pool(tokens: Array, mask: Array, mode: object) -> Array:
        features = {"token_embeddings": torch.from_numpy(tokens), "attention_mask": torch.from_numpy(mask)}
        found: Array = pooling(tokens.shape[-1], pooling_mode=mode)(features)["sentence_embedding"].numpy()
        return found

    return {"pool": pool, "tokens": arrays["tokens"], "mask": arrays["mask"]}


def _torch_geometric(arrays: Mapping[str, Array]) -> Namespace:
    torch, aggr = importlib.import_module("torch"), importlib.import_module("torch_geometric.nn.aggr")
    return {"aggr": aggr, **{name: torch.from_numpy(arrays[name]) for name in ("nodes", "graphs", "offsets")}}


LIBRARIES: Final[Mapping[str, Callable[[Mapping[str, Array]], Namespace]]] = {
    "torch": _torch,
    "TensorFlow": _tensorflow,
    "Keras": _keras,
    "ONNX": _onnx,
    "JAX": _jax,
    "scikit-image": _skimage,
    "SciPy": _scipy,
    "numpy": _numpy,
    "timm": _timm,
    "sentence-transformers": _sentence_transformers,
    "PyTorch Geometric": _torch_geometric,
}
"""The names that the expressions of a library use. A heading that is missing here has commands, not expressions."""


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """A client of a live service."""
    with (
        run_live_server(Settings.model_validate({"port": 0, "device": "cpu"})) as server,
        Client(f"http://127.0.0.1:{server.port}") as made,
    ):
        yield made


def test_the_page_has_rows_for_every_library() -> None:
    """If the page changed its form, the tests below would have nothing to compare."""
    libraries = {row.library for row in rows()}

    assert set(LIBRARIES) <= libraries
    assert len(rows()) > 40


@pytest.mark.parametrize(
    "library",
    [
        # Importing these takes seconds.
        pytest.param(library, marks=pytest.mark.slow if library in ("JAX", "Keras", "TensorFlow") else ())
        for library in sorted({row.library for row in rows()})
    ],
)
def test_the_rows_of_a_library_give_its_numbers(library: str, client: Client) -> None:
    """People copy the right column in place of the left one."""
    arrays = tensors()
    here = {**arrays, "client": client, "np": np}

    ours = {row: eval(row.ours, {}, here) for row in rows() if row.library == library}

    if library not in LIBRARIES:
        return
    try:
        names = LIBRARIES[library](arrays)
    except ModuleNotFoundError as missing:
        pytest.skip(f"{missing.name} is not installed, so only our side was run")
    for row, result in ours.items():
        expected = np.asarray(eval(row.theirs, {}, dict(names)))
        found = np.asarray(result.output if hasattr(result, "output") else result)
        np.testing.assert_allclose(
            found.reshape(expected.shape), expected, rtol=2e-5, atol=1e-6, err_msg=f"{row.theirs} and {row.ours}"
        )
