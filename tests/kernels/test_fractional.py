"""Maxima of windows at other positions in each plane."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.kernels import fractional, widening
from poolhouse.kernels.axes import HIGH, LOW
from poolhouse.kernels.fractional import FractionalMaximumKernel, RandomAxis
from poolhouse.kernels.widening import Array
from poolhouse.operators.windows import fractional_starts
from tests.hypothesis_profiles import scaled_examples
from tests.kernels.traced_windows import chosen

LENGTHS, OUTPUTS, COUNT = (9, 13, 11), (3, 5, 4), 2


def random_axis(length: int, outputs: int, count: int, column: int) -> RandomAxis:
    """The axis whose windows follow one column of the samples."""

    def starts(samples: Array) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
        return fractional_starts(length, count, outputs, samples[:, column].astype(np.float64))

    return RandomAxis(length, outputs, count, starts)


@scaled_examples(200)
@given(st.integers(1, 60), st.integers(1, 5), st.data())
def test_successive_windows_never_span_more_rows_than_planned(length: int, count: int, data: st.DataObject) -> None:
    """Scratch memory has this many rows, and the loops write beyond it if a plane needs one more."""
    count = min(count, length)
    outputs = data.draw(st.integers(1, length - count + 1))
    axis = random_axis(length, outputs, count, 0)
    samples = np.array(data.draw(st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=20)))
    starts = axis.starts(samples[:, None])

    for windows in range(1, outputs + 1):
        spans = starts[:, windows - 1 :] + count - starts[:, : outputs - windows + 1]
        assert spans.max() <= axis.max_rows(windows) <= length


@pytest.mark.parametrize(("length", "outputs", "count"), [(9, 8, 2), (9, 1, 9), (64, 20, 3)])
def test_the_windows_of_any_plane_are_irregular(length: int, outputs: int, count: int) -> None:
    """The loops read regular windows at a stride, which other planes do not have."""
    axis = random_axis(length, outputs, count, 0).representative_axis()

    assert axis.encoded[LOW] == axis.encoded[HIGH] == 0
    assert (axis.length, axis.outputs, axis.longest) == (length, outputs, count)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("rank", [2, 3])
@pytest.mark.parametrize("name", ["float32", "int64", "float16", "int8", "bool"])
def test_each_plane_has_its_own_windows(name: str, rank: int, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planes are pooled in parts, and each part must have the samples and the indices of its planes."""
    monkeypatch.setattr(fractional, "_MAX_LAYOUT_BYTES", 700)
    monkeypatch.setattr(widening, "CHUNK_BYTES", 4000)
    rng = np.random.default_rng(rank)
    axes = [random_axis(LENGTHS[i], OUTPUTS[i], COUNT, i) for i in range(rank)]
    x: Array = rng.integers(0, 2 if name == "bool" else 20, (13, *LENGTHS[:rank])).astype(name)
    if name.startswith("float"):
        x[rng.random(x.shape) < 0.1] = np.nan
    planes: dict[str, Array] = {"input": x, "samples": rng.random((13, rank))}

    found, indices = FractionalMaximumKernel(axes, name, with_indices=True)(planes, threads)
    (alone,) = FractionalMaximumKernel(axes, name, with_indices=False)(planes, threads)

    expected = []
    for plane in range(13):
        starts = [axis.starts(planes["samples"][plane : plane + 1])[0] for axis in axes]
        for output in np.ndindex(OUTPUTS[:rank]):
            corner = [int(start[o]) for start, o in zip(starts, output, strict=True)]
            places = [tuple(np.add(corner, step)) for step in np.ndindex((COUNT,) * rank)]
            best = places[chosen([x[plane][place].item() for place in places])]
            expected.append(int(np.ravel_multi_index(best, LENGTHS[:rank])))
    assert indices.reshape(-1).tolist() == expected
    values = np.take_along_axis(x.reshape(13, -1), np.array(expected).reshape(13, -1), 1)
    assert found.tobytes() == alone.tobytes() == values.tobytes()


@pytest.mark.parametrize(("start", "inside"), [(0, True), (4, True), (5, False), (-1, False)])
@pytest.mark.parametrize("axis", [0, 1])
def test_a_window_outside_its_axis_is_refused(start: int, inside: bool, axis: int) -> None:
    """A loop would read and index another plane's elements."""

    def starts(at: int, samples: Array) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
        found = np.zeros((len(samples), 2), np.int64)
        found[-1, -1] = start if at == axis else 0
        return found

    kernel = FractionalMaximumKernel(
        [RandomAxis(6, 2, 2, partial(starts, at)) for at in range(2)], "float32", with_indices=True
    )
    planes: dict[str, Array] = {"input": np.zeros((3, 6, 6), np.float32), "samples": np.zeros((3, 2))}

    if inside:
        assert kernel(planes, 1)[1].shape == (3, 2, 2)
    else:
        with pytest.raises(ValueError, match="outside an axis of length 6"):
            kernel(planes, 1)
