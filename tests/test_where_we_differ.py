"""Every row of docs/where-we-differ.md: the result of torch, and that of the service."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import httpx
import numpy as np
import numpy.typing as npt
import pytest
import torch
import torch.nn.functional as F
from safetensors.numpy import load, save

from poolhouse.settings import Settings
from tests.nn.test_where_we_differ import GRADIENTS
from tests.rest.live_server import run_live_server

PAGE = Path(__file__).resolve().parents[1] / "docs" / "where-we-differ.md"
QUICK_S = 0.05
"""The longest time for a refusal, which depends on sizes alone."""
ALARM_S = 2
"""Time limit for torch, in cases that the service answers or refuses at once."""

Array = npt.NDArray[np.generic]
Fields = Mapping[str, object]
INF = math.inf
SEGMENT_FAULT = -11
ALARM = -14


@dataclass(frozen=True)
class OurCall:
    """A request, and the expected response: elements, or an error code."""

    operator: str
    input: Array
    fields: Fields
    expected: object
    indices: Array | None = None


@dataclass(frozen=True)
class Row:
    """One row of the page.

    Attributes:
        name: the first cell.
        torch: calls torch; a text is run in a child process, which may crash.
        documented: the result of torch: elements, the class of an error, or the exit code of the child process.
        ours: the same call of the service.
        further_calls: other calls that the row mentions.
    """

    name: str
    torch: Callable[[], torch.Tensor] | str
    documented: object
    ours: OurCall
    further_calls: tuple[OurCall, ...] = field(default=())


def ones(*shape: int, dtype: str = "float32") -> Array:
    return np.ones(shape, dtype)


def tensor_of(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.ones(shape, dtype=dtype)


RANDOM_LINE = "x = torch.rand(1, 2, 8); "
TENTH = np.full((1, 1, 2048, 2048), 0.1, np.float32)

ROWS = (
    Row(
        "averages of large windows",
        lambda: F.avg_pool2d(torch.from_numpy(TENTH), 2048).round(decimals=4),
        [0.0960],
        OurCall("avg_pool2d", TENTH, {"kernel_size": 2048}, [0.1]),
    ),
    Row(
        "integer sums",
        lambda: F.avg_pool1d(torch.full((1, 1, 4), 2**62), 4),
        [0],
        OurCall("avg_pool1d", np.full((1, 1, 4), 2**62, np.int64), {"kernel_size": 4}, [2**62]),
    ),
    Row(
        "averages of small integers",
        lambda: F.avg_pool2d(tensor_of(1, 1, 2, 2, dtype=torch.uint8), 2),
        NotImplementedError,
        OurCall("avg_pool2d", np.array([[[[250, 251], [252, 254]]]], np.uint8), {"kernel_size": 2}, [251]),
        (OurCall("adaptive_avg_pool1d", np.array([[-3, -4]], np.int8), {"output_size": 1}, [-3]),),
    ),
    Row(
        "averages of uint16, uint32 and uint64",
        lambda: F.avg_pool2d(tensor_of(1, 1, 2, 2, dtype=torch.int64).to(torch.uint16), 2),
        NotImplementedError,
        OurCall("avg_pool2d", np.full((1, 1, 2, 2), 2**16 - 1, np.uint16), {"kernel_size": 2}, [2**16 - 1]),
        (OurCall("avg_pool2d", np.full((1, 1, 2, 2), 2**64 - 1, np.uint64), {"kernel_size": 2}, [2**64 - 1]),),
    ),
    Row(
        "averages of bool",
        lambda: F.avg_pool2d(tensor_of(1, 1, 2, 2, dtype=torch.bool), 2),
        NotImplementedError,
        OurCall("avg_pool2d", ones(1, 1, 2, 2, dtype="bool"), {"kernel_size": 2}, "unsupported_dtype"),
    ),
    Row(
        "half precision in 3-D",
        lambda: F.avg_pool3d(tensor_of(1, 1, 2, 2, 2, dtype=torch.float16), 2),
        NotImplementedError,
        OurCall("avg_pool3d", ones(1, 1, 2, 2, 2, dtype="float16"), {"kernel_size": 2}, [1]),
    ),
    Row(
        "avg_pool3d with a window larger than the input",
        lambda: F.avg_pool3d(tensor_of(1, 1, 3, 3, 3), 5, 1, 2),
        RuntimeError,
        OurCall(
            "avg_pool3d",
            ones(1, 1, 3, 3, 3),
            {"kernel_size": 5, "stride": 1, "padding": 2, "count_include_pad": "false"},
            [1] * 27,
        ),
    ),
    Row(
        "divisor_override in 1-D",
        lambda: F.avg_pool1d(tensor_of(1, 1, 2), 2, divisor_override=1),  # type: ignore[call-arg]  # torch has no such argument
        TypeError,
        OurCall("avg_pool1d", ones(1, 1, 2), {"kernel_size": 2, "divisor_override": 1}, [2]),
    ),
    Row(
        "maxima of integers in 1-D",
        lambda: F.max_pool1d(torch.tensor([[[-5, -7]]]), 2),
        NotImplementedError,
        OurCall("max_pool1d", np.array([[[-5, -7]]], np.int64), {"kernel_size": 2}, [-5]),
    ),
    Row(
        "adaptive maxima of integers",
        lambda: F.adaptive_max_pool2d(tensor_of(1, 1, 4, 4, dtype=torch.int64), 2),
        NotImplementedError,
        OurCall("adaptive_max_pool2d", np.arange(4).reshape(1, 1, 2, 2), {"output_size": 1}, [3]),
    ),
    Row(
        "maxima of uint16, uint32 and uint64",
        lambda: F.max_pool2d(tensor_of(1, 1, 2, 2, dtype=torch.int64).to(torch.uint64), 2),
        NotImplementedError,
        OurCall("max_pool2d", np.array([[[[0, 2**63], [7, 2**64 - 1]]]], np.uint64), {"kernel_size": 2}, [2**64 - 1]),
    ),
    Row(
        "maxima of bool",
        lambda: F.max_pool2d(tensor_of(1, 1, 2, 2, dtype=torch.bool), 2),
        NotImplementedError,
        OurCall("max_pool2d", np.array([[[[False, True], [False, False]]]]), {"kernel_size": 2}, [True]),
    ),
    Row(
        "windows without any element",
        lambda: F.max_pool2d(tensor_of(1, 1, 3, 3), 2, 1, 1, 4),
        [-INF],
        OurCall(
            "max_pool2d",
            ones(1, 1, 3, 3),
            {"kernel_size": 2, "stride": 1, "padding": 1, "dilation": 4},
            "empty_window",
        ),
    ),
    Row(
        "a dilation beyond the input",
        lambda: F.max_pool2d(tensor_of(1, 1, 8, 8), 3, 1, 0, 2**31 - 1),
        [-INF] * 100,
        OurCall(
            "max_pool2d",
            ones(1, 1, 8, 8),
            {"kernel_size": 3, "stride": 1, "dilation": 2**31 - 1},
            "window_does_not_fit",
        ),
    ),
    Row(
        "a window span beyond 32 bits",
        lambda: F.max_pool2d(tensor_of(1, 1, 8, 8), 5, 1, 0, 2**30),
        [1] * 64,
        OurCall(
            "max_pool2d", ones(1, 1, 8, 8), {"kernel_size": 5, "stride": 1, "dilation": 2**30}, "window_does_not_fit"
        ),
    ),
    Row(
        "such a span in ceil mode, with one window that fits",
        lambda: F.max_pool2d(tensor_of(1, 1, 4, 4), 3, 2**31 - 1, 0, 2**30, ceil_mode=True),
        [-INF],
        OurCall(
            "max_pool2d",
            ones(1, 1, 4, 4),
            {"kernel_size": 3, "stride": 2**31 - 1, "dilation": 2**30, "ceil_mode": "true"},
            [1],
        ),
    ),
    Row(
        "a window of 2⁶³ - 1",
        RANDOM_LINE + "F.max_pool1d(x, 2**63 - 1)",
        SEGMENT_FAULT,
        OurCall("max_pool1d", ones(1, 2, 8), {"kernel_size": 2**63 - 1}, "invalid_fields"),
    ),
    Row(
        "a window of 2⁶²",
        RANDOM_LINE + "F.max_pool1d(x, 2**62)",
        ALARM,
        OurCall("max_pool1d", ones(1, 2, 8), {"kernel_size": 2**62}, "invalid_fields"),
    ),
    Row(
        "padding of nearly 2³⁰",
        "x = torch.rand(1, 2, 8, 8, 8); F.max_pool3d(x, 2**31 - 1, 1, 2**30 - 1)",
        ALARM,
        OurCall(
            "max_pool3d",
            ones(1, 1, 2, 2, 2),
            {"kernel_size": 2**31 - 1, "stride": 1, "padding": 2**30 - 1},
            [1] * 8,
        ),
    ),
    Row(
        "large windows with a small stride",
        "x = torch.rand(1, 1, 1000, 1000); F.max_pool2d(x, 501, 1, 250)",
        ALARM,
        OurCall(
            "max_pool2d",
            np.pad(np.ones((1, 1, 1, 1), np.float32), ((0, 0), (0, 0), (0, 511), (0, 511))),
            {"kernel_size": 257, "stride": 1, "padding": 128},
            np.pad(np.ones((129, 129), np.float32), (0, 383)).reshape(-1).tolist(),
        ),
    ),
    Row(
        "huge outputs",
        "resource.setrlimit(resource.RLIMIT_AS, (2**33, 2**33)); F.adaptive_max_pool2d(torch.rand(1, 2, 8, 8), 30000)",
        1,
        OurCall("adaptive_max_pool2d", ones(1, 2, 8, 8), {"output_size": 30000}, "output_too_large"),
    ),
    Row(
        "fractional pooling with no window",
        lambda: F.fractional_max_pool2d(tensor_of(1, 1, 8, 8), 0, output_size=2),
        [-INF] * 4,
        OurCall("fractional_max_pool2d", ones(1, 1, 8, 8), {"kernel_size": 0, "output_size": 2}, "invalid_fields"),
    ),
    Row(
        "fractional pooling of wide half-precision input",
        lambda: F.fractional_max_pool2d(tensor_of(1, 1, 4, 4096, dtype=torch.float16), 2, output_size=(2, 2498)),
        RuntimeError,
        OurCall(
            "fractional_max_pool2d",
            ones(1, 1, 4, 4096, dtype="float16"),
            {"kernel_size": 2, "output_size": "2,2498", "seed": 1},
            [1] * 4996,
        ),
    ),
    Row(
        "lp_pool of odd powers",
        lambda: F.lp_pool1d(torch.tensor([[[-1.0, 1.0]]]), 3, 2),
        [0],
        OurCall("lp_pool1d", np.array([[[-1, 1]]], np.float32), {"norm_type": 3, "kernel_size": 2}, [0]),
        (
            OurCall(
                "lp_pool1d",
                np.array([[[-1, 1]]], np.float32),
                {"norm_type": 3, "kernel_size": 2, "absolute": "true"},
                [2 ** (1 / 3)],
            ),
        ),
    ),
    Row(
        "lp_pool in ceil mode",
        lambda: F.lp_pool1d(tensor_of(1, 1, 5), 1, 2, ceil_mode=True),
        [2, 2, 2],
        OurCall("lp_pool1d", ones(1, 1, 5), {"norm_type": 1, "kernel_size": 2, "ceil_mode": "true"}, [2, 2, 2]),
        (
            OurCall(
                "lp_pool1d",
                ones(1, 1, 5),
                {"norm_type": 1, "kernel_size": 2, "ceil_mode": "true", "absolute": "true"},
                [2, 2, 1],
            ),
        ),
    ),
    Row(
        "lp_pool of high powers",
        lambda: F.lp_pool1d(torch.full((1, 1, 2), 300.0), 20, 2),
        [INF],
        OurCall(
            "lp_pool1d",
            np.full((1, 1, 2), 300, np.float32),
            {"norm_type": 20, "kernel_size": 2},
            [300 * 2 ** (1 / 20)],
        ),
    ),
    Row(
        "lp_pool with power 0",
        lambda: F.lp_pool1d(tensor_of(1, 1, 2), 0, 2),
        ZeroDivisionError,
        OurCall("lp_pool1d", ones(1, 1, 2), {"norm_type": 0, "kernel_size": 2}, "invalid_fields"),
    ),
    Row(
        "lp_pool of integers",
        lambda: F.lp_pool1d(tensor_of(1, 1, 2, dtype=torch.int32), 2, 2),
        NotImplementedError,
        OurCall("lp_pool1d", np.array([[[3, 4]]], np.int32), {"norm_type": 2, "kernel_size": 2}, [5]),
    ),
    Row(
        "lp_pool of int64",
        lambda: F.lp_pool1d(torch.tensor([[[3, 4]]]), 2, 2).round(decimals=3),
        [4.899],
        OurCall("lp_pool1d", np.array([[[3, 4]]], np.int64), {"norm_type": 2, "kernel_size": 2}, [5]),
    ),
    Row(
        "no channel",
        lambda: F.max_pool2d(torch.ones(1, 0, 4, 4), 2),
        RuntimeError,
        OurCall("max_pool2d", ones(1, 0, 4, 4), {"kernel_size": 2}, []),
    ),
    Row(
        "an empty axis",
        lambda: F.adaptive_avg_pool2d(torch.ones(1, 1, 0, 4), 1),
        [math.nan],
        OurCall("adaptive_avg_pool2d", ones(1, 1, 0, 4), {"output_size": 1}, "empty_dimension"),
    ),
    Row(
        "an axis kept in 1-D",
        lambda: F.adaptive_max_pool1d(tensor_of(1, 1, 4), (None,)),  # type: ignore[arg-type]  # torch refuses it
        TypeError,
        OurCall("adaptive_max_pool1d", ones(1, 1, 4), {"output_size": "null"}, [1] * 4),
    ),
    Row(
        "N and C in unpooling's output_size",
        lambda: F.max_unpool2d(
            tensor_of(1, 1, 1, 1), torch.zeros(1, 1, 1, 1, dtype=torch.int64), [2, 2], output_size=[9, 9, 2, 2]
        ),
        [1, 0, 0, 0],
        OurCall(
            "max_unpool2d",
            ones(1, 1, 1, 1),
            {"kernel_size": 2, "output_size": "9,9,2,2"},
            "shape_mismatch",
            indices=np.zeros((1, 1, 1, 1), np.int64),
        ),
    ),
    Row(
        "unpooling after pooling with a dilation",
        lambda: F.max_unpool1d(tensor_of(1, 1, 2), torch.tensor([[[3, 4]]]), [2], [1], output_size=[5]),
        ValueError,
        OurCall(
            "max_unpool1d",
            np.array([[[7, 8]]], np.float32),
            {"kernel_size": 2, "stride": 1, "output_size": 5},
            [0, 0, 0, 7, 8],
            indices=np.array([[[3, 4]]]),
        ),
        (
            OurCall(
                "max_unpool1d",
                np.array([[[7, 8]]], np.float32),
                {"kernel_size": 2, "stride": 1, "dilation": 3, "ceil_mode": "true"},
                [0, 0, 0, 7, 8],
                indices=np.array([[[3, 4]]]),
            ),
        ),
    ),
    Row(
        "unpooling with stride 0",
        lambda: F.max_unpool2d(tensor_of(1, 1, 1, 1), torch.zeros(1, 1, 1, 1, dtype=torch.int64), [2, 2], [0, 0]),
        [1, 0, 0, 0],
        OurCall(
            "max_unpool2d",
            ones(1, 1, 1, 1),
            {"kernel_size": 2, "stride": 0},
            "invalid_fields",
            indices=np.zeros((1, 1, 1, 1), np.int64),
        ),
    ),
    Row(
        "unpooling of integers",
        lambda: F.max_unpool1d(
            tensor_of(1, 1, 1, dtype=torch.int32), torch.zeros(1, 1, 1, dtype=torch.int64), [2]
        ),
        NotImplementedError,
        OurCall(
            "max_unpool1d",
            np.array([[[7]]], np.int32),
            {"kernel_size": 2},
            [0, 7],
            indices=np.ones((1, 1, 1), np.int64),
        ),
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """A client of a server with default settings."""
    with run_live_server(Settings.model_validate({"port": 0})) as server, server.client() as http:
        yield http


def outcome(call: Callable[[], torch.Tensor] | str) -> object:
    """The result of torch: elements, the class of its error, or the exit code of a child process."""
    if isinstance(call, str):
        # A segmentation fault or an endless loop would also end a service.
        program = f"import resource, signal, torch, torch.nn.functional as F; signal.alarm({ALARM_S}); {call}"
        return subprocess.run([sys.executable, "-c", program], capture_output=True, check=False).returncode
    try:
        return call().reshape(-1).tolist()
    except Exception as error:
        return type(error)


def agrees(given: object, expected: object) -> bool:
    """Whether these are the same elements within the rounding of float32, or the same value or error class."""
    if isinstance(expected, list) and isinstance(given, list):
        return len(given) == len(expected) and np.allclose(given, expected, rtol=1e-6, atol=0, equal_nan=True)
    return given == expected or (isinstance(expected, type) and isinstance(given, type) and issubclass(given, expected))


# Slow: a child process that imports torch takes seconds, and its result depends on the version of torch alone.
@pytest.mark.parametrize(
    "row",
    [pytest.param(row, marks=pytest.mark.slow if isinstance(row.torch, str) else ()) for row in ROWS],
    ids=lambda row: str(row.name).replace(" ", "-"),
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_torch_gives_the_documented_result(row: Row) -> None:
    """A difference that torch has fixed must be removed from the page."""
    assert agrees(outcome(row.torch), row.documented)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.name).replace(" ", "-"))
def test_the_service_gives_the_documented_result(row: Row, client: httpx.Client) -> None:
    """The page promises these results, and that refusals come at once, before memory is allocated."""
    for ours in (row.ours, *row.further_calls):
        response, took_s = send(client, ours)

        if isinstance(ours.expected, str):
            # The fastest of three, since other processes use the machine too.
            assert response.json()["code"] == ours.expected
            assert min(took_s, *(send(client, ours)[1] for _ in range(2))) < QUICK_S
        else:
            assert response.status_code == 200, response.text
            assert agrees(load(response.content)["output"].reshape(-1).tolist(), ours.expected)
            assert took_s < ALARM_S


def send(client: httpx.Client, ours: OurCall) -> tuple[httpx.Response, float]:
    """The response of the service, and the seconds that it took."""
    tensors = {"input": ours.input} if ours.indices is None else {"input": ours.input, "indices": ours.indices}
    body = save(tensors)
    started = perf_counter()
    response = client.post(
        f"/v1/pool/{ours.operator}",
        params={name: str(value) for name, value in ours.fields.items()},
        content=body,
        headers={"Content-Type": "application/vnd.safetensors"},
    )
    return response, perf_counter() - started


def test_the_rows_are_those_of_the_page() -> None:
    """Every row has a test, and every tested difference is documented."""
    cells = re.findall(r"^\| (?!what |---)([^|]+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)

    assert sorted(cell.replace("`", "") for cell in cells) == sorted({row.name for row in (*ROWS, *GRADIENTS)})
