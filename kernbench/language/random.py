"""Random numbers of ``tl``, written in ``tl``: those that Triton draws.

The number at an offset depends on the seed and the offset alone, so that every run, and every way
to divide the offsets among programs, draws the same ones.
"""

from __future__ import annotations

from kernbench.language.builtin import BUILTINS
from kernbench.language.constant import constexpr
from kernbench.language.dtypes import int32, int64, uint32
from kernbench.language.jit import jit
from kernbench.language.philox import N_ROUNDS, philox

_cos = BUILTINS["cos"]
_log = BUILTINS["log"]
_maximum = BUILTINS["maximum"]
_sin = BUILTINS["sin"]
_sqrt = BUILTINS["sqrt"]
_where = BUILTINS["where"]


@jit
def randint4x(seed, offset, n_rounds: constexpr = N_ROUNDS):  # type: ignore[no-untyped-def]
    """Return four blocks of random uint32, for the offsets.

    Parameters
    ----------
    seed : int or scalar
        Of 64 bits.
    offset : tensor of integers
        Equal offsets give equal numbers, in whatever program.
    n_rounds : int
        Of Philox; 10 as in Triton.

    Returns
    -------
    tuple of 4 tensors
        Of the shape of `offset`.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     offs = tl.arange(0, 4)
    ...     tl.store(out_ptr + offs, tl.randint4x(7, offs)[0])
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0] * 4)
    ...     _ = kernel[(1,)](out)
    ...     print(out.numpy())
    [4099963437 1747881627   26092480 1675892246]
    """
    low = offset.to(uint32)
    zero = low * 0
    high = (offset >> 32).to(uint32) if offset.dtype.primitive_bitwidth > 32 else zero
    return philox(seed, low, high, zero, zero, n_rounds)


@jit
def randint(seed, offset, n_rounds: constexpr = N_ROUNDS):  # type: ignore[no-untyped-def]
    """Return a block of random uint32, for the offsets.

    Parameters
    ----------
    seed : int or scalar
        Of 64 bits.
    offset : tensor of integers
        Equal offsets give equal numbers, in whatever program.
    n_rounds : int
        Of Philox; 10 as in Triton.

    Returns
    -------
    tensor
        Of the shape of `offset`.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     offs = tl.arange(0, 4)
    ...     tl.store(out_ptr + offs, tl.randint(7, offs))
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0] * 4)
    ...     _ = kernel[(1,)](out)
    ...     print(out.numpy())
    [4099963437 1747881627   26092480 1675892246]
    """
    first, _, _, _ = randint4x(seed, offset, n_rounds)
    return first


@jit
def uint_to_uniform_float(x):  # type: ignore[no-untyped-def]
    """Return floats from 0 to below 1 of random integers of 32 or 64 bits.

    Parameters
    ----------
    x : tensor of integers
        Of 32 or 64 bits.

    Returns
    -------
    tensor of fp32
        Of the shape of `x`.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     offs = tl.arange(0, 4)
    ...     tl.store(out_ptr + offs, tl.uint_to_uniform_float(offs.to(tl.uint32) << 29))
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0.0] * 4)
    ...     _ = kernel[(1,)](out)
    ...     print(out.numpy().round(3))
    [0.   0.25 0.5  0.75]
    """
    narrow = x.dtype.primitive_bitwidth == 32
    x = x.to(int32 if narrow else int64, bitcast=True)
    return _where(x < 0, -x - 1, x) * (4.6566127342e-10 if narrow else 1.0842020432385337e-19)


@jit
def rand4x(seed, offsets, n_rounds: constexpr = N_ROUNDS):  # type: ignore[no-untyped-def]
    """Return four blocks of random float32 from 0 to below 1, for the offsets.

    Parameters
    ----------
    seed : int or scalar
        Of 64 bits.
    offsets : tensor of integers
        Equal offsets give equal numbers, in whatever program.
    n_rounds : int
        Of Philox; 10 as in Triton.

    Returns
    -------
    tuple of 4 tensors
        Of the shape of `offsets`.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     offs = tl.arange(0, 4)
    ...     tl.store(out_ptr + offs, tl.rand4x(7, offs)[3])
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0.0] * 4)
    ...     _ = kernel[(1,)](out)
    ...     print(out.numpy().round(3))
    [0.171 0.084 0.303 0.278]
    """
    i0, i1, i2, i3 = randint4x(seed, offsets, n_rounds)
    return (
        uint_to_uniform_float(i0),
        uint_to_uniform_float(i1),
        uint_to_uniform_float(i2),
        uint_to_uniform_float(i3),
    )


@jit
def rand(seed, offset, n_rounds: constexpr = N_ROUNDS):  # type: ignore[no-untyped-def]
    """Return a block of random float32 from 0 to below 1, for the offsets.

    Parameters
    ----------
    seed : int or scalar
        Of 64 bits.
    offset : tensor of integers
        Equal offsets give equal numbers, in whatever program.
    n_rounds : int
        Of Philox; 10 as in Triton.

    Returns
    -------
    tensor
        Of the shape of `offset`.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     offs = tl.arange(0, 4)
    ...     tl.store(out_ptr + offs, tl.rand(7, offs))
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0.0] * 4)
    ...     _ = kernel[(1,)](out)
    ...     print(out.numpy().round(3))
    [0.091 0.814 0.012 0.78 ]
    """
    return uint_to_uniform_float(randint(seed, offset, n_rounds))


@jit
def pair_uniform_to_normal(u1, u2):  # type: ignore[no-untyped-def]
    """Return two blocks of normal numbers of two uniform ones (Box and Muller).

    Parameters
    ----------
    u1, u2 : tensor of fp32
        From 0 to below 1.

    Returns
    -------
    tuple of 2 tensors
        Of the shape of `u1`.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     offs = tl.arange(0, 4)
    ...     tl.store(out_ptr + offs, tl.pair_uniform_to_normal(offs / 4.0, offs / 4.0)[0])
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0.0] * 4)
    ...     _ = kernel[(1,)](out)
    ...     print(out.numpy().round(3))
    [ 5.678 -0.    -1.177  0.   ]
    """
    angle = 6.283185307179586 * u2
    radius = _sqrt(-2.0 * _log(_maximum(1.0e-7, u1)))
    return radius * _cos(angle), radius * _sin(angle)


@jit
def randn4x(seed, offset, n_rounds: constexpr = N_ROUNDS):  # type: ignore[no-untyped-def]
    """Return four blocks of normal float32, for the offsets.

    Parameters
    ----------
    seed : int or scalar
        Of 64 bits.
    offset : tensor of integers
        Equal offsets give equal numbers, in whatever program.
    n_rounds : int
        Of Philox; 10 as in Triton.

    Returns
    -------
    tuple of 4 tensors
        Of the shape of `offset`.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     offs = tl.arange(0, 4)
    ...     tl.store(out_ptr + offs, tl.randn4x(7, offs)[3])
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0.0] * 4)
    ...     _ = kernel[(1,)](out)
    ...     print(out.numpy().round(3))
    [1.513 0.738 1.307 1.537]
    """
    u0, u1, u2, u3 = rand4x(seed, offset, n_rounds)
    n0, n1 = pair_uniform_to_normal(u0, u1)
    n2, n3 = pair_uniform_to_normal(u2, u3)
    return n0, n1, n2, n3


@jit
def randn(seed, offset, n_rounds: constexpr = N_ROUNDS):  # type: ignore[no-untyped-def]
    """Return a block of normal float32, for the offsets.

    Parameters
    ----------
    seed : int or scalar
        Of 64 bits.
    offset : tensor of integers
        Equal offsets give equal numbers, in whatever program.
    n_rounds : int
        Of Philox; 10 as in Triton.

    Returns
    -------
    tensor
        Of the shape of `offset`.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     offs = tl.arange(0, 4)
    ...     tl.store(out_ptr + offs, tl.randn(7, offs))
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0.0] * 4)
    ...     _ = kernel[(1,)](out)
    ...     print(out.numpy().round(3))
    [-2.19  -0.541  2.953 -0.704]
    """
    i0, i1, _, _ = randint4x(seed, offset, n_rounds)
    first, _ = pair_uniform_to_normal(uint_to_uniform_float(i0), uint_to_uniform_float(i1))
    return first
