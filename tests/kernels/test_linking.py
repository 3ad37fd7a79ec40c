"""Object code in this process: each loop has its own address, and only instructions of this processor are used."""

from __future__ import annotations

import platform
from ctypes import CFUNCTYPE, c_int64

import llvmlite.binding as llvm
import pytest

from poolhouse.kernels import linking
from poolhouse.kernels.targets import Target, x86_level

MODULE = """
define internal i64 @inner(i64 %x) noinline {{
  %y = mul i64 %x, {factor}
  ret i64 %y
}}
define i64 @{name}(i64 %x) {{
  %y = call i64 @inner(i64 %x)
  ret i64 %y
}}
"""


def compiled(name: str, factor: int) -> bytes:
    """Object code of a function that multiplies by a factor."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(reloc="static", jit=True)
    code: bytes = machine.emit_object(llvm.parse_assembly(MODULE.format(name=f'"{name}"', factor=factor)))
    return code


def called(address: int, argument: int) -> int:
    """The result of the function at an address."""
    result: int = CFUNCTYPE(c_int64, c_int64)(address)(argument)
    return result


def test_each_loop_is_found_by_its_name_and_stays_loaded() -> None:
    """All files have internal functions of the same names; a call through a wrong address ends the process."""
    factors = {"some.module.one": 3, "some.module.two": -5, "other.module": 7}

    addresses = linking.link({name: compiled(name, factor) for name, factor in factors.items()})
    more = linking.link({"some.module.one": compiled("some.module.one", 11)})

    assert {name: called(address, 2**40 + 1) for name, address in addresses.items()} == {
        name: factor * (2**40 + 1) for name, factor in factors.items()
    }
    assert called(more["some.module.one"], 2) == 22


@pytest.mark.parametrize(
    ("machine", "by_level"), [("x86_64", True), ("AMD64", True), ("aarch64", False), ("arm64", False)]
)
def test_only_x86_processors_have_levels(monkeypatch: pytest.MonkeyPatch, machine: str, by_level: bool) -> None:
    """Code for a level runs on every processor of an image; other architectures have the model of the build machine."""
    monkeypatch.setattr(platform, "machine", lambda: machine)
    features = llvm.get_host_cpu_features()

    found = linking.this_processor()

    assert found == (x86_level(features) if by_level else Target(llvm.get_host_cpu_name(), features.flatten()))
