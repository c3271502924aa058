"""How two tiles become one: the reductions of collectives, in the tensor's dtype."""

from __future__ import annotations

import kernbench.language as tl
from kernbench.language import jit


@jit
def combine(a, b, OP: tl.constexpr):
    """Return ``a OP b``, rounded to the dtype of `a`; 8-bit floats are added in 32 bits."""
    if a.dtype.is_fp8():
        return _apply(a.to(tl.float32), b.to(tl.float32), OP).to(a.dtype)
    return _apply(a, b, OP).to(a.dtype)


@jit
def _apply(a, b, OP: tl.constexpr):
    if OP == "product":
        return a * b
    elif OP == "min":
        return tl.minimum(a, b)
    elif OP == "max":
        return tl.maximum(a, b)
    elif OP == "band":
        return a & b
    elif OP == "bor":
        return a | b
    elif OP == "bxor":
        return a ^ b
    else:
        return a + b


@jit
def finish(total, size, OP: tl.constexpr):
    """Return what all ranks get of a total over `size` ranks."""
    if OP == "avg":
        if total.dtype.is_fp8():
            return (total.to(tl.float32) / size).to(total.dtype)
        elif total.dtype.is_floating():
            return (total / size).to(total.dtype)
        elif total.dtype.is_int_signed():
            return (total // size).to(total.dtype)
        else:
            return (total // tl.cast(size, tl.uint64)).to(total.dtype)
    else:
        return total
