"""``tl.math``: the mathematical functions, under the name where older kernels look for them."""

from __future__ import annotations

from kernbench.language.ops_math import abs_ as abs
from kernbench.language.ops_math import clamp, div_rn, fdiv, fma
from kernbench.language.ops_math import maximum as max
from kernbench.language.ops_math import minimum as min
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
    sigmoid,
    sin,
    sqrt,
    sqrt_rn,
    tanh,
)

__all__ = [
    "abs",
    "ceil",
    "clamp",
    "cos",
    "div_rn",
    "erf",
    "exp",
    "exp2",
    "fdiv",
    "floor",
    "fma",
    "log",
    "log2",
    "max",
    "min",
    "pow",
    "rsqrt",
    "sigmoid",
    "sin",
    "sqrt",
    "sqrt_rn",
    "tanh",
]
