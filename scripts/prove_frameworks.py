"""Compare with other libraries themselves: rows of the documents, random calls, and Keras' own tests on each backend.

Called by scripts/prove_frameworks in an environment that has all of them. Arguments go to _keras_answers.py.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from _termination import terminate_children_on_sigterm

ROOT: Final = Path(__file__).resolve().parent.parent
LIBRARIES: Final = (
    "jax",
    "keras",
    "onnx",
    "onnxruntime",
    "scipy",
    "sentence_transformers",
    "skimage",
    "tensorflow",
    "timm",
    "torch_geometric",
)
BACKENDS: Final = ("torch", "jax", "tensorflow")
TESTS: Final = (
    "tests/docs/test_names.py",
    "tests/operators/adapters",
    "tests/operators/test_against_images.py",
    "tests/operators/test_against_jax.py",
    "tests/operators/test_forms.py",
    "tests/operators/test_quantile_pool.py",
)
# A warning of a library is not ours. TensorFlow reports instruction sets and missing GPUs.
PYTEST: Final = ("-m", "pytest", "-q", "-W", "default", "--slow")
QUIET: Final = {"TF_CPP_MIN_LOG_LEVEL": "3"}


def say(text: str) -> None:
    """Print one line of progress."""
    print(f"prove_frameworks: {text}", file=sys.stderr, flush=True)


def run(*arguments: str, **environment: str) -> None:
    """Run Python in this environment; a failure ends the proof."""
    started = time.monotonic()
    subprocess.run([sys.executable, *arguments], check=True, cwd=ROOT, env={**os.environ, **QUIET, **environment})
    say(f"{arguments[0] if arguments[0] != '-m' else arguments[1]} took {time.monotonic() - started:.0f} s")


def main(arguments: Sequence[str]) -> None:
    """Run all comparisons."""
    # A library that cannot be found would only skip its tests.
    missing = [name for name in LIBRARIES if find_spec(name) is None]
    assert not missing, f"not installed: {missing}; remove build/frameworks and start again"
    say("documents, ONNX, JAX, scikit-image, SciPy, numpy, timm")
    run(*PYTEST, "--hypothesis-profile", "exhaustive", *TESTS, KERAS_BACKEND="torch")
    for backend in BACKENDS:
        if backend != "torch":
            say(f"random calls of Keras on {backend}")
            run(*PYTEST, "tests/operators/adapters/test_keras.py", "-k", "equal_keras", KERAS_BACKEND=backend)
        run(str(ROOT / "scripts" / "_keras_answers.py"), *arguments, KERAS_BACKEND=backend)
    say("all passed")


if __name__ == "__main__":
    terminate_children_on_sigterm()
    main(sys.argv[1:])
