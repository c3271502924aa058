"""Which PE is the peer: the one of the same number on another rank's SIP."""

from __future__ import annotations

import kernbench.language as tl
from kernbench.language import jit


@jit
def on_sip(sip):
    """Return the PE of this program's number on a SIP."""
    return sip * tl.num_pes("sip") + tl.pe_id("sip")


@jit
def of_rank(rank, first, stride, table):
    """Return the PE of this program's number at a rank: SIPs at even steps, or from a table."""
    if table is None:
        sip = first + rank * stride
    else:
        sip = tl.load(table + rank)
    return on_sip(sip)


@jit
def length_of(n, part):
    """Return how many of `n` elements are this PE's: those from ``pe * part`` on."""
    return tl.maximum(0, tl.minimum(part, n - tl.pe_id("sip") * part))
