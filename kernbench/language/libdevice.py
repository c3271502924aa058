"""``libdevice``: CUDA's names for mathematical functions, as far as the machine has them."""

from __future__ import annotations

from kernbench.language.ops_math import abs_ as abs
from kernbench.language.ops_math import div_rn, fma, isnan
from kernbench.language.ops_math import pow_ as pow
from kernbench.language.ops_special import (
    ceil,
    cos,
    erf,
    exp,
    exp2,
    floor,
    log,
    log2,
    rsqrt,
    sin,
    sqrt,
    tanh,
)

fast_expf = exp
fast_logf = log

__all__ = [
    "abs",
    "ceil",
    "cos",
    "div_rn",
    "erf",
    "exp",
    "exp2",
    "fast_expf",
    "fast_logf",
    "floor",
    "fma",
    "isnan",
    "log",
    "log2",
    "pow",
    "rsqrt",
    "sin",
    "sqrt",
    "tanh",
]
