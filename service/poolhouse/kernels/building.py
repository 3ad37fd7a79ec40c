"""Compiles declared loops to object code with numba, in a separate process: ``python -m poolhouse.kernels.building``.

The arguments name the modules that declare loops. Each line of standard input names one loop. For each, standard
output gets one line with the number of bytes, then the object code, which calls neither Python's nor numba's runtime.
numba reads the target processor from ``NUMBA_CPU_NAME`` and ``NUMBA_CPU_FEATURES``. ``NUMBA_OPT=0`` turns its own
optimisation off, because :func:`build` optimises a loop and all its helpers in one pass.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

import llvmlite.binding as llvm
import numba
from numba.extending import register_jitable

from poolhouse.kernels.registry import HELPERS, LOOPS, Loop


def build(loop: Loop) -> bytes:
    """The object code of a loop. Its only external symbol is the loop's name."""
    # In numba's signatures a pointer is CPointer(float32).
    arguments = ", ".join(f"CPointer({each[:-1]})" if each.endswith("*") else each for each in loop.arguments)
    # Never fastmath: it changes the order of additions and assumes that there is no NaN.
    made = numba.cfunc(f"{loop.result}({arguments})", error_model="numpy")(loop.function)
    module = llvm.parse_assembly(made.inspect_llvm())
    for function in module.functions:
        if function.name == made.native_name:
            function.name = loop.name
        elif not function.is_declaration:
            # LLVM then sees that internal functions never fail, and removes numba's error handling.
            function.linkage = llvm.Linkage.internal
    for variable in module.global_variables:
        if not variable.is_declaration:
            variable.linkage = llvm.Linkage.internal
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=os.environ["NUMBA_CPU_NAME"], features=os.environ["NUMBA_CPU_FEATURES"], opt=3, reloc="static", jit=True
    )
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    # Lines are short: interleaving leaves too many elements of a 56-pixel line to the scalar remainder loop.
    options.loop_interleaving = False
    passes = llvm.create_pass_builder(machine, options)
    passes.getModulePassManager().run(module, passes)
    needed = [
        each.name
        for each in (*module.functions, *module.global_variables)
        if each.is_declaration and not each.name.startswith("llvm.")
    ]
    if needed:
        raise RuntimeError(f"{loop.name} may raise or calls external code: {', '.join(needed)}")
    code: bytes = machine.emit_object(module)
    return code


def main() -> None:
    """Compile the loops that standard input names."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    for module in sys.argv[1:]:
        import_module(module)
    for function in HELPERS:
        register_jitable(function)
    for line in sys.stdin:
        code = build(LOOPS[line.strip()])
        sys.stdout.buffer.write(b"%d\n" % len(code) + code)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
