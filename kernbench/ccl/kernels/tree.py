"""Trees: each rank has at most one parent and two children, given as SIPs (-1: none).

Blocks go up and down the tree one after another, so that all links work at once.
"""

from __future__ import annotations

import kernbench.language as tl
from kernbench.ccl.kernels.blocks import load, store
from kernbench.ccl.kernels.combine import combine, finish
from kernbench.ccl.kernels.peers import length_of, on_sip
from kernbench.language import jit


@jit
def up(
    x_ptr,
    y_ptr,
    at,
    end,
    size,
    parent,
    left,
    right,
    channel,
    DOWN: tl.constexpr,
    OP: tl.constexpr,
    B: tl.constexpr,
):
    """Combine a block with the children's, and give it to the parent; the root has the total.

    It stores that, and sends it down where `DOWN`.
    """
    offs = at + tl.arange(0, B)
    total = load(x_ptr, offs, end, False)
    if left >= 0:
        total = combine(tl.recv(on_sip(left), (B,), x_ptr.dtype.element_ty, channel), total, OP)
    if right >= 0:
        total = combine(total, tl.recv(on_sip(right), (B,), x_ptr.dtype.element_ty, channel), OP)
    if parent >= 0:
        tl.send(on_sip(parent), total, channel)
    else:
        total = finish(total, size, OP)
        store(y_ptr, offs, total, end, False)
        if DOWN:
            give(total, left, right, channel)


@jit
def give(value, left, right, channel):
    """Send a block to the children."""
    if left >= 0:
        tl.send(on_sip(left), value, channel)
    if right >= 0:
        tl.send(on_sip(right), value, channel)


@jit
def down(y_ptr, at, end, parent, left, right, channel, B: tl.constexpr):
    """Take a block from the parent, and pass it on to the children; the root has it."""
    if parent >= 0:
        value = tl.recv(on_sip(parent), (B,), y_ptr.dtype.element_ty, channel)
        store(y_ptr, at + tl.arange(0, B), value, end, False)
        give(value, left, right, channel)


@jit
def all_reduce(
    x_ptr,
    y_ptr,
    n,
    part,
    lag,
    size,
    parent,
    left,
    right,
    parent2,
    left2,
    right2,
    channel,
    OP: tl.constexpr,
    B: tl.constexpr,
):
    """Two trees, each for half of the elements: a leaf of one is inside the other.

    What comes down is taken `lag` elements behind what goes up.
    """
    base, length = tl.pe_id("sip") * part, length_of(n, part)
    half = tl.cdiv(length, 2)
    x_ptr += base
    y_ptr += base
    for i in range(0, half + lag, B):
        if i < half:
            up(x_ptr, y_ptr, i, half, size, parent, left, right, channel, True, OP, B)
            up(
                *(x_ptr, y_ptr, half + i, length, size, parent2, left2, right2, channel + 1),
                *(True, OP, B),
            )
        if i >= lag:
            down(y_ptr, i - lag, half, parent, left, right, channel, B)
            down(y_ptr, half + i - lag, length, parent2, left2, right2, channel + 1, B)


@jit
def broadcast(
    x_ptr,
    y_ptr,
    n,
    part,
    parent,
    left,
    right,
    channel,
    COPIES: tl.constexpr,
    B: tl.constexpr,
):
    """Pass the root's elements down."""
    base, length = tl.pe_id("sip") * part, length_of(n, part)
    for i in range(0, length, B):
        if parent >= 0:
            down(y_ptr + base, i, length, parent, left, right, channel, B)
        else:
            offs = i + tl.arange(0, B)
            value = load(x_ptr + base, offs, length, False)
            give(value, left, right, channel)
            if COPIES:
                store(y_ptr + base, offs, value, length, False)


@jit
def reduce(
    x_ptr,
    y_ptr,
    n,
    part,
    size,
    parent,
    left,
    right,
    channel,
    OP: tl.constexpr,
    B: tl.constexpr,
):
    """Combine up to the root."""
    base, length = tl.pe_id("sip") * part, length_of(n, part)
    for i in range(0, length, B):
        up(
            *(x_ptr + base, y_ptr + base, i, length, size, parent, left, right, channel),
            *(False, OP, B),
        )
