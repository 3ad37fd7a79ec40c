"""Traces: what they report is what was pooled, for every operator, and they stay within their bounds."""

from __future__ import annotations

import itertools
import math
import tracemalloc
from random import Random
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given

from poolhouse.dtypes import ELEMENT_TYPES, FLOAT32
from poolhouse.errors import TooLarge
from poolhouse.operators.catalogue import discover
from poolhouse.operators.plan import Limits, Plan, make_plan
from poolhouse.operators.window_operator import WindowOperator
from poolhouse.tensors import Tensor, TensorMetadata
from poolhouse.trace import (
    MAX_INPUT_ELEMENTS,
    MAX_OUTPUT_ELEMENTS,
    MAX_POSITIONS,
    check_traceable,
    trace_bytes,
)
from tests.hypothesis_profiles import is_thorough, scaled_examples
from tests.operators import random_cases, region_cases
from tests.operators.random_cases import COVERED, Case, oracle, random_case, seeded_randoms
from tests.operators.tolerances import assert_equals_oracle
from tests.traced_cases import Card, numbers_of, trace, window_of

CATALOGUE = discover()
LIMITS = Limits(max_output_bytes=2**40, max_steps=2**60)
_MOST_POSITIONS = 20_000
"""Of a random trace: the reference, in plain Python, takes a second for them."""
PLANE_NAMES = [member.name for member in COVERED]


def plan_of(name: str, shape: tuple[int, ...], dtype: str = "float32", **fields: Any) -> Plan:
    """The plan of an operator for one input."""
    inputs = {"input": TensorMetadata(ELEMENT_TYPES[dtype], shape)}
    return make_plan(CATALOGUE.find(name).of(**fields), inputs, LIMITS)


def traced_case(random: Random, name: str) -> tuple[Case, dict[str, Tensor], Card]:
    """A random request that is small enough, its outputs and its trace."""
    member = next(each for each in COVERED if each.name == name)
    most = _MOST_POSITIONS if is_thorough() else _MOST_POSITIONS // 10
    while True:
        case = random_case(random, member)
        if case is None:
            continue
        if not case.plan.is_empty and case.plan.spec.traced_positions(case.plan.inputs) > most:
            continue
        try:
            outputs = case.run()
            return case, outputs, trace(case.plan, case.tensors, outputs)
        except TooLarge:
            continue


def check_elements(plan: Plan, tensors: dict[str, Tensor], outputs: dict[str, Tensor], card: Card) -> None:
    """Fail unless each element of the outputs has its place, its positions and its results."""
    every = {**outputs, **tensors}
    traced = plan.spec.traced_outputs()
    expected = [(name, list(index)) for name in traced for index in np.ndindex(*outputs[name].shape)]
    assert [(each["output"], each["index"]) for each in card["elements"]] == expected
    for each in card["elements"]:
        source = random_cases.as_numbers(every[each["of"]])
        assert len(each["positions"]) == len(each["values"]) == len(each["counted"])
        assert each["weights"] is None or len(each["weights"]) == len(each["positions"])
        found = [source[tuple(place)].tolist() for place in each["positions"]]
        assert str(numbers_of(each["values"], every[each["of"]].dtype)) == str(found)
        for name, value in each["results"].items():
            result = random_cases.as_numbers(outputs[name])[tuple(each["index"])].tolist()
            assert str(numbers_of([value], outputs[name].dtype)) == str([result])
        assert each["arithmetic"]


def check_results(case: Case, outputs: dict[str, Tensor], card: Card) -> None:
    """A reader can look up every number of a trace in the input and in the outputs."""
    check_elements(case.plan, dict(case.tensors), outputs, card)
    assert_equals_oracle(case, outputs)


def check_windows(case: Case, outputs: dict[str, Tensor], card: Card) -> None:
    """The window of a trace is the window that was pooled: its elements, its padding, and nothing else."""
    spec, dtype = case.spec, case.plan.inputs["input"].dtype
    expected = oracle(case)
    parts = {part.name: part for part in getattr(spec, "parts", ())}
    assert isinstance(spec, WindowOperator)

    for each in card["elements"]:
        if spec.pools_samples:
            assert parts
            continue
        place = int(np.ravel_multi_index(each["index"], outputs["output"].shape)) if each["index"] else 0
        found = spec.for_elements(dtype).of_window(window_of(card, each, dtype))
        assert [str(number) for number in found] == [str(expected[output][place]) for output in each["results"]]


def check_winners(case: Case, card: Card) -> None:
    """It is ringed on the page, beside its value."""
    for each in card["elements"]:
        if each["winner"] is None:
            continue
        assert each["counted"][each["winner"]]
        taken, result = each["values"][each["winner"]], each["results"][each["output"]]
        if getattr(case.spec, "norm_type", 1.0) in (math.inf, -math.inf):
            taken, result = abs(float(taken)), abs(float(result))
            if case.plan.inputs["input"].dtype.kind != "float":
                # A norm of integers is rounded to float32.
                taken, result = np.float32(taken), np.float32(result)
        assert str(float(taken)) == str(float(result))
        if "indices" in each["results"] and case.spec.name.startswith(("max", "min", "adaptive", "global", "frac")):
            axes = card["spatial_axes"]["input"]
            place = [each["positions"][each["winner"]][axis] for axis in axes]
            spatial = [card["inputs"]["input"]["shape"][axis] for axis in axes]
            assert int(np.ravel_multi_index(place, spatial)) == each["results"]["indices"]


def check_bounds(case: Case, card: Card) -> None:
    """Otherwise a small request could list billions of them before it is refused."""
    listed = sum(len(each["positions"]) for each in card["elements"])

    counted = 0 if case.plan.is_empty else case.plan.spec.traced_positions(case.plan.inputs)

    assert listed <= counted <= MAX_POSITIONS
    assert trace_bytes(case.plan) >= 256 * listed
    if case.spec.name.startswith(("max_pool", "adaptive_max", "global", "frac", "blur", "avg_pool")):
        assert listed == counted


@pytest.mark.parametrize("name", PLANE_NAMES)
@scaled_examples(25)
@given(random=seeded_randoms)
def test_a_trace_shows_how_the_outputs_came_about(name: str, random: Random) -> None:
    """Every number of it can be looked up in the input and in the outputs, and follows from what is shown."""
    case, outputs, card = traced_case(random, name)

    check_results(case, outputs, card)
    if isinstance(case.spec, WindowOperator):
        check_windows(case, outputs, card)
    check_winners(case, card)
    check_bounds(case, card)


@pytest.mark.parametrize(
    "name", [member.name for member in region_cases.REGION_OPERATORS if member.name in region_cases.MAKERS]
)
@scaled_examples(60)
@given(random=seeded_randoms)
def test_regions_are_traced_too(name: str, random: Random) -> None:
    """Tokens, segments and boxes have no sliding window, but elements and weights."""
    dtype = random.choice(region_cases.FLOATS)
    case = region_cases.random_case(random, name, dtype)
    outputs = case.run()

    try:
        card = trace(case.plan, case.tensors, outputs)
    except TooLarge:
        return

    check_elements(case.plan, dict(case.tensors), outputs, card)
    reference = {name: iter(column) for name, column in case.reference().items()}
    for each in card["elements"]:
        number = next(reference[each["output"]])
        values = np.array(numbers_of(each["values"], case.plan.inputs["input"].dtype), np.float64)
        assert each["winner"] is None or each["counted"][each["winner"]]
        if each["weights"] is None or not np.isfinite(values).all() or not np.isfinite(number):
            continue
        if getattr(case.spec, "normalize", "none") == "none" and not each["arithmetic"].startswith("max("):
            weights = np.array(numbers_of(each["weights"], ELEMENT_TYPES["float64"]))
            size = float((np.abs(weights) * np.abs(values)).sum())
            assert math.isclose(float((weights * values).sum()), number, rel_tol=1e-9, abs_tol=1e-9 * max(size, 1.0))


@pytest.mark.parametrize("name", ["blur_pool1d", "blur_pool2d"])
def test_weights_of_a_filter_give_its_result(name: str) -> None:
    """A page draws them over the elements; a reflected element occurs more than once."""
    member = CATALOGUE.find(name)
    case = random_case(Random(3), member, FLOAT32, "plain")  # type: ignore[arg-type]  # it pools planes
    assert case is not None

    card = trace(case.plan, case.tensors, case.run())

    for each in card["elements"]:
        assert math.isclose(sum(each["weights"]), 1.0)
        total = sum(weight * value for weight, value in zip(each["weights"], each["values"], strict=True))
        assert math.isclose(total, each["results"]["output"], rel_tol=1e-5, abs_tol=1e-5)


def test_a_level_of_a_pyramid_is_pooled_from_the_one_before() -> None:
    """The positions name the tensor that they are in."""
    x = Tensor(FLOAT32, np.arange(16, dtype=np.float32).reshape(1, 4, 4))
    for cascade, sources in ((True, ["input", "level1"]), (False, ["input", "input"])):
        plan = plan_of("pyramid_pool2d", (1, 4, 4), levels=2, cascade=cascade, reduce="max")
        outputs = Case(plan, {"input": x}).run()

        card = trace(plan, {"input": x}, outputs)

        last = card["elements"][-1]
        assert [card["elements"][0]["of"], last["of"]] == sources
        assert [each["output"] for each in card["formula"]] == ["level1", "level1", "level2", "level2"]
        assert last["results"] == {"level2": 15.0}
        assert last["values"][-1] == 15.0
        assert last["output"] == "level2"


def test_unpooling_says_which_element_came_where() -> None:
    """Of equal indices the last one counts."""
    tensors = {
        "input": Tensor(FLOAT32, np.array([[5, 6, 7]], np.float32)),
        "indices": Tensor(ELEMENT_TYPES["int64"], np.array([[1, 4, 1]])),
    }
    inputs = {name: each.metadata for name, each in tensors.items()}
    plan = make_plan(CATALOGUE.find("max_unpool1d").of(kernel_size=2), inputs, LIMITS)

    card = trace(plan, tensors, Case(plan, tensors).run())

    assert [each["values"] for each in card["elements"]] == [[], [5.0, 7.0], [], [], [6.0], []]
    assert card["elements"][1]["counted"] == [False, True]
    assert [each["winner"] for each in card["elements"]] == [None, 1, None, None, 0, None]
    assert card["elements"][1]["arithmetic"] == "index 1 of 5, 7: the last, 7"
    assert card["elements"][0]["arithmetic"] == "no index is 0: 0"


def test_elements_that_are_passed_over_do_not_count() -> None:
    """Nodata and NaN stay visible, crossed out."""
    x = Tensor(FLOAT32, np.array([[1, -9, math.nan, -9, -9, -9]], np.float32))
    plan = plan_of("avg_pool1d", (1, 6), kernel_size=3, nan_policy="omit", ignore_value=-9, count_include_pad=False)

    card = trace(plan, {"input": x}, Case(plan, {"input": x}).run())

    assert [each["counted"] for each in card["elements"]] == [[True, False, False], [False] * 3]
    assert card["elements"][0]["values"] == [1.0, -9.0, "NaN"]
    assert [each["arithmetic"] for each in card["elements"]] == [
        "1 = 1, 2 passed over",
        "3 passed over, nothing left: -9",
    ]


@pytest.mark.parametrize(
    ("name", "shape", "fields", "given"),
    [
        ("max_pool1d", (1, MAX_INPUT_ELEMENTS + 1), {"kernel_size": 100}, "input has 16385 elements"),
        ("max_pool1d", (1, MAX_OUTPUT_ELEMENTS + 1), {"kernel_size": 1}, "outputs would have 4097 elements"),
        ("max_pool1d", (1, 4096), {"kernel_size": 33, "stride": 1, "padding": 16}, "would have 134896 positions"),
        ("adaptive_max_pool1d", (1, 16384), {"output_size": 4096, "layout": "channels_first"}, None),
        ("adaptive_max_pool2d", (9, 128, 14), {"output_size": 14}, None),
        ("global_catavgmax_pool2d", (8, 40, 40), {}, None),
        ("blur_pool1d", (1, 6000), {"filter_size": 7}, None),
        ("pyramid_pool1d", (1, 8192), {"levels": 2}, "outputs would have 6144 elements"),
        ("fractional_max_pool2d", (1, 100, 100), {"kernel_size": 40, "output_size": 10, "seed": 1}, "160000 positions"),
    ],
)
def test_a_large_request_is_refused_from_its_plan(
    name: str, shape: tuple[int, ...], fields: dict[str, Any], given: str | None
) -> None:
    """Before anything is computed; the message names the bound and what to do."""
    plan = plan_of(name, shape, **fields)

    if given is None:
        check_traceable(plan)
        return
    with pytest.raises(TooLarge, match=given) as refused:
        check_traceable(plan)

    assert refused.value.code == "trace_too_large"
    assert refused.value.detail.endswith("or pool without a trace.")


def test_a_span_that_repeats_is_refused_while_it_is_traced() -> None:
    """What its positions are only the elements say."""
    tokens, spans = 1000, 200
    tensors = {
        "input": Tensor(FLOAT32, np.zeros((tokens, 1), np.float32)),
        "spans": Tensor(ELEMENT_TYPES["int64"], np.array([[0, tokens]] * spans)),
    }
    plan = make_plan(CATALOGUE.find("span_pool").of(), {name: each.metadata for name, each in tensors.items()}, LIMITS)

    with pytest.raises(TooLarge, match="would have 132000 positions or more"):
        trace(plan, tensors, region_cases.RegionCase(plan, tensors).run())


def test_samples_of_boxes_count_as_positions() -> None:
    """A box over a map of one element has one position and thousands of samples."""
    tensors = {
        "input": Tensor(FLOAT32, np.zeros((1, 1, 1, 1), np.float32)),
        "boxes": Tensor(FLOAT32, np.array([[0, 0, 0, 60, 60]] * 40, np.float32)),
    }
    plan = make_plan(
        CATALOGUE.find("roi_align").of(output_size=1),
        {name: each.metadata for name, each in tensors.items()},
        LIMITS,
    )

    with pytest.raises(TooLarge, match="positions or more"):
        trace(plan, tensors, region_cases.RegionCase(plan, tensors).run())


@pytest.mark.parametrize(
    ("name", "shape", "fields"),
    [
        ("max_pool2d", (1, 16, 16), {"kernel_size": 5, "stride": 1, "padding": 2, "return_indices": True}),
        ("max_pool1d", (1, 1024), {"kernel_size": 4}),
        ("global_avg_pool2d", (1, 64, 64), {}),
        ("std_pool3d", (1, 6, 6, 6), {"kernel_size": 3, "stride": 1, "padding": 1}),
        ("blur_pool2d", (1, 12, 12), {"filter_size": 7, "stride": 1}),
        ("pyramid_pool2d", (1, 32, 32), {"levels": 5}),
    ],
)
def test_a_trace_takes_no_more_memory_than_is_reserved(
    name: str, shape: tuple[int, ...], fields: dict[str, Any]
) -> None:
    """Its text included, at its peak."""
    plan = plan_of(name, shape, **fields)
    x = Tensor(FLOAT32, np.random.default_rng(0).standard_normal(shape).astype(np.float32))
    outputs = Case(plan, {"input": x}).run()

    tracemalloc.start()
    text = orjson.dumps(trace(plan, {"input": x}, outputs))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert text
    assert peak <= trace_bytes(plan)


def test_an_empty_batch_has_no_elements() -> None:
    """Its formula has the numbers all the same."""
    plan = plan_of("max_pool2d", (0, 3, 7, 7), kernel_size=3, stride=2, ceil_mode=True)
    x = Tensor(FLOAT32, np.zeros((0, 3, 7, 7), np.float32))

    card = trace(plan, {"input": x}, Case(plan, {"input": x}).run())

    assert card["elements"] == []
    assert [each["text"] for each in card["formula"]] == ["ceil((7 + 0 + 0 - 1·(3 - 1) - 1) / 2) + 1 = 3"] * 2


def test_axes_are_those_of_the_layout() -> None:
    """The page draws the plane of two of them."""
    for layout, shape, axes in (
        ("channels_first", (2, 3, 4, 5), [2, 3]),
        ("channels_first", (3, 4, 5), [1, 2]),
        ("channels_last", (2, 4, 5, 3), [1, 2]),
    ):
        plan = plan_of("max_pool2d", shape, kernel_size=2, layout=layout)
        x = Tensor(FLOAT32, np.arange(math.prod(shape), dtype=np.float32).reshape(shape))

        card = trace(plan, {"input": x}, Case(plan, {"input": x}).run())

        assert card["spatial_axes"] == {"input": axes, "output": axes}
        assert [each["axis"] for each in card["formula"]] == axes
    plan = plan_of("global_max_pool2d", (1, 3, 4, 5), keepdims=False)
    x = Tensor(FLOAT32, np.zeros((1, 3, 4, 5), np.float32))
    assert trace(plan, {"input": x}, Case(plan, {"input": x}).run())["spatial_axes"]["output"] == []


@pytest.mark.parametrize(
    ("name", "fields", "value"),
    [
        ("max_pool1d", {"kernel_size": 2, "padding": 1}, "-Infinity"),
        ("min_pool1d", {"kernel_size": 2, "padding": 1}, "Infinity"),
        ("avg_pool1d", {"kernel_size": 2, "padding": 1}, 0),
        ("avg_pool1d", {"kernel_size": 2, "padding": 1, "count_include_pad": False}, None),
        ("sum_pool1d", {"kernel_size": 2, "padding": 1}, 0),
        ("sum_pool1d", {"kernel_size": 2, "padding": 1, "ignore_value": 3}, None),
        ("lp_pool1d", {"norm_type": 2, "kernel_size": 2, "padding": 1}, 0),
        ("lp_pool1d", {"norm_type": -2, "kernel_size": 2, "padding": 1}, "Infinity"),
        ("lp_pool1d", {"norm_type": "Infinity", "kernel_size": 2, "padding": 1}, None),
        ("median_pool1d", {"kernel_size": 2, "padding": 1}, None),
        ("blur_pool1d", {"stride": 1, "filter_size": 3}, "reflected"),
    ],
)
def test_the_padding_has_its_value(name: str, fields: dict[str, Any], value: object) -> None:
    """It is drawn into the cells around the input."""
    x = Tensor(FLOAT32, np.arange(5, dtype=np.float32).reshape(1, 5))
    plan = plan_of(name, (1, 5), **fields)

    padding = trace(plan, {"input": x}, Case(plan, {"input": x}).run())["padding"]

    assert padding == {"before": [1], "after": [1], "value": value}


def test_every_operator_is_traced_from_its_samples() -> None:
    """Adapters have their own words and the windows of ours."""
    for member in itertools.chain.from_iterable(member.variants() for member in CATALOGUE):
        sample = member.samples[0]
        tensors = dict(member.example_inputs(sample))
        inputs = {name: each.metadata for name, each in tensors.items()}
        plan = make_plan(member.of(**sample.fields).with_seed(), inputs, LIMITS)
        outputs = region_cases.RegionCase(plan, tensors).run()

        card = trace(plan, tensors, outputs)

        check_elements(plan, tensors, outputs, card)
        assert card["operator"] == member.name
