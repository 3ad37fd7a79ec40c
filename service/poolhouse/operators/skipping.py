"""Elements that windows pass over: NaN, and a value that stands for no data.

:class:`Skipping` declares the fields. An operator has it among its bases and defines :meth:`Skipping.pool_kept`;
everything else is derived by :class:`SkippingPool`, whose methods come before those of the operator's class. A spec
without these fields is pooled as if the class had not :class:`Skipping`, bit for bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final, Self

import numpy as np
import numpy.typing as npt
import torch

from poolhouse.dtypes import ElementType
from poolhouse.kernels.omission import NOTHING_OMITTED, Omission
from poolhouse.kernels.skipping import SharesKernel
from poolhouse.operators.averages import copy_if_view, window_sums
from poolhouse.operators.costs import STEPS_PER_CALL, Cost, elementwise_cost
from poolhouse.operators.field_types import Choice, Flag
from poolhouse.operators.fields import Sizes, field
from poolhouse.operators.loop_costs import KernelFactory
from poolhouse.operators.number_types import AnyNumber
from poolhouse.operators.numbers import Number
from poolhouse.operators.operator import Planes
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.operators.quotients import float64_divisor
from poolhouse.operators.reduction_costs import SUM_JOIN_COST, reduction_cost
from poolhouse.operators.tracing import Terms
from poolhouse.operators.unsigned import as_bits
from poolhouse.operators.window_operator import Window, WindowOperator

PROPAGATE: Final = "propagate"
OMIT: Final = "omit"


class SkippingPool(WindowOperator):
    """Pools the elements that are kept; an outermost mixin of operators with :class:`Skipping`.

    mypy cannot see the methods that :class:`Skipping` or a reduction has after this class, hence ``type: ignore``.
    """

    nan_policy: str
    ignore_value: float | None
    return_valid: bool
    skips: bool
    ignores_nan: bool

    def omission(self, dtype: ElementType) -> Omission:
        """See :meth:`SkippingFields.omission`."""
        return super().omission(dtype)  # type: ignore[misc, no-any-return]  # of the class that this is mixed into

    def pool_kept(self, x: torch.Tensor, kept: torch.Tensor, counts: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """See :meth:`Skipping.pool_kept`."""
        return super().pool_kept(x, kept, counts)  # type: ignore[misc, no-any-return]  # of the class that this is mixed into

    def kept_cost(self, spatial: Sizes, dtype: ElementType) -> Cost:
        """See :meth:`Skipping.kept_cost`."""
        return super().kept_cost(spatial, dtype)  # type: ignore[misc, no-any-return]  # of the class that this is mixed into

    def outputs(self) -> tuple[str, ...]:
        return (*super().outputs(), "valid") if self.return_valid else super().outputs()

    def type_warnings(self, dtype: ElementType) -> list[str]:
        found = list(super().type_warnings(dtype))
        value = self.ignore_value
        if value is None or (math.isnan(value) and dtype.kind == "float"):
            return found
        if as_element(value, getattr(torch, dtype.name)) is None:
            found.append(f"no element of {dtype.name} equals ignore_value {value}, so none is passed over for it")
        return found

    def _kept(self, x: torch.Tensor) -> torch.Tensor | None:
        """Which elements count; None if all do."""
        floating = x.is_floating_point()
        ignored = as_element(self.ignore_value, x.dtype)
        omits_nan = floating and (self.nan_policy == OMIT or self.ignores_nan)
        if ignored is None:
            return x.isnan().logical_not_() if omits_nan else None
        kept = as_bits(x) != ignored.to(x.device)
        return kept.logical_and_(x.isnan().logical_not_()) if omits_nan else kept

    def pool(self, planes: Planes) -> tuple[torch.Tensor, ...]:
        x = planes["input"]
        kept = self._kept(x) if self.skips else None
        if kept is None:
            found = super().pool(planes)
            if not self.return_valid:
                return found
            return (*found, torch.ones(found[0].shape, dtype=torch.float32, device=x.device))
        windows = self.windows(tuple(x.shape[1:]))
        counts = copy_if_view(window_sums(kept.to(torch.float64), windows))
        value, *rest = self.pool_kept(x, kept, counts)
        nothing = counts == 0
        # Places and values are as bits, since torch cannot write some unsigned types.
        bits = as_bits(value.contiguous())
        found = (bits.masked_fill(nothing, self._nothing_left(value.dtype)).view(value.dtype),)
        found = (*found, *(indices.masked_fill(nothing, -1) for indices in rest))
        if not self.return_valid:
            return found
        sizes = float64_divisor([axis.count for axis in windows], x.device)
        return (*found, (counts / sizes).to(torch.float32))

    def _nothing_left(self, dtype: torch.dtype) -> torch.Tensor | float:
        if self.ignore_value is None:
            return math.nan if dtype.is_floating_point else 0
        found = as_element(self.ignore_value, dtype)
        return torch.tensor(self.ignore_value, dtype=torch.float64).to(dtype) if found is None else found

    def cost(self, spatial: Sizes, dtype: ElementType) -> Cost:
        elements, outputs = math.prod(spatial), math.prod(size.outputs for size in self.axis_summaries(spatial))
        if not self.skips:
            share = elementwise_cost(outputs, 4) if self.return_valid else Cost(0.0, 0.0, 0.0)
            return super().cost(spatial, dtype).then(share)
        if self.omission(dtype) == NOTHING_OMITTED:
            # Integers have no NaN, and no type has every number.
            return super().cost(spatial, dtype).then(elementwise_cost(outputs, 4))
        masked = elementwise_cost(elements, 4, 1.0)
        counted = elementwise_cost(elements, 8).then(
            reduction_cost(spatial, self.axis_summaries(spatial), SUM_JOIN_COST).with_held_bytes(8 * elements)
        )
        filled = elementwise_cost(outputs, 24, 4.0)
        pooled = self.kept_cost(spatial, dtype).with_held_bytes(8 * outputs)
        whole = (
            masked.then(counted.with_held_bytes(elements))
            .then(pooled.with_held_bytes(elements))
            .then(filled.with_held_bytes(elements + 24 * outputs))
        )
        # Windows of different sizes have a divisor for each output.
        return replace(
            whole, call_steps=whole.call_steps + 8 * STEPS_PER_CALL, call_bytes=whole.call_bytes + 24 * outputs
        )

    def kept_kernel_factory(self, spatial: Sizes, dtype: ElementType, omission: Omission) -> KernelFactory | None:
        """See :meth:`Skipping.kept_kernel_factory`."""
        return super().kept_kernel_factory(spatial, dtype, omission)  # type: ignore[misc, no-any-return]  # of the class that this is mixed into

    def kernel_factory(self, spatial: Sizes, dtype: ElementType) -> KernelFactory | None:
        omission = self.omission(dtype)
        if omission != NOTHING_OMITTED:
            return self.kept_kernel_factory(spatial, dtype, omission)
        loops = super().kernel_factory(spatial, dtype)
        if loops is None or not self.return_valid:
            return loops
        outputs, make = math.prod(size.outputs for size in self.axis_summaries(spatial)), loops.make
        return replace(loops, cost=loops.cost.then(elementwise_cost(outputs, 4)), make=lambda: SharesKernel(make()))

    def reference_of_plane(
        self, plane: npt.NDArray[np.generic], companion: npt.NDArray[np.generic] | None
    ) -> tuple[list[Number], ...]:
        value = self.ignore_value
        if value is not None and plane.dtype.kind == "f" and math.isfinite(value):
            with np.errstate(over="ignore"):
                rounded = float(plane.dtype.type(value))
            if math.isfinite(rounded) and rounded != value:
                typed: dict[str, Any] = {"ignore_value": rounded}  # Any: the fields are those of Skipping
                return replace(self, **typed).reference_of_plane(plane, companion)
        return super().reference_of_plane(plane, companion)

    def counts(self, value: Number) -> bool:
        if value != value:
            return self.nan_policy != OMIT and not self.ignores_nan
        return self.ignore_value is None or value != self.ignore_value

    def for_elements(self, dtype: ElementType) -> Self:
        value = self.omission(dtype).value
        typed: dict[str, Any] = {"ignore_value": value}  # Any: the fields are those of Skipping
        # NaN, and numbers that the type does not have, remain as they are.
        return self if value is None or value == self.ignore_value else replace(self, **typed)

    def _kept_places(self, window: Window) -> list[int]:
        return [place for place, value in enumerate(window.values) if self.counts(value)]

    def winner_of(self, window: Window) -> int | None:
        places = self._kept_places(window)
        if not places:
            return None
        found = super().winner_of(_kept_window(window, places))
        return None if found is None else places[found]

    def arithmetic(self, window: Window, terms: Terms, result: str) -> str:
        places = self._kept_places(window)
        if len(places) == len(window.values):
            return super().arithmetic(window, terms, result)
        passed_over = f"{len(window.values) - len(places)} passed over"
        if not places:
            return f"{passed_over}, nothing left: {result}"
        return f"{super().arithmetic(_kept_window(window, places), terms.taken(places), result)}, {passed_over}"

    def padding_number(self) -> Number | str | None:
        # Where elements are passed over, padding never counts; only for a maximum it makes no difference.
        found = super().padding_number()
        return None if self.skips and found == 0 else found

    def of_window(self, window: Window) -> tuple[Number, ...]:
        places = self._kept_places(window)
        share = (len(places) / max(len(window.values), 1),) if self.return_valid else ()
        if len(places) == len(window.values):
            return (*super().of_window(window), *share)
        if places:
            return (*super().of_window(_kept_window(window, places)), *share)
        indices = (-1,) * ("indices" in self.outputs())
        return (math.nan if self.ignore_value is None else self.ignore_value, *indices, *share)


def _kept_window(window: Window, places: list[int]) -> Window:
    """A window of the elements that count, in which padding does not."""
    values, positions = [window.values[i] for i in places], [window.positions[i] for i in places]
    return replace(window, values=values, positions=positions, extent=len(places))


def as_element(value: float | None, dtype: torch.dtype) -> torch.Tensor | None:
    """The value as an element, unsigned integers by their bits; None if the type has no such number."""
    if value is None or math.isnan(value):
        return None
    if dtype.is_floating_point:
        found = torch.tensor(float(value), dtype=torch.float64).to(dtype)
        return None if bool(found.isinf()) and not math.isinf(value) else found
    if math.isinf(value) or int(value) != value:
        return None
    whole = int(value)
    if dtype is torch.bool:
        return torch.tensor(bool(whole)) if whole in (0, 1) else None
    signed = as_bits(torch.empty(0, dtype=dtype)).dtype
    bits = 8 * signed.itemsize
    least, most = (
        (0, 2**bits - 1) if dtype is not signed or dtype is torch.uint8 else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    )
    if not least <= whole <= most:
        return None
    return torch.tensor(whole - 2**bits if dtype is not signed and whole >= 2 ** (bits - 1) else whole, dtype=signed)


@dataclass(frozen=True)
class SkippingFields(PlaneOperator):
    """Fields of operators that can pass over elements."""

    nan_policy: str = field(
        Choice((PROPAGATE, OMIT)),
        "Whether a NaN counts as the operator says, or is passed over. "
        "Passed over, a window with nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.",
        default=PROPAGATE,
        example=OMIT,
        is_common=True,
    )
    ignore_value: float | None = field(
        AnyNumber(),
        "Elements equal to it are passed over (nodata); a window with nothing left gives it. "
        "For floats it is rounded to the element type.",
        default=None,
        example=0,
        is_common=True,
    )
    return_valid: bool = field(
        Flag(),
        "Whether to return the share of each window's positions inside the input that counted, too.",
        default=False,
        example=True,
        is_common=True,
    )

    @property
    def skips(self) -> bool:
        """Whether elements of some type may be passed over."""
        return self.nan_policy == OMIT or self.ignore_value is not None

    @property
    def ignores_nan(self) -> bool:
        """Whether ``ignore_value`` is NaN."""
        return self.ignore_value is not None and math.isnan(self.ignore_value)

    def omission(self, dtype: ElementType) -> Omission:
        """The elements of this type that are passed over."""
        torch_type = getattr(torch, dtype.name)
        element = as_element(self.ignore_value, torch_type)
        nan = dtype.kind == "float" and (self.nan_policy == OMIT or self.ignores_nan)
        if element is None and not nan:
            return NOTHING_OMITTED
        left = None if self.ignores_nan else self.ignore_value
        if dtype.kind == "float" and left is not None:
            left = float(torch.tensor(float(left), dtype=torch.float64).to(torch_type))
        return Omission(nan, None if element is None else left, left)


@dataclass(frozen=True)
class Skipping(SkippingFields, WindowOperator):
    """The fields, and what an author writes for them."""

    outermost: ClassVar[tuple[type, ...]] = (SkippingPool,)

    def pool_kept(self, x: torch.Tensor, kept: torch.Tensor, counts: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Pool the elements that are kept.

        Args:
            x: ``(P, *spatial)``.
            kept: bool, of the same shape.
            counts: ``(P, *spatial_out)`` float64, the number of kept elements of each window.

        Returns:
            every output but ``valid``; results of windows without a kept element are replaced.
        """
        raise NotImplementedError

    def kept_cost(self, spatial: Sizes, dtype: ElementType) -> Cost:
        """The cost of :meth:`pool_kept` for a plane."""
        raise NotImplementedError

    def kept_kernel_factory(self, spatial: Sizes, dtype: ElementType, omission: Omission) -> KernelFactory | None:
        """Compiled loops of every output, ``valid`` too, for planes of which some elements are passed over."""
        return None
