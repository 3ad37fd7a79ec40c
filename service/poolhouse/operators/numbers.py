"""Elements of tensors as Python numbers and as arrays: types that operators share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Number = int | float | bool

Array = npt.NDArray[np.generic]
