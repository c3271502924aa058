"""All-to-all of parts of any size: each pair of ranks has a size of its own.

`table` has a row for each step: the SIP that gets this rank's part, where that begins and how many
elements it has, and the same of the part that comes.  The first row is the rank's own part.  Both
ends of a message know its size, and so cut it alike: among PEs, then into blocks of `B` elements,
and what is left into blocks of `SMALL`.
"""

from __future__ import annotations

import kernbench.language as tl
from kernbench.ccl.kernels.blocks import load, store
from kernbench.ccl.kernels.peers import length_of, on_sip
from kernbench.language import jit


@jit
def part_of(n, PAGE: tl.constexpr):
    """Return how many of `n` elements a PE takes: whole pages."""
    return tl.maximum(1, tl.cdiv(tl.cdiv(n, tl.num_pes("sip")), PAGE)) * PAGE


@jit
def copy(x_ptr, y_ptr, first, length, B: tl.constexpr):
    """Copy a block; return where the next one begins."""
    if first < length:
        offs = first + tl.arange(0, B)
        store(y_ptr, offs, load(x_ptr, offs, length, False), length, False)
    return first + B


@jit
def trade(
    x_ptr,
    out_first,
    out_end,
    dst,
    y_ptr,
    in_first,
    in_end,
    src,
    own_x,
    own_y,
    copied,
    own_end,
    channel,
    B: tl.constexpr,
    EVEN: tl.constexpr,
):
    """Send elements `out_first` to `out_end` while `in_first` to `in_end` come, block by block.

    A block of this rank's own part is copied with each; return how much is.
    """
    for i in range(0, tl.maximum(out_end - out_first, in_end - in_first), B):
        if out_first + i < out_end:
            mine = load(x_ptr, out_first + i + tl.arange(0, B), out_end, EVEN)
            tl.send(dst, mine, channel)
        if in_first + i < in_end:
            theirs = tl.recv(src, (B,), y_ptr.dtype.element_ty, channel)
            store(y_ptr, in_first + i + tl.arange(0, B), theirs, in_end, EVEN)
        copied = copy(own_x, own_y, copied, own_end, B)
    return copied


@jit
def all_to_all(
    x_ptr,
    y_ptr,
    table,
    size,
    channel,
    PAGE: tl.constexpr,
    B: tl.constexpr,
    SMALL: tl.constexpr,
):
    """Send each rank its part, the one that is `step` further at each step."""
    me = tl.pe_id("sip")
    own_n = tl.load(table + 2)
    own_part = part_of(own_n, PAGE)
    own_end = length_of(own_n, own_part)
    own_x = x_ptr + (tl.load(table + 1) + me * own_part)
    own_y = y_ptr + (tl.load(table + 4) + me * own_part)
    copied = 0
    for step in range(1, size):
        row = table + step * 6
        to_sip, out_at, out_n = tl.load(row), tl.load(row + 1), tl.load(row + 2)
        from_sip, in_at, in_n = tl.load(row + 3), tl.load(row + 4), tl.load(row + 5)
        dst, src = on_sip(to_sip), on_sip(from_sip)
        out_part, in_part = part_of(out_n, PAGE), part_of(in_n, PAGE)
        out_end, in_end = length_of(out_n, out_part), length_of(in_n, in_part)
        mine = x_ptr + (out_at + me * out_part)
        theirs = y_ptr + (in_at + me * in_part)
        out_whole, in_whole = out_end // B * B, in_end // B * B
        copied = trade(
            *(mine, 0, out_whole, dst, theirs, 0, in_whole, src),
            *(own_x, own_y, copied, own_end, channel, B, True),
        )
        copied = trade(
            *(mine, out_whole, out_end, dst, theirs, in_whole, in_end, src),
            *(own_x, own_y, copied, own_end, channel, SMALL, False),
        )
    for _ in range(copied, own_end, B):
        copied = copy(own_x, own_y, copied, own_end, B)


@jit
def all_to_all_in_step(
    x_ptr, y_ptr, table, size, longest, channel, PAGE: tl.constexpr, B: tl.constexpr
):
    """Send each rank its part where some ranks have equal ones: a block to all, then one of all.

    `longest` is how much of its greatest part a PE takes.
    """
    me = tl.pe_id("sip")
    for i in range(0, longest, B):
        for step in range(size):
            row = table + step * 6
            n = tl.load(row + 2)
            part = part_of(n, PAGE)
            end = length_of(n, part)
            if i < end:
                offs = i + tl.arange(0, B)
                mine = load(x_ptr + (tl.load(row + 1) + me * part), offs, end, False)
                if step == 0:
                    store(y_ptr + (tl.load(row + 4) + me * part), offs, mine, end, False)
                else:
                    tl.send(on_sip(tl.load(row)), mine, channel)
        for step in range(1, size):
            row = table + step * 6
            n = tl.load(row + 5)
            part = part_of(n, PAGE)
            end = length_of(n, part)
            if i < end:
                theirs = tl.recv(on_sip(tl.load(row + 3)), (B,), y_ptr.dtype.element_ty, channel)
                offs = i + tl.arange(0, B)
                store(y_ptr + (tl.load(row + 4) + me * part), offs, theirs, end, False)
