"""``poolhouse pool``, ``plan`` and ``operators`` with files and pipes, in process and as processes, with a server."""

from __future__ import annotations

import io
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image
from safetensors.numpy import load_file, save_file

from poolhouse.commands import operator_options
from poolhouse.commands.group import poolhouse
from poolhouse.commands.group import run as command_line
from poolhouse.settings import Settings
from tests.forked_process import run_python
from tests.rest.live_server import WAIT_TIMEOUT_S, LiveServer, run_live_server

X = np.arange(48, dtype=np.float32).reshape(1, 3, 4, 4)
POOLED = X[:, :, 1::2, 1::2]
INDICES = np.broadcast_to(np.array([[5, 7], [13, 15]]), (1, 3, 2, 2))


@pytest.fixture(scope="module")
def live_server() -> Iterator[LiveServer]:
    """A live server."""
    with run_live_server(Settings.model_validate({"port": 0, "device": "cpu"})) as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, live_server: LiveServer) -> Path:
    """A temporary working directory, with the server's address in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POOLHOUSE_URL", live_server.url)
    np.save("x.npy", X)
    np.savez("many.npz", images=X, labels=np.zeros(1))
    return tmp_path


def run(*arguments: str, stdin: bytes | None = None) -> Result:
    """Run a command line in this process."""
    return CliRunner().invoke(poolhouse, arguments, input=stdin)


AVERAGE = """
import sys
from poolhouse.cli import main

sys.exit(main(["pool", "avg_pool2d", "x.npy", "-o", "y.npy", "--kernel-size", "4"]))
"""


def environment_without_settings() -> dict[str, str]:
    """The variables of this process without those of the service."""
    return {name: value for name, value in os.environ.items() if not name.startswith("POOLHOUSE_")}


def run_process(
    *arguments: str, stdin: bytes = b"", url: str | None = None, stdout: int = subprocess.PIPE, **variables: str
) -> subprocess.CompletedProcess[bytes]:
    """Run a command line as a process, with the address of a service or without, and with these variables."""
    environment = environment_without_settings()
    if url is not None:
        environment["POOLHOUSE_URL"] = url
    environment.update(variables)
    command = "import sys; from poolhouse.cli import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", command, *arguments],
        input=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        timeout=WAIT_TIMEOUT_S * 6,
        env=environment,
        check=False,
    )


@pytest.mark.parametrize("suffix", ["npy", "npz", "safetensors"])
def test_a_file_is_pooled_to_a_file(folder: Path, suffix: str) -> None:
    """Each format is written and read back by its own library."""
    source = f"x.{suffix}"
    if suffix == "npz":
        np.savez(source, input=X)
    if suffix == "safetensors":
        save_file({"input": X}, source)

    done = run("pool", "max_pool2d", source, "-o", f"y.{suffix}", "--kernel-size", "2")

    assert (done.exit_code, done.output) == (0, "")
    loaded = np.load("y.npy") if suffix == "npy" else np.load("y.npz")["output"] if suffix == "npz" else None
    output = load_file("y.safetensors")["output"] if loaded is None else loaded
    np.testing.assert_array_equal(output, POOLED)


def test_pooling_and_unpooling_work_in_a_pipe(folder: Path, live_server: LiveServer) -> None:
    """The output of one command is the input of the next, with the indices."""
    pooled = run_process("pool", "max_pool2d", "x.npy", "--kernel-size", "2", "--return-indices", url=live_server.url)
    assert pooled.returncode == 0, pooled.stderr
    with np.load(io.BytesIO(pooled.stdout)) as arrays:
        np.testing.assert_array_equal(arrays["indices"], INDICES)

    unpooled = run_process(
        "pool", "max_unpool2d", "-", "--format", "npy", "--kernel-size", "2", stdin=pooled.stdout, url=live_server.url
    )

    assert unpooled.returncode == 0, unpooled.stderr
    expected = np.zeros_like(X)
    expected[:, :, 1::2, 1::2] = POOLED
    np.testing.assert_array_equal(np.load(io.BytesIO(unpooled.stdout)), expected)


def test_a_warning_is_printed_to_standard_error(folder: Path) -> None:
    """The output is written all the same."""
    np.save("image.npy", np.zeros((1, 32, 32, 3), np.float32))

    done = run("pool", "max_pool2d", "image.npy", "-o", "y.npy", "--kernel-size", "3")

    assert done.exit_code == 0
    assert done.stdout == ""
    assert done.stderr.startswith("poolhouse: note: shape [1, 32, 32, 3] was read as (N, C, H, W)")
    assert np.load("y.npy").shape == (1, 32, 10, 1)


def test_indices_may_be_in_a_separate_file(folder: Path) -> None:
    """An npy file holds one array, so unpooling from npy needs two files."""
    np.save("small.npy", POOLED)
    np.save("indices.npy", INDICES)

    done = run("pool", "max_unpool2d", "small.npy", "--indices", "indices.npy", "-o", "y.npy", "--kernel-size", "2")

    assert done.exit_code == 0, done.output
    assert np.load("y.npy").sum() == POOLED.sum()


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_an_image_is_pooled_as_a_uint8_tensor(folder: Path, mode: str) -> None:
    """Of shape (1, C, H, W), and written as an image."""
    channels = len(mode)
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, channels), np.uint8)
    Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels).save("a.png")

    done = run("pool", "max_pool2d", "a.png", "-o", "b.png", "--kernel-size", "2")

    assert done.exit_code == 0, done.output
    expected = pixels.reshape(3, 2, 4, 2, channels).max(axis=(1, 3))
    with Image.open("b.png") as image:
        np.testing.assert_array_equal(np.asarray(image).reshape(expected.shape), expected)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_the_exif_orientation_of_an_image_is_applied(folder: Path, orientation: int, suffix: str) -> None:
    """The output has no EXIF data, so it must be rotated as a viewer shows the input."""
    half = np.zeros((6, 8), np.uint8)
    half[:, 4:] = 200
    image = Image.fromarray(half)
    exif = image.getexif()
    exif[274] = orientation
    image.save(f"a.{suffix}", exif=exif)

    done = run("pool", "max_pool2d", f"a.{suffix}", "-o", "b.png", "--kernel-size", "1")

    assert done.exit_code == 0, done.output
    dark = {1: "left", 4: "left", 2: "right", 3: "right", 5: "top", 6: "top", 7: "bottom", 8: "bottom"}[orientation]
    with Image.open("b.png") as rotated:
        pixels = np.asarray(rotated) > 100
    assert pixels.shape == ((6, 8) if dark in ("left", "right") else (8, 6))
    edges = {"left": pixels[:, 0], "right": pixels[:, -1], "top": pixels[0], "bottom": pixels[-1]}
    assert [name for name, edge in edges.items() if not edge.any()] == [dark]


def test_a_jpeg_is_read_and_written(folder: Path) -> None:
    """Cameras write this format."""
    Image.fromarray(np.full((8, 8, 3), 100, np.uint8)).save("a.jpg")

    done = run("pool", "avg_pool2d", "a.jpg", "-o", "b.jpeg", "--kernel-size", "2,4")

    assert done.exit_code == 0, done.output
    with Image.open("b.jpeg") as image:
        assert image.size == (2, 4)


def test_without_a_url_the_work_is_done_in_process(tmp_path: Path) -> None:
    """Pooling a file does not need a running service."""
    np.save(tmp_path / "x.npy", X)

    done = run_python(AVERAGE, environment_without_settings(), tmp_path)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy").reshape(3), X.mean(axis=(2, 3)).reshape(3))


def test_bfloat16_is_pooled_from_a_file(folder: Path) -> None:
    """numpy has no such type."""
    header = {"input": {"dtype": "BF16", "shape": [1, 1, 2, 2], "data_offsets": [0, 8]}}
    text = json.dumps(header).encode()
    Path("x.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + bytes([0, 0, 0x80, 0x3F, 0, 0x40, 0, 0]))

    done = run("pool", "max_pool2d", "x.safetensors", "-o", "y.safetensors", "--kernel-size", "2")

    assert done.exit_code == 0, done.output
    assert Path("y.safetensors").read_bytes()[-2:] == b"\x00\x40"


class _Exploit:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch exploited",)


def _invalid_files() -> dict[str, bytes]:
    pickled = io.BytesIO()
    np.save(pickled, np.array([_Exploit()], object), allow_pickle=True)
    archive = io.BytesIO()
    np.savez(archive, input=X)
    image = io.BytesIO()
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(image, "png")
    return {
        "pickled.npy": pickled.getvalue(),
        "plain.pkl": pickle.dumps(_Exploit()),
        "cut.npz": archive.getvalue()[:-30],
        "cut.npy": b"\x93NUMPY\x01\x00",
        "cut.png": image.getvalue()[:40],
        "empty": b"",
        "text.npy": b"hello, world",
        "long.safetensors": b"\xff" * 8 + b"{" + b"x" * 20,
        "float.tiff": b"\x89PNG\r\n\x1a\n but no image",
    }


@pytest.mark.parametrize(("name", "content"), _invalid_files().items(), ids=list(_invalid_files()))
def test_an_invalid_file_is_one_line_of_error(folder: Path, name: str, content: bytes) -> None:
    """Not a traceback; and no code in a file is executed."""
    Path(name).write_bytes(content)

    done = run("pool", "max_pool2d", name, "-o", "y.npy", "--kernel-size", "2")

    assert done.exit_code == 1
    assert done.stderr.startswith("poolhouse: ")
    assert done.stderr.count("\n") == 1
    assert not Path("exploited").exists()
    assert not Path("y.npy").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (["pool", "max_pool2d", "x.npy", "-o", "y.npy"], 2, "Missing option '--kernel-size'"),
        (["pool", "max_pool2d", "x.npy", "-o", "y.npy", "--kernel-size", "a"], 2, "'a' is not an integer"),
        (["pool", "max_pool2d", "x.npy", "-o", "y.npy", "--kernel-size", "9"], 1, "no window fits"),
        (["pool", "max_pool2d", "x.npy", "-o", "y", "--kernel-size", "2"], 2, "--format"),
        (["pool", "max_pool2d", "x.npy", "-o", "y.png", "--kernel-size", "2"], 1, "write .npy, .npz or .safetensors"),
        (["pool", "max_pool2d", "x.npy", "-o", "y.npy", "--kernel-size", "2", "--return-indices"], 2, "npz"),
        (["pool", "max_pool2d", "none.npy", "-o", "y.npy", "--kernel-size", "2"], 1, "none.npy: No such file"),
        (["pool", "max_pool2d", "x.npy", "-o", "none/y.npy", "--kernel-size", "2"], 1, "none/y.npy: No such file"),
        (["pool", "max_pool4d", "x.npy"], 2, "max_pool2d"),
        (["pool", "MaxPool2d", "x.npy"], 2, "max_pool2d"),
        (["pool", "AveragePool", "x.npy"], 2, "did you mean avg_pool1d, avg_pool2d or avg_pool3d?"),
        (["pool", "avg_pool2d", "x.npy", "--pool-size", "2"], 2, "Did you mean '--kernel-size'?"),
        (["pool", "lp_pool2d", "x.npy", "--p", "2"], 2, "Did you mean '--norm-type'?"),
        (["pool", "max_pool2d", "x.npy", "--kernel-size", "3", "--padding", "SAME"], 2, 'Write "same"'),
        (["pol"], 2, "did you mean pool?"),
        (["everything"], 2, "the commands are serve, pool"),
        (["plan", "--shape", "1"], 2, "No such option"),
        (
            ["pool", "max_pool2d", "many.npz", "-o", "y.npy", "--kernel-size", "2"],
            2,
            "has images, labels but no input",
        ),
        (["operators", "--timeout", "nan"], 2, "timeout is nan"),
        (["operators", "--api-key", "a key"], 2, "API key"),
        (["pool", "max_unpool2d", "x.npy", "-o", "y.npy", "--kernel-size", "2"], 2, "but no indices"),
        (["plan", "max_pool2d", "--shape", "1,a", "--kernel-size", "2"], 2, "is not a shape"),
        (["plan", "max_pool2d", "--shape", "1,1,2,2", "--kernel-size", "3"], 1, "no window fits"),
        (["operators", "max_pool4d"], 1, "max_pool2d"),
        (["operators", "--url", "http://127.0.0.1:1"], 1, "Connection refused"),
        (["operators", "--url", "gopher://x"], 2, "--url"),
    ],
)
def test_an_error_has_its_exit_code_and_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, expected: str
) -> None:
    """A script distinguishes an invalid command line (2) from a refusal (1)."""
    exit_code = command_line(arguments)

    message = capsys.readouterr().err
    assert exit_code == code, message
    assert expected in message
    assert message.startswith("poolhouse: ")
    assert message.count("\n") == 1


@pytest.mark.parametrize("name", ["uint16", "uint32", "uint64"])
def test_a_file_of_unsigned_integers_keeps_its_type(folder: Path, name: str) -> None:
    """Rasters, microscopy and segment ids."""
    most = np.iinfo(name).max
    np.save("ids.npy", np.array([[[0, most, most - 1, 7]]], name))

    assert command_line(["pool", "max_pool1d", "ids.npy", "-o", "y.npy", "--kernel-size", "2"]) == 0
    assert command_line(["pool", "avg_pool1d", "ids.npy", "-o", "y.safetensors", "--kernel-size", "2"]) == 0

    maxima, averages = np.load("y.npy"), load_file("y.safetensors")["output"]
    assert (maxima.dtype, averages.dtype) == (np.dtype(name), np.dtype(name))
    assert (maxima.tolist(), averages.tolist()) == ([[[most, most - 1]]], [[[most // 2, (most + 6) // 2]]])


def test_an_error_is_printed_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The detail of a refusal often repeats the messages of its fields."""
    np.save("wide.npy", np.zeros((1, 4, 4), np.complex64))

    assert command_line(["pool", "max_pool2d", "wide.npy", "-o", "y.npy", "--kernel-size", "2"]) == 1

    assert capsys.readouterr().err.count("'<c8'") == 1


def test_an_invalid_setting_is_one_line_of_error(tmp_path: Path) -> None:
    """A service in this process reads the same variables as a server."""
    np.save(tmp_path / "x.npy", X)

    done = run_python(AVERAGE, {**environment_without_settings(), "POOLHOUSE_MAX_WORKS": "7"}, tmp_path)

    assert done.returncode == 2
    assert "did you mean POOLHOUSE_MAX_WORK?" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_reader_that_closes_the_pipe_early_is_no_error(folder: Path, live_server: LiveServer) -> None:
    """``| head`` must not cause a message."""
    np.save("big.npy", np.zeros((1, 4, 512, 512), np.float32))
    arguments = ["pool", "max_pool2d", "big.npy", "--kernel-size", "1"]
    read_end, write_end = os.pipe()
    os.close(read_end)

    done = run_process(*arguments, url=live_server.url, stdout=write_end)
    os.close(write_end)

    assert done.returncode == 1
    assert done.stderr == b""


def test_a_plan_is_printed_as_text_and_as_json(folder: Path) -> None:
    """Text for users; the response of the service for scripts."""
    arguments = [
        "plan",
        "max_pool2d",
        "--shape",
        "8x64x112x112",
        "--kernel-size",
        "3",
        "--stride",
        "2",
        "--return-indices",
    ]

    text, as_json = run(*arguments), run(*arguments, "--json")

    assert "output   float32 (8, 64, 55, 55)  6,195,200 bytes" in text.output
    assert "indices  int64 (8, 64, 55, 55)" in text.output
    assert json.loads(as_json.output)["outputs"]["output"]["shape"] == [8, 64, 55, 55]


def test_the_operators_are_listed_and_described(folder: Path) -> None:
    """As text and as JSON."""
    listed, described, as_json = run("operators"), run("operators", "avg_pool3d"), run("operators", "--json")

    assert [name for name in operator_options.operator_names() if name not in listed.output] == []
    assert "divisor_override: " in described.output
    assert set(json.loads(as_json.output)) == set(operator_options.operator_names())


def test_a_shell_completes_operators_and_options() -> None:
    """The names are long."""
    variables = {"COMP_WORDS": "poolhouse pool adaptive_avg", "COMP_CWORD": "2", "_POOLHOUSE_COMPLETE": "bash_complete"}
    command = "import sys; from poolhouse.cli import main; sys.exit(main())"

    done = subprocess.run(
        [sys.executable, "-c", command],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=WAIT_TIMEOUT_S,
        check=False,
    )

    names = [f"{name}{rank}d" for name in ("adaptive_avg_pool", "adaptive_avgmax_pool") for rank in (1, 2, 3)]
    assert done.stdout.split() == [f"plain,{name}" for name in names]


def test_a_shell_completes_file_names() -> None:
    """For the input of ``pool``."""
    typed = "poolhouse pool max_pool2d x"

    done = run_process(COMP_WORDS=typed, COMP_CWORD="3", _POOLHOUSE_COMPLETE="bash_complete")

    assert done.stdout.decode().split() == ["file,x"]


def test_a_long_transfer_shows_its_progress_on_a_terminal(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written if standard error is not a terminal."""
    monkeypatch.setattr("poolhouse.commands.session._SHOWN_AFTER_S", 0)
    monkeypatch.setattr("poolhouse.commands.session._SHOWN_EVERY_S", 0)
    np.save("big.npy", np.zeros((1, 4, 1024, 1024), np.float32))
    without_terminal = run("pool", "max_pool2d", "big.npy", "-o", "y.npy", "--kernel-size", "2")
    monkeypatch.setattr("poolhouse.commands.session._is_interactive", lambda: True)
    on_terminal = run("pool", "max_pool2d", "big.npy", "-o", "y.npy", "--kernel-size", "2")

    assert without_terminal.stderr == ""
    assert "sent 16.8 of 16.8 MB" in on_terminal.stderr
    assert "received 4.2 MB" in on_terminal.stderr
    assert on_terminal.stderr.endswith("\r")
