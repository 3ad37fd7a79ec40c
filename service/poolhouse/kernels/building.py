"""Compiles declared loops to object code with numba, in a process of its own: ``python -m poolhouse.kernels.building``.

The arguments name the modules that declare loops. Each line of the input names one loop. Each answer is one line with
the number of bytes, and the object code; it stands alone: it calls nothing of Python's and nothing of numba's.
numba takes the processor that it compiles for from ``NUMBA_CPU_NAME`` and ``NUMBA_CPU_FEATURES``, and ``NUMBA_OPT=0``
spares it what is done here once, for the loop and all its helpers together.
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
    """The object code of a loop, whose only symbol that others can see is the loop's name."""
    # numba reads signatures as it has them: a pointer is CPointer(float32).
    arguments = ", ".join(f"CPointer({each[:-1]})" if each.endswith("*") else each for each in loop.arguments)
    # Never fastmath: it would add in another order and assume that there is no NaN.
    made = numba.cfunc(f"{loop.result}({arguments})", error_model="numpy")(loop.function)
    module = llvm.parse_assembly(made.inspect_llvm())
    for function in module.functions:
        if function.name == made.native_name:
            function.name = loop.name
        elif not function.is_declaration:
            # Then it is known that it never fails, and what would tell Python of a failure goes.
            function.linkage = llvm.Linkage.internal
    for variable in module.global_variables:
        if not variable.is_declaration:
            variable.linkage = llvm.Linkage.internal
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=os.environ["NUMBA_CPU_NAME"], features=os.environ["NUMBA_CPU_FEATURES"], opt=3, reloc="static", jit=True
    )
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    # Lines are short: those of a picture of 56 pixels should fill whole vectors.
    options.loop_interleaving = False
    passes = llvm.create_pass_builder(machine, options)
    passes.getModulePassManager().run(module, passes)
    needed = [
        each.name
        for each in (*module.functions, *module.global_variables)
        if each.is_declaration and not each.name.startswith("llvm.")
    ]
    if needed:
        raise RuntimeError(f"{loop.name} may fail or calls something else: {', '.join(needed)}")
    code: bytes = machine.emit_object(module)
    return code


def main() -> None:
    """Builds what the input asks for."""
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
