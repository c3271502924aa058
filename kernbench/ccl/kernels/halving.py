"""Recursive halving, then doubling: ranks exchange ever smaller halves, then ever larger ones.

Of `size` ranks, the greatest power of 2 that there is takes part.  Each rank beyond it gives its
values to one of those first, and gets the totals back in the end.  Values of the lower ranks stand
first in each sum, so that equal calls give equal bits.
"""

from __future__ import annotations

import kernbench.language as tl
from kernbench.ccl.kernels.blocks import load, store
from kernbench.ccl.kernels.combine import combine, finish
from kernbench.ccl.kernels.peers import length_of, of_rank
from kernbench.language import jit


@jit
def send_all(x_ptr, first, last, peer, channel, B: tl.constexpr):
    """Send elements `first` to `last`."""
    for i in range(first, last, B):
        tl.send(peer, load(x_ptr, i + tl.arange(0, B), last, False), channel)


@jit
def send_one(x_ptr, at, last, peer, channel, B: tl.constexpr):
    """Send the block at `at`, if there is one."""
    if at < last:
        tl.send(peer, load(x_ptr, at + tl.arange(0, B), last, False), channel)


@jit
def take_all(y_ptr, first, last, peer, channel, B: tl.constexpr):
    """Receive elements `first` to `last`."""
    for i in range(first, last, B):
        block = tl.recv(peer, (B,), y_ptr.dtype.element_ty, channel)
        store(y_ptr, i + tl.arange(0, B), block, last, False)


@jit
def add_block(x_ptr, y_ptr, i, last, peer, lower, channel, OP: tl.constexpr, B: tl.constexpr):
    """Combine what comes with this rank's block of `x_ptr`, the lower rank's first.

    What is sent next is so no more than a span ahead of what came: else each rank's credits would
    queue behind all that the other one's ring takes, and rings would stand full.
    """
    offs = i + tl.arange(0, B)
    mine = load(x_ptr, offs, last, False)
    theirs = tl.recv(peer, (B,), y_ptr.dtype.element_ty, channel)
    if lower:
        total = combine(theirs, mine, OP)
    else:
        total = combine(mine, theirs, OP)
    store(y_ptr, offs, total, last, False)
    tl.wait(theirs)


@jit
def exchange(
    x_ptr,
    y_ptr,
    give,
    give_end,
    keep,
    keep_end,
    span,
    peer,
    lower,
    channel,
    OP: tl.constexpr,
    B: tl.constexpr,
):
    """Give one half away, and combine the other: no more ahead than a ring has slots for."""
    send_all(x_ptr, give, tl.minimum(give + span, give_end), peer, channel, B)
    for i in range(0, tl.maximum(give_end - give, keep_end - keep), B):
        if keep + i < keep_end:
            add_block(x_ptr, y_ptr, keep + i, keep_end, peer, lower, channel, OP, B)
        send_one(x_ptr, give + span + i, give_end, peer, channel, B)


@jit
def swap(y_ptr, give, give_end, take, take_end, span, peer, channel, B: tl.constexpr):
    """Give one half, and take the other."""
    send_all(y_ptr, give, tl.minimum(give + span, give_end), peer, channel, B)
    for i in range(0, tl.maximum(give_end - give, take_end - take), B):
        if take + i < take_end:
            block = tl.recv(peer, (B,), y_ptr.dtype.element_ty, channel)
            store(y_ptr, take + i + tl.arange(0, B), block, take_end, False)
            tl.wait(block)
        send_one(y_ptr, give + span + i, give_end, peer, channel, B)


@jit
def all_reduce(
    x_ptr,
    y_ptr,
    n,
    part,
    span,
    rank,
    size,
    power,
    sip0,
    stride,
    table,
    channel,
    OP: tl.constexpr,
    B: tl.constexpr,
):
    """Halve, then double, within the first `power` ranks."""
    base, length = tl.pe_id("sip") * part, length_of(n, part)
    x_ptr += base
    y_ptr += base
    if rank >= power:
        peer = of_rank(rank - power, sip0, stride, table)
        send_all(x_ptr, 0, length, peer, channel, B)
        take_all(y_ptr, 0, length, peer, channel, B)
        return
    partner = rank + power
    if partner < size:
        peer = of_rank(partner, sip0, stride, table)
        for i in range(0, length, B):
            add_block(x_ptr, y_ptr, i, length, peer, False, channel, OP, B)
        x_ptr = y_ptr
    first = 0
    last = length
    bit = power // 2
    while bit > 0:
        peer = of_rank(rank ^ bit, sip0, stride, table)
        middle = first + tl.cdiv(last - first, 2)
        if rank & bit:
            exchange(x_ptr, y_ptr, first, middle, middle, last, span, peer, True, channel, OP, B)
            first = middle
        else:
            exchange(x_ptr, y_ptr, middle, last, first, middle, span, peer, False, channel, OP, B)
            last = middle
        x_ptr = y_ptr  # from the second step on
        bit = bit // 2
    if OP == "avg":
        for i in range(first, last, B):
            offs = i + tl.arange(0, B)
            total = finish(load(y_ptr, offs, last, False), size, OP)
            store(y_ptr, offs, total, last, False)
    bit = 1
    while bit < power:
        peer = of_rank(rank ^ bit, sip0, stride, table)
        # Where the halves of this step began is found again from the start.
        lo = 0
        hi = length
        b = power // 2
        while b > bit:
            middle = lo + tl.cdiv(hi - lo, 2)
            if rank & b:
                lo = middle
            else:
                hi = middle
            b = b // 2
        middle = lo + tl.cdiv(hi - lo, 2)
        if rank & bit:
            swap(y_ptr, middle, hi, lo, middle, span, peer, channel, B)
        else:
            swap(y_ptr, lo, middle, middle, hi, span, peer, channel, B)
        bit = bit * 2
    if partner < size:
        peer = of_rank(partner, sip0, stride, table)
        send_all(y_ptr, 0, length, peer, channel, B)
