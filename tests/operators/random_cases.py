"""Random test cases for every operator of the catalogue, derived from its declaration.

Every choice is made by a ``random.Random``. Its seed comes from hypothesis, or from a counter in the comparison with
torch. A new operator needs no change here if its fields have known field types and its inputs have the same names.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from hypothesis import strategies as st
from hypothesis.vendor.pretty import RepresentationPrinter

from poolhouse.backend.conversion import torch_dtype
from poolhouse.backend.devices import Device
from poolhouse.backend.torch_worker import run_plan
from poolhouse.dtypes import BFLOAT16, ELEMENT_TYPES, INT64, ElementType, bfloat16_to_float32, float32_to_bfloat16
from poolhouse.errors import Unprocessable
from poolhouse.operators.catalogue import discover_own_planes
from poolhouse.operators.field_types import Choice, Flag, IntegerChoice
from poolhouse.operators.fields import Field
from poolhouse.operators.layout import join_shape
from poolhouse.operators.number_types import AnyNumber, Integer, Power, Probability, Real
from poolhouse.operators.numbers import Number
from poolhouse.operators.padding import PADDING_WORDS, PaddingPerAxis
from poolhouse.operators.plan import Limits, Plan, make_plan
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.operators.size_types import IntegerList, IntegerPerAxis, RatioPerAxis
from poolhouse.tensors import Tensor, TensorMetadata
from tests.operator_selection import covered_operators, covered_types
from tests.operators.plane_plans import plane_spec, planes_shape_of, random_inputs_of, spatial_of

CATALOGUE: Final = discover_own_planes()
OPERATORS: Final = tuple(CATALOGUE)
COVERED: Final = covered_operators(OPERATORS)
"""Those with tests of their own in this run."""
LIMITS: Final = Limits(max_output_bytes=2**30, max_steps=50_000_000_000)
CPU: Final = Device("cpu", "", None)

Array = npt.NDArray[np.generic]
Fields = dict[str, object]

LONGEST: Final = {1: 12, 2: 8, 3: 5}
"""The longest random axis, by rank: the plain-Python oracle then takes a few milliseconds."""


@dataclass(frozen=True, eq=False)
class Case:
    """A plan that was not refused, and tensors that fit it."""

    plan: Plan
    tensors: Mapping[str, Tensor]

    @property
    def spec(self) -> PlaneOperator:
        """The spec, with its seed."""
        return plane_spec(self.plan.spec)

    def run(self, device: Device = CPU) -> dict[str, Tensor]:
        """The worker's outputs on a device."""
        return run_plan(self.plan, self.tensors, device)

    def _repr_pretty_(self, printer: RepresentationPrinter, cycle: bool) -> None:
        """Print a failing case for hypothesis."""
        printer.text(repr(self))

    def __repr__(self) -> str:
        elements = ", ".join(f"{name}={tensor.array.tolist()}" for name, tensor in self.tensors.items())
        metadata = self.plan.inputs["input"]
        return f"{self.spec.name}({self.spec.field_values()}) of {metadata.dtype} {metadata.shape}: {elements}"


def element_types_of(member: type[PlaneOperator]) -> list[ElementType]:
    """The element types that an operator takes."""
    return [dtype for dtype in ELEMENT_TYPES.values() if dtype.kind in member.element_types]


def covered_types_of(member: type[PlaneOperator]) -> list[ElementType]:
    """Those with tests of their own in this run."""
    return covered_types(member.name, element_types_of(member))


def random_fields(random: Random, member: type[PlaneOperator], *, common: bool = True) -> Fields:
    """Random fields of a spec: mostly small, sometimes large, optional ones often left out.

    Args:
        random: chooses.
        member: the operator.
        common: whether fields that operators share are drawn, too, each in a fifth of the cases.
    """
    return {
        field.name: random_field_value(random, field, member.rank)
        for field in member.fields()
        if field.is_required or random.random() < (0.2 * common if field.is_common else 0.5)
    }


def random_field_value(random: Random, field: Field, rank: int) -> object:
    """A random JSON value that the field type accepts."""
    kind = field.field_type
    if field.default is None and random.random() < 0.2:
        return None
    if isinstance(kind, IntegerPerAxis):
        if random.random() < 0.4:
            return _random_size(random, kind.minimum)
        return [
            None if kind.allows_null and random.random() < 0.3 else _random_size(random, kind.minimum)
            for _ in range(rank)
        ]
    if isinstance(kind, PaddingPerAxis):
        return _random_padding(random, rank)
    if isinstance(kind, RatioPerAxis):
        one, *more = [random.choice((0.25, 0.5, 0.62, 0.9)) for _ in range(rank + 1)]
        return one if random.random() < 0.5 else more
    if isinstance(kind, Probability):
        return random.choice((0, 1, 0.5, 0.25, 0.9, 1 / 3, random.random()))
    if isinstance(kind, Flag):
        return random.random() < 0.5
    if isinstance(kind, Choice):
        return random.choice(kind.words)
    if isinstance(kind, IntegerChoice):
        return random.choice(kind.values)
    if isinstance(kind, IntegerList):
        lengths = range(1, 1 + min(random.randrange(1, 4), kind.longest))
        return [min(kind.maximum, _random_size(random, kind.minimum)) for _ in lengths]
    if isinstance(kind, Integer):
        near = [number for number in range(-5, 9) if kind.minimum <= number <= kind.maximum]
        number = random.choice([*near, kind.minimum, kind.maximum, kind.maximum // 3])
        return 1 if kind.nonzero and number == 0 else number
    if isinstance(kind, AnyNumber):
        return random.choice((0, 1, 1, 2, 3, -1, 255, 2**63, 0.5, "NaN", "Infinity", "-Infinity"))
    if isinstance(kind, Real):
        return random.choice((1, 2, 3.0, 0.5) if kind.least is not None else (1, 2, 3.0, 0.5, -1, -0.5))
    assert isinstance(kind, Power), f"add random values for {type(kind).__name__} here"
    return random.choice((1, 2, 2.0, 3, 0.5, -1, -2, 1.7, "Infinity", "-Infinity"))


def _random_padding(random: Random, rank: int) -> object:
    """Torch's forms in two thirds of the cases."""
    form = random.randrange(9)
    if form < 2:
        return _random_size(random, 0)
    if form < 6:
        return [_random_size(random, 0) for _ in range(rank)]
    if form == 6:
        return random.choice(PADDING_WORDS)
    return [[_random_size(random, 0), _random_size(random, 0)] for _ in range(rank)]


def _random_size(random: Random, minimum: int) -> int:
    if random.random() < 0.06:
        return random.choice((2**31 - 1, 2**30, 1000, 13))
    return minimum + min(random.randrange(4), random.randrange(4))


def random_shape(random: Random, rank: int) -> tuple[int, ...]:
    """``(N, C, *spatial)`` or ``(C, *spatial)``: few planes, sometimes none."""
    batch_shape = [random.choice((1, 1, 2, 3, 0)) for _ in range(random.choice((1, 2)))]
    longest = LONGEST[rank]
    return (*batch_shape, *(1 + max(random.randrange(longest), random.randrange(longest)) for _ in range(rank)))


STYLES: Final = ("plain", "ties", "special", "extreme")


def random_elements(random: Random, dtype: ElementType, shape: tuple[int, ...], style: str | None = None) -> Array:
    """Elements in their storage type: plain ones, ties, NaN with infinities and -0, or the type's extreme values."""
    style = style or random.choice(STYLES)
    rng = np.random.default_rng(random.getrandbits(32))
    if dtype.kind == "boolean":
        return rng.random(shape) < random.choice((0.05, 0.5, 0.95))
    if dtype.kind == "integer":
        least, most = integer_limits(dtype)
        low, high = (0, 4) if style == "ties" else (least, most)
        drawn = rng.integers(low, high, shape, dtype=dtype.storage, endpoint=True)
        if style == "extreme":
            ends = np.array([least, most, most - 1, 0], dtype=dtype.storage)
            return ends[rng.integers(0, len(ends), shape)]
        return drawn
    values = rng.standard_normal(shape) * random.choice((1.0, 100.0))
    if style == "ties":
        values = rng.integers(-1, 2, shape).astype(np.float64)
    elif style == "special":
        odd = np.array([math.nan, math.inf, -math.inf, -0.0, 0.0])
        values = np.where(rng.random(shape) < 0.3, odd[rng.integers(0, len(odd), shape)], values)
    elif style == "extreme":
        large = LARGEST[dtype.name]
        ends = np.array([large, -large, large / 2, SMALLEST[dtype.name], -math.inf, 0.0])
        values = ends[rng.integers(0, len(ends), shape)]
    return round_to_type(values, dtype)


def integer_limits(dtype: ElementType) -> tuple[int, int]:
    """The least and the greatest number of an integer type or of bool."""
    if dtype.kind == "boolean":
        return 0, 1
    bits = 8 * dtype.itemsize
    return (0, 2**bits - 1) if dtype.name.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


_FLOATS: Final = [dtype for dtype in ELEMENT_TYPES.values() if dtype.kind == "float"]
LARGEST: Final = {dtype.name: torch.finfo(torch_dtype(dtype)).max for dtype in _FLOATS}
SMALLEST: Final = {dtype.name: torch.finfo(torch_dtype(dtype)).tiny for dtype in _FLOATS}


def round_to_type(values: npt.NDArray[np.float64], dtype: ElementType) -> Array:
    """float64 numbers rounded to a float type, in its storage type; infinite beyond the type's largest number."""
    with np.errstate(over="ignore", invalid="ignore"):
        if dtype is BFLOAT16:
            return float32_to_bfloat16(values.astype(np.float32))
        return values.astype(dtype.storage)


def as_numbers(tensor: Tensor) -> Array:
    """The elements as numbers: bfloat16's bits are converted, other types are returned unchanged."""
    if tensor.dtype is BFLOAT16:
        return bfloat16_to_float32(tensor.array.view(np.uint16))
    return tensor.array


def settled_plan(spec: PlaneOperator, dtype: ElementType, shape: tuple[int, ...]) -> Plan:
    """The plan of a spec, with a seed, for an input of this type and shape. Raises as the service does."""
    inputs = {name: TensorMetadata(INT64 if name == "indices" else dtype, shape) for name in spec.inputs}
    return make_plan(spec.with_seed(), inputs, LIMITS)


def random_tensors(random: Random, plan: Plan, style: str | None = None) -> dict[str, Tensor]:
    """Random elements for every input of a plan; indices are within the output plane, some of them repeated."""
    tensors: dict[str, Tensor] = {}
    for name, metadata in plan.inputs.items():
        if name == "indices":
            plane = math.prod(plane_spec(plan.spec).spatial_out(spatial_of(plan)))
            rng = np.random.default_rng(random.getrandbits(32))
            array: Array = rng.integers(0, plane, metadata.shape, dtype=np.int64)
        else:
            array = random_elements(random, metadata.dtype, metadata.shape, style)
        tensors[name] = Tensor(metadata.dtype, array)
    try:
        plan.spec.check_elements(tensors)
    except Unprocessable:
        # Sums of large integers are refused.
        return random_tensors(random, plan, "ties")
    return tensors


def random_case(
    random: Random,
    member: type[PlaneOperator],
    dtype: ElementType | None = None,
    style: str | None = None,
    *,
    common: bool = True,
) -> Case | None:
    """A random case of an operator; None if twenty random requests in a row are refused. See :func:`random_fields`."""
    dtype = dtype or random.choice(element_types_of(member))
    for _ in range(20):
        try:
            spec = member.of(**random_fields(random, member, common=common))
            plan = settled_plan(spec, dtype, random_shape(random, member.rank))
        except Unprocessable:
            continue
        # An empty batch may have outputs of any size; they can be planned, but the oracle could not compute them.
        if plan.output_bytes <= 2**16 and max(max(each.shape) for each in plan.outputs.values()) <= 2**12:
            return Case(plan, random_tensors(random, plan, style))
    return None


seeded_randoms: Final = st.integers(0, 2**32 - 1).map(Random)
"""Random generators from a seed. If hypothesis makes every choice itself, it takes 30 times as long, only to find small
cases, which these cases are anyway."""


@st.composite
def cases(draw: st.DrawFn, member: type[PlaneOperator], dtype: ElementType | None = None) -> Case:
    """Cases of one operator, of one element type or of all types that it takes."""
    found = draw(seeded_randoms.map(lambda random: random_case(random, member, dtype)).filter(bool))
    assert found is not None
    return found


def similar_shape(plan: Plan, batch_shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of another input for the batch of a plan, with these N and C unless its batch key has C."""
    spec = plane_spec(plan.spec)
    if plan.plane_shape != spatial_of(plan):
        channels = math.prod(plan.plane_shape) // math.prod(spatial_of(plan))
        batch_shape = (*batch_shape[:-1], channels)
    return join_shape(batch_shape, spatial_of(plan), channels_last=spec.is_channels_last)


def oracle(case: Case) -> dict[str, list[Number]]:
    """Every output by ``Operator.reference``, plane after plane, flat."""
    spec, plan = case.spec, case.plan
    planes = as_numbers(case.tensors["input"]).reshape(planes_shape_of(plan))
    companions: Array | None = None
    if "indices" in case.tensors:
        companions = case.tensors["indices"].array.reshape(planes_shape_of(plan))
    else:
        for array in random_inputs_of(plan, 0, plan.planes).values():
            companions = array
    found: dict[str, list[Number]] = {name: [] for name in plan.outputs}
    for index, plane in enumerate(planes):
        columns = spec.reference(plane, None if companions is None else companions[index])
        for name, column in zip(found, columns, strict=True):
            found[name] += column
    return found
