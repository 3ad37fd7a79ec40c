"""Gradients of our layers: they match the service's results for all elements and element types."""

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
from tests.run_level import Level, level

INF, NAN = math.inf, math.nan
NARROW = [torch.float16, torch.bfloat16, torch.float32]

# Layers, arguments and spatial sizes; windows overlap, extend beyond the input, include padding, or skip elements.
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


def as_function(layer: torch.nn.Module, spatial: tuple[int, ...]) -> Callable[[torch.Tensor], torch.Tensor]:
    """The layer as a function of one tensor; an unpooling layer gets indices, one of which occurs twice in a plane."""
    if "Unpool" not in type(layer).__name__:
        return layer
    elements = math.prod(spatial)
    indices = torch.arange(elements).flip(0)
    indices[-1] = indices[0]
    indices = indices.reshape(1, 1, *spatial).expand(2, 2, *spatial)
    return lambda x: layer(x, indices)


def distinct(spatial: tuple[int, ...]) -> torch.Tensor:
    """Distinct positive elements, so that a small step does not change which element is the largest."""
    generator = torch.Generator().manual_seed(1)
    elements = 4 * math.prod(spatial)
    return ((torch.randperm(elements, generator=generator) + 8.0) / 8).reshape(2, 2, *spatial).to(torch.float64)


def gradient(function: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, weigh: bool = True) -> torch.Tensor:
    """The gradient of the input for outputs with different weights, or with equal ones."""
    leaf = x.clone().requires_grad_()
    output = function(leaf)
    weights = torch.arange(output.numel()).reshape(output.shape) % 5 - 2 if weigh else torch.ones_like(output)
    output.backward(weights.to(output.dtype))  # type: ignore[no-untyped-call]  # untyped in torch
    assert leaf.grad is not None
    return leaf.grad


@every_layer
def test_the_gradient_matches_finite_differences(
    client: Client, name: str, arguments: tuple[object, ...], named: dict[str, object], spatial: tuple[int, ...]
) -> None:
    """gradcheck compares the gradient with numeric differences, without any other kernel.

    The quick run compares a random projection of the Jacobian instead of each of its elements.
    """
    function = as_function(getattr(nn, name)(*arguments, **named, client=client), spatial)
    is_quick = level() is Level.QUICK

    assert torch.autograd.gradcheck(function, distinct(spatial).requires_grad_(), fast_mode=is_quick)


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
    """Training in half precision gets an accurate gradient: no sums or powers are computed in 16 bits."""
    function = as_function(getattr(nn, name)(*arguments, **named, client=client), spatial)
    x = distinct(spatial).to(dtype)

    found = gradient(function, x)

    assert found.dtype is dtype
    torch.testing.assert_close(found, gradient(function, x.to(torch.float64)).to(dtype), rtol=0, atol=0)


def random_layer(random: Random) -> tuple[str, tuple[object, ...], dict[str, object], tuple[int, ...]]:
    """A layer that torch has too, with random arguments and spatial sizes."""
    rank = random.choice((1, 2, 3))

    def sizes(least: int, most: int) -> tuple[int, ...]:
        return tuple(random.randint(least, most) for _ in range(rank))

    kernel, stride, dilation = sizes(1, 4), sizes(1, 4), sizes(1, 2)
    spans = tuple((size - 1) * step + 1 for size, step in zip(kernel, dilation, strict=True))
    spatial = tuple(span + random.randint(0, 4 - rank) for span in spans)
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
        # Torch's 1-D layers take numbers here.
        named = {field: value[0] if isinstance(value, tuple) else value for field, value in named.items()}
        return f"{family}1d", (*power, kernel[0], stride[0]), named, spatial
    return f"{family}{rank}d", (*power, kernel, stride), named, spatial


@given(st.integers(0, 2**32 - 1).map(Random))
def test_the_gradient_equals_torchs_in_float64(client: Client, random: Random) -> None:
    """In float64 and for ordinary elements torch's gradients are correct, for any window."""
    name, arguments, named, spatial = random_layer(random)
    x = distinct(spatial)

    found = gradient(getattr(nn, name)(*arguments, **named, client=client), x)

    torch.testing.assert_close(found, gradient(getattr(torch.nn, name)(*arguments, **named), x), rtol=1e-9, atol=1e-12)


def norm_gradient(client: Client, p: float, *elements: float, dtype: torch.dtype = torch.float64) -> list[float]:
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
def test_the_gradient_of_equal_elements_does_not_depend_on_their_magnitude(
    client: Client, p: float, element: float, dtype: torch.dtype
) -> None:
    """Powers overflow long before the norm does: 300²⁰ is beyond float32, 20⁴ beyond float16."""
    found = norm_gradient(client, p, element, element, dtype=dtype)

    assert found == pytest.approx([2 ** (1 / p - 1)] * 2, rel=float(torch.finfo(dtype).eps))


def test_windows_of_very_different_magnitude_keep_their_gradients(client: Client) -> None:
    """The whole tensor is scaled by one factor; no window may underflow because of a larger one."""
    x = torch.tensor([[[1e-14, 1e-14, 1e14, 1e14, 0.0, 0.0, 1.0, 1.0]]])

    found = gradient(nn.LPPool1d(20, 2, client=client), x, weigh=False)

    right = 2 ** (1 / 20 - 1)
    torch.testing.assert_close(found, torch.tensor([[[right] * 4 + [0.0] * 2 + [right] * 2]]))


@pytest.mark.parametrize(
    ("p", "elements", "expected"),
    [
        # The gradient of a window of zeros is undefined and set to 0, as in torch; but that of a sum is 1.
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
        # An element that outweighs the others determines the output.
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
        # A NaN affects its whole window.
        (2, (NAN, 1.0), [NAN, NAN]),
        (2, (NAN, INF), [NAN, NAN]),
    ],
)
def test_special_cases_of_the_norm(
    client: Client, p: float, elements: tuple[float, ...], expected: list[float]
) -> None:
    """Every ReLU outputs zeros, and one NaN in a gradient spoils a training run."""
    assert norm_gradient(client, p, *elements) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("stray", [NAN, INF, -INF, 0.0])
@pytest.mark.parametrize("p", [0.5, 2, 20, -1, -2])
def test_an_element_outside_all_windows_gets_no_gradient(client: Client, p: float, stray: float) -> None:
    """It is part of no sum, so its value has no effect."""
    x = torch.tensor([[[1.0, 1.0, stray, 1.0, 1.0]]])

    found = gradient(nn.LPPool1d(p, 2, 3, client=client), x, weigh=False)

    right = 2 ** (1 / p - 1)
    torch.testing.assert_close(found, torch.tensor([[[right, right, 0.0, right, right]]]))


@pytest.mark.parametrize("stray", [NAN, INF])
@pytest.mark.parametrize("kernel", [(2, 2), (1, 12)])
def test_a_non_finite_element_affects_only_its_windows(client: Client, stray: float, kernel: tuple[int, int]) -> None:
    """Also in the backward pass: a bad pixel spoils its windows, not the whole picture."""
    x = torch.ones(1, 1, 6, 24)
    x[0, 0, 0, 0] = stray

    found = gradient(nn.LPPool2d(2, kernel, client=client), x, weigh=False)

    clean = torch.ones(6, 24, dtype=torch.bool)
    clean[: kernel[0], : kernel[1]] = False
    torch.testing.assert_close(found[0, 0][clean], torch.full((int(clean.sum()),), math.prod(kernel) ** -0.5))


@pytest.mark.parametrize("dtype", NARROW, ids=str)
def test_gradients_of_many_windows_are_added_exactly(client: Client, dtype: torch.dtype) -> None:
    """bfloat16 cannot count beyond 256, so torch's kernel, which adds in bfloat16, stops there."""
    x = torch.zeros(1, 1, 700, dtype=dtype)
    x[0, 0, 350] = 1

    found = gradient(nn.MaxPool1d(300, 1, client=client), x, weigh=False)

    assert found.max() == 300


@pytest.mark.parametrize("dtype", NARROW, ids=str)
def test_the_gradient_of_a_large_window_does_not_underflow(client: Client, dtype: torch.dtype) -> None:
    """The divisor 300² is beyond float16, and torch's gradient is 0."""
    x = torch.zeros(1, 1, 600, 600, dtype=dtype)

    found = gradient(nn.AvgPool2d(300, 1, client=client), x, weigh=False)

    assert float(found[0, 0, 300, 300]) == pytest.approx(1.0, rel=1e-3)


def test_an_overwritten_value_gets_no_gradient(client: Client) -> None:
    """Unpooling keeps the last of equal indices, so only its gradient is 1; torch gives 1 to each."""
    leaf = torch.tensor([[[1.0, 2.0, 3.0]]], requires_grad=True)

    nn.MaxUnpool1d(2, client=client)(leaf, torch.tensor([[[4, 0, 4]]])).sum().backward()

    assert leaf.grad is not None
    assert leaf.grad.tolist() == [[[0, 1, 1]]]


@every_layer
def test_empty_channels_have_an_empty_gradient(
    client: Client, name: str, arguments: tuple[object, ...], named: dict[str, object], spatial: tuple[int, ...]
) -> None:
    """Channel pruning may leave no channel; torch refuses such input, the service accepts it."""
    x = torch.zeros(2, 0, *spatial)
    layer = getattr(nn, name)(*arguments, **named, client=client)
    indices = (torch.zeros(2, 0, *spatial, dtype=torch.int64),) if "Unpool" in name else ()

    found = gradient(lambda given: layer(given, *indices), x)

    assert found.shape == x.shape
