"""Suggestions for unknown names: the terms of other libraries, and the most similar of our own names.

The tables are the only place that lists foreign terms; the service, the client and the command line use the functions
below them. The names come from requests, so each function reads a bounded part of the name and each candidate once:
some tens of microseconds for any name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

MAX_COMPARED_CHARS: Final = 64
"""Characters of a name that are compared; no name of ours is half as long."""

_ALIKE: Final = 0.5
_REMEMBERED: Final = 1024
_RANKS: Final = ("1d", "2d", "3d")
_FRAMEWORKS: Final = ("onnx.", "keras.")
"""The beginnings of the names that are other frameworks' own."""


class Suggestion(NamedTuple):
    """What a foreign term stands for: our names, best first, and a note on how they differ."""

    names: tuple[str, ...]
    note: str = ""


OPERATOR_WORD_SYNONYMS: Final = (
    ("pooling", "pool"),
    ("average", "avg"),
    ("mean", "avg"),
    ("maximum", "max"),
    ("minimum", "min"),
)
"""Words within the names of operators, and how torch has them: ``GlobalAveragePooling2D`` is ``global_avg_pool2d``."""

_SEGMENT_REDUCTIONS: Final = {
    **{name: name for name in ("sum", "mean", "max", "min", "mul", "median", "var", "std", "softmax", "logsumexp")},
    "add": "sum",
    "prod": "mul",
}
"""Ends of the names of segment operators in other libraries, and our reductions."""

OPERATOR_SYNONYMS: Final[Mapping[str, Suggestion]] = {
    "pool": Suggestion(("max_pool", "avg_pool")),
    "reduce_window": Suggestion(("max_pool", "avg_pool")),
    "block_reduce": Suggestion(("max_pool", "avg_pool")),
    "adaptive_pool": Suggestion(("adaptive_avg_pool", "adaptive_max_pool")),
    "global_pool": Suggestion(("global_avg_pool", "global_max_pool")),
    "gap": Suggestion(("global_avg_pool",)),
    "gmp": Suggestion(("global_max_pool",)),
    "max_pool_with_argmax": Suggestion(("max_pool",), "Ask for the places with return_indices true."),
    "max_pool_with_indices": Suggestion(("max_pool",), "Ask for the places with return_indices true."),
    "max_pool_with_mask": Suggestion(("max_pool",), "Ask for the places with return_indices true."),
    "unpool": Suggestion(("max_unpool",)),
    "max_unpooling": Suggestion(("max_unpool",)),
    "fractional_pool": Suggestion(("fractional_max_pool",)),
    "fractional_avg_pool": Suggestion(
        ("fractional_max_pool",), "Of windows at random places only the largest is taken."
    ),
    "norm_pool": Suggestion(("lp_pool",)),
    "pnorm_pool": Suggestion(("lp_pool",)),
    "l1_pool": Suggestion(("lp_pool",), "Give norm_type 1."),
    "l2_pool": Suggestion(("lp_pool",), "Give norm_type 2."),
    **dict.fromkeys(("power_mean_pool", "generalized_mean_pool", "gem"), Suggestion(("gem_pool",))),
    **dict.fromkeys(("percentile_pool", "percentile_filter", "rank_filter"), Suggestion(("quantile_pool",))),
    **dict.fromkeys(("majority_pool", "most_frequent_pool"), Suggestion(("mode_pool",))),
    "median_filter": Suggestion(("median_pool",)),
    "variance_pool": Suggestion(("var_pool",)),
    "log_sum_exp_pool": Suggestion(("logsumexp_pool",)),
    **dict.fromkeys(("spp", "spp_pool"), Suggestion(("spatial_pyramid_pool",))),
    **dict.fromkeys(("overviews", "downsample", "multiscale"), Suggestion(("pyramid_pool",))),
    "anti_alias_pool": Suggestion(("blur_pool",)),
    # Tokens: sentence-transformers, the models' own cards, Paddle.
    **dict.fromkeys(
        ("sentence_pool", "text_pool", "embedding_pool", "sequence_pool", "masked_mean", "masked_mean_pool"),
        Suggestion(("token_pool",)),
    ),
    **dict.fromkeys(("cls_pool", "first_token_pool"), Suggestion(("token_pool",), "Give modes cls.")),
    **dict.fromkeys(("last_token_pool", "lasttoken_pool"), Suggestion(("token_pool",), "Give modes last.")),
    "embedding_bag": Suggestion(("token_pool", "segment_pool"), "Send the vectors, and the offsets of the bags."),
    **dict.fromkeys(("late_chunking", "late_chunk", "chunk_pool", "span_extractor"), Suggestion(("span_pool",))),
    # Segments: torch_scatter, PyG, TensorFlow, JAX.
    **dict.fromkeys(
        ("scatter", "scatter_reduce", "segment_reduce", "segment_csr", "segment_coo", "index_reduce", "group_by"),
        Suggestion(("segment_pool",)),
    ),
    **{
        f"{before}{reduce}{after}": Suggestion(("segment_pool",), f"Give reduce {ours}.")
        for reduce, ours in _SEGMENT_REDUCTIONS.items()
        for before, after in (("scatter_", ""), ("segment_", ""), ("unsorted_segment_", ""), ("", "_aggregation"))
    },
    **dict.fromkeys(("graph_pool", "readout", "graph_readout"), Suggestion(("segment_pool",))),
    "global_add_pool": Suggestion(("segment_pool", "global_sum_pool"), "For segments give reduce sum."),
    # Boxes: torchvision, TensorFlow, Caffe, ONNX.
    **dict.fromkeys(("box_align", "precise_roi_pool", "pr_roi_pool"), Suggestion(("roi_align",))),
    "crop_and_resize": Suggestion(("roi_align",), "Its boxes are [image, x1, y1, x2, y2], in positions of the input."),
    **dict.fromkeys(("max_roi_pool", "roi_max_pool", "box_pool", "region_pool"), Suggestion(("roi_pool",))),
}
"""Families of other libraries (ONNX, TensorFlow, Keras, MXNet, JAX) and of papers, without the rank."""

WHOLE_NAME_SYNONYMS: Final[Mapping[str, Suggestion]] = {
    "mean_pooling": Suggestion(("token_pool",), "For the mean of each window it is avg_pool."),
}
"""Names that mean something else than their words."""

FIELD_SYNONYMS: Final[Mapping[str, Suggestion]] = {
    # The sizes of a window: ONNX kernel_shape, TensorFlow ksize, Keras pool_size, Flax window_shape.
    **dict.fromkeys(
        ("kernel", "kernels", "kernel_sizes", "kernel_shape", "ksize", "pool_size", "pool_shape"),
        Suggestion(("kernel_size",)),
    ),
    **dict.fromkeys(("window", "window_shape", "window_size", "k"), Suggestion(("kernel_size",))),
    "size": Suggestion(("kernel_size", "output_size", "num_segments")),
    **dict.fromkeys(("strides", "step", "steps", "s", "subsample", "window_strides"), Suggestion(("stride",))),
    **dict.fromkeys(
        ("pad", "pads", "paddings", "auto_pad", "pad_mode"),
        Suggestion(("padding",), 'It is a number, or one an axis; pairs [before, after]; or "same" or "valid".'),
    ),
    **dict.fromkeys(("dilations", "dilation_rate", "rate", "rates", "window_dilation"), Suggestion(("dilation",))),
    **dict.fromkeys(("p", "norm", "order", "ord", "power", "p_norm"), Suggestion(("norm_type",))),
    **dict.fromkeys(("output_shape", "out_size", "out_shape", "target_size"), Suggestion(("output_size",))),
    **dict.fromkeys(("pooled_size", "crop_size", "roi_size"), Suggestion(("output_size",))),
    "pooling_ratio": Suggestion(("output_ratio",), "It is the output's size by the input's, so 1 / pooling_ratio."),
    **dict.fromkeys(("ratio", "output_ratios"), Suggestion(("output_ratio",))),
    **dict.fromkeys(
        ("return_index", "with_indices", "with_argmax", "return_argmax", "argmax", "return_mask", "mask"),
        Suggestion(("return_indices",)),
    ),
    **dict.fromkeys(("ceil", "ceiling"), Suggestion(("ceil_mode",))),
    **dict.fromkeys(("include_pad", "count_padding", "count_pad"), Suggestion(("count_include_pad",))),
    "exclusive": Suggestion(("count_include_pad",), "It is the opposite."),
    **dict.fromkeys(("divisor", "divide_by"), Suggestion(("divisor_override",))),
    **dict.fromkeys(("seed2", "random_seed", "generator", "random_state"), Suggestion(("seed",))),
    **dict.fromkeys(
        ("data_format", "data_layout"), Suggestion(("layout",), "It is channels_first (the default) or channels_last.")
    ),
    "keepdim": Suggestion(("keepdims",)),
    **dict.fromkeys(
        ("pooling", "pooling_mode", "pooling_type", "pooling_strategy"), Suggestion(("modes", "reduce", "mode"))
    ),
    **dict.fromkeys(("truncate_dim", "truncate_dims", "dim", "dims", "dimensions"), Suggestion(("truncate",))),
    **dict.fromkeys(
        ("normalise", "normalize_embeddings", "l2_normalize"), Suggestion(("normalize",), 'It is "l2" or "none".')
    ),
    **dict.fromkeys(
        ("reduction", "aggr", "aggregation", "aggregator", "combiner", "op"), Suggestion(("reduce", "modes"))
    ),
    **dict.fromkeys(("dim_size", "num_groups", "num_graphs"), Suggestion(("num_segments",))),
    **dict.fromkeys(("ddof", "unbiased"), Suggestion(("correction",), "It is 0 or 1.")),
    **dict.fromkeys(("fill_value", "fill", "default_value"), Suggestion(("empty_value",))),
    **dict.fromkeys(("scale", "scale_factor", "roi_scale"), Suggestion(("spatial_scale",))),
    **dict.fromkeys(("sample_num", "num_samples", "sampling_points"), Suggestion(("sampling_ratio",))),
    **dict.fromkeys(
        ("coordinate_transformation_mode", "half_pixel", "align_corners"),
        Suggestion(("aligned",), "ONNX's half_pixel is aligned true."),
    ),
    "storage_order": Suggestion((), "indices count along the last axis first."),
    **dict.fromkeys(
        ("dtype", "shape"),
        Suggestion(
            (), 'in JSON it stands within the tensor: {"input": {"data": [...], "shape": [...], "dtype": "..."}}.'
        ),
    ),
}
"""Fields of other libraries; the suggestion is the first of the names that the operator has, or the note alone."""

TENSOR_SYNONYMS: Final[Mapping[str, Suggestion]] = {
    **dict.fromkeys(
        (
            *("inputs", "input_tensor", "input_data", "data", "x", "xs", "tensor", "tensors"),
            *("value", "values", "array", "arrays", "arr_0", "features", "instances"),
            *("image", "images", "img", "picture", "signal", "feature_map", "feature_maps"),
            *("embeddings", "token_embeddings", "hidden_states", "last_hidden_state"),
        ),
        Suggestion(("input",)),
    ),
    **dict.fromkeys(("idx", "inds", "i", "argmax", "mask", "max_indices", "arr_1"), Suggestion(("indices",))),
    "index": Suggestion(("indices", "segments")),
    **dict.fromkeys(("attention_mask", "attention_masks", "masks", "token_mask"), Suggestion(("mask",))),
    **dict.fromkeys(
        ("padding_mask", "key_padding_mask"), Suggestion(("mask",), "Its elements are not 0 where a token counts.")
    ),
    **dict.fromkeys(("weight", "token_weights", "attention_weights", "scores"), Suggestion(("weights",))),
    **dict.fromkeys(("offset", "ptr", "indptr", "row_splits", "splits", "cu_seqlens"), Suggestion(("offsets",))),
    **dict.fromkeys(
        ("length", "lengths", "row_lengths", "seq_lengths", "sequence_lengths", "seq_lens"),
        Suggestion(("offsets",), "They are 0 and the cumulative sums of the lengths."),
    ),
    **dict.fromkeys(("span", "chunks", "chunk_spans", "boundaries", "ranges", "intervals"), Suggestion(("spans",))),
    **dict.fromkeys(("segment", "segment_ids", "ids", "groups", "batch", "cluster"), Suggestion(("segments",))),
    **dict.fromkeys(("box", "bbox", "bboxes", "roi", "rois", "regions", "proposals"), Suggestion(("boxes",))),
    **dict.fromkeys(
        ("batch_index", "batch_inds", "batch_ids", "box_indices", "box_ind"), Suggestion(("batch_indices",))
    ),
}
"""Names of tensors in other libraries; the suggestion is the first of the names that the operator has."""


def normalize_name(name: str) -> str:
    """A name in lower case, without separators and without the modules before it."""
    last = name[:MAX_COMPARED_CHARS].rpartition(".")[2]
    return last.lower().replace("_", "").replace("-", "").replace(" ", "")


def _family(name: str) -> str:
    """An operator's normalized name in torch's words."""
    found = normalize_name(name)
    for word, ours in OPERATOR_WORD_SYNONYMS:
        found = found.replace(word, ours)
    return found


@lru_cache(maxsize=_REMEMBERED)
def _own_family(name: str) -> str:
    """The same of one of our own names, with its rank or without."""
    return _family(name[:-2] if name[-2:] in _RANKS else name)


_OPERATORS: Final = {_family(word): meaning for word, meaning in OPERATOR_SYNONYMS.items()}
_FIELDS: Final = {normalize_name(word): meaning for word, meaning in FIELD_SYNONYMS.items()}
_TENSORS: Final = {normalize_name(word): meaning for word, meaning in TENSOR_SYNONYMS.items()}
_WHOLE_NAMES: Final = {normalize_name(word): meaning for word, meaning in WHOLE_NAME_SYNONYMS.items()}


def nearest_names(name: str, names: Iterable[str], most: int = 3) -> list[str]:
    """The most similar names, best first: those that share at least half of their letter pairs with this one."""
    wanted = _pairs_of(name[:MAX_COMPARED_CHARS].lower())
    rated = [(_similarity(wanted, _pairs(each)), each) for each in names]
    rated.sort(key=lambda row: -row[0])
    return [each for similarity, each in rated[:most] if similarity >= _ALIKE]


def _pairs_of(text: str) -> frozenset[str]:
    edged = f"\0{text}\0"
    return frozenset(edged[at : at + 2] for at in range(len(edged) - 1))


@lru_cache(maxsize=_REMEMBERED)
def _pairs(name: str) -> frozenset[str]:
    """The letter pairs of one of our own names; there are few, so they are cached."""
    return _pairs_of(name.lower())


def _similarity(one: frozenset[str], other: frozenset[str]) -> float:
    """Sørensen and Dice's coefficient."""
    return 2 * len(one & other) / (len(one) + len(other))


def suggest_operators(name: str, names: Sequence[str]) -> Suggestion:
    """The operators among ``names`` that this name may stand for; none where none is similar."""
    for framework in _FRAMEWORKS:
        if name[:MAX_COMPARED_CHARS].lower().startswith(framework):
            theirs = [each for each in names if each.startswith(framework)]
            same = [each for each in theirs if _family(each) == _family(name)]
            if near := same or nearest_names(name, theirs):
                return Suggestion(tuple(near))
    names = [each for each in names if not each.startswith(_FRAMEWORKS)]
    whole = _WHOLE_NAMES.get(normalize_name(name))
    if whole is not None and set(whole.names) <= set(names):
        return whole
    family, rank = _family(name), ""
    if family[-2:] in _RANKS:
        family, rank = family[:-2], family[-2:]
    meaning = _OPERATORS.get(family, Suggestion(()))
    own = [each for each in names if _own_family(each) == family]
    meant = own or [each for one in meaning.names for each in names if _own_family(each) == _own_family(one)]
    if not meant:
        return Suggestion(tuple(nearest_names(name, names)))
    exact = [each for each in meant if each.endswith(rank)]
    return Suggestion(tuple(exact or meant), "" if own else meaning.note)


def name_hint(name: str, names: Iterable[str], otherwise: str) -> str:
    """The most similar names as a question, or ``otherwise`` where there are none."""
    return _question(Suggestion(tuple(nearest_names(name, names)))) or otherwise


def operator_hint(name: str, names: Sequence[str], otherwise: str) -> str:
    """The suggested operators as a question, or ``otherwise`` where there are none."""
    return _question(suggest_operators(name, names)) or otherwise


def suggest_field(name: str, fields: Sequence[str], tensors: Sequence[str] = ()) -> Suggestion:
    """The field or tensor that this name may stand for, or a note alone where the operator has no such field."""
    wanted = normalize_name(name)
    for each in (*fields, *tensors):
        if normalize_name(each) == wanted:
            return Suggestion((each,))
    meaning = _FIELDS.get(wanted, Suggestion(()))
    for each in meaning.names:
        if each in fields:
            return Suggestion((each,), meaning.note)
    for each in fields:
        # Our word, where the operator has another framework's fields.
        if name in _FIELDS.get(normalize_name(each), Suggestion(())).names:
            return Suggestion((each,))
    tensor = _TENSORS.get(wanted, Suggestion(()))
    for each in tensor.names:
        if each in tensors:
            return Suggestion((each,), tensor.note)
    if not meaning.names and meaning.note:
        return meaning
    # Users often remember only the first word of a field.
    known = {each.partition("_")[0]: each for each in fields} | {each: each for each in (*fields, *tensors)}
    return Suggestion(tuple(known[each] for each in nearest_names(name, known, most=1)))


def field_hint(name: str, fields: Sequence[str], tensors: Sequence[str] = ()) -> str:
    """The same as a question or a note, to be put after a semicolon; empty where there is no suggestion."""
    meaning = suggest_field(name, fields, tensors)
    return _question(meaning) or meaning.note


_PADDING_WORDS: Final = {"same": "same", "sameupper": "same", "samelower": "same_lower", "valid": "valid"}


def padding_hint(text: str) -> str:
    """The word to write for a padding that ONNX, TensorFlow or Keras name; empty for unknown names."""
    word = _PADDING_WORDS.get(normalize_name(text))
    # An operator that does not take our word gets no suggestion to write it again.
    return "" if word in (None, text) else f'Write "{word}".'


def _question(meaning: Suggestion) -> str:
    if not meaning.names:
        return ""
    *others, last = meaning.names[:3]
    listed = f"{', '.join(others)} or {last}" if others else last
    return f"did you mean {listed}?" + (f" {meaning.note}" if meaning.note else "")
