"""Properties of every device: the results of the CPU, the same ones each time, without leaks of memory."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from random import Random
from typing import Final

import pytest
import torch

from poolhouse.backend.payload import Payload
from poolhouse.backend.torch_worker import TorchWorker
from poolhouse.batching.engine import Engine
from poolhouse.batching.fair_queue import Batch
from poolhouse.batching.memory import MemoryBudget
from poolhouse.dtypes import ELEMENT_TYPES, FLOAT32, INT64, ElementType
from poolhouse.errors import Unavailable
from poolhouse.operators.plan import make_plan
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.tensors import Tensor, TensorMetadata
from tests.batching.test_batch_equivalence import BatchSizeObserver
from tests.checked_requests import comparable_bits
from tests.devices import device_named, each_device
from tests.operators.random_cases import (
    CATALOGUE,
    COVERED,
    LIMITS,
    OPERATORS,
    STYLES,
    Case,
    as_numbers,
    covered_types_of,
    element_types_of,
    random_case,
    random_elements,
    random_tensors,
)
from tests.operators.tolerances import assert_equals_oracle, is_exact
from tests.run_level import Level, level

CASES_PER_STYLE: Final = {"cpu": 2, "cuda": 75}
"""Cases per operator, element type and style of elements; few where the CPU is compared with itself."""

PAIRS: Final = [(member, dtype) for member in COVERED for dtype in covered_types_of(member)]

each_pair: Final = pytest.mark.parametrize(
    ("member", "dtype"), PAIRS, ids=lambda value: getattr(value, "name", str(value))
)


def random_cases(member: type[PlaneOperator], dtype: ElementType, each: int) -> Iterator[Case]:
    """Cases that are not empty, the same in every run."""
    for style in STYLES:
        for number in range(each):
            random = Random(f"device {member.name} {dtype.name} {style} {number}")
            found: Case | None = None
            while found is None or found.plan.is_empty:
                found = random_case(random, member, dtype, style)
            yield found


@each_device
@each_pair
def test_a_device_gives_the_results_of_the_cpu(member: type[PlaneOperator], dtype: ElementType, device: str) -> None:
    """Selected or moved values have the same bits, also with NaN, ties and padding; sums agree within rounding."""
    target = device_named(device)
    for one in random_cases(member, dtype, CASES_PER_STYLE[device]):
        try:
            assert_equals_cpu(one, one.run(target))
        except Exception as failure:
            failure.add_note(repr(one)[:2000])
            raise


def assert_equals_cpu(one: Case, given: dict[str, Tensor]) -> None:
    """Fail if the outputs of a device are not those of the CPU."""
    expected = one.run()
    if comparable_bits(given) == comparable_bits(expected):
        return
    assert not is_exact(one.spec), (as_numbers(given["output"]), as_numbers(expected["output"]))
    assert given["output"].dtype.kind == "float", (given["output"].array, expected["output"].array)
    # Both are close to the exact result, and may be rounded in different directions.
    assert_equals_oracle(one, given)


def use_cuda_code_paths(patch: pytest.MonkeyPatch) -> None:
    for name, module in list(sys.modules.items()):
        if name.startswith("poolhouse.operators.") and hasattr(module, "is_on_cpu"):
            patch.setattr(module, "is_on_cpu", lambda _: False)


@each_pair
def test_the_code_paths_for_cuda_are_correct_on_the_cpu(
    member: type[PlaneOperator], dtype: ElementType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So they are tested without CUDA, against the oracle; only CUDA's own kernels are not."""
    use_cuda_code_paths(monkeypatch)
    for one in random_cases(member, dtype, 2):
        try:
            assert_equals_oracle(one, one.run())
        except Exception as failure:
            failure.add_note(repr(one)[:2000])
            raise


@each_device
@pytest.mark.parametrize("member", COVERED, ids=lambda member: member.name)
def test_the_same_request_has_the_same_result_every_time(member: type[PlaneOperator], device: str) -> None:
    """Kernels that add with atomic operations would give different results for the same request."""
    target = device_named(device)
    found = next(one for one in random_cases(member, element_types_of(member)[-1], 9) if one.plan.planes > 1)
    first = comparable_bits(found.run(target))

    assert all(comparable_bits(found.run(target)) == first for _ in range(100))


EXTREME_SHAPES: Final[dict[str, tuple[str, tuple[int, ...], dict[str, object]]]] = {
    "more planes than a grid axis": ("max_pool2d", (70_001, 2, 3), {"kernel_size": 2}),
    "more 1d planes than a grid axis": ("max_pool1d", (65_537, 5), {"kernel_size": 2, "return_indices": True}),
    "more 3d planes than a grid axis": ("max_pool3d", (65_536, 2, 2, 2), {"kernel_size": 2, "return_indices": True}),
    "more 3d averages": ("avg_pool3d", (65_537, 2, 2, 2), {"kernel_size": 2}),
    "more adaptive averages": ("adaptive_avg_pool3d", (65_537, 3, 2, 2), {"output_size": 2}),
    "more adaptive maxima": ("adaptive_max_pool2d", (131_073, 3, 2), {"output_size": 2, "return_indices": True}),
    "more global planes": ("global_avg_pool2d", (65_537, 3, 2), {}),
    "more norms": ("lp_pool2d", (65_537, 2, 2), {"norm_type": 2, "kernel_size": 2}),
    "more fractional planes": (
        "fractional_max_pool2d",
        (65_537, 3, 3),
        {"kernel_size": 2, "output_size": 2, "seed": 5},
    ),
    "more unpooled planes": ("max_unpool2d", (65_537, 1, 2), {"kernel_size": 2}),
    "a plane of 16 million": ("max_pool2d", (1, 4096, 4096), {"kernel_size": 3, "stride": 2, "padding": 1}),
    "a large plane, a large window": ("max_pool2d", (1, 1500, 1500), {"kernel_size": 65, "stride": 1, "padding": 32}),
    "the average of a large plane": ("global_avg_pool2d", (2, 2048, 2048), {}),
    "a window of many terms": ("avg_pool2d", (3, 40, 50), {"kernel_size": 13, "stride": 1, "padding": 6}),
    "a long 1d window": ("avg_pool1d", (4, 1000), {"kernel_size": 200, "stride": 3, "count_include_pad": False}),
    "a large 3d window": ("avg_pool3d", (2, 12, 12, 12), {"kernel_size": 6, "ceil_mode": True, "divisor_override": -7}),
    "large adaptive windows": ("adaptive_avg_pool2d", (3, 60, 70), {"output_size": 3}),
    "a window larger than its plane": ("avg_pool3d", (2, 3, 12, 12), {"kernel_size": [5, 6, 6], "padding": [1, 0, 0]}),
    "a long axis": ("avg_pool1d", (1, 8_388_608), {"kernel_size": 2}),
    "a long axis with adaptive maxima": ("adaptive_max_pool1d", (2, 30_011), {"output_size": 20_011}),
    "a long axis with adaptive averages": ("adaptive_avg_pool1d", (2, 30_011), {"output_size": 20_011}),
    "a long 3d axis with adaptive averages": (
        "adaptive_avg_pool3d",
        (1, 30_011, 1, 2),
        {"output_size": [20_011, 1, 2]},
    ),
    "more rows than a grid": ("max_pool3d", (1, 1, 600_000, 2), {"kernel_size": 1, "stride": [1, 1, 2]}),
    "more rows to average": ("avg_pool3d", (1, 1, 600_000, 2), {"kernel_size": [1, 1, 2]}),
    "a 3d plane of one row": ("max_pool3d", (3, 1, 1, 70_000), {"kernel_size": [1, 1, 7], "stride": 1}),
    "a span beyond 32 bits": (
        "max_pool2d",
        (2, 5, 7),
        {"kernel_size": 2, "dilation": 2**31 - 1, "stride": 2**31 - 1, "ceil_mode": True, "return_indices": True},
    ),
    "a divisor beyond 32 bits": ("avg_pool2d", (2, 4, 4), {"kernel_size": 2, "divisor_override": 2**32}),
    "a negative divisor beyond 32 bits": (
        "avg_pool3d",
        (2, 4, 4, 4),
        {"kernel_size": 2, "divisor_override": -(2**40) - 1},
    ),
}


QUICK_TYPES: Final = ("float32", "bfloat16", "float64", "uint8")


def is_quick_extreme(at: int, number: int, device: str) -> bool:
    """The quick run has one type for each shape on the CPU, in turn, and these four on CUDA."""
    return number == (at + (device == "cpu")) % len(QUICK_TYPES) or (device == "cuda" and number < len(QUICK_TYPES))


def extreme_marks(at: int, number: int, device: str) -> list[pytest.MarkDecorator]:
    is_quick = is_quick_extreme(at, number, device)
    return [*([pytest.mark.gpu] if device == "cuda" else []), *([] if is_quick else [pytest.mark.slow])]


EXTREME_CASES: Final = [
    pytest.param(named, dtype, device, marks=extreme_marks(at, number, device))
    for at, named in enumerate(EXTREME_SHAPES)
    for number, dtype in enumerate((*QUICK_TYPES, "uint16", "uint64"))
    for device in ("cpu", "cuda paths on cpu", "cuda")
    # The CPU compared with itself, whose results of ordinary shapes are compared a hundred times above.
    if device != "cpu" or level() is Level.EXHAUSTIVE or is_quick_extreme(at, number, device)
]


@pytest.mark.parametrize(("named", "dtype", "device"), EXTREME_CASES)
def test_extreme_shapes_give_the_results_of_the_cpu(named: str, dtype: str, device: str) -> None:
    """Beyond the limits of grids, 32-bit counters and float32 positions, other code paths are used."""
    name, shape, fields = EXTREME_SHAPES[named]
    member = CATALOGUE.find(name)
    inputs = {
        each: TensorMetadata(INT64 if each == "indices" else ELEMENT_TYPES[dtype], shape) for each in member.inputs
    }
    plan = make_plan(member.of(**fields).with_seed(), inputs, LIMITS)
    random = Random(named)
    one = Case(plan, random_tensors(random, plan, "plain") | {"input": plain_tensor(random, plan.inputs["input"])})

    with pytest.MonkeyPatch.context() as patch:
        if device == "cuda paths on cpu":
            use_cuda_code_paths(patch)
        given = one.run(device_named("cuda" if device == "cuda" else "cpu"))

    assert_equals_cpu(one, given)


def plain_tensor(random: Random, metadata: TensorMetadata) -> Tensor:
    return Tensor(metadata.dtype, random_elements(random, metadata.dtype, metadata.shape, "plain"))


def square_case(planes: int, side: int) -> Case:
    """Maxima with indices; one input element needs about five more bytes on a device."""
    metadata = TensorMetadata(FLOAT32, (planes, side, side))
    plan = make_plan(CATALOGUE.find("max_pool2d").of(kernel_size=2, return_indices=True), {"input": metadata}, LIMITS)
    return Case(plan, {"input": plain_tensor(Random(side), metadata)})


@pytest.fixture
def limited_memory() -> Iterator[int]:
    """Limit torch to 48 MiB of GPU memory; free its cache before and after."""
    limit = 48 * 2**20
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(limit / torch.cuda.mem_get_info()[1], 0)
    yield limit
    torch.cuda.set_per_process_memory_fraction(1.0, 0)
    torch.cuda.empty_cache()


class HalvingObserver(BatchSizeObserver):
    """Also counts the batches that were halved."""

    def __init__(self) -> None:
        super().__init__()
        self.halved = 0

    def event_occurred(self, what: str) -> None:
        self.halved += what == "halved"


@pytest.mark.gpu
@pytest.mark.usefixtures("limited_memory")
def test_a_batch_too_large_for_gpu_memory_is_halved_or_refused() -> None:
    """Lack of memory costs time and, at worst, the request that never fits; the next one succeeds."""
    halved, never, after = square_case(40, 512), square_case(1, 4096), square_case(1, 16)
    observer = HalvingObserver()

    results = asyncio.run(pool_sequentially([halved, never, after], observer))

    assert isinstance(results[1], Unavailable)
    assert results[1].code == "overloaded"
    for one, result in ((halved, results[0]), (after, results[2])):
        assert isinstance(result, dict)
        assert comparable_bits(result) == comparable_bits(one.run())
    assert observer.halved >= 1


async def pool_sequentially(cases: list[Case], observer: BatchSizeObserver) -> list[dict[str, Tensor] | Exception]:
    """Pool each case in an engine with one CUDA device; returns the outputs or the error."""
    engine: Engine[Payload] = Engine([("cuda:0", TorchWorker(device_named("cuda")))], observer=observer)
    memory_budget, results = MemoryBudget(2**40), list[dict[str, Tensor] | Exception]()
    for one in cases:
        payload, lease = Payload(one.plan, one.tensors), memory_budget.reserve(1)
        assert lease is not None
        try:
            await engine.submit(payload.make_job(), lease, one.spec.name)
            results.append(payload.output_tensors())
        except Unavailable as error:
            results.append(error)
        lease.release()
    await engine.stop()
    assert (memory_budget.lease_count, engine.device_states()) == (0, {"cuda:0": "ready"})
    return results


@pytest.mark.gpu
def test_no_operator_leaks_gpu_memory() -> None:
    """A leak of a few bytes per request would end the service within days."""
    worker = TorchWorker(device_named("cuda"))
    cases = [one for member in OPERATORS for one in random_cases(member, element_types_of(member)[-1], 2)]
    held = []

    for _ in range(4):
        for one in cases:
            worker.run(Batch((Payload(one.plan, one.tensors).make_job().whole_slice(),), "idle"))
        held.append((torch.cuda.memory_allocated(), torch.cuda.memory_reserved()))

    assert held[2] == held[3]
    assert held[3][0] == 0
