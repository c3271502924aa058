"""Loads and stores of one block of a chunk, of which only what lies before `end` is there."""

from __future__ import annotations

import kernbench.language as tl
from kernbench.language import jit


@jit
def load(ptr, offs, end, EVEN: tl.constexpr):
    """Return the block; 0 from `end` on, which an EVEN call never reaches."""
    if EVEN:
        return tl.load(ptr + offs)
    else:
        return tl.load(ptr + offs, offs < end, other=0)


@jit
def store(ptr, offs, value, end, EVEN: tl.constexpr):
    """Write the block up to `end`."""
    if EVEN:
        tl.store(ptr + offs, value)
    else:
        tl.store(ptr + offs, value, offs < end)
