"""Rings: each rank speaks to its two neighbours only.

Every PE of a SIP runs a ring of its own, with the PEs of the same number, over its own part of the
tensor.  Chunk ``c`` of a PE's ``size`` chunks is combined in order of rank, from rank ``c + 1`` on
around to rank ``c``, so that all ranks end with equal bits.
"""

from __future__ import annotations

import kernbench.language as tl
from kernbench.ccl.kernels.combine import combine, finish
from kernbench.language import jit


@jit
def all_reduce(
    x_ptr, y_ptr, n, part, rank, size, to_sip, from_sip, channel, OP: tl.constexpr, B: tl.constexpr
):
    """Combine the chunks on one way around, and pass the totals on on a second one."""
    pe, pes = tl.pe_id("sip"), tl.num_pes("sip")
    first = pe * part
    length = tl.minimum(part, n - first)
    if length <= 0:
        return
    dst, src = to_sip * pes + pe, from_sip * pes + pe
    chunk = tl.cdiv(length, size)
    lanes = tl.arange(0, B)
    x_ptr += first
    y_ptr += first
    # Chunk c is sent on by rank c + 1 first, and is complete at rank c.
    at = (rank + size - 1) % size * chunk
    end = tl.minimum(at + chunk, length)
    for i in range(0, chunk, B):
        offs = at + i + lanes
        tl.send(dst, tl.load(x_ptr + offs, offs < end, other=0), channel)
    for step in range(2, size + 1):
        at = (rank + size - step) % size * chunk
        end = tl.minimum(at + chunk, length)
        for i in range(0, chunk, B):
            offs = at + i + lanes
            mine = tl.load(x_ptr + offs, offs < end, other=0)
            total = combine(tl.recv(src, (B,), x_ptr.dtype.element_ty, channel), mine, OP)
            if step == size:
                total = finish(total, size, OP)
                tl.store(y_ptr + offs, total, offs < end)
            tl.send(dst, total, channel)
    for step in range(1, size):
        at = (rank + size - step) % size * chunk
        end = tl.minimum(at + chunk, length)
        for i in range(0, chunk, B):
            offs = at + i + lanes
            total = tl.recv(src, (B,), x_ptr.dtype.element_ty, channel)
            tl.store(y_ptr + offs, total, offs < end)
            if step < size - 1:
                tl.send(dst, total, channel)
