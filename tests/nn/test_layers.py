"""The layers of ``poolhouse.nn`` have the same outputs and gradients as torch's."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator

import pytest
import torch

from poolhouse import nn
from poolhouse.client.clients import Client

LAYERS = [
    ("MaxPool1d", (3, 2, 1), {}, (2, 3, 11)),
    ("MaxPool2d", (3, 2, 1, 1), {"ceil_mode": True}, (2, 3, 9, 8)),
    ("MaxPool3d", ((2, 1, 2),), {"dilation": 2}, (2, 7, 6, 8)),
    ("AvgPool1d", (3, 2, 1), {}, (2, 3, 11)),
    ("AvgPool2d", ((3, 2),), {"padding": 1, "count_include_pad": False}, (2, 3, 9, 8)),
    ("AvgPool3d", (2,), {"divisor_override": 3}, (2, 3, 4, 6, 4)),
    ("LPPool1d", (2, 3), {}, (2, 3, 11)),
    ("LPPool2d", (2.0, (3, 2), 2), {"ceil_mode": True}, (2, 3, 9, 8)),
    ("LPPool3d", (1, 2), {}, (2, 3, 4, 6, 4)),
    ("AdaptiveMaxPool1d", (4,), {}, (2, 3, 11)),
    ("AdaptiveMaxPool2d", ((None, 3),), {}, (2, 3, 9, 8)),
    ("AdaptiveMaxPool3d", (2,), {}, (3, 4, 6, 4)),
    ("AdaptiveAvgPool1d", (4,), {}, (2, 3, 11)),
    ("AdaptiveAvgPool2d", ((None, 3),), {}, (2, 3, 9, 8)),
    ("AdaptiveAvgPool3d", (2,), {}, (3, 4, 6, 4)),
]


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """A client of a service in this process."""
    with Client.local() as made:
        yield made


@pytest.mark.parametrize(("name", "arguments", "named", "shape"), LAYERS, ids=[row[0] for row in LAYERS])
def test_a_layer_has_the_output_and_gradient_of_torch(
    client: Client, name: str, arguments: tuple[object, ...], named: dict[str, object], shape: tuple[int, ...]
) -> None:
    """With the same constructor arguments."""
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1)).abs()
    ours, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()

    output = getattr(nn, name)(*arguments, **named, client=client)(ours)
    expected = getattr(torch.nn, name)(*arguments, **named)(theirs)
    output.square().sum().backward()
    expected.square().sum().backward()

    torch.testing.assert_close(output, expected)
    assert ours.grad is not None
    torch.testing.assert_close(ours.grad, theirs.grad)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_an_autoencoder_unpools_as_torch_does(client: Client, rank: int) -> None:
    """The indices of one layer are input of another, and the gradient passes both."""
    x = torch.randn(2, 3, *(7,) * rank, generator=torch.Generator().manual_seed(2))
    gradients, outputs = [], []

    for layers, options in ((nn, {"client": client}), (torch.nn, {})):
        leaf = x.clone().requires_grad_()
        pooled, indices = getattr(layers, f"MaxPool{rank}d")(2, return_indices=True, **options)(leaf)
        unpooled = getattr(layers, f"MaxUnpool{rank}d")(2, **options)(pooled * 2, indices, output_size=x.size())
        unpooled.square().sum().backward()
        outputs.append(unpooled.detach())
        assert leaf.grad is not None
        gradients.append(leaf.grad)

    assert torch.equal(*outputs)
    assert torch.equal(*gradients)


def test_dilated_pooling_can_be_unpooled(client: Client) -> None:
    """torch's own layer refuses the output size."""
    x = torch.randperm(60).reshape(1, 1, 6, 10) + 1.0
    pool = nn.MaxPool2d(2, dilation=(1, 3), return_indices=True, client=client)

    pooled, indices = pool(x)
    unpooled = nn.MaxUnpool2d(2, client=client)(pooled, indices, output_size=x.size())

    assert torch.equal(unpooled, torch.where(torch.isin(x, pooled), x, 0.0))


@pytest.mark.parametrize("rank", [2, 3])
def test_the_gradient_of_fractional_pooling_goes_to_the_maxima(client: Client, rank: int) -> None:
    """torch's windows differ, so the test counts how often each element is a maximum."""
    x = torch.randn(1, 2, *(8,) * rank).requires_grad_()
    layer = getattr(nn, f"FractionalMaxPool{rank}d")(2, output_size=5, return_indices=True, seed=4, client=client)

    output, indices = layer(x)
    output.sum().backward()

    assert x.grad is not None
    expected = torch.zeros(2, 8**rank).scatter_add_(1, indices.reshape(2, -1), torch.ones(2, 5**rank))
    assert torch.equal(x.grad.reshape(2, -1), expected)


def test_fractional_pooling_uses_torchs_seed(client: Client) -> None:
    """``torch.manual_seed`` makes a script repeatable."""
    layer = nn.FractionalMaxPool2d(2, output_ratio=0.5, client=client)
    x = torch.randn(1, 1, 16, 16)
    outputs = []

    for _ in range(2):
        torch.manual_seed(5)
        outputs.append(layer(x))

    assert torch.equal(*outputs)


LAYER_NAMES = sorted(name for name in nn.__dict__ if name.endswith(("Pool1d", "Pool2d", "Pool3d")) and name[0] != "_")


@pytest.mark.parametrize("name", [name for name in LAYER_NAMES if "Fractional" not in name])
def test_an_empty_batch_has_an_empty_output_and_gradient(client: Client, name: str) -> None:
    """The last batch of a data set may be empty."""
    rank = int(name[-2])
    arguments = (2, 2) if name.startswith("LP") else (2,)
    x = torch.zeros(0, 3, *(4,) * rank, requires_grad=True)

    output = getattr(nn, name)(*arguments, client=client)(x)
    output.sum().backward()

    assert output.shape == (0, 3, *(2,) * rank)
    assert x.grad is not None
    assert x.grad.shape == x.shape


@pytest.mark.parametrize("name", LAYER_NAMES)
def test_layers_are_called_as_torchs_are(name: str) -> None:
    """With the same parameter names in the same order, for ``layer(input=x)``."""
    ours, theirs = (inspect.signature(getattr(layers, name).forward).parameters for layers in (nn, torch.nn))

    assert list(ours) == list(theirs)


@pytest.mark.parametrize("sizes", [{}, {"output_size": 2, "output_ratio": 0.5}])
def test_fractional_pooling_without_exactly_one_size_is_refused_by_the_constructor(sizes: dict[str, float]) -> None:
    """As by torch, not at the first batch."""
    with pytest.raises(ValueError, match="either output_size or output_ratio"):
        nn.FractionalMaxPool2d(2, **sizes)  # type: ignore[arg-type]  # a checker does not know the key


def make_network(layers: object, **options: object) -> torch.nn.Sequential:
    """Make a network of two convolutions, each followed by a pooling layer."""
    torch.manual_seed(3)
    pool = layers.MaxPool2d  # type: ignore[attr-defined]  # torch.nn or ours
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3, padding=1),
        torch.nn.ReLU(),
        pool(2, 2, **options),
        torch.nn.Conv2d(4, 8, 3, padding=1),
        torch.nn.ReLU(),
        pool(2, 2, **options),
        torch.nn.Flatten(),
        torch.nn.Linear(8 * 7 * 7, 10),
    )


def test_a_network_has_the_same_outputs_and_training(client: Client) -> None:
    """The same output, and after a training step the same weights."""
    images, labels = torch.randn(4, 1, 28, 28), torch.tensor([3, 1, 4, 1])
    networks = [make_network(torch.nn), make_network(nn, client=client)]
    outputs = []

    for network in networks:
        outputs.append(network(images))
        loss = torch.nn.functional.cross_entropy(outputs[-1], labels)
        loss.backward()  # type: ignore[no-untyped-call]  # untyped in torch
        torch.optim.SGD(network.parameters(), 0.1).step()

    assert torch.equal(*outputs)
    for theirs, ours in zip(networks[0].parameters(), networks[1].parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_a_network_can_be_copied_and_printed(client: Client) -> None:
    """Training loops copy models."""
    network = make_network(nn, client=client)

    copied = copy.deepcopy(network)

    assert torch.equal(copied(torch.ones(1, 1, 28, 28)), network(torch.ones(1, 1, 28, 28)))
    assert "MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)" in repr(network)


@pytest.mark.parametrize("name", [name for name in dir(torch.nn) if name.endswith(("Pool1d", "Pool2d", "Pool3d"))])
def test_constructors_are_torchs(name: str) -> None:
    """Names, order and defaults, except for the additional client and seed."""
    if not hasattr(nn, name):
        pytest.fail(f"poolhouse.nn has no {name}")

    def signature(layer: type[torch.nn.Module]) -> list[tuple[str, object]]:
        parameters = inspect.signature(layer).parameters.values()
        return [(each.name, each.default) for each in parameters if each.name not in ("client", "seed")]

    theirs = [row for row in signature(getattr(torch.nn, name)) if row[0] != "_random_samples"]
    assert signature(getattr(nn, name)) == theirs
