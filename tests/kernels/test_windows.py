"""The compiled loops over planes do what their Python functions do, to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.kernels.axes import Axis
from poolhouse.kernels.layout import Layout
from poolhouse.kernels.registry import Loop
from poolhouse.kernels.windows import plane_maxima, plane_maxima_indexed, plane_sums
from tests.hypothesis_profiles import scaled_examples
from tests.kernels.traced_windows import axes, chosen, positions_of

TYPES = ("float32", "float64", "int64")
SPECIAL = (0.0, -0.0, np.nan, np.inf, -np.inf, 1e-300, -1.0)


def elements(name: str, size: int, seed: int) -> np.ndarray[Any, Any]:
    """Few different elements, so that many are equal; numbers whose sum depends on the order of additions."""
    rng = np.random.default_rng(seed)
    if name == "int64":
        return rng.choice([-(2**63), -(2**62) - 1, -1, 0, 2**62, 2**62 + 1, 2**63 - 1], size)
    return np.where(rng.random(size) < 0.7, rng.choice(SPECIAL, size), rng.standard_normal(size)).astype(name)


def run(call: Any, layout: Layout, x: np.ndarray[Any, Any], planes: int, outputs: int) -> tuple[bytes, list[int]]:
    """The bits of the output, and the indices or zeros."""
    out, indices = np.zeros(outputs, x.dtype), np.zeros(outputs, np.int64)
    scratch, numbers = np.zeros(layout.scratch_elements + 1, x.dtype), np.zeros(layout.number_count + 1, np.int32)
    units = layout.units(planes)
    with np.errstate(all="ignore"):
        call(x, layout.row_numbers(), out, indices, 0, units, layout.encoded, 0, scratch, numbers)
    if x.dtype.kind == "f":
        # The sign of a computed NaN depends on the processor.
        out[np.isnan(out)] = np.nan
    return out.tobytes(), indices.tolist()


@pytest.mark.parametrize("name", TYPES)
def test_maxima_and_their_indices_are_those_of_the_windows(name: str) -> None:
    """Beyond 2⁵³ an int64 compared as a float would equal its neighbour; a zero keeps its sign."""
    axis = Axis(11, np.arange(0, 9, 2), np.full(5, 3), 1)
    plane = (Axis.identity(2), axis, axis)
    layout, windows = Layout(plane, np.dtype(name).itemsize), positions_of(plane)
    x = elements(name, 3 * 242, 7)

    indexed = run(plane_maxima_indexed[name], layout, x, 3, 3 * len(windows))
    plain = run(plane_maxima[name], layout, x, 3, 3 * len(windows))

    places = [(at, window[chosen(x[at:][list(window)].tolist())]) for at in (0, 242, 484) for window in windows]
    assert indexed[1] == [place for _, place in places]
    assert indexed[0] == plain[0] == x[[at + place for at, place in places]].tobytes()


@pytest.mark.parametrize(
    "loop",
    [*plane_maxima.values(), *plane_maxima_indexed.values(), *plane_sums.values()],
    ids=lambda loop: loop.name.rpartition(".")[2],
)
def test_compiled_loops_keep_every_bit(loop: Loop) -> None:
    """Additions in another order, or comparisons that assume no NaN, would be faster, but not reproducible."""
    name = loop.name.rpartition("_")[2]

    @scaled_examples(30)
    @given(st.tuples(axes(3), axes(12), axes(12)), st.integers(0, 2**32))
    def holds(plane: tuple[Axis, Axis, Axis], seed: int) -> None:
        layout = Layout(plane, 1024)
        size, outputs = (int(np.prod([getattr(axis, each) for axis in plane])) for each in ("length", "outputs"))
        x = elements(name, 2 * size, seed)

        assert run(loop, layout, x, 2, 2 * outputs) == run(loop.function, layout, x, 2, 2 * outputs)

    holds()
