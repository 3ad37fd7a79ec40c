"""Declares compiled loops: a plain Python function, and beside it the C signature that it is compiled with.

A loop reads and writes through pointers and returns nothing or a number. It may call helpers and other plain
arithmetic; it allocates nothing, raises nothing, and knows no object: whoever calls it gives it scratch memory and
reads what it returns. ``poolhouse.kernels.building`` compiles loops ahead of time in processes of their own, and
``poolhouse.kernels.loading`` makes them ready; this process itself needs no compiler.

Example::

    @helper
    def later(earlier, other):
        return other if other > earlier else earlier

    @loops("void(T*, T*, int64, int64)", "float32", "int64")
    def line_maxima(out, x, start, stop):
        for i in range(start, stop):
            out[i] = later(out[i], x[i])

    line_maxima["float32"](out, x, 0, len(out))
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

Flat: TypeAlias = npt.NDArray[Any]
"""What a pointer points to: a loop's body sees a flat array without an end."""
Element: TypeAlias = Any
"""One element of such an array."""

_Function = TypeVar("_Function", bound=Callable[..., Any])

_SIGNATURE: Final = re.compile(r"(void|int64)\(([a-zA-Z0-9*, ]*)\)")
_ANY_ELEMENT: Final = re.compile(r"\bT\b")
_Scalar: TypeAlias = type[ctypes.c_int64] | type[ctypes.c_double]
_SCALARS: Final[dict[str, _Scalar]] = {"int64": ctypes.c_int64, "float64": ctypes.c_double}
_POINTER_TYPES: Final = frozenset(
    {"int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"}
)


@dataclass(eq=False)
class Loop:
    """One loop for one element type.

    Attributes:
        name: unique; it is the symbol of the compiled code too.
        module: that declares it.
        function: the plain Python function.
        result: ``void`` or ``int64``.
        arguments: ``int64``, ``float64``, or an element type and ``*``.
        entry: the compiled code, called with addresses and numbers, the interpreter released; None until it is loaded.
    """

    name: str
    module: str
    function: Callable[..., Any]
    result: str
    arguments: tuple[str, ...]
    entry: Callable[..., Any] | None = None

    def load(self, address: int) -> None:
        """Takes the compiled code at this address; it must stay there."""
        kinds = [ctypes.c_void_p if each.endswith("*") else _SCALARS[each] for each in self.arguments]
        self.entry = ctypes.CFUNCTYPE(ctypes.c_int64 if self.result == "int64" else None, *kinds)(address)

    def __call__(self, *arguments: npt.NDArray[np.generic] | float) -> Any:
        """Calls the compiled code.

        Arrays must be contiguous, of the declared element types, and large enough; a known address is as good.
        """
        assert self.entry is not None, f"{self.name} is not loaded"
        return self.entry(*[address_of(each) if isinstance(each, np.ndarray) else each for each in arguments])


LOOPS: Final[dict[str, Loop]] = {}
"""Every loop that is declared by the modules imported so far, by name."""
HELPERS: Final[list[Callable[..., Any]]] = []
"""Functions that loops may call."""


def loops_are_loaded() -> bool:
    """Whether every declared loop can be called: it is so before the service is ready, or not at all."""
    return all(each.entry is not None for each in LOOPS.values())


def address_of(array: npt.NDArray[np.generic]) -> int:
    """Where the elements of an array begin, which is contiguous. The array must outlive what uses this."""
    if array.flags.writeable and array.size:
        # A third of the time of the other way, which is a microsecond.
        return ctypes.addressof(ctypes.c_char.from_buffer(array.data))
    address: int = array.__array_interface__["data"][0]
    return address


def helper(function: _Function) -> _Function:
    """Lets loops call this function; it is compiled into them."""
    HELPERS.append(function)
    return function


def loop(signature: str) -> Callable[[Callable[..., Any]], Loop]:
    """Declares a loop with one signature, such as ``int64(uint8*, int64, float64*)``."""

    def declare(function: Callable[..., Any]) -> Loop:
        return _declare_loop(function.__module__, function.__name__, function, signature)

    return declare


def loops(
    signature: str, *elements: str, declared_as: tuple[str, str] | None = None
) -> Callable[[Callable[..., Any]], Mapping[str, Loop]]:
    """Declares one loop for each element type.

    Args:
        signature: with ``T`` for the element type.
        elements: the element types.
        called: the module that declares it and a name, of a function that another module made.
    """

    def declare(function: Callable[..., Any]) -> Mapping[str, Loop]:
        module, name = declared_as or (function.__module__, function.__name__)
        return {
            element: _declare_loop(module, f"{name}_{element}", function, _ANY_ELEMENT.sub(element, signature))
            for element in elements
        }

    return declare


def _declare_loop(module: str, name: str, function: Callable[..., Any], signature: str) -> Loop:
    name = f"{module}.{name}"
    matched = _SIGNATURE.fullmatch(signature)
    assert matched is not None, f"{name}: {signature!r} is no signature"
    result, given = matched.groups()
    arguments = tuple(each.strip() for each in given.split(","))
    for each in arguments:
        assert each in _SCALARS or (each.endswith("*") and each[:-1] in _POINTER_TYPES), f"{name}: {each!r} is no type"
    declared = Loop(name, module, function, result, arguments)
    assert declared.name not in LOOPS, f"{declared.name} is declared twice"
    LOOPS[declared.name] = declared
    return declared
