"""Levels of x86-64, from the features of a processor."""

from __future__ import annotations

import pytest

from poolhouse.kernels.targets import X86_LEVELS, Target, x86_level

V4 = (
    "cx16 popcnt sse3 sse4.1 sse4.2 ssse3 avx avx2 bmi bmi2 f16c fma lzcnt movbe "
    "avx512f avx512bw avx512cd avx512dq avx512vl"
)


@pytest.mark.parametrize(
    ("features", "name"),
    [
        ("cx16 popcnt sse3 sse4.1 sse4.2 ssse3", "x86-64-v2"),
        ("cx16 popcnt sse3 sse4.1 sse4.2 ssse3 avx avx2 bmi bmi2 f16c fma lzcnt movbe", "x86-64-v3"),
        ("avx512f avx512bw avx512cd avx512dq avx512vl", "x86-64"),
    ],
)
def test_the_target_has_only_instructions_of_the_processor(features: str, name: str) -> None:
    """An instruction that the processor does not have ends the process."""
    assert x86_level(dict.fromkeys(features.split(), True)) == Target(name)


@pytest.mark.parametrize("missing", V4.split())
def test_a_processor_without_one_feature_is_of_a_lower_level(missing: str) -> None:
    """Virtual machines hide single features, and LLVM uses every one of a level."""
    features = dict.fromkeys(V4.split(), True)

    lower = x86_level({**features, missing: False})

    assert x86_level(features) == Target("x86-64-v4") == X86_LEVELS[0]
    assert lower.name < "x86-64-v4"
    assert lower == x86_level({name: True for name in features if name != missing})
