"""Suggestions for unknown names: the terms of other libraries, and the most similar of our own names.

The tables are the only place that lists foreign terms; the service, the client and the command line use the functions
below them. The names come from requests, so each function reads a bounded part of the name and each candidate once:
some tens of microseconds for any name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

LONGEST: Final = 64
"""Characters of a name that are compared; no name of ours is half as long."""

_ALIKE: Final = 0.5
_REMEMBERED: Final = 1024
_RANKS: Final = ("1d", "2d", "3d")


class Meaning(NamedTuple):
    """What a foreign term stands for: our names, best first, and a note on how they differ."""

    names: tuple[str, ...]
    note: str = ""


WORDS: Final = (("pooling", "pool"), ("average", "avg"), ("mean", "avg"), ("maximum", "max"), ("minimum", "min"))
"""Words within the names of operators, and how torch has them: ``GlobalAveragePooling2D`` is ``global_avg_pool2d``."""

OPERATORS: Final[Mapping[str, Meaning]] = {
    "pool": Meaning(("max_pool", "avg_pool")),
    "reduce_window": Meaning(("max_pool", "avg_pool")),
    "block_reduce": Meaning(("max_pool", "avg_pool")),
    "adaptive_pool": Meaning(("adaptive_avg_pool", "adaptive_max_pool")),
    "global_pool": Meaning(("global_avg_pool", "global_max_pool")),
    "gap": Meaning(("global_avg_pool",)),
    "gmp": Meaning(("global_max_pool",)),
    "min_pool": Meaning(("max_pool",), "The least element is the largest of the negated input, negated."),
    "global_min_pool": Meaning(("global_max_pool",), "The least element is the largest of the negated input, negated."),
    "sum_pool": Meaning(("avg_pool",), "With divisor_override 1 it gives the sum of each window."),
    "max_pool_with_argmax": Meaning(("max_pool",), "Ask for the places with return_indices true."),
    "max_pool_with_indices": Meaning(("max_pool",), "Ask for the places with return_indices true."),
    "max_pool_with_mask": Meaning(("max_pool",), "Ask for the places with return_indices true."),
    "unpool": Meaning(("max_unpool",)),
    "max_unpooling": Meaning(("max_unpool",)),
    "fractional_pool": Meaning(("fractional_max_pool",)),
    "fractional_avg_pool": Meaning(("fractional_max_pool",), "Of windows at random places only the largest is taken."),
    "norm_pool": Meaning(("lp_pool",)),
    "pnorm_pool": Meaning(("lp_pool",)),
    "l1_pool": Meaning(("lp_pool",), "Give norm_type 1."),
    "l2_pool": Meaning(("lp_pool",), "Give norm_type 2."),
    "global_lp_pool": Meaning(("lp_pool",), "Give the sizes of the plane as kernel_size."),
    "power_mean_pool": Meaning(("lp_pool",), "It gives the norm; divide that by n^(1/p) for n elements a window."),
    "generalized_mean_pool": Meaning(
        ("lp_pool",), "It gives the norm; divide that by n^(1/p) for n elements a window."
    ),
    "gem": Meaning(("lp_pool",), "It gives the norm; divide that by n^(1/p) for n elements a window."),
}
"""Families of other libraries (ONNX, TensorFlow, Keras, MXNet, JAX) and of papers, without the rank."""

FIELDS: Final[Mapping[str, Meaning]] = {
    # The sizes of a window: ONNX kernel_shape, TensorFlow ksize, Keras pool_size, Flax window_shape.
    **dict.fromkeys(
        ("kernel", "kernels", "kernel_sizes", "kernel_shape", "ksize", "pool_size", "pool_shape"),
        Meaning(("kernel_size",)),
    ),
    **dict.fromkeys(("window", "window_shape", "window_size", "filter_size", "k"), Meaning(("kernel_size",))),
    "size": Meaning(("kernel_size", "output_size")),
    **dict.fromkeys(("strides", "step", "steps", "s", "subsample", "window_strides"), Meaning(("stride",))),
    **dict.fromkeys(
        ("pad", "pads", "paddings", "auto_pad", "pad_mode"),
        Meaning(("padding",), "It is a number, or one an axis, and counts on both sides."),
    ),
    **dict.fromkeys(("dilations", "dilation_rate", "rate", "rates", "window_dilation"), Meaning(("dilation",))),
    **dict.fromkeys(("p", "norm", "order", "ord", "power", "p_norm"), Meaning(("norm_type",))),
    **dict.fromkeys(
        ("output_shape", "out_size", "out_shape", "target_size", "output_sizes"), Meaning(("output_size",))
    ),
    "pooling_ratio": Meaning(("output_ratio",), "It is the output's size by the input's, so 1 / pooling_ratio."),
    **dict.fromkeys(("ratio", "output_ratios"), Meaning(("output_ratio",))),
    **dict.fromkeys(
        ("return_index", "with_indices", "with_argmax", "return_argmax", "argmax", "return_mask", "mask"),
        Meaning(("return_indices",)),
    ),
    **dict.fromkeys(("ceil", "ceiling"), Meaning(("ceil_mode",))),
    **dict.fromkeys(("include_pad", "count_padding", "count_pad"), Meaning(("count_include_pad",))),
    "exclusive": Meaning(("count_include_pad",), "It is the opposite."),
    **dict.fromkeys(("divisor", "divide_by"), Meaning(("divisor_override",))),
    **dict.fromkeys(("seed2", "random_seed", "generator", "random_state"), Meaning(("seed",))),
    **dict.fromkeys(
        ("data_format", "data_layout", "layout"), Meaning((), "shapes are (N, C, *spatial), so transpose the input.")
    ),
    **dict.fromkeys(("keepdims", "keepdim"), Meaning((), "every axis is kept; reshape the response.")),
    "storage_order": Meaning((), "indices count along the last axis first."),
    **dict.fromkeys(
        ("dtype", "shape"),
        Meaning((), 'in JSON it stands within the tensor: {"input": {"data": [...], "shape": [...], "dtype": "..."}}.'),
    ),
}
"""Fields of other libraries; the suggestion is the first of the names that the operator has, or the note alone."""

TENSORS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("inputs", "input_tensor", "input_data", "data", "x", "xs", "tensor", "tensors"), "input"),
    **dict.fromkeys(("value", "values", "array", "arrays", "arr_0", "features", "instances"), "input"),
    **dict.fromkeys(("image", "images", "img", "picture", "signal"), "input"),
    **dict.fromkeys(("index", "idx", "inds", "i", "argmax", "mask", "max_indices", "arr_1"), "indices"),
}
"""Names of input tensors in other libraries."""


def normalized(name: str) -> str:
    """A name in lower case, without separators and without the modules before it."""
    last = name[:LONGEST].rpartition(".")[2]
    return last.lower().replace("_", "").replace("-", "").replace(" ", "")


def _family(name: str) -> str:
    """An operator's normalized name in torch's words."""
    found = normalized(name)
    for word, ours in WORDS:
        found = found.replace(word, ours)
    return found


@lru_cache(maxsize=_REMEMBERED)
def _own_family(name: str) -> str:
    """The same of one of our own names, with its rank or without."""
    return _family(name[:-2] if name[-2:] in _RANKS else name)


_OPERATORS: Final = {_family(word): meaning for word, meaning in OPERATORS.items()}
_FIELDS: Final = {normalized(word): meaning for word, meaning in FIELDS.items()}
_TENSORS: Final = {normalized(word): ours for word, ours in TENSORS.items()}


def nearest(name: str, names: Iterable[str], most: int = 3) -> list[str]:
    """The most similar names, best first: those that share at least half of their letter pairs with this one."""
    wanted = _pairs_of(name[:LONGEST].lower())
    rated = [(_likeness(wanted, _pairs(each)), each) for each in names]
    rated.sort(key=lambda row: -row[0])
    return [each for likeness, each in rated[:most] if likeness >= _ALIKE]


def _pairs_of(text: str) -> frozenset[str]:
    edged = f"\0{text}\0"
    return frozenset(edged[at : at + 2] for at in range(len(edged) - 1))


@lru_cache(maxsize=_REMEMBERED)
def _pairs(name: str) -> frozenset[str]:
    """The letter pairs of one of our own names; there are few, so they are cached."""
    return _pairs_of(name)


def _likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """Sørensen and Dice's coefficient."""
    return 2 * len(one & other) / (len(one) + len(other))


def operators_meant(name: str, names: Sequence[str]) -> Meaning:
    """The operators among ``names`` that this name may stand for; none where none is similar."""
    family, rank = _family(name), ""
    if family[-2:] in _RANKS:
        family, rank = family[:-2], family[-2:]
    meaning = _OPERATORS.get(family, Meaning(()))
    own = [each for each in names if _own_family(each) == family]
    meant = own or [each for one in meaning.names for each in names if _own_family(each) == _own_family(one)]
    if not meant:
        return Meaning(tuple(nearest(name, names)))
    exact = [each for each in meant if each.endswith(rank)]
    return Meaning(tuple(exact or meant), "" if own else meaning.note)


def name_hint(name: str, names: Iterable[str], otherwise: str) -> str:
    """The most similar names as a question, or ``otherwise`` where there are none."""
    return _question(Meaning(tuple(nearest(name, names)))) or otherwise


def operator_hint(name: str, names: Sequence[str], otherwise: str) -> str:
    """The suggested operators as a question, or ``otherwise`` where there are none."""
    return _question(operators_meant(name, names)) or otherwise


def field_meant(name: str, fields: Sequence[str], tensors: Sequence[str] = ()) -> Meaning:
    """The field or tensor that this name may stand for, or a note alone where the operator has no such field."""
    wanted = normalized(name)
    for each in (*fields, *tensors):
        if normalized(each) == wanted:
            return Meaning((each,))
    meaning = _FIELDS.get(wanted, Meaning(()))
    for each in meaning.names:
        if each in fields:
            return Meaning((each,), meaning.note)
    tensor = _TENSORS.get(wanted)
    if tensor is not None and tensor in tensors:
        return Meaning((tensor,))
    if not meaning.names and meaning.note:
        return meaning
    # Users often remember only the first word of a field.
    known = {each.partition("_")[0]: each for each in fields} | {each: each for each in (*fields, *tensors)}
    return Meaning(tuple(known[each] for each in nearest(name, known, most=1)))


def field_hint(name: str, fields: Sequence[str], tensors: Sequence[str] = ()) -> str:
    """The same as a question or a note, to be put after a semicolon; empty where there is no suggestion."""
    meaning = field_meant(name, fields, tensors)
    return _question(meaning) or meaning.note


def padding_hint(
    text: str, kernel_size: Sequence[int] | None, stride: Sequence[int] | None, dilation: Sequence[int] | None
) -> str:
    """The number to write for a padding that other libraries name; empty for unknown names.

    Args:
        text: what stands for the padding.
        kernel_size: one an axis; None where it is not known.
        stride: the same.
        dilation: the same.
    """
    word = normalized(text)
    if word == "valid":
        return 'For "valid" write 0.'
    if word not in ("same", "sameupper", "samelower"):
        return ""
    if not kernel_size:
        return 'For "same" write half of kernel_size - 1, where that is odd.'
    spans = [(size - 1) * apart for size, apart in zip(kernel_size, dilation or [1] * len(kernel_size), strict=False)]
    halves = [span // 2 for span in spans]
    # Padding may be half of the window, and is the same on both sides.
    if any(span % 2 or span > size for span, size in zip(spans, kernel_size, strict=False)):
        return (
            'For "same" this window needs more on one side than on the other, or more than half of itself: '
            "pad the input yourself and write 0."
        )
    number = str(halves[0]) if len(set(halves)) == 1 else ",".join(map(str, halves))
    if stride and set(stride) != {1}:
        return (
            f'For the sizes of "same" write {number}. Where the windows of TensorFlow and Keras begin depends on the '
            "size of the input: for theirs pad it yourself."
        )
    return f'For "same" write {number}.'


def _question(meaning: Meaning) -> str:
    if not meaning.names:
        return ""
    *others, last = meaning.names[:3]
    listed = f"{', '.join(others)} or {last}" if others else last
    return f"did you mean {listed}?" + (f" {meaning.note}" if meaning.note else "")
