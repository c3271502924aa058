"""The part of ``tl`` that is written in ``tl``."""

from __future__ import annotations

from kernbench.language.builtin import BUILTINS
from kernbench.language.dtypes import int32
from kernbench.language.jit import jit

_exp = BUILTINS["exp"]
_max = BUILTINS["max"]
_minimum = BUILTINS["minimum"]
_sum = BUILTINS["sum"]
_barrier = BUILTINS["debug_barrier"]
_num_pes = BUILTINS["num_pes"]
_pe_id = BUILTINS["pe_id"]
_recv = BUILTINS["recv"]
_send = BUILTINS["send"]
_wait = BUILTINS["wait"]


@jit
def softmax(x, dim=None, keep_dims=False, ieee_rounding=False):  # type: ignore[no-untyped-def]
    """Exponentials of `x` less its greatest, divided by their sum, along `dim` (default 0)."""
    axis = 0 if dim is None else dim
    powers = _exp(x - _max(x, axis, keep_dims=True))
    return powers / _sum(powers, axis, keep_dims=True)


@jit
def swizzle2d(i, j, size_i, size_j, size_g):  # type: ignore[no-untyped-def]
    """Places of a ``size_i`` x ``size_j`` grid, column by column in groups of `size_g` rows."""
    ij = i * size_j + j
    size_gj = size_g * size_j
    group_id = ij // size_gj
    off_i = group_id * size_g
    rows = _minimum(size_i - off_i, size_g)
    ij = ij % size_gj
    return off_i + ij % rows, ij // rows


@jit
def barrier(scope="cube", channel=4095):  # type: ignore[no-untyped-def]
    """Wait until all PEs of the scope, ``"cube"`` or ``"sip"``, have come here.

    Each runs one program (``kernel[kb.each_pe]``).  What they stored before is there for all; the
    messages that tell them so go over rings of `channel`: ``ceil(log2 n)`` steps among ``n`` PEs.
    """
    _barrier()
    me, n = _pe_id(scope), _num_pes(scope)
    first = _pe_id() - me
    step = 1
    while step < n:
        _send(first + (me + step) % n, 1, channel)
        _wait(_recv(first + (me + n - step) % n, (), int32, channel))
        step *= 2
