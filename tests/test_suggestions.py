"""Names of other libraries result in suggestions, and no name takes long to compare."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from poolhouse.errors import MAX_PROBLEMS, Unprocessable
from poolhouse.operators.catalogue import discover
from poolhouse.suggestions import (
    FIELD_SYNONYMS,
    OPERATOR_SYNONYMS,
    TENSOR_SYNONYMS,
    field_hint,
    nearest_names,
    normalize_name,
    operator_hint,
    padding_hint,
)

CATALOGUE = discover()
NAMES = CATALOGUE.names
INPUTS = ("input", "indices")
FIELD_NAMES = {field.name for member in CATALOGUE for field in member.fields()}


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        # torch, its modules and its functions
        ("MaxPool2d", "did you mean max_pool2d?"),
        ("torch.nn.AdaptiveAvgPool3d", "did you mean adaptive_avg_pool3d?"),
        ("LPPool1d", "did you mean lp_pool1d?"),
        ("FractionalMaxPool1d", "did you mean fractional_max_pool2d or fractional_max_pool3d?"),
        ("F.max_pool2d", "did you mean max_pool2d?"),
        # ONNX
        ("AveragePool", "did you mean avg_pool1d, avg_pool2d or avg_pool3d?"),
        ("MaxPool", "did you mean max_pool1d, max_pool2d or max_pool3d?"),
        ("GlobalAveragePool", "did you mean global_avg_pool1d, global_avg_pool2d or global_avg_pool3d?"),
        ("LpPool", "did you mean lp_pool1d, lp_pool2d or lp_pool3d?"),
        ("GlobalLpPool", "did you mean lp_pool1d, lp_pool2d or lp_pool3d? Give the sizes of the plane as kernel_size."),
        ("MaxUnpool", "did you mean max_unpool1d, max_unpool2d or max_unpool3d?"),
        # Keras and TensorFlow
        ("MaxPooling2D", "did you mean max_pool2d?"),
        ("keras.layers.GlobalAveragePooling2D", "did you mean global_avg_pool2d?"),
        ("tf.nn.max_pool2d", "did you mean max_pool2d?"),
        ("tf.nn.avg_pool", "did you mean avg_pool1d, avg_pool2d or avg_pool3d?"),
        # plain words
        ("mean_pool1d", "did you mean avg_pool1d?"),
        ("average-pool-2d", "did you mean avg_pool2d?"),
        ("min_pool2d", "did you mean max_pool2d? The least element is the largest of the negated input, negated."),
        ("sum_pool3d", "did you mean avg_pool3d? With divisor_override 1 it gives the sum of each window."),
        # a typo
        ("max_pol2d", "did you mean max_pool2d, max_unpool2d or max_pool1d?"),
        ("softmax", "otherwise"),
        ("", "otherwise"),
    ],
)
def test_an_operator_of_another_library_suggests_ours(name: str, hint: str) -> None:
    """The similarity of letters alone would suggest max_pool for mean_pool."""
    assert operator_hint(name, NAMES, "otherwise") == hint


@pytest.mark.parametrize("name", NAMES)
def test_another_spelling_of_an_operator_suggests_it(name: str) -> None:
    """Languages differ in case and separators; no other name may be more similar."""
    spelled = name.replace("_", " ").title().replace(" ", "")

    assert operator_hint(spelled, NAMES, "") == f"did you mean {name}?"
    assert nearest_names(name, NAMES)[0] == name


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("inputs", "did you mean input?"),
        ("data", "did you mean input?"),
        ("X", "did you mean input?"),
        ("tensor", "did you mean input?"),
        ("strides", "did you mean stride?"),
        ("pool_size", "did you mean kernel_size?"),
        ("ksize", "did you mean kernel_size?"),
        ("kernelSize", "did you mean kernel_size?"),
        ("kernal", "did you mean kernel_size?"),
        ("dilation_rate", "did you mean dilation?"),
        ("auto_pad", "did you mean padding? It is a number, or one an axis, and counts on both sides."),
        ("data_format", "shapes are (N, C, *spatial), so transpose the input."),
        ("with_argmax", "did you mean return_indices?"),
        ("stirde", "did you mean stride?"),
        ("temperature", ""),
    ],
)
def test_a_field_of_another_library_suggests_ours(name: str, hint: str) -> None:
    """Users who port a model write the names of its library."""
    fields = [field.name for field in CATALOGUE.find("max_pool2d").fields()]

    assert field_hint(name, fields, ("input",)) == hint


def test_a_suggestion_is_a_field_of_the_operator() -> None:
    """ONNX writes p for the norm, but an operator without a norm has no such field to suggest."""
    assert field_hint("p", ["norm_type", "kernel_size"]) == "did you mean norm_type?"
    assert field_hint("p", ["kernel_size"]) == ""
    assert field_hint("mask", ["kernel_size"], INPUTS) == "did you mean indices?"
    assert field_hint("mask", ["kernel_size", "return_indices"], INPUTS) == "did you mean return_indices?"


def test_the_tables_refer_to_existing_names() -> None:
    """A suggestion must not be an outdated name, and our own names need no entry."""
    families = {member.family for member in CATALOGUE}

    for word, meaning in OPERATOR_SYNONYMS.items():
        assert set(meaning.names) <= families, word
        assert word not in families
    for word, meaning in FIELD_SYNONYMS.items():
        assert set(meaning.names) <= FIELD_NAMES, word
        assert meaning.names or meaning.note
        assert normalize_name(word) not in map(normalize_name, FIELD_NAMES)
    assert set(TENSOR_SYNONYMS.values()) == set(INPUTS)


@pytest.mark.parametrize(
    ("text", "kernel_size", "stride", "dilation", "hint"),
    [
        ("same", (3, 3), (1, 1), (1, 1), 'For "same" write 1.'),
        ("SAME_UPPER", (3, 5), (1, 1), None, 'For "same" write 1,2.'),
        ("same", (3, 3), (2, 2), (1, 1), 'For the sizes of "same" write 1. Where the windows'),
        ("same", (2, 2), (1, 1), (1, 1), "pad the input yourself and write 0."),
        ("same", (3, 3), (1, 1), (2, 2), "pad the input yourself and write 0."),
        ("same", None, None, None, "half of kernel_size - 1, where that is odd."),
        ("VALID", None, None, None, 'For "valid" write 0.'),
        ("reflect", (3, 3), None, None, ""),
    ],
)
def test_a_padding_mode_suggests_a_number(
    text: str,
    kernel_size: tuple[int, ...] | None,
    stride: tuple[int, ...] | None,
    dilation: tuple[int, ...] | None,
    hint: str,
) -> None:
    """Keras and ONNX name a padding mode; here padding is a number, which does not exist for every mode."""
    suggested = padding_hint(text, kernel_size, stride, dilation)

    assert hint in suggested if hint else suggested == ""


@given(size=st.integers(9, 60), kernel=st.integers(1, 9), stride=st.integers(1, 4), dilation=st.integers(1, 3))
def test_the_padding_suggested_for_same_gives_its_output_size(
    size: int, kernel: int, stride: int, dilation: int
) -> None:
    """The suggestion must be correct for every window that fits."""
    suggested = padding_hint("same", (kernel,), (stride,), (dilation,))
    assume("pad the input yourself and write 0." not in suggested)
    padding = int(suggested.partition("write ")[2].partition(".")[0])

    spec = CATALOGUE.find("max_pool1d").of(kernel_size=kernel, stride=stride, padding=padding, dilation=dilation)

    assert spec.spatial_out((size,)) == (-(-size // stride),)


@pytest.mark.parametrize("source", ["body", "query"])
def test_a_padding_mode_is_refused_with_the_number(source: str) -> None:
    """The service knows the window, so it can compute the number."""
    fields: dict[str, object] = {"kernel_size": 3, "stride": 1}
    texts = {}
    if source == "body":
        fields["padding"] = "same"
    else:
        texts["padding"] = "same"

    with pytest.raises(Unprocessable, match='For "same" write 1') as refused:
        CATALOGUE.find("max_pool2d").parse(fields, texts)

    assert [problem.code for problem in refused.value.problems] == ["type"]


@pytest.mark.parametrize("source", ["body", "query"])
def test_the_number_of_reported_field_problems_has_a_limit(source: str) -> None:
    """Each suggestion compares a name with every field, and users correct a few errors at a time."""
    wrong = {f"wrong_field_number_{number}": "1" for number in range(1020)}
    member = CATALOGUE.find("max_pool2d")

    with pytest.raises(Unprocessable) as refused:
        member.parse(wrong if source == "body" else {}, wrong if source == "query" else {})

    problems = refused.value.problems
    assert len(problems) == MAX_PROBLEMS
    assert problems[-1].pointer.lstrip("/?") == "kernel_size"
    assert refused.value.detail.endswith("; and 1,013 more")
    assert len(refused.value.detail) < 4096


@pytest.mark.parametrize("name", ["adaptive_max_pool2x", "max_pool" * 8192, "x" * 2**20, "." * 2**20, "\0" * 99])
def test_any_name_is_compared_quickly(name: str) -> None:
    """A client may send unknown names at a high rate."""
    fields = [field.name for field in CATALOGUE.find("avg_pool2d").fields()]
    began = process_time()

    for _ in range(100):
        operator_hint(name, NAMES, "")
        field_hint(name, fields, INPUTS)

    # They take a few hundredths of a second together; difflib took ten milliseconds for a single name.
    assert process_time() - began < 0.5
