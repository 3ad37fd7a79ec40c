"""Every regular expression of the package takes time linear in the length of the text.

Python's ``re`` backtracks: a pattern that can match the same characters in two ways may take a time that doubles with
each of them. One such pattern and a header of 52 bytes blocked the event loop for half a minute, before the API key was
checked. So patterns are compiled at module level, where this test finds them, and each has an example below: the test
repeats each part of the example up to thousands of characters and makes its end invalid, which causes backtracking.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from time import process_time
from typing import Final

import pytest

from tests.served_document import served_document

SOURCE: Final = Path(__file__).resolve().parent.parent / "service" / "poolhouse"

EXAMPLES: Final[Mapping[str, tuple[str, ...]]] = {
    "client.calls._PLAIN": ("max_pool2d,3",),
    "commands.operator_options._FORMATS[int].pattern": ("-12",),
    "commands.operator_options._FORMATS[float].pattern": ("-12.50e-10", ".5", "-infinity"),
    "commands.operator_options._FORMATS[int | Sequence[int]].pattern": ("12,-3,4",),
    "commands.operator_options._FORMATS[int | Sequence[int | None]].pattern": ("12,null,-7",),
    "commands.operator_options._FORMATS[float | Sequence[float]].pattern": ("1.25e-10,.5,inf",),
    "commands.operator_options._FORMATS[Sequence[int]].pattern": ("1,2,4",),
    'commands.operator_options._FORMATS[int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", '
    '"valid"]].pattern': ("1:0,2:1", "same_lower"),
    "commands.operator_options._FORMATS[str | Sequence[str]].pattern": ("mean,max",),
    "kernels.registry._ANY_ELEMENT": ("T",),
    "kernels.registry._SIGNATURE": ("void(T*, int64, int64*)",),
    "kernels.code_cache._IMPORTED": ("from poolhouse.kernels.axes import",),
    "models._NAME": ("max_pool2d.k2s2",),
    "operators.adapters.translation._BEFORE_VALUE": (" [",),
    "operators.adapters.translation._WORD": ("kernel_size",),
    "operators.padding._NESTED": ("[[1, 0], [2, 1]]",),
    "operators.padding._NUMBER": ("-12",),
    "poolings.names._INPUT": ("layer1.0-w",),
    "poolings.names._POOLING": ("max-2_0",),
    "rest.http.response._TOKEN": ("x-request-id",),
    "rest.http.headers._LENGTH": ("1024",),
    "rest.http.headers._VALID_REQUEST_ID": ("an id",),
    "rest.http.headers._SECONDS": ("12.50",),
    "rest.http.headers._TRACEPARENT": ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",),
    "rest.auth.keys._DIGEST": ("sha256:" + "0a" * 32,),
    "rest.auth.keys._NAME": ("team-a",),
    "settings._SERVICE_LINK": ("POOLHOUSE_PORT_80_TCP_ADDR", "POOLHOUSE_SERVICE_PORT_HTTP"),
    "settings._SERVICE_LINK_PORT": ("tcp://",),
    "settings._SIZE": ("1_000.25 MiB",),
    "text_values._DIGITS": ("12",),
    "text_values._INTEGER": ("-12.00",),
    "text_values._LIST_LIKE": ("[12 x 3; 45]",),
    "text_values._NUMBER": ("-12.50e-10", ".5"),
    "wire.json.python_reader._MINUS_ZERO": ("-0,",),
    "wire.json.python_reader._STRING_OR_NONFINITE": ('"a\\\\"b"', "-Infinity", "NaN"),
    "wire.json.python_reader._INVALID_CHARACTER": ("!",),
    "wire.json.named_inputs._COLON": (" : ",),
    "wire.json.named_inputs._HAS_INPUTS": ('"inputs" : {',),
    "wire.json.named_inputs._TOKEN": ('"a\\\\"b"', '"a\\\\', "[", "[1, 2]"),
    "wire.images.jpeg_file._MARKER": ("\xff\xff\xda",),
    "wire.multipart.parts._BOUNDARY": ("----WebKitFormBoundary 0aZ",),
    "wire.multipart.parts._ESCAPED": ('\\"',),
    "wire.multipart.parts._PARAMETER": ('; name="a \\" b" ', ";filename=a.png"),
    "wire.npy._DESCR": ("<f4",),
    "wire.npy._ENTRY": (" 'shape' : (1, 2L), }", "'descr': '<f4' ,", "'descr': [", '"fortran_order" : False }'),
    "wire.npy._SIZES": (" -1 , 2L , 345 ",),
    "wire.npz._NAME": ("input.npy",),
    "wire.query._ENTRY": ("2.5", "null"),
    "wire.query._BROKEN_ESCAPE": ("%zz",),
}
"""Texts that each pattern matches, by its module and name."""

# Endings that most patterns do not match.
FAILING_SUFFIXES: Final = ("\x00", "@")
# Exponential time shows at the small numbers, before a match takes forever.
REPETITIONS: Final = (12, 14, 16, 18, 20, 22, 24, 26, 28, 64, 512)
MAX_LENGTH: Final = 8_000
MAX_PART: Final = 6
# One pass over 8,000 characters takes a millisecond; quadratic time takes a fifth of a second and more.
BOUND_S: Final = 0.05


def slow_texts(pattern: re.Pattern[str] | re.Pattern[bytes], example: str, methods: tuple[str, ...]) -> Iterator[str]:
    """The texts made from this example that the pattern does not match in linear time."""
    for start in range(len(example)):
        for end in range(start + 1, min(len(example), start + MAX_PART) + 1):
            for suffix in (example[end:], *FAILING_SUFFIXES):
                for times in (*REPETITIONS, MAX_LENGTH // (end - start)):
                    text = example[:start] + example[start:end] * times + suffix
                    if any(_time_s(pattern, text, method) > BOUND_S for method in methods):
                        yield f"{example[:start]!r} + {example[start:end]!r} * {times} + {suffix!r}"
                        break


def _time_s(pattern: re.Pattern[str] | re.Pattern[bytes], text: str, method: str) -> float:
    given = text.encode("latin-1") if isinstance(pattern.pattern, bytes) else text
    started = process_time()
    getattr(pattern, method)(given)
    return process_time() - started


def patterns_in(value: object, name: str) -> Iterator[tuple[str, re.Pattern[str] | re.Pattern[bytes]]]:
    """The patterns in the value of a module attribute, with their names."""
    if isinstance(value, re.Pattern):
        yield name, value
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            yield from patterns_in(entry, f"{name}[{key}]")
    elif isinstance(value, tuple | list):
        for index, entry in enumerate(value):
            yield from patterns_in(entry, f"{name}[{index}]")
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from patterns_in(getattr(value, field.name), f"{name}.{field.name}")


def uses_of_re(tree: ast.Module) -> tuple[int, list[int]]:
    """The number of patterns that a file compiles at import, and the lines of all other uses of ``re``."""
    uses = {
        id(node): node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "re"
    }
    in_functions = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for inner in ast.walk(node)
    }
    compiled = [key for key, call in uses.items() if key not in in_functions and ast.unparse(call.func) == "re.compile"]
    # An escaped text has no choices to go back to.
    literal = [
        key for key, call in uses.items() if ast.unparse(call).startswith(("re.escape(", "re.compile(re.escape("))
    ]
    others = [call.lineno for key, call in uses.items() if key not in compiled and key not in literal]
    others += [node.lineno for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "re"]
    return len(compiled), others


@cache
def collect_patterns() -> dict[str, tuple[re.Pattern[str] | re.Pattern[bytes], tuple[str, ...]]]:
    """Every pattern of the package by module and name, with the methods that are called on it."""
    patterns: dict[str, tuple[re.Pattern[str] | re.Pattern[bytes], tuple[str, ...]]] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        text = path.read_text()
        if not re.search(r"^\s*(import re|from re import)\b", text, re.MULTILINE):
            continue
        compiled, others = uses_of_re(ast.parse(text))
        module = ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
        assert not others, f"{path}:{others}: compile patterns at module level, where this test finds them"
        if not compiled:
            continue
        here = {}
        for name, value in vars(importlib.import_module(f"poolhouse.{module}")).items():
            for full_name, pattern in patterns_in(value, name):
                searched = any(f"{name}.{method}" in text for method in ("search", "sub", "split", "find"))
                here[f"{module}.{full_name}"] = (pattern, ("match", "fullmatch", *(("search",) if searched else ())))
        assert len(here) >= compiled, f"{path} compiles {compiled} patterns, and only {sorted(here)} are found"
        patterns |= here
    return patterns


def test_every_pattern_has_an_example() -> None:
    """A pattern without an example is not tested."""
    assert sorted(collect_patterns()) == sorted(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_pattern_takes_linear_time(name: str) -> None:
    """A client must not be able to block the event loop with a text."""
    pattern, methods = collect_patterns()[name]
    for example in EXAMPLES[name]:
        given = example.encode("latin-1") if isinstance(pattern.pattern, bytes) else example

        assert getattr(pattern, "search" if "search" in methods else "fullmatch")(given), f"{example!r} does not match"
        assert next(slow_texts(pattern, example, methods), None) is None


TEXTS: Final = (
    "3,2,4",
    "3,2",
    "3",
    "null,7",
    "null,null,7",
    "null",
    "0.25,1e-1",
    "-1.25e+10",
    "1,1,4,4",
    "2.50",
    "/a/b",
    "mean,max",
)
"""Values of a query string."""


def document_patterns(part: object) -> Iterator[str]:
    """Every ``pattern`` of the OpenAPI document."""
    if isinstance(part, Mapping):
        for name, value in part.items():
            if name == "pattern" and isinstance(value, str):
                yield value
            yield from document_patterns(value)
    elif isinstance(part, list):
        for entry in part:
            yield from document_patterns(entry)


@pytest.mark.parametrize("pattern", sorted(set(document_patterns(served_document()))))
def test_every_pattern_of_the_openapi_document_takes_linear_time(pattern: str) -> None:
    """Gateways check requests by these patterns, with engines that backtrack as well."""
    compiled = re.compile(pattern)
    examples = [text for text in TEXTS if compiled.search(text)]

    assert examples, "no text in TEXTS matches"
    for example in examples:
        assert next(slow_texts(compiled, example, ("search",)), None) is None


@pytest.mark.parametrize(
    ("pattern", "example"),
    [
        (r"a/b(?:\s*;\s*(?:\w+=\w+)?)*\s*,", "a/b; q=1,"),
        (r"(a+)+,", "a,"),
        (r"\d+\.?\d*(e\d+)?", "12.5e3"),
        (r"(?:a|ab|b)*c", "ac"),
        (r"\s+,", " ,"),
    ],
)
def test_a_backtracking_pattern_is_found(pattern: str, example: str) -> None:
    """The check must find patterns that backtrack; the first one used to parse Accept."""
    assert next(slow_texts(re.compile(pattern), example, ("fullmatch", "search")), None)


@pytest.mark.parametrize(
    "text",
    [
        'import re\ndef read(text):\n    return re.compile("a+").match(text)',
        'import re\nREAD = lambda text: re.compile("a+").match(text)',
        'import re\nFOUND = re.search("a+", "aaa")',
        "from re import compile",
    ],
)
def test_a_pattern_outside_of_module_level_is_found(text: str) -> None:
    """A pattern that is compiled in a function would not be tested here."""
    assert uses_of_re(ast.parse(text))[1]
