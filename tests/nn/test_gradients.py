"""Gradients of our layers: those of the answers that the service gives, whatever the elements and their type."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from random import Random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from poolhouse import nn
from poolhouse.client.clients import Client

INF, NAN = math.inf, math.nan
NARROW = [torch.float16, torch.bfloat16, torch.float32]

# A layer, its arguments, and spatial sizes; windows overlap, hang over, lie in the padding, or leave elements out.
LAYERS: list[tuple[str, tuple[object, ...], dict[str, object], tuple[int, ...]]] = [
    ("MaxPool1d", (3, 2, 1), {}, (7,)),
    ("MaxPool2d", (3, 1, 1), {"ceil_mode": True}, (4, 5)),
    ("MaxPool2d", (2, 2), {"dilation": (1, 3)}, (3, 6)),
    ("MaxPool3d", ((2, 1, 2),), {"dilation": 2}, (3, 2, 4)),
    ("AdaptiveMaxPool1d", (5,), {}, (3,)),
    ("AdaptiveMaxPool2d", ((None, 3),), {}, (2, 5)),
    ("AdaptiveMaxPool3d", (2,), {}, (3, 2, 3)),
    ("FractionalMaxPool2d", (2,), {"output_size": 3, "seed": 4}, (5, 4)),
    ("FractionalMaxPool3d", (2,), {"output_size": 2, "seed": 5}, (3, 4, 3)),
    ("MaxUnpool1d", (3, 2), {}, (3,)),
    ("MaxUnpool2d", (2,), {}, (2, 3)),
    ("MaxUnpool3d", (2,), {}, (2, 1, 2)),
    ("AvgPool1d", (3, 2, 1), {"count_include_pad": False}, (7,)),
    ("AvgPool1d", (2, 3), {}, (8,)),
    ("AvgPool2d", (3, 2, 1), {"ceil_mode": True}, (4, 5)),
    ("AvgPool2d", (13, 1, 6), {}, (4, 5)),
    ("AvgPool3d", (2,), {"divisor_override": 3}, (2, 3, 4)),
    ("AvgPool3d", (4,), {"padding": 2}, (2, 2, 2)),
    ("AdaptiveAvgPool1d", (5,), {}, (3,)),
    ("AdaptiveAvgPool1d", ((None,),), {}, (3,)),
    ("AdaptiveAvgPool2d", ((None, 3),), {}, (2, 5)),
    ("AdaptiveAvgPool3d", (1,), {}, (3, 2, 3)),
    ("LPPool1d", (2, 3, 1), {}, (6,)),
    ("LPPool1d", (3, 2), {"ceil_mode": True}, (5,)),
    ("LPPool1d", (-1.5, 2), {}, (5,)),
    ("LPPool1d", (INF, 3, 1), {}, (6,)),
    ("LPPool1d", (-INF, 2), {}, (5,)),
    ("LPPool2d", (1, (2, 3)), {"stride": 1}, (3, 4)),
    ("LPPool2d", (0.5, 2), {}, (4, 3)),
    ("LPPool2d", (2.5, 12), {"stride": 1}, (12, 14)),
    ("LPPool3d", (4, 2), {"ceil_mode": True}, (3, 2, 3)),
]
every_layer = pytest.mark.parametrize(
    ("name", "arguments", "named", "spatial"), LAYERS, ids=[f"{row[0]}-{place}" for place, row in enumerate(LAYERS)]
)


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """The service in process."""
    with Client.local() as made:
        yield made


def pooling(layer: torch.nn.Module, spatial: tuple[int, ...]) -> Callable[[torch.Tensor], torch.Tensor]:
    """The layer as a function of one tensor; an unpooling one gets indices, one of which comes twice in its plane."""
    if "Unpool" not in type(layer).__name__:
        return layer
    elements = math.prod(spatial)
    indices = torch.arange(elements).flip(0)
    indices[-1] = indices[0]
    indices = indices.reshape(1, 1, *spatial).expand(2, 2, *spatial)
    return lambda x: layer(x, indices)


def distinct(spatial: tuple[int, ...]) -> torch.Tensor:
    """Positive elements, no two alike, so that the largest of a window stays the largest beside it."""
    chance = torch.Generator().manual_seed(1)
    elements = 4 * math.prod(spatial)
    return ((torch.randperm(elements, generator=chance) + 8.0) / 8).reshape(2, 2, *spatial).to(torch.float64)


def gradient(function: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, weigh: bool = True) -> torch.Tensor:
    """The gradient of the input where the outputs count differently, or alike."""
    leaf = x.clone().requires_grad_()
    output = function(leaf)
    weights = torch.arange(output.numel()).reshape(output.shape) % 5 - 2 if weigh else torch.ones_like(output)
    output.backward(weights.to(output.dtype))  # type: ignore[no-untyped-call]  # untyped in torch
    assert leaf.grad is not None
    return leaf.grad


@every_layer
def test_the_gradient_is_the_slope(
    client: Client, name: str, arguments: tuple[object, ...], named: dict[str, object], spatial: tuple[int, ...]
) -> None:
    """The law that nobody's kernel decides: a small step of an element moves the output by so much."""
    layer = getattr(nn, name)(*arguments, **named, client=client)

    assert torch.autograd.gradcheck(pooling(layer, spatial), distinct(spatial).requires_grad_())


@pytest.mark.parametrize("dtype", NARROW, ids=str)
@every_layer
def test_a_narrow_gradient_is_the_wide_one_rounded(
    client: Client,
    name: str,
    arguments: tuple[object, ...],
    named: dict[str, object],
    spatial: tuple[int, ...],
    dtype: torch.dtype,
) -> None:
    """Who trains in half precision gets all of it: nothing is added up, or raised to a power, in 16 bits."""
    function = pooling(getattr(nn, name)(*arguments, **named, client=client), spatial)
    x = distinct(spatial).to(dtype)

    found = gradient(function, x)

    assert found.dtype is dtype
    torch.testing.assert_close(found, gradient(function, x.to(torch.float64)).to(dtype), rtol=0, atol=0)


def drawn_layer(random: Random) -> tuple[str, tuple[object, ...], dict[str, object], tuple[int, ...]]:
    """A sliding layer that torch has too, with any of its arguments."""
    rank = random.choice((1, 2, 3))

    def sizes(least: int, most: int) -> tuple[int, ...]:
        return tuple(random.randint(least, most) for _ in range(rank))

    kernel, stride, dilation = sizes(1, 4), sizes(1, 4), sizes(1, 2)
    reach = tuple((size - 1) * step + 1 for size, step in zip(kernel, dilation, strict=True))
    spatial = tuple(size + random.randint(0, 4 - rank) for size in reach)
    named: dict[str, object] = {"ceil_mode": random.random() < 0.5}
    family = random.choice(("MaxPool", "AvgPool", "LPPool", "AdaptiveAvgPool", "AdaptiveMaxPool"))
    if family.startswith("Adaptive"):
        return f"{family}{rank}d", (sizes(1, 6),), {}, spatial
    power = (random.choice((1, 2, 3, 0.5, -1, 1.7, 8, INF)),) if family == "LPPool" else ()
    if family != "LPPool":
        named["padding"] = tuple(random.randint(0, size // 2) for size in kernel)
    if family == "MaxPool":
        named["dilation"] = dilation
    if family == "AvgPool":
        named["count_include_pad"] = random.random() < 0.5
        if rank > 1 and random.random() < 0.5:
            named["divisor_override"] = random.randint(1, 9)
    if rank == 1:
        # Torch's layers of one axis want numbers here.
        named = {field: value[0] if isinstance(value, tuple) else value for field, value in named.items()}
        return f"{family}1d", (*power, kernel[0], stride[0]), named, spatial
    return f"{family}{rank}d", (*power, kernel, stride), named, spatial


@given(st.integers(0, 2**32 - 1).map(Random))
def test_the_gradient_is_torchs_where_torch_has_room(client: Client, random: Random) -> None:
    """In float64 and on ordinary elements torch's kernels are right, for any window."""
    name, arguments, named, spatial = drawn_layer(random)
    x = distinct(spatial)

    found = gradient(getattr(nn, name)(*arguments, **named, client=client), x)

    torch.testing.assert_close(found, gradient(getattr(torch.nn, name)(*arguments, **named), x), rtol=1e-9, atol=1e-12)


def slopes(client: Client, p: float, *elements: float, dtype: torch.dtype = torch.float64) -> list[float]:
    """The gradient of the norm of these elements."""
    layer = nn.LPPool1d(p, len(elements), client=client)
    found: list[float] = gradient(layer, torch.tensor([[elements]], dtype=dtype), weigh=False).flatten().tolist()
    return found


@pytest.mark.parametrize(
    ("p", "element", "dtype"),
    [
        (4, 20.0, torch.float16),
        (20, 300.0, torch.float32),
        (20, 0.001, torch.float32),
        (20, 1e-15, torch.float32),
        (20, 1e30, torch.float32),
        (20, 1e-30, torch.float32),
        (-20, 1e-15, torch.float32),
        (-1, 1e-200, torch.float64),
        (-1, 1e200, torch.float64),
        (2, 3e-8, torch.float16),
        (2, 3e38, torch.bfloat16),
    ],
)
def test_the_slope_of_equal_elements_does_not_depend_on_their_size(
    client: Client, p: float, element: float, dtype: torch.dtype
) -> None:
    """Powers leave every type long before the mean does: 300²⁰ is beyond float32, 20⁴ beyond float16."""
    found = slopes(client, p, element, element, dtype=dtype)

    assert found == pytest.approx([2 ** (1 / p - 1)] * 2, rel=float(torch.finfo(dtype).eps))


def test_windows_of_very_different_size_keep_their_slopes(client: Client) -> None:
    """One scale serves the whole tensor; no window may vanish beside a larger one."""
    x = torch.tensor([[[1e-14, 1e-14, 1e14, 1e14, 0.0, 0.0, 1.0, 1.0]]])

    found = gradient(nn.LPPool1d(20, 2, client=client), x, weigh=False)

    right = 2 ** (1 / 20 - 1)
    torch.testing.assert_close(found, torch.tensor([[[right] * 4 + [0.0] * 2 + [right] * 2]]))


@pytest.mark.parametrize(
    ("p", "elements", "expected"),
    [
        # A window of zeros has no slope, and 0 is taken, as in torch; but a sum's slope is 1.
        (2, (0.0, 0.0), [0, 0]),
        (3, (0.0, 0.0), [0, 0]),
        (0.5, (0.0, 0.0), [0, 0]),
        (1, (0.0, 0.0), [1, 1]),
        (1, (-1.0, 1.0), [1, 1]),
        # Signed powers.
        (2, (-3.0, 4.0), [-0.6, 0.8]),
        (3, (-1.0, 2.0), [7 ** (-2 / 3), 4 * 7 ** (-2 / 3)]),
        (3, (-2.0, 1.0), [NAN, NAN]),
        (-1, (-1.0, 2.0), [4, 1]),
        (0.5, (0.0, 1.0), [INF, 1]),
        # What outweighs the rest is the output.
        (2, (INF, 1.0), [1, 0]),
        (2, (-INF, 1.0), [-1, 0]),
        (2, (INF, INF), [2**-0.5, 2**-0.5]),
        (1, (INF, 1.0), [1, 1]),
        (0.5, (INF, 1.0), [1, INF]),
        (-1, (0.0, 1.0), [1, 0]),
        (-1, (INF, 1.0), [0, 1]),
        (-2, (0.0, 1.0), [0, 0]),
        (INF, (-3.0, 2.0), [-1, 0]),
        (INF, (2.0, -2.0), [1, 0]),
        (-INF, (-3.0, -2.0), [0, -1]),
        # A NaN takes its window along.
        (2, (NAN, 1.0), [NAN, NAN]),
        (2, (NAN, INF), [NAN, NAN]),
    ],
)
def test_corners_of_the_power_mean(
    client: Client, p: float, elements: tuple[float, ...], expected: list[float]
) -> None:
    """Zeros come out of every ReLU, and one NaN in a gradient is a lost run."""
    assert slopes(client, p, *elements) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("stray", [NAN, INF, -INF, 0.0])
@pytest.mark.parametrize("p", [0.5, 2, 20, -1, -2])
def test_an_element_between_the_windows_gets_no_gradient(client: Client, p: float, stray: float) -> None:
    """It is in nobody's sum, whatever it is."""
    x = torch.tensor([[[1.0, 1.0, stray, 1.0, 1.0]]])

    found = gradient(nn.LPPool1d(p, 2, 3, client=client), x, weigh=False)

    right = 2 ** (1 / p - 1)
    torch.testing.assert_close(found, torch.tensor([[[right, right, 0.0, right, right]]]))


@pytest.mark.parametrize("stray", [NAN, INF])
@pytest.mark.parametrize("kernel", [(2, 2), (1, 12)])
def test_what_is_not_finite_stays_in_its_windows(client: Client, stray: float, kernel: tuple[int, int]) -> None:
    """On the way back too: a bad pixel spoils one window's neighbours, not the picture."""
    x = torch.ones(1, 1, 6, 24)
    x[0, 0, 0, 0] = stray

    found = gradient(nn.LPPool2d(2, kernel, client=client), x, weigh=False)

    clean = torch.ones(6, 24, dtype=torch.bool)
    clean[: kernel[0], : kernel[1]] = False
    torch.testing.assert_close(found[0, 0][clean], torch.full((int(clean.sum()),), math.prod(kernel) ** -0.5))


@pytest.mark.parametrize("dtype", NARROW, ids=str)
def test_many_windows_add_up_in_half_precision(client: Client, dtype: torch.dtype) -> None:
    """bfloat16 cannot count beyond 256; torch's kernel does, and stops there."""
    x = torch.zeros(1, 1, 700, dtype=dtype)
    x[0, 0, 350] = 1

    found = gradient(nn.MaxPool1d(300, 1, client=client), x, weigh=False)

    assert found.max() == 300


@pytest.mark.parametrize("dtype", NARROW, ids=str)
def test_a_large_windows_share_is_not_lost(client: Client, dtype: torch.dtype) -> None:
    """The divisor of 300² is beyond float16, and torch's gradient there is 0."""
    x = torch.zeros(1, 1, 600, 600, dtype=dtype)

    found = gradient(nn.AvgPool2d(300, 1, client=client), x, weigh=False)

    assert float(found[0, 0, 300, 300]) == pytest.approx(1.0, rel=1e-3)


def test_a_value_that_was_overwritten_has_no_influence(client: Client) -> None:
    """Unpooling keeps the last of equal indices, so only that one's slope is 1; torch gives it to each."""
    leaf = torch.tensor([[[1.0, 2.0, 3.0]]], requires_grad=True)

    nn.MaxUnpool1d(2, client=client)(leaf, torch.tensor([[[4, 0, 4]]])).sum().backward()

    assert leaf.grad is not None
    assert leaf.grad.tolist() == [[[0, 1, 1]]]


@every_layer
def test_no_channel_passes_both_ways(
    client: Client, name: str, arguments: tuple[object, ...], named: dict[str, object], spatial: tuple[int, ...]
) -> None:
    """A filter may leave no channel; torch refuses that, and the service does not."""
    x = torch.zeros(2, 0, *spatial)
    layer = getattr(nn, name)(*arguments, **named, client=client)
    indices = (torch.zeros(2, 0, *spatial, dtype=torch.int64),) if "Unpool" in name else ()

    found = gradient(lambda given: layer(given, *indices), x)

    assert found.shape == x.shape
