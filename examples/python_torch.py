"""A network of two convolutions, each followed by max pooling: once by torch, once by poolhouse."""

import torch

import poolhouse
import poolhouse.nn


def network(pool: type[torch.nn.Module], **further: object) -> torch.nn.Sequential:
    """The network with these pooling layers, always with the same weights."""
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 8, 3, padding=1),
        torch.nn.ReLU(),
        pool(2, 2, **further),
        torch.nn.Conv2d(8, 16, 3, padding=1),
        torch.nn.ReLU(),
        pool(2, 2, **further),
        torch.nn.Flatten(),
        torch.nn.Linear(16 * 7 * 7, 10),
    )


images = torch.randn(4, 1, 28, 28)

with poolhouse.Client("http://localhost:8000") as client:
    theirs = network(torch.nn.MaxPool2d)
    ours = network(poolhouse.nn.MaxPool2d, client=client)
    outputs = theirs(images), ours(images)
    for output in outputs:
        output.square().sum().backward()

print("the same output:", torch.equal(*outputs))
pairs = zip(theirs.parameters(), ours.parameters(), strict=True)
print("the same gradients:", all(torch.equal(one.grad, other.grad) for one, other in pairs))
