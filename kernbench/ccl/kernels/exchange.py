"""A message out and a message in at once."""

from __future__ import annotations

import kernbench.language as tl
from kernbench.ccl.kernels.blocks import load, store
from kernbench.ccl.kernels.peers import length_of, on_sip
from kernbench.language import jit


@jit
def exchange(
    x_ptr,
    n_out,
    part_out,
    to_sip,
    y_ptr,
    n_in,
    part_in,
    from_sip,
    channel,
    B_OUT: tl.constexpr,
    EVEN_OUT: tl.constexpr,
    B_IN: tl.constexpr,
    EVEN_IN: tl.constexpr,
):
    """Send `n_out` elements to one rank and receive `n_in` from another, block by block.

    So ranks that all send first do not wait for room in each other's rings.
    """
    x_ptr += tl.pe_id("sip") * part_out
    y_ptr += tl.pe_id("sip") * part_in
    length_out, length_in = length_of(n_out, part_out), length_of(n_in, part_in)
    blocks = tl.maximum(tl.cdiv(length_out, B_OUT), tl.cdiv(length_in, B_IN))
    for i in range(0, blocks):
        if i * B_OUT < length_out:
            block = load(x_ptr, i * B_OUT + tl.arange(0, B_OUT), length_out, EVEN_OUT)
            tl.send(on_sip(to_sip), block, channel)
        if i * B_IN < length_in:
            came = tl.recv(on_sip(from_sip), (B_IN,), y_ptr.dtype.element_ty, channel)
            store(y_ptr, i * B_IN + tl.arange(0, B_IN), came, length_in, EVEN_IN)
