"""Compiles every loop for every element type that it is compiled for, or reads what an earlier process compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import numpy as np

from poolhouse.kernels.averages import AverageKernel, MeanKernel, TopKernel, UnpoolKernel
from poolhouse.kernels.axes import Axis
from poolhouse.kernels.planes import Kernel, MaximumKernel
from poolhouse.kernels.widening import Array

_ELEMENTS: Final = ("float32", "float64", "bfloat16", "float16", "uint8")


def steps() -> Iterator[tuple[str, Callable[[], object]]]:
    """What is to be compiled, in words, and what does it."""
    axis = Axis(4, np.array([0, 2]), np.array([2, 2]), 1)
    ones = np.ones(2, np.int64)
    for element in _ELEMENTS:
        storage = np.uint16 if element == "bfloat16" else np.dtype(element)
        planes: dict[str, Array] = {"input": np.zeros((1, 4, 4), storage), "indices": np.zeros((1, 4, 4), np.int64)}
        kernels: list[Kernel] = [UnpoolKernel((4, 4))]
        for indexed in (False, True):
            kernels += [
                MaximumKernel((axis, axis), element, with_indices=indexed),
                TopKernel((4, 4), element, with_indices=indexed),
            ]
        kernels += [AverageKernel((axis, axis), (ones, ones), element), MeanKernel((4, 4), element)]
        for kernel in kernels:
            yield f"{type(kernel).__name__} of {element}", partial(kernel, planes, 1)


def main() -> None:
    """Compiles everything and says so: for the build of an image."""
    for told, compile_it in steps():
        compile_it()
        print(told, flush=True)


if __name__ == "__main__":
    main()
