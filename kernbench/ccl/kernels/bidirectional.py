"""Two rings at once, one each way around: each has half of every chunk (see `ring`).

What turns back has a channel of its own, for in a group of two both ways lead to one peer.
"""

from __future__ import annotations

import kernbench.language as tl
from kernbench.ccl.kernels.blocks import store
from kernbench.ccl.kernels.combine import finish
from kernbench.ccl.kernels.peers import length_of, on_sip
from kernbench.ccl.kernels.ring import add, begin, begin_gather, chunk_of
from kernbench.language import jit


@jit
def scatter(
    x_ptr,
    y_ptr,
    shift,
    first,
    last,
    pitch,
    chunk,
    limit,
    half,
    rank,
    size,
    next_pe,
    previous_pe,
    channel,
    GOES_ON: tl.constexpr,
    OP: tl.constexpr,
    B: tl.constexpr,
    EVEN: tl.constexpr,
):
    """Do what `ring.scatter` does, both ways: the second half of each chunk turns back."""
    forth = chunk_of(rank, size, 1, -1) * pitch
    back = chunk_of(rank, size, 1, 1) * pitch
    for i in range(first, last, B):
        begin(x_ptr, forth + i, tl.minimum(forth + half, limit), next_pe, channel, B, EVEN)
        end = tl.minimum(back + chunk, limit)
        begin(x_ptr, back + half + i, end, previous_pe, channel + 1, B, EVEN)
    for step in range(2, size + 1):
        forth = chunk_of(rank, size, step, -1) * pitch
        back = chunk_of(rank, size, step, 1) * pitch
        forth_end = tl.minimum(forth + half, limit)
        back_end = tl.minimum(back + chunk, limit)
        for i in range(first, last, B):
            a = add(x_ptr, forth + i, forth_end, previous_pe, channel, OP, B, EVEN)
            b = add(x_ptr, back + half + i, back_end, next_pe, channel + 1, OP, B, EVEN)
            if step == size:
                a = finish(a, size, OP)
                b = finish(b, size, OP)
                offs = i - shift + tl.arange(0, B)
                store(y_ptr, forth + offs, a, forth_end - shift, EVEN)
                store(y_ptr, back + half + offs, b, back_end - shift, EVEN)
            if GOES_ON or step < size:
                tl.send(next_pe, a, channel)
                tl.send(previous_pe, b, channel + 1)


@jit
def gather(
    y_ptr,
    first,
    last,
    pitch,
    chunk,
    limit,
    half,
    rank,
    size,
    next_pe,
    previous_pe,
    channel,
    B: tl.constexpr,
    EVEN: tl.constexpr,
):
    """Do what `ring.gather` does, both ways."""
    for step in range(1, size):
        forth = chunk_of(rank, size, step, -1) * pitch
        back = chunk_of(rank, size, step, 1) * pitch
        forth_end = tl.minimum(forth + half, limit)
        back_end = tl.minimum(back + chunk, limit)
        for i in range(first, last, B):
            a = tl.recv(previous_pe, (B,), y_ptr.dtype.element_ty, channel)
            b = tl.recv(next_pe, (B,), y_ptr.dtype.element_ty, channel + 1)
            offs = i + tl.arange(0, B)
            store(y_ptr, forth + offs, a, forth_end, EVEN)
            store(y_ptr, back + half + offs, b, back_end, EVEN)
            if step < size - 1:
                tl.send(next_pe, a, channel)
                tl.send(previous_pe, b, channel + 1)


@jit
def all_reduce(
    x_ptr,
    y_ptr,
    n,
    part,
    span,
    rank,
    size,
    next_sip,
    previous_sip,
    channel,
    OP: tl.constexpr,
    B: tl.constexpr,
    EVEN: tl.constexpr,
):
    """Combine the chunks on one way around, and pass the totals on on a second one."""
    base, length = tl.pe_id("sip") * part, length_of(n, part)
    next_pe, previous_pe = on_sip(next_sip), on_sip(previous_sip)
    chunk = tl.cdiv(length, size)
    half = tl.cdiv(chunk, 2)
    x_ptr += base
    y_ptr += base
    for i in range(0, half, span):
        last = tl.minimum(i + span, half)
        scatter(
            *(x_ptr, y_ptr, 0, i, last, chunk, chunk, length, half),
            *(rank, size, next_pe, previous_pe, channel, True, OP, B, EVEN),
        )
        gather(
            *(y_ptr, i, last, chunk, chunk, length, half),
            *(rank, size, next_pe, previous_pe, channel, B, EVEN),
        )


@jit
def reduce_scatter(
    x_ptr,
    y_ptr,
    n,
    part,
    span,
    rank,
    size,
    next_sip,
    previous_sip,
    channel,
    OP: tl.constexpr,
    B: tl.constexpr,
    EVEN: tl.constexpr,
):
    """Combine each rank's part of `n` elements, half of it each way."""
    base, length = tl.pe_id("sip") * part, length_of(n, part)
    next_pe, previous_pe = on_sip(next_sip), on_sip(previous_sip)
    half = tl.cdiv(length, 2)
    for i in range(0, half, span):
        last = tl.minimum(i + span, half)
        scatter(
            *(x_ptr + base, y_ptr + base, rank * n, i, last, n, length, size * n, half),
            *(rank, size, next_pe, previous_pe, channel, False, OP, B, EVEN),
        )


@jit
def all_gather(
    x_ptr,
    y_ptr,
    n,
    part,
    span,
    rank,
    size,
    next_sip,
    previous_sip,
    channel,
    B: tl.constexpr,
    EVEN: tl.constexpr,
):
    """Pass each rank's `n` elements around, half of them each way."""
    base, length = tl.pe_id("sip") * part, length_of(n, part)
    next_pe, previous_pe = on_sip(next_sip), on_sip(previous_sip)
    half = tl.cdiv(length, 2)
    x_ptr += base
    y_ptr += base
    for i in range(0, half, span):
        last = tl.minimum(i + span, half)
        at = rank * n
        begin_gather(x_ptr, y_ptr, i, last, at, half, next_pe, channel, B, EVEN)
        begin_gather(
            *(x_ptr + half, y_ptr + half, i, last, at, length - half, previous_pe, channel + 1),
            *(B, EVEN),
        )
        gather(
            *(y_ptr, i, last, n, length, size * n, half),
            *(rank, size, next_pe, previous_pe, channel, B, EVEN),
        )
