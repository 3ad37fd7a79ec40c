"""Declaration of loops: signatures are checked when a module is imported, before anything is compiled."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from poolhouse.kernels import registry
from poolhouse.kernels.registry import HELPERS, LOOPS, Flat, address_of, helper, loop, loops, loops_are_loaded


@pytest.fixture(autouse=True)
def _no_declaration_remains() -> Iterator[None]:
    """A declared loop that is not compiled would switch off all loops of this process."""
    before, helpers = dict(LOOPS), list(HELPERS)
    yield
    LOOPS.clear()
    LOOPS.update(before)
    HELPERS[:] = helpers


def add_all(x: Flat, n: int) -> int:
    """A function to declare."""
    total: int = sum(x[:n])
    return total


@pytest.mark.parametrize(
    ("signature", "reason"),
    [
        ("float64(T*, int64)", "is not a signature"),
        ("int64 T*, int64", "is not a signature"),
        ("int64(T*, int64", "is not a signature"),
        ("int64(T*, int32)", "'int32' is not a type"),
        ("int64(T, int64)", "'float32' is not a type"),
        ("int64(bool*, int64)", "'bool\\*' is not a type"),
        ("int64()", "'' is not a type"),
    ],
)
def test_a_wrong_signature_is_refused(signature: str, reason: str) -> None:
    """ctypes would call the compiled code with other arguments than it reads."""
    with pytest.raises(AssertionError, match=reason):
        loops(signature, "float32")(add_all)

    assert loops_are_loaded()


def test_each_element_type_is_its_own_loop() -> None:
    """The name is also the symbol of the compiled code, so it must be unique and stay the same."""
    declared = loops("int64(T*, int64, uint8*)", "float32", "int64")(add_all)

    assert {element: each.arguments for element, each in declared.items()} == {
        "float32": ("float32*", "int64", "uint8*"),
        "int64": ("int64*", "int64", "uint8*"),
    }
    assert [each.name for each in declared.values()] == [f"{__name__}.add_all_{each}" for each in ("float32", "int64")]
    assert all(LOOPS[each.name] is each and each.module == __name__ for each in declared.values())


def test_a_name_is_declared_once() -> None:
    """The second loop would be called where the first one was meant."""
    loop("int64(int64*, int64)")(add_all)

    with pytest.raises(AssertionError, match="is declared twice"):
        loop("void(uint8*, int64)")(add_all)


def test_the_declared_module_may_differ_from_the_functions() -> None:
    """Factories in one module make the loops of others, and each module has its own cache file."""
    declared = loops("int64(T*, int64)", "uint8", declared_as=("some.module", "total"))(add_all)

    assert (declared["uint8"].module, declared["uint8"].name) == ("some.module", "some.module.total_uint8")


def test_one_loop_without_code_is_noticed() -> None:
    """A call of a loop that is not loaded would end the process instead of raising an error."""
    declared = loop("int64(int64*, int64)")(add_all)

    assert not loops_are_loaded()
    with pytest.raises(AssertionError, match="add_all is not loaded"):
        declared(np.zeros(3, np.int64), 3)


def test_a_helper_stays_callable() -> None:
    """Helpers are plain functions for the oracle and in tests."""
    assert helper(add_all) is add_all
    assert registry.HELPERS[-1] is add_all


def test_the_address_is_that_of_the_elements() -> None:
    """Request bodies are read-only, slices begin within an array, and empty arrays have no first element."""
    array = np.arange(6, dtype=np.int32)
    read_only = array.view()
    read_only.flags.writeable = False
    start: int = array.__array_interface__["data"][0]

    assert address_of(array) == address_of(read_only) == start
    assert address_of(array[2:]) == address_of(read_only[2:]) == start + 8
    assert isinstance(address_of(np.empty((0, 3))), int)


def test_a_loop_does_what_its_python_function_does() -> None:
    """A loop's function is Python, and runs uncompiled too, only slower."""
    scatter = LOOPS["poolhouse.kernels.scatter.scatter_planes_uint32"]
    x, indices, out = np.arange(4, dtype=np.uint32), np.array([3, 1, 9, 0]), np.ones(4, np.uint32)
    again = out.copy()

    assert scatter(x, indices, out, 4, 4, 0, 1) == scatter.function(x, indices, again, 4, 4, 0, 1) == 1
    assert out.tolist() == again.tolist() == [3, 1, 0, 0]
