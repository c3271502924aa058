"""Functions that NumPy has not, and ``where``, whose first operand is of another type."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kernbench.ops import functions as fn
from kernbench.ops import pointwise
from kernbench.ops.support import common_device, from_host, new_empty, on_machine, values
from kernbench.runtime.dtypes import BY_NAME
from kernbench.runtime.geometry import broadcast_shapes, result_strides
from kernbench.runtime.promotion import result_type
from kernbench.runtime.tensor import Tensor

__all__ = ["erf", "erfc", "lgamma", "where"]


def _by_element(function: Any) -> Any:
    def apply(x: Any) -> Any:
        wide = np.asarray(x, np.float64)
        found = np.fromiter((function(v) for v in wide.reshape(-1).tolist()), np.float64, wide.size)
        return found.reshape(wide.shape).astype(x.dtype)

    return apply


def _safe_lgamma(x: float) -> float:
    if math.isinf(x):
        return math.inf
    if math.isnan(x):
        return math.nan
    if x <= 0 and x == math.floor(x):
        return math.inf
    return math.lgamma(x)


erf = _by_element(math.erf)
erfc = _by_element(math.erfc)
lgamma = _by_element(_safe_lgamma)


def where(condition: Tensor, self: Any, other: Any, out: Tensor | None = None) -> Tensor:
    """Elements of `self` where the condition holds, else of `other`."""
    kind = result_type((self, other))
    tensors = [each for each in (condition, self, other) if isinstance(each, Tensor)]
    place = common_device("where", tensors if out is None else [*tensors, out])
    shape = broadcast_shapes(*(each._shape for each in tensors))
    strides = result_strides(shape, [(t._shape, t._strides) for t in tensors])
    if place.type == "cpu":
        found = np.where(
            values(condition, BY_NAME["bool"]), values(self, kind), values(other, kind)
        )
        if out is None:
            return from_host(np.broadcast_to(found, shape), kind, strides)
        pointwise.assign_host(out, found, kind)
        return out
    operands = [
        each.item() if isinstance(each, Tensor) and not on_machine(each) else each
        for each in (condition, self, other)
    ]
    made = new_empty(shape, kind, place, strides) if out is None else out
    pointwise.run(fn.where, operands, made, kind, first=BY_NAME["bool"])
    return made
