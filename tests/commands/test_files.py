"""``poolhouse pool``, ``plan`` and ``operators`` over files and pipes, as processes and through a live server."""

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
from poolhouse.operators.catalogue import discover
from poolhouse.settings import Settings
from tests.rest.live_server import WAIT_TIMEOUT_S, LiveServer, run_live_server

X = np.arange(48, dtype=np.float32).reshape(1, 3, 4, 4)
POOLED = X[:, :, 1::2, 1::2]
PLACES = np.broadcast_to(np.array([[5, 7], [13, 15]]), (1, 3, 2, 2))


@pytest.fixture(scope="module")
def live_server() -> Iterator[LiveServer]:
    """A live server."""
    with run_live_server(Settings.model_validate({"port": 0, "device": "cpu"})) as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, live_server: LiveServer) -> Path:
    """A folder of its own to work in, with the server in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POOLHOUSE_URL", live_server.url)
    np.save("x.npy", X)
    np.savez("many.npz", images=X, labels=np.zeros(1))
    return tmp_path


def run(*words: str, stdin: bytes | None = None) -> Result:
    """A command line in this process."""
    return CliRunner().invoke(poolhouse, words, input=stdin)


def process(
    *words: str, stdin: bytes = b"", url: str | None = None, stdout: int = subprocess.PIPE, **further: str
) -> subprocess.CompletedProcess[bytes]:
    """A command line as a process of its own, with this service or none."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("POOLHOUSE_")}
    if url is not None:
        environment["POOLHOUSE_URL"] = url
    environment.update(further)
    command = "import sys; from poolhouse.cli import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", command, *words],
        input=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        timeout=WAIT_TIMEOUT_S * 6,
        env=environment,
        check=False,
    )


@pytest.mark.parametrize("name", operator_options.operator_names())
def test_every_field_of_every_operator_is_an_option(name: str) -> None:
    """Who can send a field over HTTP can type it, and reads what it means."""
    shown = CliRunner().invoke(poolhouse, ["pool", name, "--help"], terminal_width=2000).output

    for field in discover().find(name).fields():
        assert f"--{field.name.replace('_', '-')}" in shown
        assert field.meaning.replace("``", "").split(";")[0][:40] in shown.replace("``", "")


def test_the_operators_are_those_of_the_catalogue() -> None:
    """The client's methods are generated from it, and the commands are read from those."""
    assert set(operator_options.operator_names()) == set(discover().names)


@pytest.mark.parametrize("ending", ["npy", "npz", "safetensors"])
def test_a_file_goes_in_and_its_answer_comes_out(folder: Path, ending: str) -> None:
    """Each format both ways, read back by its own library."""
    into = f"x.{ending}"
    if ending == "npz":
        np.savez(into, input=X)
    if ending == "safetensors":
        save_file({"input": X}, into)

    done = run("pool", "max_pool2d", into, "-o", f"y.{ending}", "--kernel-size", "2")

    assert (done.exit_code, done.output) == (0, "")
    loaded = np.load("y.npy") if ending == "npy" else np.load("y.npz")["output"] if ending == "npz" else None
    answer = load_file("y.safetensors")["output"] if loaded is None else loaded
    np.testing.assert_array_equal(answer, POOLED)


def test_pooling_and_unpooling_are_one_pipe(folder: Path, live_server: LiveServer) -> None:
    """What one command writes is what the next one reads, indices included."""
    pooled = process("pool", "max_pool2d", "x.npy", "--kernel-size", "2", "--return-indices", url=live_server.url)
    assert pooled.returncode == 0, pooled.stderr
    with np.load(io.BytesIO(pooled.stdout)) as arrays:
        np.testing.assert_array_equal(arrays["indices"], PLACES)

    unpooled = process(
        "pool", "max_unpool2d", "-", "--format", "npy", "--kernel-size", "2", stdin=pooled.stdout, url=live_server.url
    )

    assert unpooled.returncode == 0, unpooled.stderr
    expected = np.zeros_like(X)
    expected[:, :, 1::2, 1::2] = POOLED
    np.testing.assert_array_equal(np.load(io.BytesIO(unpooled.stdout)), expected)


def test_what_is_seldom_meant_is_told_beside_the_answer(folder: Path) -> None:
    """The file holds the tensor, so the warning goes to standard error, and the answer is written all the same."""
    np.save("picture.npy", np.zeros((1, 32, 32, 3), np.float32))

    done = run("pool", "max_pool2d", "picture.npy", "-o", "y.npy", "--kernel-size", "3")

    assert done.exit_code == 0
    assert done.stdout == ""
    assert done.stderr.startswith("poolhouse: note: shape [1, 32, 32, 3] was read as (N, C, H, W)")
    assert np.load("y.npy").shape == (1, 32, 10, 1)


def test_indices_may_lie_in_a_file_of_their_own(folder: Path) -> None:
    """npy holds one array, so unpooling from npy needs two files."""
    np.save("small.npy", POOLED)
    np.save("places.npy", PLACES)

    done = run("pool", "max_unpool2d", "small.npy", "--indices", "places.npy", "-o", "y.npy", "--kernel-size", "2")

    assert done.exit_code == 0, done.output
    assert np.load("y.npy").sum() == POOLED.sum()


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_a_picture_is_a_tensor_of_bytes(folder: Path, mode: str) -> None:
    """(1, C, H, W) in, and the pooled picture out."""
    channels = len(mode)
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, channels), np.uint8)
    Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels).save("a.png")

    done = run("pool", "max_pool2d", "a.png", "-o", "b.png", "--kernel-size", "2")

    assert done.exit_code == 0, done.output
    expected = pixels.reshape(3, 2, 4, 2, channels).max(axis=(1, 3))
    with Image.open("b.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture).reshape(expected.shape), expected)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["jpg", "png"])
def test_a_picture_stands_as_a_viewer_shows_it(folder: Path, orientation: int, ending: str) -> None:
    """A camera writes rows as its sensor has them and how to turn them beside; what comes out has no such note."""
    half = np.zeros((6, 8), np.uint8)
    half[:, 4:] = 200
    picture = Image.fromarray(half)
    beside = picture.getexif()
    beside[274] = orientation
    picture.save(f"a.{ending}", exif=beside)

    done = run("pool", "max_pool2d", f"a.{ending}", "-o", "b.png", "--kernel-size", "1")

    assert done.exit_code == 0, done.output
    dark = {1: "left", 4: "left", 2: "right", 3: "right", 5: "top", 6: "top", 7: "bottom", 8: "bottom"}[orientation]
    with Image.open("b.png") as turned:
        pixels = np.asarray(turned) > 100
    assert pixels.shape == ((6, 8) if dark in ("left", "right") else (8, 6))
    edges = {"left": pixels[:, 0], "right": pixels[:, -1], "top": pixels[0], "bottom": pixels[-1]}
    assert [name for name, edge in edges.items() if not edge.any()] == [dark]


def test_a_jpeg_comes_in_and_goes_out(folder: Path) -> None:
    """Cameras write it."""
    Image.fromarray(np.full((8, 8, 3), 100, np.uint8)).save("a.jpg")

    done = run("pool", "avg_pool2d", "a.jpg", "-o", "b.jpeg", "--kernel-size", "2,4")

    assert done.exit_code == 0, done.output
    with Image.open("b.jpeg") as picture:
        assert picture.size == (2, 4)


def test_without_a_url_the_work_is_done_in_process(tmp_path: Path) -> None:
    """One command and one install are enough to pool a file."""
    np.save(tmp_path / "x.npy", X)

    done = process("pool", "avg_pool2d", str(tmp_path / "x.npy"), "-o", str(tmp_path / "y.npy"), "--kernel-size", "4")

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy").reshape(3), X.mean(axis=(2, 3)).reshape(3))


def test_bfloat16_passes_through_unharmed(folder: Path) -> None:
    """numpy has no such type, and a file of it is pooled all the same."""
    header = {"input": {"dtype": "BF16", "shape": [1, 1, 2, 2], "data_offsets": [0, 8]}}
    text = json.dumps(header).encode()
    Path("x.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + bytes([0, 0, 0x80, 0x3F, 0, 0x40, 0, 0]))

    done = run("pool", "max_pool2d", "x.safetensors", "-o", "y.safetensors", "--kernel-size", "2")

    assert done.exit_code == 0, done.output
    assert Path("y.safetensors").read_bytes()[-2:] == b"\x00\x40"


class _Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch harmed",)


def _hostile() -> dict[str, bytes]:
    pickled = io.BytesIO()
    np.save(pickled, np.array([_Evil()], object), allow_pickle=True)
    whole = io.BytesIO()
    np.savez(whole, input=X)
    picture = io.BytesIO()
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(picture, "png")
    return {
        "pickled.npy": pickled.getvalue(),
        "plain.pkl": pickle.dumps(_Evil()),
        "cut.npz": whole.getvalue()[:-30],
        "cut.npy": b"\x93NUMPY\x01\x00",
        "cut.png": picture.getvalue()[:40],
        "empty": b"",
        "text.npy": b"hello, world",
        "long.safetensors": b"\xff" * 8 + b"{" + b"x" * 20,
        "float.tiff": b"\x89PNG\r\n\x1a\n but no picture",
    }


@pytest.mark.parametrize(("name", "content"), _hostile().items(), ids=list(_hostile()))
def test_a_file_that_is_not_what_it_says_gets_one_line(folder: Path, name: str, content: bytes) -> None:
    """Nothing in a file is run, and nobody reads a traceback."""
    Path(name).write_bytes(content)

    done = run("pool", "max_pool2d", name, "-o", "y.npy", "--kernel-size", "2")

    assert done.exit_code == 1
    assert done.stderr.startswith("poolhouse: ")
    assert done.stderr.count("\n") == 1
    assert not Path("harmed").exists()
    assert not Path("y.npy").exists()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["pool", "max_pool2d", "x.npy", "-o", "y.npy"], 2, "Missing option '--kernel-size'"),
        (["pool", "max_pool2d", "x.npy", "-o", "y.npy", "--kernel-size", "a"], 2, "'a' is not a whole number"),
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
        (["pool", "max_pool2d", "x.npy", "--kernel-size", "3", "--padding", "same"], 2, 'For "same" write 1'),
        (["pool", "max_pool2d", "x.npy", "--padding", "same"], 2, "half of kernel_size - 1"),
        (["pol"], 2, "did you mean pool?"),
        (["everything"], 2, "there are serve, pool"),
        (["plan", "--shape", "1"], 2, "No such option"),
        (
            ["pool", "max_pool2d", "many.npz", "-o", "y.npy", "--kernel-size", "2"],
            2,
            "holds images, labels, and no input",
        ),
        (["operators", "--timeout", "nan"], 2, "timeout is nan"),
        (["operators", "--api-key", "a key"], 2, "API key"),
        (["pool", "max_unpool2d", "x.npy", "-o", "y.npy", "--kernel-size", "2"], 2, "no indices"),
        (["plan", "max_pool2d", "--shape", "1,a", "--kernel-size", "2"], 2, "no shape"),
        (["plan", "max_pool2d", "--shape", "1,1,2,2", "--kernel-size", "3"], 1, "no window fits"),
        (["operators", "max_pool4d"], 1, "max_pool2d"),
        (["operators", "--url", "http://127.0.0.1:1"], 1, "Connection refused"),
        (["operators", "--url", "gopher://x"], 2, "--url"),
    ],
)
def test_what_cannot_be_done_is_told_with_its_exit_code(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, said: str
) -> None:
    """A script tells a typo (2) from a refusal (1), and a person reads in one line how to mend it."""
    done = command_line(words)

    told = capsys.readouterr().err
    assert done == code, told
    assert said in told
    assert told.startswith("poolhouse: ")
    assert told.count("\n") == 1


def test_a_fault_is_told_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The detail of a refusal often holds what its fields say."""
    np.save("wide.npy", np.zeros((1, 4, 4), np.uint16))

    assert command_line(["pool", "max_pool2d", "wide.npy", "-o", "y.npy", "--kernel-size", "2"]) == 1

    assert capsys.readouterr().err.count("'<u2'") == 1


def test_a_setting_that_is_none_stops_work_in_process_with_one_line(tmp_path: Path) -> None:
    """The service in this process reads the same variables as the one that listens."""
    np.save(tmp_path / "x.npy", X)
    words = ["pool", "avg_pool2d", str(tmp_path / "x.npy"), "-o", str(tmp_path / "y.npy"), "--kernel-size", "4"]

    done = process(*words, POOLHOUSE_MAX_WORKS="7")

    assert done.returncode == 2
    assert b"did you mean POOLHOUSE_MAX_WORK?" in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_who_reads_the_answer_may_stop_early(folder: Path, live_server: LiveServer) -> None:
    """``| head`` is no mistake of anybody's, and has no line on the screen."""
    np.save("big.npy", np.zeros((1, 4, 512, 512), np.float32))
    words = ["pool", "max_pool2d", "big.npy", "--kernel-size", "1"]
    reads, writes = os.pipe()
    os.close(reads)

    done = process(*words, url=live_server.url, stdout=writes)
    os.close(writes)

    assert done.returncode == 1
    assert done.stderr == b""


def test_without_words_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Who types the name alone wants to know what there is."""
    assert command_line([]) == 2
    assert "Commands:" in capsys.readouterr().err


def test_a_plan_is_told_for_people_and_as_json(folder: Path) -> None:
    """People read sizes; scripts read the service's own document."""
    words = ["plan", "max_pool2d", "--shape", "8x64x112x112", "--kernel-size", "3", "--stride", "2", "--return-indices"]

    told, raw = run(*words), run(*words, "--json")

    assert "output   float32 (8, 64, 55, 55)  6,195,200 bytes" in told.output
    assert "indices  int64 (8, 64, 55, 55)" in told.output
    assert json.loads(raw.output)["outputs"]["output"]["shape"] == [8, 64, 55, 55]


def test_the_operators_are_listed_and_told(folder: Path) -> None:
    """The catalogue without a browser."""
    listed, one, raw = run("operators"), run("operators", "avg_pool3d"), run("operators", "--json")

    assert [name for name in operator_options.operator_names() if name not in listed.output] == []
    assert "divisor_override: " in one.output
    assert set(json.loads(raw.output)) == set(operator_options.operator_names())


def test_a_shell_completes_operators_and_options() -> None:
    """Nobody types adaptive_avg_pool3d twice."""
    words = {"COMP_WORDS": "poolhouse pool adaptive_avg", "COMP_CWORD": "2", "_POOLHOUSE_COMPLETE": "bash_complete"}
    command = "import sys; from poolhouse.cli import main; sys.exit(main())"

    done = subprocess.run(
        [sys.executable, "-c", command],
        env={**os.environ, **words},
        capture_output=True,
        text=True,
        timeout=WAIT_TIMEOUT_S,
        check=False,
    )

    assert done.stdout.split() == [f"plain,adaptive_avg_pool{rank}d" for rank in (1, 2, 3)]


def test_a_shell_completes_names_of_files() -> None:
    """The words that are longest."""
    typed = "poolhouse pool max_pool2d x"

    done = process(COMP_WORDS=typed, COMP_CWORD="3", _POOLHOUSE_COMPLETE="bash_complete")

    assert done.stdout.decode().split() == ["file,x"]


def test_a_long_transfer_shows_how_far_it_is_on_a_terminal(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for a slow line sees that it moves; in a pipe nothing is written."""
    monkeypatch.setattr("poolhouse.commands.session._SHOWN_AFTER_S", 0)
    monkeypatch.setattr("poolhouse.commands.session._SHOWN_EVERY_S", 0)
    np.save("big.npy", np.zeros((1, 4, 1024, 1024), np.float32))
    quiet = run("pool", "max_pool2d", "big.npy", "-o", "y.npy", "--kernel-size", "2")
    monkeypatch.setattr("poolhouse.commands.session._is_interactive", lambda: True)
    loud = run("pool", "max_pool2d", "big.npy", "-o", "y.npy", "--kernel-size", "2")

    assert quiet.stderr == ""
    assert "sent 16.8 of 16.8 MB" in loud.stderr
    assert "received 4.2 MB" in loud.stderr
    assert loud.stderr.endswith("\r")
