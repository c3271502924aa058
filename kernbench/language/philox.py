"""Philox 4x32: the counter-based generator that the random numbers of ``tl`` come from.

A round is some dozen operations of the MATH engine, which has no product of 32 x 32 bits: it
multiplies 64.
"""

from __future__ import annotations

from kernbench.language.builtin import BUILTINS
from kernbench.language.constant import constexpr
from kernbench.language.dtypes import uint32, uint64
from kernbench.language.jit import jit

_static_assert = BUILTINS["static_assert"]
_static_range = BUILTINS["static_range"]
_to_tensor = BUILTINS["to_tensor"]

N_ROUNDS = constexpr(10)


@jit
def umulhi(x, y):  # type: ignore[no-untyped-def]
    """Return the upper half of the product of 32-bit integers, taken as unsigned ones.

    Parameters
    ----------
    x, y : tensor of integers
        Of 32 bits and one shape.

    Returns
    -------
    tensor
        Of the type of `x`.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     offs = tl.arange(0, 4)
    ...     tl.store(out_ptr + offs, tl.umulhi(offs << 30, offs << 30))
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0] * 4)
    ...     _ = kernel[(1,)](out)
    ...     print(out.numpy())
    [          0   268435456  1073741824 -1879048192]
    """
    wide = x.to(uint32).to(uint64) * y.to(uint32).to(uint64)
    return (wide >> 32).to(x.dtype)


@jit
def philox(seed, c0, c1, c2, c3, n_rounds: constexpr = N_ROUNDS):  # type: ignore[no-untyped-def]
    """Return four blocks of random uint32 of a 64-bit `seed` and four 32-bit counters.

    Parameters
    ----------
    seed : int or scalar
        The key.
    c0, c1, c2, c3 : tensor of int32 or uint32
        The counters, of one shape.
    n_rounds : int
        10 as in Triton.

    Returns
    -------
    tuple of 4 tensors
        Of that shape.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     offs = tl.arange(0, 4)
    ...     tl.store(out_ptr + offs, tl.philox(7, offs, 0 * offs, 0 * offs, 0 * offs)[0])
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0] * 4)
    ...     _ = kernel[(1,)](out)
    ...     print(out.numpy())
    [4099963437 1747881627   26092480 1675892246]
    """
    seed = _to_tensor(seed)
    _static_assert(seed.dtype.is_int(), "seed of random numbers: expected an integer")
    _static_assert(c0.dtype.primitive_bitwidth == 32, "philox: expected counters of 32 bits")
    key = seed.to(uint64)
    k0 = (key & 0xFFFFFFFF).to(uint32)
    k1 = (key >> 32).to(uint32)
    c0 = c0.to(uint32)
    c1 = c1.to(uint32)
    c2 = c2.to(uint32)
    c3 = c3.to(uint32)
    return philox_impl(c0, c1, c2, c3, k0, k1, n_rounds)


@jit
def philox_impl(c0, c1, c2, c3, k0, k1, n_rounds: constexpr = N_ROUNDS):  # type: ignore[no-untyped-def]
    """Return the four counters, all blocks of uint32, after `n_rounds` with a key of two halves.

    Parameters
    ----------
    c0, c1, c2, c3 : tensor of uint32
        The counters, of one shape.
    k0, k1 : tensor or scalar of uint32
        Lower and upper half of the key.
    n_rounds : int
        10 as in Triton.

    Returns
    -------
    tuple of 4 tensors
        Of that shape.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     offs = tl.arange(0, 4)
    ...     c, zero = offs.to(tl.uint32), tl.zeros((4,), tl.uint32)
    ...     tl.store(out_ptr + offs, tl.philox_impl(c, zero, zero, zero, zero + 7, zero)[0])
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0] * 4)
    ...     _ = kernel[(1,)](out)
    ...     print(out.numpy())
    [4099963437 1747881627   26092480 1675892246]
    """
    for _ in _static_range(n_rounds):
        wide0 = c0.to(uint64) * 0xD2511F53
        wide2 = c2.to(uint64) * 0xCD9E8D57
        c0 = (wide2 >> 32).to(uint32) ^ c1 ^ k0
        c2 = (wide0 >> 32).to(uint32) ^ c3 ^ k1
        c1 = wide2.to(uint32)
        c3 = wide0.to(uint32)
        k0 += 0x9E3779B9
        k1 += 0xBB67AE85
    return c0, c1, c2, c3
