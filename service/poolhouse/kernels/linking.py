"""Links object code into this process, and detects the target that it must be compiled for."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Final

import llvmlite.binding as llvm

from poolhouse.kernels.targets import Target, x86_level

_ENGINES: Final[list[llvm.ExecutionEngine]] = []
"""Code exists as long as its engine; loops are never unloaded."""


def this_processor() -> Target:
    """The target of the processor that this process runs on."""
    features = llvm.get_host_cpu_features()
    if platform.machine().lower() in ("x86_64", "amd64"):
        return x86_level(features)
    return Target(llvm.get_host_cpu_name(), features.flatten())


def link(codes: Mapping[str, bytes]) -> dict[str, int]:
    """Load object code into memory; returns the address of each loop by name."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(jit=True)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    for code in codes.values():
        engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _ENGINES.append(engine)
    return {name: engine.get_function_address(name) for name in codes}
