"""The switch adds: each block goes up once and its total comes down once.

A block's total is received when `lag` elements more are on their way: no more than the switch has
slots for.
"""

from __future__ import annotations

import kernbench.language as tl
from kernbench.ccl.kernels.blocks import load, store
from kernbench.ccl.kernels.combine import finish
from kernbench.ccl.kernels.peers import length_of
from kernbench.language import jit


@jit
def reduce(
    x_ptr,
    y_ptr,
    n,
    part,
    lag,
    first,
    stride,
    size,
    keeps,
    channel,
    OP: tl.constexpr,
    SWITCH_OP: tl.constexpr,
    B: tl.constexpr,
    EVEN: tl.constexpr,
):
    """Send every block to the switch, and take the totals; who `keeps` them stores them."""
    base, length = tl.pe_id("sip") * part, length_of(n, part)
    group = tl.sip_group(first, stride, size)
    x_ptr += base
    y_ptr += base
    end = tl.cdiv(length, B) * B
    for i in range(0, end + lag, B):
        if i < end:
            mine = load(x_ptr, i + tl.arange(0, B), length, EVEN)
            tl.reduce_send(group, mine, SWITCH_OP, channel)
        if i >= lag:
            total = tl.reduce_recv(group, (B,), x_ptr.dtype.element_ty, channel)
            if keeps:
                total = finish(total, size, OP)
                store(y_ptr, i - lag + tl.arange(0, B), total, length, EVEN)
