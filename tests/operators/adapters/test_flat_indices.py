"""Indices over whole tensors and over planes: there and back, and those of other planes."""

from __future__ import annotations

import numpy as np
import pytest

from poolhouse.operators.adapters import flat_indices
from poolhouse.operators.adapters.flat_indices import first_foreign_index, to_plane_indices, to_tensor_indices


@pytest.mark.parametrize("spatial", [(7,), (3, 5), (2, 3, 4)])
@pytest.mark.parametrize("column_major", [False, True])
def test_tensor_indices_point_to_the_element(
    spatial: tuple[int, ...], column_major: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They index the flattened tensor, whose planes may be in the order of columns; blocks do not show."""
    monkeypatch.setattr(flat_indices, "_BLOCK", 4)
    size = int(np.prod(spatial))
    tensor = np.random.default_rng(0).permutation(6 * size).reshape(6, *spatial)
    found = np.stack([np.random.default_rng(plane).permutation(size) for plane in range(6)])
    expected = np.take_along_axis(tensor.reshape(6, size), found, axis=1)

    indices = found.copy()
    to_tensor_indices(indices[2:], spatial, 2, column_major=column_major)

    order = (0, *range(len(spatial), 0, -1)) if column_major else range(len(spatial) + 1)
    np.testing.assert_array_equal(tensor.transpose(order).reshape(-1)[indices[2:]], expected[2:])


def test_plane_indices_are_laid_in_the_corner_of_a_larger_plane(monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX's MaxUnpool does so where output_shape is larger than what the attributes give."""
    monkeypatch.setattr(flat_indices, "_BLOCK", 4)
    indices = np.arange(2 * 6).reshape(2, 6) + 3 * 6

    same = to_plane_indices(indices, (2, 3), (2, 3), 3)
    larger = to_plane_indices(indices, (2, 3), (4, 5), 3)

    np.testing.assert_array_equal(same, [[*range(6)]] * 2)
    np.testing.assert_array_equal(larger, [[0, 1, 2, 5, 6, 7]] * 2)


def test_an_index_of_another_plane_is_found() -> None:
    """A kernel must not get it: it would write into the memory of another request."""
    fine = np.array([[0, 5], [6, 11], [12, 17]])

    assert first_foreign_index(fine, (2, 3)) is None
    for plane, wrong in ((0, -1), (0, 6), (1, 5), (2, 18), (2, 2**63 - 1), (1, -(2**63))):
        indices = fine.copy()
        indices[plane, 1] = wrong
        assert first_foreign_index(indices, (2, 3)) == (wrong, plane)
