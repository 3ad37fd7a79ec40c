"""The three forms of a reduction: over sliding windows, over a given number of windows, and over whole planes.

A reduction is one class: its own fields, and what it computes from a window. :func:`reduction` declares three operators
from it, such as ``min_pool``, ``adaptive_min_pool`` and ``global_min_pool``, with the fields, shape rules, samples and
refusals of their windows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, TypeVar

from poolhouse.operators.adaptive import AdaptiveWindowOperator, GlobalWindowOperator, output_size_field
from poolhouse.operators.operator import Refusal, Sample, operator
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.operators.sliding import SlidingFields
from poolhouse.operators.window_operator import WindowOperator

WINDOWS: Final = "{windows}"
"""In a docstring: each window of the form."""


class Reduction(WindowOperator):
    """Base of reductions that exist in all forms.

    An author writes fields, ``of_window``, ``pool``, ``cost`` and perhaps ``kernel_factory``. The docstring says
    ``{windows}`` for "each window" or "each plane".
    """

    sample_fields: ClassVar[Mapping[str, object]] = {}
    """Values of its own fields, for the first sample of each form."""
    sample_dtype: ClassVar[str] = "float32"
    """The element type of the samples and refusals of each form."""
    own_samples: ClassVar[tuple[Sample, ...]] = ()
    """Further samples that are valid in all forms: only with fields of the reduction."""
    own_refusals: ClassVar[tuple[Refusal, ...]] = ()
    """Refusals in all forms: only with fields of the reduction."""


@dataclass(frozen=True)
class _AdaptiveFields(AdaptiveWindowOperator):
    output_size: tuple[int | None, ...] = output_size_field()

    def target_size(self) -> tuple[int | None, ...]:
        return self.output_size


@dataclass(frozen=True)
class _Form:
    """One form of a reduction.

    Attributes:
        prefix: of the family name and, capitalised, of the class name.
        base: the windows.
        windows: replaces :data:`WINDOWS`.
        needed: the least fields of a request.
        sample_fields: of further samples.
        shape_rule: see :attr:`PlaneOperator.shape_rule`.
        refusals: of the windows.
    """

    prefix: str
    base: type[WindowOperator]
    windows: str
    needed: Mapping[str, object]
    sample_fields: tuple[Mapping[str, object], ...]
    shape_rule: str
    refusals: tuple[Refusal, ...]


_FORMS: Final = (
    _Form(
        "",
        SlidingFields,
        "each window",
        {"kernel_size": 2},
        (
            {"kernel_size": 3, "stride": 2, "padding": 1},
            {"kernel_size": 3, "stride": 2, "ceil_mode": True},
            {"kernel_size": 2, "stride": 1, "dilation": 3},
        ),
        "input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes "
        "``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil mode.",
        (
            Refusal((8, 8, 8), {}, "invalid_fields"),
            Refusal((8, 8, 8), {"kernel_size": 9}, "window_does_not_fit"),
        ),
    ),
    _Form(
        "adaptive_",
        _AdaptiveFields,
        "each of a given number of windows",
        {"output_size": 3},
        ({"output_size": 7}, {"output_size": 1}),
        "input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.",
        (
            Refusal((8, 8, 8), {"output_size": -1}, "invalid_fields"),
            Refusal((8, 8, 8), {"output_size": 2**31 - 1}, "output_too_large"),
        ),
    ),
    _Form(
        "global_",
        GlobalWindowOperator,
        "each plane",
        {},
        ({"keepdims": False},),
        "input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without keepdims.",
        (Refusal((8, 8, 8), {"kernel_size": 2}, "invalid_fields"),),
    ),
)
_SAMPLE_SPATIAL: Final = (6, 9, 8)
FORMS: Final = "_declared_forms"

_Class = TypeVar("_Class", bound=type[Reduction])


def reduction(family: str, ranks: tuple[int, ...] = (1, 2, 3)) -> Callable[[_Class], _Class]:
    """Declare a class as a reduction in all forms: ``family``, ``adaptive_family`` and ``global_family``."""

    def declare(cls: _Class) -> _Class:
        dataclass(frozen=True)(cls)
        setattr(cls, FORMS, tuple(_declare_form(cls, family, ranks, form) for form in _FORMS))
        return cls

    return declare


def _declare_form(cls: type[Reduction], family: str, ranks: tuple[int, ...], form: _Form) -> type[PlaneOperator]:
    name = "".join(word.capitalize() for word in form.prefix.split("_")) + cls.__name__
    own = {**cls.sample_fields}
    samples = [
        Sample(_SAMPLE_SPATIAL, {**form.needed, **own}, cls.sample_dtype),
        *(Sample(_SAMPLE_SPATIAL, {**fields, **own}, cls.sample_dtype) for fields in form.sample_fields),
        *(Sample(each.spatial, {**form.needed, **each.fields}, each.dtype) for each in cls.own_samples),
    ]
    refusals = [
        *(Refusal(each.spatial, {**own, **each.fields}, each.code, cls.sample_dtype) for each in form.refusals),
        *(Refusal(each.spatial, {**form.needed, **each.fields}, each.code, each.dtype) for each in cls.own_refusals),
    ]
    members = {
        "__doc__": (cls.__doc__ or "").replace(WINDOWS, form.windows),
        "__module__": cls.__module__,
        "__qualname__": name,
        "shape_rule": form.shape_rule,
        "padding_value": cls.padding_value if form.base is SlidingFields else PlaneOperator.padding_value,
        "samples": tuple(samples),
        "refusals": tuple(refusals),
    }
    return operator(f"{form.prefix}{family}", ranks)(type(name, (cls, form.base), members))


def declared_forms(candidate: object) -> tuple[type[PlaneOperator], ...]:
    """The operators that :func:`reduction` declared from this class itself, not from a base class."""
    if not isinstance(candidate, type):
        return ()
    forms: tuple[type[PlaneOperator], ...] = vars(candidate).get(FORMS, ())
    return forms
