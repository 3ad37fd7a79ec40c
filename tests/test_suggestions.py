"""Names of other libraries result in suggestions, and no name takes long to compare."""

from __future__ import annotations

from time import process_time

import pytest

from poolhouse.errors import MAX_PROBLEMS, Unprocessable
from poolhouse.operators.catalogue import discover
from poolhouse.suggestions import (
    FIELD_SYNONYMS,
    OPERATOR_SYNONYMS,
    TENSOR_SYNONYMS,
    WHOLE_NAME_SYNONYMS,
    field_hint,
    nearest_names,
    normalize_name,
    operator_hint,
    padding_hint,
)
from poolhouse.tensor_names import TENSOR_NAMES

CATALOGUE = discover()
NAMES = CATALOGUE.names
INPUTS = ("input", "indices")
FIELD_NAMES = {field.name for member in CATALOGUE if "." not in member.family for field in member.fields()}


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
        ("GlobalLpPool", "did you mean global_lp_pool1d, global_lp_pool2d or global_lp_pool3d?"),
        ("onnx.maxpool", "did you mean onnx.MaxPool?"),
        ("MaxUnpool", "did you mean max_unpool1d, max_unpool2d or max_unpool3d?"),
        # Keras and TensorFlow
        ("MaxPooling2D", "did you mean max_pool2d?"),
        ("keras.layers.GlobalAveragePooling2D", "did you mean keras.GlobalAveragePooling2D?"),
        ("keras.MaxPool2D", "did you mean keras.MaxPooling2D?"),
        ("tf.nn.max_pool2d", "did you mean max_pool2d?"),
        ("tf.nn.avg_pool", "did you mean avg_pool1d, avg_pool2d or avg_pool3d?"),
        # plain words
        ("mean_pool1d", "did you mean avg_pool1d?"),
        ("average-pool-2d", "did you mean avg_pool2d?"),
        ("GeM", "did you mean gem_pool1d, gem_pool2d or gem_pool3d?"),
        ("majority_pool2d", "did you mean mode_pool2d?"),
        # tokens, spans, segments and boxes
        ("mean_pooling", "did you mean token_pool? For the mean of each window it is avg_pool."),
        ("TokenPooling", "did you mean token_pool?"),
        ("last_token_pool", "did you mean token_pool? Give modes last."),
        ("nn.EmbeddingBag", "did you mean token_pool or segment_pool? Send the vectors, and the offsets of the bags."),
        ("late_chunking", "did you mean span_pool?"),
        ("scatter", "did you mean segment_pool?"),
        ("torch_scatter.scatter_mean", "did you mean segment_pool? Give reduce mean."),
        ("tf.math.unsorted_segment_prod", "did you mean segment_pool? Give reduce mul."),
        ("MaxAggregation", "did you mean segment_pool? Give reduce max."),
        ("segment_reduce", "did you mean segment_pool?"),
        ("torchvision.ops.RoIAlign", "did you mean roi_align?"),
        ("MaxRoiPool", "did you mean roi_pool?"),
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
        (
            "auto_pad",
            'did you mean padding? It is a number, or one an axis; pairs [before, after]; or "same" or "valid".',
        ),
        ("data_format", "did you mean layout? It is channels_first (the default) or channels_last."),
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


@pytest.mark.parametrize(
    ("operator", "name", "hint"),
    [
        ("token_pool", "attention_mask", "did you mean mask?"),
        ("token_pool", "key_padding_mask", "did you mean mask? Its elements are not 0 where a token counts."),
        ("token_pool", "lengths", "did you mean offsets? They are 0 and the cumulative sums of the lengths."),
        ("token_pool", "token_embeddings", "did you mean input?"),
        ("token_pool", "pooling_mode", "did you mean modes?"),
        ("token_pool", "mode", "did you mean modes?"),
        ("token_pool", "truncate_dim", "did you mean truncate?"),
        ("token_pool", "normalize_embeddings", 'did you mean normalize? It is "l2" or "none".'),
        ("span_pool", "chunk_spans", "did you mean spans?"),
        ("segment_pool", "batch", "did you mean segments?"),
        ("segment_pool", "index", "did you mean segments?"),
        ("segment_pool", "ptr", "did you mean offsets?"),
        ("segment_pool", "aggr", "did you mean reduce?"),
        ("segment_pool", "dim_size", "did you mean num_segments?"),
        ("segment_pool", "size", "did you mean num_segments?"),
        ("roi_align", "rois", "did you mean boxes?"),
        ("roi_align", "box", "did you mean boxes?"),
        ("roi_align", "box_ind", "did you mean batch_indices?"),
        ("roi_align", "half_pixel", "did you mean aligned? ONNX's half_pixel is aligned true."),
        ("max_unpool2d", "index", "did you mean indices?"),
        ("max_unpool2d", "mask", "did you mean indices?"),
    ],
)
def test_a_tensor_or_field_of_another_library_suggests_that_of_the_operator(
    operator: str, name: str, hint: str
) -> None:
    """The same word means another tensor elsewhere: index is that of a segment, or the indices of unpooling."""
    member = CATALOGUE.find(operator)

    assert field_hint(name, [field.name for field in member.fields()], member.inputs) == hint


def test_our_word_suggests_the_attribute_of_an_adapter() -> None:
    """The tables of synonyms serve both ways."""
    onnx, keras = (
        [field.name for field in CATALOGUE.find(name).fields()] for name in ("onnx.LpPool", "keras.MaxPooling2D")
    )

    for ours, theirs in (("kernel_size", "kernel_shape"), ("padding", "pads"), ("norm_type", "p")):
        assert field_hint(ours, onnx) == f"did you mean {theirs}?"
    assert field_hint("kernel_size", keras) == "did you mean pool_size?"


def test_the_tables_refer_to_existing_names() -> None:
    """A suggestion must not be an outdated name, and our own names need no entry."""
    families = {member.family for member in CATALOGUE}

    for word, meaning in OPERATOR_SYNONYMS.items():
        assert set(meaning.names) <= families, word
        assert word not in families
    for word, meaning in FIELD_SYNONYMS.items():
        assert set(meaning.names) <= FIELD_NAMES, word
        assert meaning.names or meaning.note
        # gem_pool has a p and spatial_pyramid_pool has output_sizes; other operators call them differently.
        assert word in ("p", "output_sizes") or normalize_name(word) not in map(normalize_name, FIELD_NAMES)
    assert {each for meaning in TENSOR_SYNONYMS.values() for each in meaning.names} == set(TENSOR_NAMES) - {
        "rois"
    }  # ONNX's boxes
    for word, meaning in WHOLE_NAME_SYNONYMS.items():
        assert set(meaning.names) <= families, word
        assert word not in families


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("SAME", 'Write "same".'),
        ("SAME_UPPER", 'Write "same".'),
        ("SameLower", 'Write "same_lower".'),
        ("VALID", 'Write "valid".'),
        ("reflect", ""),
        ("", ""),
    ],
)
def test_a_padding_mode_of_another_library_suggests_ours(text: str, hint: str) -> None:
    """TensorFlow, ONNX and Keras write the same modes differently."""
    assert padding_hint(text) == hint


@pytest.mark.parametrize("source", ["body", "query"])
def test_a_padding_mode_is_refused_with_our_word(source: str) -> None:
    """Clients of both forms get it."""
    fields: dict[str, object] = {"kernel_size": 3, "stride": 1}
    texts = {}
    if source == "body":
        fields["padding"] = "SAME_UPPER"
    else:
        texts["padding"] = "SAME_UPPER"

    with pytest.raises(Unprocessable, match='Write "same"') as refused:
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
