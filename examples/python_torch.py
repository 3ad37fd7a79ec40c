"""A network of two convolutions, each followed by max pooling, with layers of torch and with layers of poolhouse."""

import torch

import poolhouse
import poolhouse.nn


def make_network(pool: type[torch.nn.Module], **options: object) -> torch.nn.Sequential:
    """Make the network with these pooling layers and always the same weights."""
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 8, 3, padding=1),
        torch.nn.ReLU(),
        pool(2, 2, **options),
        torch.nn.Conv2d(8, 16, 3, padding=1),
        torch.nn.ReLU(),
        pool(2, 2, **options),
        torch.nn.Flatten(),
        torch.nn.Linear(16 * 7 * 7, 10),
    )


images = torch.randn(4, 1, 28, 28)

with poolhouse.Client("http://localhost:8000") as client:
    theirs = make_network(torch.nn.MaxPool2d)
    ours = make_network(poolhouse.nn.MaxPool2d, client=client)
    outputs = theirs(images), ours(images)
    for output in outputs:
        output.square().sum().backward()

print("the same output:", torch.equal(*outputs))
pairs = zip(theirs.parameters(), ours.parameters(), strict=True)
print("the same gradients:", all(torch.equal(first.grad, second.grad) for first, second in pairs))
