"""Cases to draw for any operator of the catalogue, from its declaration alone.

Every choice is made by a ``random.Random``: hypothesis gives its seed, and the bulk comparison with torch counts
them. A new operator is covered without an edit here as long as its fields are of the
declared kinds and its inputs are called as ours are.
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
from poolhouse.operators.catalogue import discover
from poolhouse.operators.fields import Field, Flag, Integer, IntegerPerAxis, Power, RatioPerAxis
from poolhouse.operators.operator import Number, Operator
from poolhouse.operators.plan import Limits, Plan, make_plan
from poolhouse.tensors import Tensor, TensorMetadata

CATALOGUE: Final = discover()
OPERATORS: Final = tuple(CATALOGUE)
LIMITS: Final = Limits(max_output_bytes=2**30, max_steps=50_000_000_000)
CPU: Final = Device("cpu", "", None)

Array = npt.NDArray[np.generic]
Fields = dict[str, object]

LONGEST: Final = {1: 12, 2: 8, 3: 5}
"""The longest axis drawn, by rank: what the plain-Python oracle works out in a few milliseconds."""


@dataclass(frozen=True, eq=False)
class Case:
    """A plan that was not refused, and tensors that fit it."""

    plan: Plan
    tensors: Mapping[str, Tensor]

    @property
    def spec(self) -> Operator:
        """The settled spec."""
        return self.plan.spec

    def run(self, device: Device = CPU) -> dict[str, Tensor]:
        """What the worker answers on a device."""
        return run_plan(self.plan, self.tensors, device)

    def _repr_pretty_(self, printer: RepresentationPrinter, cycle: bool) -> None:
        """What hypothesis prints of a failing case."""
        printer.text(repr(self))

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={tensor.array.tolist()}" for name, tensor in self.tensors.items())
        metadata = self.plan.inputs["input"]
        return f"{self.spec.name}({self.spec.field_values()}) of {metadata.dtype} {metadata.shape}: {told}"


def element_types_of(member: type[Operator]) -> list[ElementType]:
    """The element types that an operator takes."""
    return [dtype for dtype in ELEMENT_TYPES.values() if dtype.kind in member.element_types]


def random_fields(random: Random, member: type[Operator]) -> Fields:
    """Fields of one spec: mostly small, sometimes large, often left out where they may be."""
    return {
        field.name: random_field_value(random, field, member.rank)
        for field in member.fields()
        if field.is_required or random.random() < 0.5
    }


def random_field_value(random: Random, field: Field, rank: int) -> object:
    """A JSON value that the field's kind accepts."""
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
    if isinstance(kind, RatioPerAxis):
        one, *more = [random.choice((0.25, 0.5, 0.62, 0.9)) for _ in range(rank + 1)]
        return one if random.random() < 0.5 else more
    if isinstance(kind, Flag):
        return random.random() < 0.5
    if isinstance(kind, Integer):
        near = [number for number in range(-5, 9) if kind.minimum <= number <= kind.maximum]
        number = random.choice([*near, kind.minimum, kind.maximum, kind.maximum // 3])
        return 1 if kind.nonzero and number == 0 else number
    assert isinstance(kind, Power), f"say here how to draw a {type(kind).__name__}"
    return random.choice((1, 2, 2.0, 3, 0.5, -1, -2, 1.7, "Infinity", "-Infinity"))


def _random_size(random: Random, minimum: int) -> int:
    if random.random() < 0.06:
        return random.choice((2**31 - 1, 2**30, 1000, 13))
    return minimum + min(random.randrange(4), random.randrange(4))


def random_shape(random: Random, rank: int) -> tuple[int, ...]:
    """``(N, C, *spatial)`` or ``(C, *spatial)``: few planes, now and then none."""
    lead = [random.choice((1, 1, 2, 3, 0)) for _ in range(random.choice((1, 2)))]
    longest = LONGEST[rank]
    return (*lead, *(1 + max(random.randrange(longest), random.randrange(longest)) for _ in range(rank)))


STYLES: Final = ("plain", "ties", "special", "extreme")


def random_elements(random: Random, dtype: ElementType, shape: tuple[int, ...], style: str | None = None) -> Array:
    """Elements in their storage type: plain ones, ties, NaN with infinities and minus zero, or the type's extremes."""
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
    """The least and the greatest number of an integer type, and of bool."""
    if dtype.kind == "boolean":
        return 0, 1
    bits = 8 * dtype.itemsize
    return (0, 2**bits - 1) if dtype.name.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


_FLOATS: Final = [dtype for dtype in ELEMENT_TYPES.values() if dtype.kind == "float"]
LARGEST: Final = {dtype.name: torch.finfo(torch_dtype(dtype)).max for dtype in _FLOATS}
SMALLEST: Final = {dtype.name: torch.finfo(torch_dtype(dtype)).tiny for dtype in _FLOATS}


def round_to_type(values: npt.NDArray[np.float64], dtype: ElementType) -> Array:
    """float64 numbers as the nearest of a float type, in its storage; beyond the largest they are infinite."""
    with np.errstate(over="ignore", invalid="ignore"):
        if dtype is BFLOAT16:
            return float32_to_bfloat16(values.astype(np.float32))
        return values.astype(dtype.storage)


def as_numbers(tensor: Tensor) -> Array:
    """The elements as numbers: bfloat16's bits are read, everything else is as it is held."""
    if tensor.dtype is BFLOAT16:
        return bfloat16_to_float32(tensor.array.view(np.uint16))
    return tensor.array


def settled_plan(spec: Operator, dtype: ElementType, shape: tuple[int, ...]) -> Plan:
    """The plan of a spec for an input of this type and shape; refuses as the service does."""
    inputs = {name: TensorMetadata(INT64 if name == "indices" else dtype, shape) for name in spec.inputs}
    return make_plan(spec.with_seed(), inputs, LIMITS)


def random_tensors(random: Random, plan: Plan, style: str | None = None) -> dict[str, Tensor]:
    """Elements for every input of a plan; indices lie within the output's plane, some of them twice."""
    tensors: dict[str, Tensor] = {}
    for name, metadata in plan.inputs.items():
        if name == "indices":
            plane = math.prod(plan.outputs["output"].shape[-plan.spec.rank :])
            rng = np.random.default_rng(random.getrandbits(32))
            array: Array = rng.integers(0, plane, metadata.shape, dtype=np.int64)
        else:
            array = random_elements(random, metadata.dtype, metadata.shape, style)
        tensors[name] = Tensor(metadata.dtype, array)
    return tensors


def random_case(
    random: Random, member: type[Operator], dtype: ElementType | None = None, style: str | None = None
) -> Case | None:
    """One case of an operator, or None where what was drawn is refused, as some of it must be."""
    dtype = dtype or random.choice(element_types_of(member))
    for _ in range(20):
        try:
            plan = settled_plan(member.of(**random_fields(random, member)), dtype, random_shape(random, member.rank))
        except Unprocessable:
            continue
        # An empty batch may have outputs of any size; those are planned, but nobody's oracle.
        if plan.output_bytes <= 2**16 and max(plan.outputs["output"].shape) <= 2**12:
            return Case(plan, random_tensors(random, plan, style))
    return None


seeded_randoms: Final = st.integers(0, 2**32 - 1).map(Random)
"""A source of choices. By seed: hypothesis can also make every choice itself, and then takes 30 times as long to
find what is small by design."""


@st.composite
def cases(draw: st.DrawFn, member: type[Operator], dtype: ElementType | None = None) -> Case:
    """Cases of one operator, of one element type or of all that it takes."""
    found = draw(seeded_randoms.map(lambda random: random_case(random, member, dtype)).filter(bool))
    assert found is not None
    return found


def oracle(case: Case) -> dict[str, list[Number]]:
    """Every output as ``reference`` gives it, plane after plane, flat."""
    spec, plan = case.spec, case.plan
    planes = as_numbers(case.tensors["input"]).reshape(plan.planes, *plan.spatial)
    beside: Array | None = None
    if "indices" in case.tensors:
        beside = case.tensors["indices"].array.reshape(plan.planes, *plan.spatial)
    else:
        for drawn in spec.random_inputs(plan.planes).values():
            beside = drawn
    found: dict[str, list[Number]] = {name: [] for name in plan.outputs}
    for index, plane in enumerate(planes):
        columns = spec.reference(plane, None if beside is None else beside[index])
        for name, column in zip(found, columns, strict=True):
            found[name] += column
    return found
