"""Declaration of compiled loops: a plain Python function with the C signature that it is compiled for.

A loop reads and writes through pointers and returns nothing or a number. It may use arithmetic and call helpers. It
allocates no memory, raises no exception and uses no Python object; the caller provides scratch memory.
``poolhouse.kernels.building`` compiles loops ahead of time in separate processes, and ``poolhouse.kernels.loading``
loads them; this process needs no compiler.

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
"""A pointer argument: in a loop's body it is a flat array without bounds."""
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


_from_buffer: Final = ctypes.c_char.from_buffer
_addressof: Final = ctypes.addressof


@dataclass(eq=False)
class Loop:
    """One loop for one element type.

    Attributes:
        name: unique; also the symbol of the compiled code.
        module: the module that declares it.
        function: the plain Python function.
        result: ``void`` or ``int64``.
        arguments: ``int64``, ``float64``, or an element type and ``*``.
        entry: the compiled code, called with addresses and numbers and without the interpreter lock; None until loaded.
    """

    name: str
    module: str
    function: Callable[..., Any]
    result: str
    arguments: tuple[str, ...]
    entry: Callable[..., Any] | None = None

    def load(self, address: int) -> None:
        """Set the address of the compiled code, which must stay valid."""
        types = [ctypes.c_void_p if each.endswith("*") else _SCALARS[each] for each in self.arguments]
        self.entry = ctypes.CFUNCTYPE(ctypes.c_int64 if self.result == "int64" else None, *types)(address)

    def __call__(self, *arguments: npt.NDArray[np.generic] | float) -> Any:
        """Call the compiled code.

        Arrays must be contiguous, of the declared element types, and large enough; an address may replace an array.
        """
        assert self.entry is not None, f"{self.name} is not loaded"
        return self.entry(*[address_of(each) if isinstance(each, np.ndarray) else each for each in arguments])


LOOPS: Final[dict[str, Loop]] = {}
"""The loops of all modules imported so far, by name."""
HELPERS: Final[list[Callable[..., Any]]] = []
"""Functions that loops may call."""


def loops_are_loaded() -> bool:
    """Whether every declared loop can be called. Loops are loaded before the service is ready, or not at all."""
    return all(each.entry is not None for each in LOOPS.values())


def address_of(array: npt.NDArray[np.generic]) -> int:
    """The address of a contiguous array's elements. The array must live as long as the address is used."""
    try:
        # Takes a third of the time of __array_interface__, which is a microsecond.
        return _addressof(_from_buffer(array))  # type: ignore[arg-type]  # an array is a buffer; typed as one from 3.12 on
    except (TypeError, ValueError):
        # The array is read-only, or empty; of one with gaps the loop would read the wrong elements.
        assert array.flags.c_contiguous
        address: int = array.__array_interface__["data"][0]
        return address


def helper(function: _Function) -> _Function:
    """Declare a function that loops may call; it is compiled into them."""
    HELPERS.append(function)
    return function


def loop(signature: str) -> Callable[[Callable[..., Any]], Loop]:
    """Declare a loop with one signature, such as ``int64(uint8*, int64, float64*)``."""

    def declare(function: Callable[..., Any]) -> Loop:
        return _declare_loop(function.__module__, function.__name__, function, signature)

    return declare


def loops(
    signature: str, *elements: str, declared_as: tuple[str, str] | None = None
) -> Callable[[Callable[..., Any]], Mapping[str, Loop]]:
    """Declare one loop for each element type.

    Args:
        signature: the C signature, with ``T`` for the element type.
        elements: the element types.
        declared_as: module and name of the loops, for a function that another module made.
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
    assert matched is not None, f"{name}: {signature!r} is not a signature"
    result, given = matched.groups()
    arguments = tuple(each.strip() for each in given.split(","))
    for each in arguments:
        assert each in _SCALARS or (each.endswith("*") and each[:-1] in _POINTER_TYPES), (
            f"{name}: {each!r} is not a type"
        )
    declared = Loop(name, module, function, result, arguments)
    assert declared.name not in LOOPS, f"{declared.name} is declared twice"
    LOOPS[declared.name] = declared
    return declared
