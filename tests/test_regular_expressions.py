"""Every regular expression of the package, held to a time that grows with the length of the text and no faster.

Python's ``re`` backtracks: a pattern that can read the same characters in two ways may take a time that doubles with
each of them. One such pattern and a header of 52 bytes held the event loop for half a minute, before any key was asked
for. So a pattern stands at the top of its file, where it is found, and with an example below: at each of its pieces the
example is drawn out to thousands of characters and spoilt at its end, which is what makes a pattern go back.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import process_time
from typing import Final

import pytest

from poolhouse.rest.app import openapi_document

SOURCE: Final = Path(__file__).resolve().parent.parent / "service" / "poolhouse"

EXAMPLES: Final[Mapping[str, tuple[str, ...]]] = {
    "client.calls._PLAIN": ("max_pool2d,3",),
    "commands.operator_options._FORMATS[int].pattern": ("-12",),
    "commands.operator_options._FORMATS[float].pattern": ("-12.50e-10", ".5", "-infinity"),
    "commands.operator_options._FORMATS[int | Sequence[int]].pattern": ("12,-3,4",),
    "commands.operator_options._FORMATS[int | Sequence[int | None]].pattern": ("12,null,-7",),
    "commands.operator_options._FORMATS[float | Sequence[float]].pattern": ("1.25e-10,.5,inf",),
    "kernels.registry._ANY_ELEMENT": ("T",),
    "kernels.registry._SIGNATURE": ("void(T*, int64, int64*)",),
    "kernels.code_cache._IMPORTED": ("from poolhouse.kernels.axes import",),
    "rest.http.response._TOKEN": ("x-request-id",),
    "rest.http.headers._LENGTH": ("1024",),
    "rest.http.headers._SANE_REQUEST_ID": ("an id",),
    "rest.http.headers._SECONDS": ("12.50",),
    "rest.http.headers._TRACEPARENT": ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",),
    "rest.auth.keys._DIGEST": ("sha256:" + "0a" * 32,),
    "rest.auth.keys._NAME": ("team-a",),
    "settings._SERVICE_LINK": ("POOLHOUSE_PORT_80_TCP_ADDR", "POOLHOUSE_SERVICE_PORT_HTTP"),
    "settings._SERVICE_LINK_PORT": ("tcp://",),
    "settings._SIZE": ("1_000.25 MiB",),
    "text_values._DIGITS": ("12",),
    "text_values._INTEGER": ("-12.00",),
    "text_values._MEANT_AS_LIST": ("[12 x 3; 45]",),
    "text_values._NUMBER": ("-12.50e-10", ".5"),
    "wire.json.python_reader._MINUS_ZERO": ("-0,",),
    "wire.json.python_reader._INVALID_CHARACTER": ("!",),
    "wire.npy._DESCR": ("<f4",),
    "wire.npy._ENTRY": (" 'shape' : (1, 2L), }", "'descr': '<f4' ,", "'descr': [", '"fortran_order" : False }'),
    "wire.npy._SIZES": (" -1 , 2L , 345 ",),
    "wire.npz._NAME": ("input.npy",),
    "wire.query._ENTRY": ("2.5", "null"),
    "wire.query._BROKEN_ESCAPE": ("%zz",),
}
"""A text or more that each pattern takes, by the file and the name that the pattern has there."""

# What a pattern seldom takes at the end of what it takes, and what it may wait for in vain.
FAILING_SUFFIXES: Final = ("\x00", "@")
# A pattern that doubles its time with each repetition is seen at the small ones, before it would take for ever.
REPETITIONS: Final = (12, 14, 16, 18, 20, 22, 24, 26, 28, 64, 512)
LONGEST: Final = 8_000
LONGEST_PIECE: Final = 6
# One pass over 8,000 characters takes a millisecond; to read on from each of them takes a fifth of a second and more.
BOUND_S: Final = 0.05


def slow_texts(pattern: re.Pattern[str] | re.Pattern[bytes], example: str, methods: tuple[str, ...]) -> Iterator[str]:
    """The texts made of this example for which the pattern takes longer than one pass explains."""
    for start in range(len(example)):
        for end in range(start + 1, min(len(example), start + LONGEST_PIECE) + 1):
            for behind in (example[end:], *FAILING_SUFFIXES):
                for times in (*REPETITIONS, LONGEST // (end - start)):
                    text = example[:start] + example[start:end] * times + behind
                    if any(_time_s(pattern, text, method) > BOUND_S for method in methods):
                        yield f"{example[:start]!r} + {example[start:end]!r} * {times} + {behind!r}"
                        break


def _time_s(pattern: re.Pattern[str] | re.Pattern[bytes], text: str, method: str) -> float:
    given = text.encode() if isinstance(pattern.pattern, bytes) else text
    began = process_time()
    getattr(pattern, method)(given)
    return process_time() - began


def patterns_in(value: object, name: str) -> Iterator[tuple[str, re.Pattern[str] | re.Pattern[bytes]]]:
    """The patterns that a name of a module stands for: itself, or entries of its table."""
    if isinstance(value, re.Pattern):
        yield name, value
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            yield from patterns_in(entry, f"{name}[{key}]")
    elif isinstance(value, tuple | list):
        for place, entry in enumerate(value):
            yield from patterns_in(entry, f"{name}[{place}]")
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from patterns_in(getattr(value, field.name), f"{name}.{field.name}")


def uses_of_re(tree: ast.Module) -> tuple[int, list[int]]:
    """How many patterns a file compiles as it is imported, and the lines that use ``re`` in another manner."""
    uses = {
        id(node): node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "re"
    }
    late = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for inner in ast.walk(node)
    }
    compiled = [key for key, call in uses.items() if key not in late and ast.unparse(call.func) == "re.compile"]
    others = [call.lineno for key, call in uses.items() if key not in compiled]
    others += [node.lineno for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "re"]
    return len(compiled), others


def collect_patterns() -> dict[str, tuple[re.Pattern[str] | re.Pattern[bytes], tuple[str, ...]]]:
    """Every pattern of the package by file and name, with the methods that it is used by."""
    patterns: dict[str, tuple[re.Pattern[str] | re.Pattern[bytes], tuple[str, ...]]] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        text = path.read_text()
        compiled, others = uses_of_re(ast.parse(text))
        module = ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
        assert not others, f"{path}:{others}: compile a pattern at the top of its file, where this test finds it"
        if not compiled:
            continue
        here = {}
        for name, value in vars(importlib.import_module(f"poolhouse.{module}")).items():
            for place, pattern in patterns_in(value, name):
                searched = any(f"{name}.{method}" in text for method in ("search", "sub", "split", "find"))
                here[f"{module}.{place}"] = (pattern, ("match", "fullmatch", *(("search",) if searched else ())))
        assert len(here) >= compiled, f"{path} compiles {compiled} patterns, and only {sorted(here)} are found"
        patterns |= here
    return patterns


FOUND: Final = collect_patterns()


def test_every_pattern_has_an_example() -> None:
    """A pattern without a test may be the next one that never returns."""
    assert sorted(FOUND) == sorted(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_no_pattern_takes_longer_than_one_pass_explains(name: str) -> None:
    """Whatever is sent, it is read once."""
    pattern, methods = FOUND[name]
    for example in EXAMPLES[name]:
        given = example.encode() if isinstance(pattern.pattern, bytes) else example

        assert getattr(pattern, "search" if "search" in methods else "fullmatch")(given), f"{example!r} is no example"
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
)
"""What stands in a query string."""


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


@pytest.mark.parametrize("pattern", sorted(set(document_patterns(openapi_document()))))
def test_no_pattern_of_the_document_does_either(pattern: str) -> None:
    """Gateways check requests by it, with engines that go back as ours does."""
    compiled = re.compile(pattern)
    examples = [text for text in TEXTS if compiled.search(text)]

    assert examples, "none of the texts above is an example of it"
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
def test_what_goes_back_is_seen(pattern: str, example: str) -> None:
    """The first is what read Accept; a check that finds nothing finds these."""
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
def test_a_pattern_elsewhere_is_seen(text: str) -> None:
    """A pattern made in a function would not be tested here."""
    assert uses_of_re(ast.parse(text))[1]
