"""Every rank speaks to every other one.

Values are combined in order of rank: rank 0's, then rank 1's ... so all ranks end with equal bits.
`peers` says where the ranks are (see `peers.of_rank`).
"""

from __future__ import annotations

import kernbench.language as tl
from kernbench.ccl.kernels.blocks import load, store
from kernbench.ccl.kernels.combine import combine, finish
from kernbench.ccl.kernels.peers import length_of, of_rank, on_sip
from kernbench.language import jit


@jit
def total_of(
    mine,
    rank,
    size,
    sip0,
    stride,
    table,
    channel,
    OP: tl.constexpr,
    B: tl.constexpr,
):
    """Return the ranks' blocks combined; all but this rank's are received."""
    dtype = mine.dtype
    if rank == 0:
        total = mine
    else:
        total = tl.recv(of_rank(0, sip0, stride, table), (B,), dtype, channel)
    for other in range(1, size):
        if other == rank:
            total = combine(total, mine, OP)
        else:
            theirs = tl.recv(of_rank(other, sip0, stride, table), (B,), dtype, channel)
            total = combine(total, theirs, OP)
    return finish(total, size, OP)


@jit
def one_shot(
    x_ptr,
    y_ptr,
    n,
    part,
    rank,
    size,
    sip0,
    stride,
    table,
    channel,
    OP: tl.constexpr,
    B: tl.constexpr,
    EVEN: tl.constexpr,
):
    """Send all to all, and combine everything everywhere: one step."""
    base, length = tl.pe_id("sip") * part, length_of(n, part)
    for i in range(0, length, B):
        offs = i + tl.arange(0, B)
        mine = load(x_ptr + base, offs, length, EVEN)
        for step in range(1, size):
            tl.send(of_rank((rank + step) % size, sip0, stride, table), mine, channel)
        total = total_of(mine, rank, size, sip0, stride, table, channel, OP, B)
        store(y_ptr + base, offs, total, length, EVEN)


@jit
def send_chunks(
    x_ptr,
    i,
    chunk,
    limit,
    rank,
    size,
    sip0,
    stride,
    table,
    channel,
    B: tl.constexpr,
    EVEN: tl.constexpr,
):
    """Send each other rank the block at `i` of its chunk."""
    for step in range(1, size):
        to = (rank + step) % size
        at = to * chunk
        end = tl.minimum(at + chunk, limit)
        block = load(x_ptr, at + i + tl.arange(0, B), end, EVEN)
        tl.send(of_rank(to, sip0, stride, table), block, channel)


@jit
def take_chunks(
    y_ptr,
    i,
    chunk,
    limit,
    rank,
    size,
    sip0,
    stride,
    table,
    channel,
    B: tl.constexpr,
    EVEN: tl.constexpr,
):
    """Receive the block at `i` of each other rank's chunk."""
    for step in range(1, size):
        other = (rank + size - step) % size
        at = other * chunk
        end = tl.minimum(at + chunk, limit)
        block = tl.recv(of_rank(other, sip0, stride, table), (B,), y_ptr.dtype.element_ty, channel)
        store(y_ptr, at + i + tl.arange(0, B), block, end, EVEN)


@jit
def two_shot(
    x_ptr,
    y_ptr,
    n,
    part,
    rank,
    size,
    sip0,
    stride,
    table,
    channel,
    OP: tl.constexpr,
    B: tl.constexpr,
    EVEN: tl.constexpr,
):
    """Send each rank its chunk, combine, and send the totals to all: two steps.

    The next block's chunks leave before this one's totals are waited for.
    """
    base, length = tl.pe_id("sip") * part, length_of(n, part)
    chunk = tl.cdiv(length, size)
    x_ptr += base
    y_ptr += base
    if chunk > 0:
        send_chunks(x_ptr, 0, chunk, length, rank, size, sip0, stride, table, channel, B, EVEN)
    for i in range(0, chunk, B):
        if i + B < chunk:
            send_chunks(
                *(x_ptr, i + B, chunk, length, rank, size, sip0, stride, table, channel, B, EVEN)
            )
        offs = rank * chunk + i + tl.arange(0, B)
        end = tl.minimum((rank + 1) * chunk, length)
        mine = load(x_ptr, offs, end, EVEN)
        total = total_of(mine, rank, size, sip0, stride, table, channel, OP, B)
        store(y_ptr, offs, total, end, EVEN)
        for step in range(1, size):
            tl.send(of_rank((rank + step) % size, sip0, stride, table), total, channel + 1)
        if i > 0:
            take_chunks(
                *(y_ptr, i - B, chunk, length, rank, size, sip0, stride, table, channel + 1),
                *(B, EVEN),
            )
    if chunk > 0:
        last = (tl.cdiv(chunk, B) - 1) * B
        take_chunks(
            *(y_ptr, last, chunk, length, rank, size, sip0, stride, table, channel + 1, B, EVEN)
        )


@jit
def send_parts(
    x_ptr, n, offs, length, rank, size, sip0, stride, table, channel, EVEN: tl.constexpr
):
    """Send each other rank the block at `offs` of its `n` elements."""
    for step in range(1, size):
        to = (rank + step) % size
        block = load(x_ptr + to * n, offs, length, EVEN)
        tl.send(of_rank(to, sip0, stride, table), block, channel)


@jit
def take_parts(
    y_ptr,
    n,
    offs,
    length,
    rank,
    size,
    sip0,
    stride,
    table,
    channel,
    B: tl.constexpr,
    EVEN: tl.constexpr,
):
    """Receive the block at `offs` of each other rank's `n` elements."""
    for step in range(1, size):
        other = (rank + size - step) % size
        peer = of_rank(other, sip0, stride, table)
        theirs = tl.recv(peer, (B,), y_ptr.dtype.element_ty, channel)
        store(y_ptr + other * n, offs, theirs, length, EVEN)


@jit
def reduce_scatter(
    x_ptr,
    y_ptr,
    n,
    part,
    rank,
    size,
    sip0,
    stride,
    table,
    channel,
    OP: tl.constexpr,
    B: tl.constexpr,
    EVEN: tl.constexpr,
):
    """Send each rank its part of `n` elements, and combine: one step."""
    base, length = tl.pe_id("sip") * part, length_of(n, part)
    x_ptr += base
    for i in range(0, length, B):
        offs = i + tl.arange(0, B)
        send_parts(x_ptr, n, offs, length, rank, size, sip0, stride, table, channel, EVEN)
        mine = load(x_ptr + rank * n, offs, length, EVEN)
        total = total_of(mine, rank, size, sip0, stride, table, channel, OP, B)
        store(y_ptr + base, offs, total, length, EVEN)


@jit
def all_gather(
    x_ptr,
    y_ptr,
    n,
    part,
    rank,
    size,
    sip0,
    stride,
    table,
    channel,
    B: tl.constexpr,
    EVEN: tl.constexpr,
):
    """Send this rank's `n` elements to all: one step."""
    base, length = tl.pe_id("sip") * part, length_of(n, part)
    y_ptr += base
    for i in range(0, length, B):
        offs = i + tl.arange(0, B)
        mine = load(x_ptr + base, offs, length, EVEN)
        for step in range(1, size):
            tl.send(of_rank((rank + step) % size, sip0, stride, table), mine, channel)
        store(y_ptr + rank * n, offs, mine, length, EVEN)
        take_parts(y_ptr, n, offs, length, rank, size, sip0, stride, table, channel, B, EVEN)


@jit
def all_to_all(
    x_ptr,
    y_ptr,
    n,
    part,
    rank,
    size,
    sip0,
    stride,
    table,
    channel,
    B: tl.constexpr,
    EVEN: tl.constexpr,
):
    """Send each rank its `n` elements: one step."""
    base, length = tl.pe_id("sip") * part, length_of(n, part)
    x_ptr += base
    y_ptr += base
    for i in range(0, length, B):
        offs = i + tl.arange(0, B)
        send_parts(x_ptr, n, offs, length, rank, size, sip0, stride, table, channel, EVEN)
        mine = load(x_ptr + rank * n, offs, length, EVEN)
        store(y_ptr + rank * n, offs, mine, length, EVEN)
        take_parts(y_ptr, n, offs, length, rank, size, sip0, stride, table, channel, B, EVEN)


@jit
def gather(
    x_ptr,
    y_ptr,
    n,
    part,
    rank,
    root,
    size,
    sip0,
    stride,
    table,
    channel,
    B: tl.constexpr,
    EVEN: tl.constexpr,
):
    """Send this rank's `n` elements to the root."""
    base, length = tl.pe_id("sip") * part, length_of(n, part)
    for i in range(0, length, B):
        offs = i + tl.arange(0, B)
        mine = load(x_ptr + base, offs, length, EVEN)
        if rank != root:
            tl.send(of_rank(root, sip0, stride, table), mine, channel)
        else:
            store(y_ptr + base + rank * n, offs, mine, length, EVEN)
            for step in range(1, size):
                other = (rank + step) % size
                peer = of_rank(other, sip0, stride, table)
                theirs = tl.recv(peer, (B,), y_ptr.dtype.element_ty, channel)
                store(y_ptr + base + other * n, offs, theirs, length, EVEN)


@jit
def scatter(
    x_ptr,
    y_ptr,
    n,
    part,
    rank,
    root,
    size,
    sip0,
    stride,
    table,
    channel,
    B: tl.constexpr,
    EVEN: tl.constexpr,
):
    """Send each rank its `n` elements of the root's."""
    base, length = tl.pe_id("sip") * part, length_of(n, part)
    for i in range(0, length, B):
        offs = i + tl.arange(0, B)
        if rank == root:
            for step in range(1, size):
                to = (rank + step) % size
                block = load(x_ptr + base + to * n, offs, length, EVEN)
                tl.send(of_rank(to, sip0, stride, table), block, channel)
            mine = load(x_ptr + base + rank * n, offs, length, EVEN)
            store(y_ptr + base, offs, mine, length, EVEN)
        else:
            peer = of_rank(root, sip0, stride, table)
            theirs = tl.recv(peer, (B,), y_ptr.dtype.element_ty, channel)
            store(y_ptr + base, offs, theirs, length, EVEN)


@jit
def send(x_ptr, n, part, to_sip, channel, B: tl.constexpr, EVEN: tl.constexpr):
    """Send `n` elements to one rank, which receives them."""
    base, length = tl.pe_id("sip") * part, length_of(n, part)
    for i in range(0, length, B):
        block = load(x_ptr + base, i + tl.arange(0, B), length, EVEN)
        tl.send(on_sip(to_sip), block, channel)


@jit
def recv(y_ptr, n, part, from_sip, channel, B: tl.constexpr, EVEN: tl.constexpr):
    """Receive `n` elements that one rank sends."""
    base, length = tl.pe_id("sip") * part, length_of(n, part)
    for i in range(0, length, B):
        block = tl.recv(on_sip(from_sip), (B,), y_ptr.dtype.element_ty, channel)
        store(y_ptr + base, i + tl.arange(0, B), block, length, EVEN)
