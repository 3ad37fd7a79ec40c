"""Random requests of the operators that pool regions: inputs that fit, and fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from poolhouse.backend.devices import Device
from poolhouse.backend.torch_worker import run_plan
from poolhouse.dtypes import BFLOAT16, ELEMENT_TYPES, ElementType, bfloat16_to_float32, float64_to_bfloat16
from poolhouse.operators.catalogue import discover
from poolhouse.operators.numbers import Number
from poolhouse.operators.operator import Operator
from poolhouse.operators.plan import Limits, Plan, make_plan
from poolhouse.operators.region_operator import RegionOperator
from poolhouse.operators.token_regions import MODES
from poolhouse.tensors import Tensor

Array = npt.NDArray[np.generic]
Fields = dict[str, object]

CATALOGUE: Final = discover()
REGION_OPERATORS: Final = tuple(member for member in CATALOGUE if issubclass(member, RegionOperator))
FLOATS: Final = ("float32", "float64", "float16", "bfloat16")
LIMITS: Final = Limits(max_output_bytes=2**30, max_steps=50_000_000_000)
CPU: Final = Device("cpu", "", None)


@dataclass(frozen=True)
class RegionCase:
    """A plan that was not refused, and tensors that fit it."""

    plan: Plan
    tensors: Mapping[str, Tensor]

    @property
    def spec(self) -> Operator:
        """The spec."""
        return self.plan.spec

    def run(self) -> dict[str, Tensor]:
        """The worker's outputs."""
        return run_plan(self.plan, self.tensors, CPU)

    def reference(self) -> Mapping[str, list[Number]]:
        """The outputs in plain Python."""
        spec = self.plan.spec
        assert isinstance(spec, RegionOperator)
        return spec.reference({name: as_numbers(tensor) for name, tensor in self.tensors.items()})


def as_numbers(tensor: Tensor) -> Array:
    """The elements as numbers that numpy knows."""
    return bfloat16_to_float32(tensor.array.view(np.uint16)) if tensor.dtype is BFLOAT16 else tensor.array


def tensor_of(name: str, array: Array) -> Tensor:
    """Numbers as a tensor of an element type."""
    dtype: ElementType = ELEMENT_TYPES[name]
    if dtype is BFLOAT16:
        return Tensor(dtype, float64_to_bfloat16(array.astype(np.float64)))
    with np.errstate(over="ignore"):
        return Tensor(dtype, np.ascontiguousarray(array.astype(dtype.storage)))


def random_values(random: Random, shape: tuple[int, ...], *, odd: bool = True) -> Array:
    """Numbers with ties; sometimes also NaN and infinities."""
    rng = np.random.default_rng(random.getrandbits(32))
    values = np.round(rng.normal(0, 3, shape), random.choice((0, 1, 5)))
    if odd and random.random() < 0.2 and values.size:
        values.reshape(-1)[rng.integers(0, values.size, 2)] = rng.choice([np.nan, np.inf, -np.inf], 2)
    return values


def _token_fields(random: Random, width: int) -> Fields:
    modes = random.sample(MODES, random.randint(1, 4))
    return {
        "modes": modes,
        "truncate": random.choice((None, None, random.randint(1, width))),
        "normalize": random.choice(("none", "none", "l2")),
        "concat": random.random() < 0.7,
        "empty": "zero",
    }


def _with_mask(random: Random, rows: tuple[int, ...], modes: object, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    rng = np.random.default_rng(random.getrandbits(32))
    if random.random() < 0.6:
        tensors["mask"] = tensor_of(random.choice(("int64", "bool", "uint8")), rng.random(rows) < 0.6)
    assert isinstance(modes, list)
    if "weighted" in modes:
        tensors["weights"] = tensor_of(random.choice(FLOATS), rng.uniform(0.1, 2, rows))
    return tensors


def token_pool(random: Random, dtype: str) -> tuple[dict[str, Tensor], Fields]:
    """Padded rows, one row, or rows of different lengths."""
    width, form = random.choice((1, 3, 8)), random.choice(("padded", "row", "ragged"))
    fields = _token_fields(random, width)
    tensors: dict[str, Tensor] = {}
    if form == "ragged":
        lengths = [random.choice((0, 1, 5, 40)) for _ in range(random.randint(1, 4))]
        rows: tuple[int, ...] = (sum(lengths),)
        tensors["offsets"] = tensor_of("int64", np.cumsum([0, *lengths]))
    else:
        rows = (random.randint(1, 3), random.choice((1, 7, 37))) if form == "padded" else (random.choice((1, 20)),)
    tensors["input"] = tensor_of(dtype, random_values(random, (*rows, width)))
    return _with_mask(random, rows, fields["modes"], tensors), fields


def span_pool(random: Random, dtype: str) -> tuple[dict[str, Tensor], Fields]:
    """Overlapping, repeated and empty spans of one row or of several."""
    width, tokens = random.choice((1, 3, 8)), random.choice((1, 20, 90))
    rows = (random.randint(1, 3), tokens) if random.random() < 0.5 else (tokens,)
    fields = _token_fields(random, width)
    spans = []
    for _ in range(random.randint(1, 6)):
        begin, end = sorted(random.randint(0, tokens) for _ in range(2))
        spans.append([random.randrange(rows[0]), begin, end] if len(rows) == 2 else [begin, end])
    tensors = {
        "input": tensor_of(dtype, random_values(random, (*rows, width))),
        "spans": tensor_of("int64", np.array(spans)),
    }
    return _with_mask(random, rows, fields["modes"], tensors), fields


def segment_pool(random: Random, dtype: str) -> tuple[dict[str, Tensor], Fields]:
    """Segments in any order, some without a row, or offsets."""
    rows, rest = random.choice((0, 1, 12, 60)), random.choice(((), (3,), (2, 2)))
    reduce = random.choice(("sum", "mean", "max", "min", "mul", "median", "var", "std", "softmax", "logsumexp"))
    fields: Fields = {"reduce": reduce}
    if reduce in ("max", "min"):
        fields["return_indices"] = random.random() < 0.5
    if reduce in ("var", "std"):
        fields["correction"] = random.choice((0, 1))
    if random.random() < 0.3:
        fields["empty_value"] = -2.5
    tensors = {"input": tensor_of(dtype, random_values(random, (rows, *rest), odd=reduce not in ("mul", "var", "std")))}
    count = random.choice((1, 4, 9))
    if random.random() < 0.5:
        borders = sorted(random.randint(0, rows) for _ in range(count - 1))
        tensors["offsets"] = tensor_of("int64", np.array([0, *borders, rows]))
    else:
        tensors["segments"] = tensor_of("int64", np.array([random.randrange(count) for _ in range(rows)], np.int64))
        fields["num_segments"] = count
    return tensors, fields


def _boxes(random: Random, dtype: str) -> tuple[dict[str, Tensor], Fields]:
    images, channels = random.randint(1, 2), random.choice((1, 3))
    height, width = random.choice((1, 6)), random.choice((1, 9))
    count = random.randint(1, 5)
    corners = np.array([[random.uniform(-4, 14) for _ in range(4)] for _ in range(count)])
    numbers = np.array([random.randrange(images) for _ in range(count)])
    tensors = {"input": tensor_of(dtype, random_values(random, (images, channels, height, width), odd=False))}
    if random.random() < 0.5:
        tensors["boxes"] = tensor_of("float32", np.column_stack((numbers, corners)))
    else:
        tensors |= {"boxes": tensor_of("float64", corners), "batch_indices": tensor_of("int64", numbers)}
    size = random.choice((1, 3, [2, 4]))
    return tensors, {"output_size": size, "spatial_scale": random.choice((1.0, 0.5, 0.25))}


def roi_align(random: Random, dtype: str) -> tuple[dict[str, Tensor], Fields]:
    """Boxes inside and outside of the input, with and without area."""
    tensors, fields = _boxes(random, dtype)
    fields |= {
        "sampling_ratio": random.choice((-1, 0, 1, 2)),
        "aligned": random.random() < 0.5,
        "mode": random.choice(("avg", "max")),
    }
    return tensors, fields


def roi_pool(random: Random, dtype: str) -> tuple[dict[str, Tensor], Fields]:
    """As :func:`roi_align`."""
    return _boxes(random, dtype)


def onnx_roi_align(random: Random, dtype: str) -> tuple[dict[str, Tensor], Fields]:
    """The same by the names of ONNX."""
    while "batch_indices" not in (drawn := roi_align(random, dtype))[0]:
        pass
    tensors, fields = drawn
    tensors["rois"] = tensors.pop("boxes")
    return tensors, {
        "output_height": random.choice((1, 3)),
        "output_width": random.choice((1, 2)),
        "sampling_ratio": random.choice((0, 2)),
        "spatial_scale": fields["spatial_scale"],
        "mode": fields["mode"],
        "coordinate_transformation_mode": random.choice(("half_pixel", "output_half_pixel")),
    }


def onnx_max_roi_pool(random: Random, dtype: str) -> tuple[dict[str, Tensor], Fields]:
    """The same by the names of ONNX."""
    while "batch_indices" in (drawn := roi_pool(random, dtype))[0]:
        pass
    tensors, fields = drawn
    tensors["rois"] = tensors.pop("boxes")
    return tensors, {"pooled_shape": fields["output_size"], "spatial_scale": fields["spatial_scale"]}


MAKERS: Final[Mapping[str, Callable[[Random, str], tuple[dict[str, Tensor], Fields]]]] = {
    "token_pool": token_pool,
    "span_pool": span_pool,
    "segment_pool": segment_pool,
    "roi_align": roi_align,
    "roi_pool": roi_pool,
    "onnx.RoiAlign": onnx_roi_align,
    "onnx.MaxRoiPool": onnx_max_roi_pool,
}


def random_case(random: Random, name: str, dtype: str) -> RegionCase:
    """A random request of an operator."""
    tensors, fields = MAKERS[name](random, dtype)
    plan = make_plan(
        CATALOGUE.find(name).of(**fields), {each: tensor.metadata for each, tensor in tensors.items()}, LIMITS
    )
    return RegionCase(plan, tensors)


def pool_arrays(name: str, arrays: Mapping[str, Array], **fields: object) -> dict[str, npt.NDArray[Any]]:
    """The outputs for arrays of numpy's types, checked as a request."""
    tensors = {each: Tensor(ELEMENT_TYPES[array.dtype.name], array) for each, array in arrays.items()}
    spec = CATALOGUE.find(name).of(**fields)
    plan = make_plan(spec, {each: tensor.metadata for each, tensor in tensors.items()}, LIMITS)
    plan.spec.check_elements(tensors)
    return {each: tensor.array for each, tensor in RegionCase(plan, tensors).run().items()}
