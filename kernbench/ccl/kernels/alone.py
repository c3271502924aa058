"""What a group of one does."""

from __future__ import annotations

import kernbench.language as tl
from kernbench.language import jit


@jit
def copy(x_ptr, y_ptr, n, part, B: tl.constexpr):
    """Copy `n` elements, each PE its part."""
    first = tl.pe_id("sip") * part
    length = tl.minimum(part, n - first)
    for i in range(0, length, B):
        offs = first + i + tl.arange(0, B)
        inside = offs < first + length
        tl.store(y_ptr + offs, tl.load(x_ptr + offs, inside, other=0), inside)


@jit
def nothing():
    """Do nothing."""
    return
