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
    """Exponentials of `x` less its greatest, divided by their sum, along `dim` (default 0).

    Parameters
    ----------
    x : tensor
        Of fp32 or fp64.
    dim : int, optional
        Known at compile time.
    keep_dims, ieee_rounding : bool
        Ignored: the shape stays.

    Returns
    -------
    tensor
        Of the type and shape of `x`.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     offs = tl.arange(0, 4)
    ...     x = tl.load(x_ptr + offs)
    ...     tl.store(x_ptr + offs, tl.softmax(x))
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([1.0, 2.0, 3.0, 4.0])
    ...     _ = kernel[(1,)](x)
    ...     print(x.numpy().round(3))
    [0.032 0.087 0.237 0.644]
    """
    axis = 0 if dim is None else dim
    powers = _exp(x - _max(x, axis, keep_dims=True))
    return powers / _sum(powers, axis, keep_dims=True)


@jit
def swizzle2d(i, j, size_i, size_j, size_g):  # type: ignore[no-untyped-def]
    """Places of a ``size_i`` x ``size_j`` grid, column by column in groups of `size_g` rows.

    Parameters
    ----------
    i, j : int or scalar
        Of a place in row-major order.
    size_i, size_j : int or scalar
        Of the grid.
    size_g : int or scalar
        Rows of a group.

    Returns
    -------
    tuple of 2 scalars
        Row and column of the place that comes at this turn.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     i, j = tl.swizzle2d(tl.program_id(0), tl.program_id(1), 4, 2, 2)
    ...     tl.store(out_ptr + 2 * i + j, 2 * tl.program_id(0) + tl.program_id(1))
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([[0] * 2] * 4)
    ...     _ = kernel[(4, 2)](out)
    ...     print(out.numpy())
    [[0 2]
     [1 3]
     [4 6]
     [5 7]]
    """
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

    Parameters
    ----------
    scope : {"cube", "sip"}
        Whose PEs wait for one another.
    channel : int
        From 0 to ``pe.ipcq.channels`` - 1; no other messages go there.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     me, n = tl.pe_id(), tl.num_pes()
    ...     tl.store(out_ptr + me, 10 * me)
    ...     tl.barrier()
    ...     beside = tl.load(out_ptr + (me + 1) % n)
    ...     tl.barrier()
    ...     tl.store(out_ptr + me, beside)
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([-1] * 2)
    ...     _ = kernel[kb.each_pe](out)
    ...     print(out.numpy())
    [10  0]
    """
    _barrier()
    me, n = _pe_id(scope), _num_pes(scope)
    first = _pe_id() - me
    step = 1
    while step < n:
        _send(first + (me + step) % n, 1, channel)
        _wait(_recv(first + (me + n - step) % n, (), int32, channel))
        step *= 2
