"""``poolhouse pool``: which tensors are sent, and the format of the output. Files and the client are fakes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner, Result

from poolhouse.client.results import Pooled
from poolhouse.commands.files import Format
from poolhouse.commands.pool import command
from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.tensors import Tensor


def tensor(size: int) -> Tensor:
    """A tensor that is recognised by its size."""
    return Tensor(ELEMENT_TYPES["uint8"], np.zeros((1, size), np.uint8))


class FakeWorld:
    """The files and the service.

    Attributes:
        files: format and tensors by path.
        sent: for each call, the tensors by name and the given fields.
        announced_bytes: the size of each request, for the progress line.
        written: for each output, its path, format, and the names of its tensors.
        warnings: of the service.
    """

    def __init__(self) -> None:
        self.files: dict[str, tuple[Format, dict[str, Tensor]]] = {"x": ("npy", {"input": tensor(9)})}
        self.sent: list[tuple[dict[str, Tensor], dict[str, object]]] = []
        self.announced_bytes: list[int] = []
        self.written: list[tuple[str, Format, list[str]]] = []
        self.warnings: tuple[str, ...] = ()

    @contextmanager
    def connect(self, url: str | None, api_key: str | None, timeout: float, request_bytes: int) -> Iterator[FakeWorld]:
        self.announced_bytes.append(request_bytes)
        yield self

    def read_file(self, path: str) -> tuple[Format, Mapping[str, Tensor]]:
        return self.files[path]

    def write_file(self, path: str, file_format: Format, tensors: Mapping[str, Tensor]) -> None:
        self.written.append((path, file_format, list(tensors)))

    def pool(self, operator: str, source: Tensor, **options: object) -> Pooled[Tensor, Tensor | None]:
        tensors = {name: each for name, each in options.items() if isinstance(each, Tensor)}
        fields = {name: each for name, each in options.items() if name not in tensors and each is not None}
        self.sent.append(({"input": source, **tensors}, fields))
        return Pooled(tensor(1), tensor(2) if fields.get("return_indices") else None, warnings=self.warnings)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> FakeWorld:
    """The files and the service of the command."""
    world = FakeWorld()
    for name in ("connect", "read_file", "write_file"):
        monkeypatch.setattr(f"poolhouse.commands.pool.{name}", getattr(world, name))
    return world


def run(operator: str, *arguments: str) -> Result:
    """Run the command in this process."""
    needed = ["--kernel-size", "2"] if operator.endswith("pool1d") else []
    return CliRunner().invoke(command, [operator, *arguments, *needed])


@pytest.mark.parametrize(
    ("input_format", "options", "expected"),
    [
        ("npz", ["-o", "y.npy"], ("y.npy", "npy", ["output"])),
        ("npy", ["-o", "dir.npz/Y.JPG"], ("dir.npz/Y.JPG", "jpeg", ["output"])),
        ("npy", ["-o", "y.bin", "--format", "safetensors"], ("y.bin", "safetensors", ["output"])),
        ("npy", ["-o", "y.npz", "--format", "npy"], ("y.npz", "npy", ["output"])),
        ("npy", [], ("-", "npy", ["output"])),
        ("png", [], ("-", "png", ["output"])),
        ("jpeg", [], ("-", "png", ["output"])),
        ("npy", ["--return-indices"], ("-", "npz", ["output", "indices"])),
        ("safetensors", ["--return-indices"], ("-", "safetensors", ["output", "indices"])),
        ("npy", ["-o", "y.npz", "--return-indices"], ("y.npz", "npz", ["output", "indices"])),
    ],
)
def test_the_output_has_the_format_of_its_name_else_of_the_input(
    world: FakeWorld, input_format: Format, options: list[str], expected: tuple[str, Format, list[str]]
) -> None:
    """In a pipe, JPEG would lose bits again, and two tensors need a format that holds them."""
    world.files["x"] = (input_format, {"input": tensor(9)})

    done = run("max_pool1d", "x", *options)

    assert (done.exit_code, done.output) == (0, "")
    assert world.written == [expected]


@pytest.mark.parametrize(
    ("operator", "options", "message"),
    [
        ("max_pool1d", ["-o", "y"], "the name y does not end with .npy, .npz, .safetensors, .png, .jpg, .jpeg"),
        ("max_pool1d", ["-o", "y.npy", "--return-indices"], "npy holds only one tensor"),
        ("max_pool1d", ["-o", "y.npz", "--format", "png", "--return-indices"], "png holds only one tensor"),
        ("token_pool", ["-o", "y.npy", "--no-concat"], "npy holds only one tensor; with --no-concat write npz"),
        ("max_unpool1d", ["-o", "y.npy"], "x has input but no indices; rename a tensor to indices"),
        ("span_pool", ["-o", "y.npy", "--mask", "x"], "x has input but no spans; rename a tensor to spans, or give"),
        ("span_pool", ["-o", "y.npy"], "or give --spans FILE"),
        ("max_unpool1d", ["--indices", "two", "-o", "y.npy"], "two has a, b but no indices"),
    ],
)
def test_a_wrong_command_line_is_refused_before_anything_is_sent(
    world: FakeWorld, operator: str, options: list[str], message: str
) -> None:
    """The work would be lost if the output could not be written."""
    world.files["two"] = ("npz", {"a": tensor(1), "b": tensor(2)})

    done = run(operator, "x", *options)

    assert done.exit_code == 2
    assert message in done.output
    assert (world.announced_bytes, world.sent, world.written) == ([], [], [])


@pytest.mark.parametrize("name", ["indices", "input"])
def test_indices_are_read_from_a_file_of_their_own(world: FakeWorld, name: str) -> None:
    """Its only tensor was renamed to ``input``; the indices in the other file are not used."""
    source, other, unused = tensor(9), tensor(5), tensor(7)
    world.files["x"] = ("npz", {"input": source, "indices": unused})
    world.files["i"] = ("npz", {name: other})

    done = run("max_unpool1d", "x", "--indices", "i", "-o", "y.npy")

    assert done.exit_code == 0, done.output
    ((sent, fields),) = world.sent
    assert list(sent) == ["input", "indices"]
    assert sent["input"] is source
    assert sent["indices"] is other
    assert fields == {"kernel_size": "2"}
    assert world.announced_bytes == [9 + 5]


@pytest.mark.parametrize(
    ("operator", "options", "sizes"),
    [
        ("token_pool", [], {"input": 9, "mask": 5}),
        ("token_pool", ["--weights", "w"], {"input": 9, "mask": 5, "weights": 6}),
        ("token_pool", ["--mask", "w"], {"input": 9, "mask": 6}),
        ("span_pool", [], {"input": 9, "spans": 4, "mask": 5}),
        ("segment_pool", ["--segments", "w"], {"input": 9, "segments": 6}),
        (
            "roi_align",
            ["--boxes", "w", "--batch-indices", "w", "--output-size", "2"],
            {"input": 9, "boxes": 6} | {"batch_indices": 6},
        ),
    ],
)
def test_further_tensors_come_from_files_of_their_own_or_from_the_input_s(
    world: FakeWorld, operator: str, options: list[str], sizes: dict[str, int]
) -> None:
    """An array of numpy holds one tensor; a file of safetensors may hold what other operators take, too."""
    world.files["x"] = ("safetensors", {"spans": tensor(4), "mask": tensor(5), "input": tensor(9), "more": tensor(3)})
    world.files["w"] = ("npy", {"input": tensor(6)})

    done = run(operator, "x", "-o", "y.npy", *options)

    assert done.exit_code == 0, done.output
    ((sent, _),) = world.sent
    assert {name: each.array.size for name, each in sent.items()} == sizes
    assert world.announced_bytes == [sum(sizes.values())]


def test_outputs_by_mode_are_written_to_a_file_that_holds_them(world: FakeWorld) -> None:
    """As a pyramid's."""
    done = run("token_pool", "x", "--modes", "mean, max", "--no-concat")

    assert (done.exit_code, done.output) == (0, "")
    assert world.sent[0][1] == {"modes": "mean,max", "concat": False}
    assert world.written[0][:2] == ("-", "npz")


@pytest.mark.parametrize("modes", ["", "mean,", "mean max", "mean;max", "3"])
def test_a_text_that_is_no_list_of_words_is_refused(world: FakeWorld, modes: str) -> None:
    """Which words there are is for the service to say."""
    done = run("token_pool", "x", f"--modes={modes}")

    assert done.exit_code == 2
    assert "is not one or several words: mean,max" in " ".join(done.output.split())


def test_an_integer_of_few_is_an_option(world: FakeWorld) -> None:
    """As one of some words is."""
    done = run("segment_pool", "x", "--reduce", "std", "--correction", "1")
    refused = run("segment_pool", "x", "--correction", "2")

    assert (done.exit_code, done.output) == (0, "")
    assert world.sent[0][1] == {"reduce": "std", "correction": "1"}
    assert "one of 0, 1" in refused.output


def test_only_the_tensors_that_the_operator_takes_are_sent(world: FakeWorld) -> None:
    """The output of another command may have indices too."""
    world.files["x"] = ("npz", {"input": tensor(9), "indices": tensor(100), "mask": tensor(100)})

    done = run("max_pool1d", "x", "-o", "y.npy")

    assert done.exit_code == 0, done.output
    assert list(world.sent[0][0]) == ["input"]
    assert world.announced_bytes == [9]


def test_warnings_go_to_standard_error(world: FakeWorld) -> None:
    """Standard output may be the pipe to the next command."""
    world.warnings = ("the last axis looks like channels",)

    done = run("max_pool1d", "x", "-o", "y.npy")

    assert (done.stdout, done.stderr) == ("", "poolhouse: note: the last axis looks like channels\n")


@pytest.mark.parametrize(
    ("terminal", "arguments", "message"),
    [
        ("stdin", ["-o", "y.npy"], "INPUT is standard input, which is a terminal; name a file"),
        ("stdout", ["x"], "the output would be written to the terminal; give -o FILE"),
    ],
)
def test_a_terminal_is_neither_read_nor_written(
    world: FakeWorld, monkeypatch: pytest.MonkeyPatch, terminal: str, arguments: list[str], message: str
) -> None:
    """The command would seem to hang, or binary data would garble the screen."""
    world.files["-"] = world.files["x"]
    streams = {
        name: SimpleNamespace(isatty=lambda is_terminal=(name == terminal): is_terminal) for name in ("stdin", "stdout")
    }
    monkeypatch.setattr("poolhouse.commands.pool.sys", SimpleNamespace(**streams))

    done = run("max_pool1d", *arguments)

    assert done.exit_code == 2
    assert message in done.output
    assert world.sent == []


def test_an_operator_of_another_framework_has_a_command(world: FakeWorld) -> None:
    """Its options are its attributes, and are checked as ours are."""
    arguments = ["onnx.MaxPool", "x", "-o", "y.npy", "--kernel-shape", "2,2", "--auto-pad"]

    done = CliRunner().invoke(command, [*arguments, "SAME_UPPER", "--ceil-mode", "1"])
    refused = CliRunner().invoke(command, [*arguments, "SAME"])
    misspelt = CliRunner().invoke(command, ["onnx.maxpool", "x"])

    assert (done.exit_code, done.output) == (0, "")
    assert world.sent[0][1] == {"kernel_shape": "2,2", "auto_pad": "SAME_UPPER", "ceil_mode": "1"}
    assert "one of NOTSET, SAME_UPPER, SAME_LOWER, VALID" in " ".join(refused.output.split())
    assert "did you mean onnx.MaxPool?" in misspelt.output
