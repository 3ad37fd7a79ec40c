"""Run Keras' own tests of pooling, with the numerical calls of its layers answered by a service over HTTP.

Run by scripts/prove_frameworks.py with each backend of Keras. The wheel of Keras has the tests, which run unchanged.
Each answer is compared with what Keras computes, too, since many of the tests look at shapes and types alone. The end
reports what was answered, and which calls cannot be, with the reason. --verbose lists the tests.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from _termination import terminate_children_on_sigterm

from _harness import run_poolhouse
from poolhouse import Client

BACKEND: Final = os.environ.setdefault("KERAS_BACKEND", "torch")
MIN_ANSWERED_TESTS: Final = 100
"""Fewer would mean that Keras has changed its tests or the calls of its layers."""

WINDOWS: Final = ("MaxPooling", "AveragePooling")
GLOBAL: Final = ("GlobalMaxPooling", "GlobalAveragePooling")
ADAPTIVE: Final = {"AdaptiveMaxPooling": "adaptive_max_pool", "AdaptiveAveragePooling": "adaptive_avg_pool"}
LAYERS: Final = tuple(f"{name}{rank}D" for name in (*WINDOWS, *GLOBAL, *ADAPTIVE) for rank in (1, 2, 3))
TOLERANCES: Final = {"float16": 2e-3, "bfloat16": 2e-2, "float32": 1e-5, "float64": 1e-5}

SYMBOLIC: Final = "symbolic: a shape and a type without elements"
TRACED: Final = "traced: Keras compiles the step, and its elements are not known yet"
GRADIENT: Final = "gradient: Keras needs the derivative of the call"
NO_CALL: Final = "no call: the test looks at arguments, shapes or errors alone"


def say(text: str) -> None:
    """Print one line of progress."""
    print(f"prove_frameworks: {BACKEND}: {text}", file=sys.stderr, flush=True)


def unanswerable(inputs: Any) -> str | None:
    """The reason why a service cannot answer a call with these inputs."""
    keras = importlib.import_module("keras")
    if isinstance(inputs, keras.KerasTensor):
        return SYMBOLIC
    if BACKEND == "torch":
        torch = importlib.import_module("torch")
        if inputs.device.type == "meta":
            return SYMBOLIC
        if torch.compiler.is_compiling():
            return TRACED
        return GRADIENT if inputs.requires_grad else None
    if BACKEND == "jax":
        return TRACED if isinstance(inputs, importlib.import_module("jax").core.Tracer) else None
    return None if importlib.import_module("tensorflow").executing_eagerly() else TRACED


def request_of(layer: Any, mask: Any) -> tuple[str, dict[str, Any]]:
    """The operator and the fields of a layer's call."""
    name = type(layer).__name__
    family, rank = name[:-2], name[-2]
    if family in ADAPTIVE:
        return f"{ADAPTIVE[family]}{rank}d", {"output_size": list(layer.output_size), "layout": layer.data_format}
    if mask is not None:
        fields = {"layout": layer.data_format, "keepdims": layer.keepdims, "nan_policy": "omit"}
        return f"global_avg_pool{rank}d", fields
    if family in GLOBAL:
        return f"keras.{name}", {"data_format": layer.data_format, "keepdims": layer.keepdims}
    names = ("pool_size", "strides", "padding", "data_format")
    return f"keras.{name}", {each: getattr(layer, each) for each in names}


def hide(x: Any, mask: Any, data_format: str) -> Any:
    """The steps that a mask leaves out become NaN, which the operator then passes over."""
    steps = np.asarray(mask).astype(bool)
    return np.where(steps[..., None] if data_format == "channels_last" else steps[:, None], x, np.nan).astype(x.dtype)


def repeats_the_edge(layer: Any) -> bool:
    """Keras on torch repeats the edge for an odd position of padding; on its other backends it leaves padding out."""
    return BACKEND == "torch" and type(layer).__name__.startswith("Average") and layer.padding == "same"


@dataclass
class Answers:
    """A plugin of pytest: answers the calls of Keras' layers, and counts by test."""

    client: Client
    verbose: bool
    answered: Counter[str] = field(default_factory=Counter)
    compared: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    without: dict[str, str] = field(default_factory=dict)
    tests_answered: int = 0
    _reasons: set[str] = field(default_factory=set)

    def install(self) -> None:
        """Replace ``call`` of every layer of pooling."""
        layers = importlib.import_module("keras.layers")
        for name in LAYERS:
            layer = getattr(layers, name)
            layer.call = self._answering(layer.call)

    def _answering(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def call(layer: Any, inputs: Any, mask: Any = None) -> Any:
            masked = () if mask is None else (mask,)
            if reason := unanswerable(inputs):
                self.refused[reason] += 1
                self._reasons.add(reason)
                return original(layer, inputs, *masked)
            output = self._ask(layer, inputs, mask)
            if not repeats_the_edge(layer):
                self._compare(layer, output, original(layer, inputs, *masked))
            return output

        return call

    def _ask(self, layer: Any, inputs: Any, mask: Any) -> Any:
        ops = importlib.import_module("keras.ops")
        operator, fields = request_of(layer, mask)
        # numpy has bfloat16 from ml_dtypes, which torch does not convert to.
        x = inputs if BACKEND == "torch" else ops.convert_to_numpy(inputs)
        if mask is not None:
            x = hide(ops.convert_to_numpy(inputs), ops.convert_to_numpy(mask), layer.data_format)
        found = self.client.pool(operator, x, **fields)
        self.answered[type(layer).__name__] += 1
        return ops.convert_to_tensor(found.output, dtype=inputs.dtype)

    def _compare(self, layer: Any, output: Any, expected: Any) -> None:
        keras = importlib.import_module("keras")
        kind = keras.backend.standardize_dtype(expected.dtype)
        assert keras.backend.standardize_dtype(output.dtype) == kind, (layer, output.dtype, kind)
        ours, theirs = (keras.ops.convert_to_numpy(each).astype(np.float64) for each in (output, expected))
        tolerance = TOLERANCES[kind]
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance, err_msg=repr(layer.get_config()))
        self.compared += 1

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Note whether the service answered a call of the test, and if not, why."""
        before = self.answered.total()
        self._reasons = set()
        result = yield
        answered = self.answered.total() - before
        name = item.nodeid.partition("::")[2]
        if answered:
            self.tests_answered += 1
        else:
            self.without[name] = "; ".join(sorted(self._reasons)) or NO_CALL
        if self.verbose:
            say(f"{name}: {answered} answered; not: {', '.join(sorted(self._reasons)) or 'none'}")
        return result

    def report(self) -> None:
        """Print the counts, and the tests in which nothing could be answered."""
        say(
            f"answered over HTTP: {self.answered.total()} calls of {len(self.answered)} layers, in "
            f"{self.tests_answered} tests; {self.compared} compared with Keras' own result"
        )
        for reason, count in sorted(self.refused.items()):
            say(f"computed by Keras: {count} calls, {reason}")
        for reasons in sorted(set(self.without.values())):
            names = sorted(name for name, each in self.without.items() if each == reasons)
            say(f"nothing to answer in {len(names)} tests, {reasons}: {', '.join(names)}")


def keras_tests() -> list[str]:
    """The files of Keras' tests of its pooling layers."""
    folder = Path(str(importlib.import_module("keras").__file__)).parent / "src" / "layers" / "pooling"
    found = sorted(map(str, folder.glob("*_test.py")))
    assert found, f"this wheel of Keras has no tests of pooling in {folder}"
    return found


def main() -> int:
    """Run the tests, and print the report."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--verbose", action="store_true", help="list the tests with the calls that were answered")
    arguments = parser.parse_args()
    with run_poolhouse("--device", "cpu") as port, Client(f"http://127.0.0.1:{port}") as client:
        answers = Answers(client, arguments.verbose)
        answers.install()
        say("Keras' own tests of pooling")
        with tempfile.TemporaryDirectory() as folder:
            # An empty configuration, since ours would be found above an environment in this checkout.
            empty = Path(folder) / "pytest.ini"
            empty.write_text("[pytest]\n", encoding="utf-8")
            options = ["-c", str(empty), "-q", "-rs", "-W", "ignore", "-p", "no:cacheprovider"]
            status = pytest.main([*options, *keras_tests()], plugins=[answers])
    answers.report()
    if status == 0 and answers.tests_answered < MIN_ANSWERED_TESTS:
        say(f"the service answered calls of fewer than {MIN_ANSWERED_TESTS} tests")
        return 1
    return int(status)


if __name__ == "__main__":
    terminate_children_on_sigterm()
    sys.exit(main())
