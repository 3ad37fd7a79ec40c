"""The code that the page shows gives the numbers that the page shows."""

from __future__ import annotations

import io
import json
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from poolhouse import cli
from poolhouse.operators.catalogue import discover
from poolhouse.wire.safetensors import SAFETENSORS
from tests.operator_selection import quick_operators
from tests.rest.browser import needs_chromium
from tests.rest.page.opened_page import OpenedPage, as_array
from tests.run_level import Level, level

pytestmark = [pytest.mark.browser, needs_chromium]

Arrays = dict[str, npt.NDArray[np.generic]]


@dataclass(frozen=True)
class State:
    """A state of the page."""

    operator: str
    fields: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, str] = field(default_factory=dict)


MATRIX = {"kind": "matrix"}
STATES = {
    "written": State(
        "max_pool2d",
        {"kernel_size": "2", "stride": "1,2", "return_indices": "true"},
        {**MATRIX, "x": "1 nan 3\n-inf 0.1 1e-3\n7 8 9", "dtype": "float64"},
    ),
    "same": State("avg_pool2d", {"kernel_size": "3", "padding": "same", "ceil_mode": "true"}),
    "pairs": State("max_pool1d", {"kernel_size": "3", "padding": "1:0"}),
    "file": State(
        "avg_pool2d", {"kernel_size": "32,64", "count_include_pad": "false"}, {"kind": "photo", "dtype": "uint8"}
    ),
    "floats in a file": State(
        "adaptive_avg_pool2d", {"output_size": "null,3"}, {"kind": "random", "shape": "1,2,40,50"}
    ),
    "bfloat16": State("max_pool1d", {"kernel_size": "2"}, {**MATRIX, "x": "1 2.5 3 4", "dtype": "bfloat16"}),
    "bfloat16 in a file": State(
        "max_pool1d", {"kernel_size": "40"}, {"kind": "ramp", "shape": "1,1,600", "dtype": "bfloat16"}
    ),
    "long integers": State(
        "max_pool1d", {"kernel_size": "1"}, {**MATRIX, "x": "9007199254740993 -1", "dtype": "int64"}
    ),
    "booleans": State("max_pool1d", {"kernel_size": "2"}, {**MATRIX, "x": "true false false false", "dtype": "bool"}),
    "a number that is not given": State("quantile_pool1d", {"kernel_size": "2", "q": "0.25", "ignore_value": "-1"}),
    "infinite power": State("lp_pool2d", {"norm_type": "inf", "kernel_size": "2"}),
    "boxes and a file": State("roi_align", {"output_size": "2,3"}, {"kind": "random", "shape": "2,2,20,20"}),
}
QUICK = {"written", "file", "boxes and a file", "bfloat16 in a file"}
FAMILIES = sorted(quick_operators(discover().names))
EXAMPLES = {name: State(name) for name in (FAMILIES if level() >= Level.EXHAUSTIVE else FAMILIES[::4])}


def shown_arrays(opened: OpenedPage) -> Arrays:
    """The outputs that the page shows."""
    planes, captions = opened.outputs(), opened.captions()
    found: Arrays = {}
    for name, caption in captions.items():
        _, dtype, shape = caption.split(" ", 2)
        sizes = tuple(int(size) for size in shape.strip("()").split(",") if size.strip())
        found[name] = as_array(planes[name], dtype, sizes)
    return found


def plain(array: Any) -> npt.NDArray[np.generic]:
    """An output of the client, of torch or of a file as an array; bfloat16 becomes float32."""
    if isinstance(array, torch.Tensor):
        return np.asarray(array.float() if array.dtype is torch.bfloat16 else array)
    return np.asarray(array)


def read_answer(path: Path) -> Arrays:
    """The arrays of an answer in a file."""
    if path.suffix == ".npy":
        return {"output": np.load(path, allow_pickle=False)}
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    message = SAFETENSORS.decode(memoryview(path.read_bytes()), {}, 1 << 30)
    return {name: _of_storage(each.array, each.dtype.name) for name, each in message.tensors.items()}


def _of_storage(array: npt.NDArray[np.generic], dtype: str) -> npt.NDArray[np.generic]:
    """bfloat16 is stored as its bits."""
    if dtype != "bfloat16":
        return array
    return (np.ascontiguousarray(array).view(np.uint16).astype(np.uint32) << 16).view(np.float32)


def json_arrays(text: str) -> Arrays:
    """The arrays of an answer in JSON."""
    found: Arrays = {}
    for name, entry in json.loads(text).items():
        dtype = "float32" if entry["dtype"] == "bfloat16" else entry["dtype"]
        found[name] = np.array(entry["data"], dtype).reshape(entry["shape"])
    return found


def run(command: list[str], folder: Path) -> str:
    """Run a program in a folder, and return what it prints."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def answer_of(printed: str, folder: Path) -> Arrays:
    """The answer that code printed, or wrote to a file."""
    written = sorted(folder.glob("output.*"))
    return read_answer(written[0]) if written else json_arrays(printed)


def run_curl(code: str, folder: Path) -> Arrays:
    return answer_of(
        run(["bash", "-c", f"{code} --silent --show-error --fail-with-body --noproxy '*'"], folder), folder
    )


def run_node(code: str, folder: Path) -> Arrays:
    (folder / "pool.mjs").write_text(code)
    return answer_of(run(["node", "pool.mjs"], folder), folder)


def run_python(code: str, folder: Path) -> Arrays:
    names: dict[str, Any] = {}
    exec(code, names)
    return {name: plain(each) for name, each in names["pooled"].outputs.items()}


def run_torch(code: str, folder: Path) -> Arrays:
    printed: list[Any] = []
    exec(code, {"print": printed.append})
    outputs = printed[0] if isinstance(printed[0], tuple) else printed
    return dict(zip(("output", "indices"), map(plain, outputs), strict=False))


def run_command_line(code: str, folder: Path) -> Arrays:
    command, *arguments = shlex.split(code)
    assert command == "poolhouse"
    assert cli.main(arguments) == 0
    return answer_of("", folder)


RUNNERS = {"curl": run_curl, "python": run_python, "torch": run_torch, "node": run_node, "cli": run_command_line}
PROGRAMS = {"curl": "curl", "node": "node"}


def take_away(opened: OpenedPage, state: State, folder: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Run each code of a state in a folder with its files; returns the tabs that had code."""
    opened.show(state.operator, state.fields, **state.more)
    expected, ran = shown_arrays(opened), set()
    for tab, runner in RUNNERS.items():
        code = opened.code(tab)
        if not code or shutil.which(PROGRAMS.get(tab, "bash")) is None:
            continue
        own = folder / tab
        own.mkdir()
        download_files(opened, tab, own)
        monkeypatch.chdir(own)
        found = runner(code, own)
        if tab != "torch":
            assert list(found) == list(expected), code
        for name, array in found.items():
            assert array.shape == expected[name].shape
            assert np.allclose(array.astype(float), expected[name].astype(float), rtol=1e-5, equal_nan=True), code
        ran.add(tab)
    return ran


def download_files(opened: OpenedPage, tab: str, folder: Path) -> None:
    """Click the buttons of the files that the code of a tab reads."""
    opened.page.locator(f"#tab-{tab}").click()
    buttons = opened.page.locator(f"#code-{tab} button[aria-label^=download]")
    for number in range(buttons.count()):
        with opened.page.expect_download() as download:
            buttons.nth(number).click()
        download.value.save_as(folder / download.value.suggested_filename)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in STATES]
)
def test_the_code_of_a_state_gives_its_numbers(
    opened: OpenedPage, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code that fails when it is pasted is worse than none."""
    ran = take_away(opened, STATES[name], tmp_path, monkeypatch)

    assert {"python", "cli"} <= ran


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_the_code_of_every_family_gives_its_numbers(
    opened: OpenedPage, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each family has fields and tensors of its own."""
    assert {"python", "cli"} <= take_away(opened, EXAMPLES[name], tmp_path, monkeypatch)


def test_torch_has_no_code_where_it_has_no_such_function(opened: OpenedPage) -> None:
    """A call with an argument that torch does not take would fail."""
    reasons = []
    for state in (
        State("median_pool1d"),
        State("max_pool1d", {"kernel_size": "2", "layout": "channels_last"}),
        STATES["pairs"],
    ):
        opened.show(state.operator, state.fields)
        reasons.append(opened.page.locator("#code-torch").text_content())

    assert reasons == [
        "torch has no function of this name.",
        "torch's function does not take layout.",
        "torch's function takes numbers alone as padding.",
    ]


def test_outputs_are_downloaded_as_they_are_shown(opened: OpenedPage, tmp_path: Path) -> None:
    """A reader continues in numpy."""
    opened.show("max_pool2d", {"kernel_size": "64", "return_indices": "true"}, kind="photo", dtype="uint8")
    expected = shown_arrays(opened)
    files = {}
    for name in ("output", "indices"):
        for kind in ("npy", "JSON"):
            with opened.page.expect_download() as download:
                opened.page.get_by_role("button", name=f"download {name} as {kind}").click()
            files[name, kind] = tmp_path / download.value.suggested_filename
            download.value.save_as(files[name, kind])

    for name, array in expected.items():
        np.testing.assert_array_equal(np.load(files[name, "npy"]), array)
        np.testing.assert_array_equal(json_arrays(files[name, "JSON"].read_text())[name], array)


def test_a_picture_is_downloaded_as_png(opened: OpenedPage) -> None:
    """The file is the service's, so its pixels are exact."""
    image = pytest.importorskip("PIL.Image")
    opened.show("max_pool2d", {"kernel_size": "16"}, kind="photo", dtype="uint8")

    with opened.page.expect_download() as download:
        opened.page.get_by_role("button", name="download output as PNG").click()

    pixels = np.asarray(image.open(io.BytesIO(Path(download.value.path()).read_bytes())))
    np.testing.assert_array_equal(pixels.transpose(2, 0, 1)[None], shown_arrays(opened)["output"])


def test_code_is_copied_with_a_button(opened: OpenedPage) -> None:
    """Selecting by hand misses a line."""
    opened.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened.show("max_pool2d")
    opened.page.locator("#tab-python").click()

    opened.page.locator("#code-python").get_by_role("button", name="Copy").click()
    opened.page.locator("#code-python").get_by_role("button", name="Copied").wait_for()

    assert opened.page.evaluate("() => navigator.clipboard.readText()") == opened.code("python")
