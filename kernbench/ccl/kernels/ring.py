"""Rings: each rank speaks to its two neighbours only.

Every PE of a SIP runs a ring of its own, with the PEs of the same number, over its own part of the
tensor.  A chunk of each part belongs to each rank, ``pitch`` elements after the one before.  Where
they turn forth (`TURN` -1), chunk ``c`` is combined in order of rank, from rank ``c + 1`` on around
to rank ``c``; back (1), the other way around.  So all ranks end with equal bits.

A rank begins no more blocks than the ring has slots (`span`) before it passes on what it receives:
else all would wait for room at the next one.
"""

from __future__ import annotations

import kernbench.language as tl
from kernbench.ccl.kernels.blocks import load, store
from kernbench.ccl.kernels.combine import combine, finish
from kernbench.ccl.kernels.peers import length_of, on_sip
from kernbench.language import jit


@jit
def begin(x_ptr, at, end, dst, channel, B: tl.constexpr, EVEN: tl.constexpr):
    """Send a block of this rank's on its way."""
    tl.send(dst, load(x_ptr, at + tl.arange(0, B), end, EVEN), channel)


@jit
def add(x_ptr, at, end, src, channel, OP: tl.constexpr, B: tl.constexpr, EVEN: tl.constexpr):
    """Return what comes, combined with this rank's block."""
    mine = load(x_ptr, at + tl.arange(0, B), end, EVEN)
    return combine(tl.recv(src, (B,), x_ptr.dtype.element_ty, channel), mine, OP)


@jit
def chunk_of(rank, size, step, TURN: tl.constexpr):
    """Return which chunk a rank deals with at a step."""
    return (rank + size + TURN * step) % size


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
    rank,
    size,
    dst,
    src,
    channel,
    over,
    GOES_ON: tl.constexpr,
    OP: tl.constexpr,
    B: tl.constexpr,
    EVEN: tl.constexpr,
):
    """Combine elements `first` to `last` of each chunk; the total goes to the rank's own.

    It is stored `shift` elements before its place in `x_ptr`, and sent on where a `gather` follows.
    An average is over `over` ranks.
    """
    at = chunk_of(rank, size, 1, -1) * pitch
    end = tl.minimum(at + chunk, limit)
    for i in range(first, last, B):
        begin(x_ptr, at + i, end, dst, channel, B, EVEN)
    for step in range(2, size + 1):
        at = chunk_of(rank, size, step, -1) * pitch
        end = tl.minimum(at + chunk, limit)
        for i in range(first, last, B):
            total = add(x_ptr, at + i, end, src, channel, OP, B, EVEN)
            if step == size:
                total = finish(total, over, OP)
                store(y_ptr, at + i - shift + tl.arange(0, B), total, end - shift, EVEN)
            if GOES_ON or step < size:
                tl.send(dst, total, channel)


@jit
def gather(
    y_ptr,
    first,
    last,
    pitch,
    chunk,
    limit,
    rank,
    size,
    dst,
    src,
    channel,
    B: tl.constexpr,
    EVEN: tl.constexpr,
):
    """Take elements `first` to `last` of the other ranks' chunks, and pass them on."""
    for step in range(1, size):
        at = chunk_of(rank, size, step, -1) * pitch
        end = tl.minimum(at + chunk, limit)
        for i in range(first, last, B):
            total = tl.recv(src, (B,), y_ptr.dtype.element_ty, channel)
            store(y_ptr, at + i + tl.arange(0, B), total, end, EVEN)
            if step < size - 1:
                tl.send(dst, total, channel)


@jit
def begin_gather(
    x_ptr, y_ptr, first, last, at, length, dst, channel, B: tl.constexpr, EVEN: tl.constexpr
):
    """Put this rank's own elements in their place, and send them on their way."""
    for i in range(first, last, B):
        offs = i + tl.arange(0, B)
        mine = load(x_ptr, offs, length, EVEN)
        tl.send(dst, mine, channel)
        store(y_ptr, at + offs, mine, at + length, EVEN)


@jit
def all_reduce(
    x_ptr,
    y_ptr,
    n,
    part,
    span,
    rank,
    size,
    to_sip,
    from_sip,
    channel,
    OP: tl.constexpr,
    B: tl.constexpr,
    EVEN: tl.constexpr,
):
    """Combine the chunks on one way around, and pass the totals on on a second one."""
    base, length = tl.pe_id("sip") * part, length_of(n, part)
    dst, src = on_sip(to_sip), on_sip(from_sip)
    chunk = tl.cdiv(length, size)
    x_ptr += base
    y_ptr += base
    for i in range(0, chunk, span):
        last = tl.minimum(i + span, chunk)
        scatter(
            *(x_ptr, y_ptr, 0, i, last, chunk, chunk, length),
            *(rank, size, dst, src, channel, size, True, OP, B, EVEN),
        )
        gather(y_ptr, i, last, chunk, chunk, length, rank, size, dst, src, channel, B, EVEN)


@jit
def reduce_scatter(
    x_ptr,
    y_ptr,
    n,
    part,
    span,
    rank,
    size,
    to_sip,
    from_sip,
    channel,
    OP: tl.constexpr,
    B: tl.constexpr,
    EVEN: tl.constexpr,
):
    """Combine each rank's part of `n` elements on one way around."""
    base, length = tl.pe_id("sip") * part, length_of(n, part)
    dst, src = on_sip(to_sip), on_sip(from_sip)
    for i in range(0, length, span):
        last = tl.minimum(i + span, length)
        scatter(
            *(x_ptr + base, y_ptr + base, rank * n, i, last, n, length, size * n),
            *(rank, size, dst, src, channel, size, False, OP, B, EVEN),
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
    to_sip,
    from_sip,
    channel,
    B: tl.constexpr,
    EVEN: tl.constexpr,
):
    """Pass each rank's `n` elements around."""
    base, length = tl.pe_id("sip") * part, length_of(n, part)
    dst, src = on_sip(to_sip), on_sip(from_sip)
    x_ptr += base
    y_ptr += base
    for i in range(0, length, span):
        last = tl.minimum(i + span, length)
        begin_gather(x_ptr, y_ptr, i, last, rank * n, length, dst, channel, B, EVEN)
        # A rank's own chunk is the first that it sends: the next rank's step 1.
        gather(y_ptr, i, last, n, length, size * n, rank, size, dst, src, channel, B, EVEN)


@jit
def broadcast(
    x_ptr,
    y_ptr,
    n,
    part,
    from_root,
    size,
    to_sip,
    from_sip,
    channel,
    COPIES: tl.constexpr,
    B: tl.constexpr,
    EVEN: tl.constexpr,
):
    """Pass the root's elements along the ring, block by block; `from_root` is how far this is."""
    base, length = tl.pe_id("sip") * part, length_of(n, part)
    dst, src = on_sip(to_sip), on_sip(from_sip)
    y_ptr += base
    if from_root == 0:
        for i in range(0, length, B):
            offs = i + tl.arange(0, B)
            value = load(x_ptr + base, offs, length, EVEN)
            tl.send(dst, value, channel)
            if COPIES:
                store(y_ptr, offs, value, length, EVEN)
    else:
        for i in range(0, length, B):
            value = tl.recv(src, (B,), y_ptr.dtype.element_ty, channel)
            store(y_ptr, i + tl.arange(0, B), value, length, EVEN)
            if from_root < size - 1:
                tl.send(dst, value, channel)


@jit
def reduce(
    x_ptr,
    y_ptr,
    n,
    part,
    from_root,
    size,
    to_sip,
    from_sip,
    channel,
    OP: tl.constexpr,
    B: tl.constexpr,
    EVEN: tl.constexpr,
):
    """Combine along the ring, from the rank behind the root on, block by block."""
    base, length = tl.pe_id("sip") * part, length_of(n, part)
    dst, src = on_sip(to_sip), on_sip(from_sip)
    x_ptr += base
    for i in range(0, length, B):
        if from_root == 1:
            begin(x_ptr, i, length, dst, channel, B, EVEN)
        else:
            total = add(x_ptr, i, length, src, channel, OP, B, EVEN)
            if from_root == 0:
                total = finish(total, size, OP)
                store(y_ptr + base, i + tl.arange(0, B), total, length, EVEN)
            else:
                tl.send(dst, total, channel)
