"""Compiles every loop for every element type that it is compiled for, or reads what an earlier process compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from poolhouse.kernels.axes import Axis
from poolhouse.kernels.planes import MaximumKernel

_ELEMENTS: Final = ("float32", "float64", "int64", "bfloat16", "float16")


def steps() -> Iterator[tuple[str, Callable[[], object]]]:
    """What is to be compiled, in words, and what does it."""
    axis = Axis(4, np.array([0, 2]), np.array([2, 2]), 1)
    for element in _ELEMENTS:
        storage = np.uint16 if element == "bfloat16" else np.dtype(element)
        planes = {"input": np.zeros((1, 4, 4), storage)}
        for with_indices in (False, True):
            kernel = MaximumKernel((axis, axis), element, with_indices=with_indices)
            yield f"maxima of {element}", lambda kernel=kernel, planes=planes: kernel(planes, 1)  # type: ignore[misc]  # mypy infers no defaulted lambda


def main() -> None:
    """Compiles everything and says so: for the build of an image."""
    for told, compile_it in steps():
        compile_it()
        print(told, flush=True)


if __name__ == "__main__":
    main()
